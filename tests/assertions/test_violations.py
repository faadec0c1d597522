"""The requirements on messages, as pure decisions: values in, values out."""

from __future__ import annotations

import pytest
from _trap_values import auth, message, transport

from pytest_mailtrap._assertions.violations import (
    Violation,
    auth_violations,
    numbered,
    transport_violations,
)


def violation(number, code):
    return Violation(number=number, code=code)


@pytest.mark.parametrize("by", ["starttls", "implicit"])
@pytest.mark.parametrize(
    ("version", "minimum", "code"),
    [
        (None, "TLSv1.2", "cleartext"),
        (None, "TLSv1.3", "cleartext"),
        ("SSLv3", "TLSv1.2", "tls-too-old"),
        ("TLSv1", "TLSv1.2", "tls-too-old"),
        ("TLSv1.1", "TLSv1.2", "tls-too-old"),
        ("TLSv1.2", "TLSv1.2", None),
        ("TLSv1.3", "TLSv1.2", None),
        ("TLSv1.2", "TLSv1.3", "tls-too-old"),
        ("TLSv1.3", "TLSv1.3", None),
    ],
)
def test_versions(version, minimum, code, by):
    """Each version against each minimum, regardless of how it was negotiated."""
    how = transport(version, by if version else None)
    found = transport_violations({1: message(how)}, minimum=minimum)
    assert found == ([violation(1, code)] if code else [])


def test_the_minimum_is_1_2_where_none_is_named():
    """RFC 8996 has deprecated all older versions."""
    assert transport_violations({1: message(transport("TLSv1.2"))}) == []
    assert transport_violations({1: message(transport("TLSv1.1"))}) == [violation(1, "tls-too-old")]


def test_places_count_from_one_in_order():
    """Every culprit is identified by its position among all messages."""
    hows = [transport("TLSv1.3"), transport(), transport("TLSv1.2"), transport("TLSv1")]
    assert transport_violations(numbered(map(message, hows)), minimum="TLSv1.3") == [
        violation(2, "cleartext"),
        violation(3, "tls-too-old"),
        violation(4, "tls-too-old"),
    ]


@pytest.mark.parametrize("minimum", ["TLSv1", "TLSv1.1", "TLSv1.4", "tlsv1.2", "", None, 1.2])
def test_wrong_minimum(minimum):
    """An invalid minimum is an error, with or without messages; so is an older version, which would require nothing."""
    for messages in ([], [message()]):
        with pytest.raises(ValueError, match=r"^minimum must be TLSv1.2 or TLSv1.3, got "):
            transport_violations(messages, minimum=minimum)


def test_nothing_is_violated_by_nothing():
    """No messages means no violations: the assertions themselves check that there is a message."""
    assert transport_violations({}) == []
    assert auth_violations({}) == []


LEAK = auth(encrypted=False, accepted=False)


@pytest.mark.parametrize(
    ("facts", "demands", "code"),
    [
        ({}, {}, "not-authenticated"),
        ({}, {"username": "shop", "mechanism": "PLAIN"}, "not-authenticated"),
        ({"auth": auth()}, {}, None),
        ({"auth": auth()}, {"username": "shop"}, None),
        ({"auth": auth()}, {"username": "Shop"}, "other-username"),
        ({"auth": auth()}, {"username": ""}, "other-username"),
        ({"auth": auth()}, {"mechanism": "PLAIN"}, None),
        ({"auth": auth()}, {"mechanism": "plain"}, None),
        ({"auth": auth()}, {"mechanism": "LOGIN"}, "other-mechanism"),
        ({"auth": auth(mechanism="LOGIN")}, {"mechanism": "login"}, None),
        ({"auth": auth()}, {"username": "desk", "mechanism": "LOGIN"}, "other-username"),
        ({"auth": auth(encrypted=False)}, {}, "password-in-cleartext"),
        ({"auth": auth(), "attempts": (LEAK, auth())}, {}, "password-in-cleartext"),
        ({"attempts": (LEAK,)}, {}, "password-in-cleartext"),
        ({"attempts": (auth(accepted=False),)}, {}, "not-authenticated"),
        ({"auth": auth(), "attempts": (auth("desk", accepted=False), auth())}, {}, None),
    ],
)
def test_auth(facts, demands, code):
    """The username, the mechanism, and whether any password was sent in cleartext, including refused ones."""
    found = auth_violations({1: message(transport("TLSv1.3"), **facts)}, **demands)
    assert found == ([violation(1, code)] if code else [])


def test_auth_of_several():
    """Every culprit is identified by its position."""
    messages = [message(auth=auth()), message(), message(auth=auth("desk"))]
    assert auth_violations(numbered(messages), username="shop") == [
        violation(2, "not-authenticated"),
        violation(3, "other-username"),
    ]


def test_a_violation_is_a_value():
    """Violations are compared by content, frozen, and created with keyword arguments only."""
    assert violation(1, "cleartext") == violation(1, "cleartext")
    assert violation(1, "cleartext") != violation(2, "cleartext")
    with pytest.raises(AttributeError):
        violation(1, "cleartext").number = 2
    with pytest.raises(TypeError):
        Violation(1, "cleartext")
