"""The guard for e-mail APIs: what it refuses, and how that is reported to the application."""

from __future__ import annotations

import errno
import socket

import pytest
from _api_clients import API, WAYS, another

from pytest_mailtrap import MailGuardError
from pytest_mailtrap._intercept.guard import Guard
from pytest_mailtrap._intercept.mail_apis import visits
from pytest_mailtrap._intercept.socket_functions import guarding

ONCE = {API: 1}


def test_it_is_refused(resolver, server) -> None:
    """Before it reaches the resolver; the wording differs from that for SMTP; the attempt is not counted as well."""
    guard = Guard("test_shop.py::test_order", apis=True)
    visits.take()
    with guarding(guard), pytest.raises(ConnectionRefusedError) as caught:
        socket.create_connection((API, 443))
    error = caught.value
    assert isinstance(error, MailGuardError)
    assert (error.host, error.port, error.test) == (API, 443, "test_shop.py::test_order")
    assert str(error).splitlines() == [
        "the mail guard refused api.sendgrid.com:443, an e-mail API",
        "  while test_shop.py::test_order ran",
        "",
        "Replace the provider's client in this test, or exempt the test or host:",
        "  @pytest.mark.mailtrap(guard=False)     real mail is sent",
        "  mailtrap_guard_allow = HOST            for an API of your own",
    ]
    assert len(guard.take_all()) == 1
    assert visits.take() == {}


@pytest.mark.parametrize("connect", WAYS)
def test_it_is_refused_whoever_connects(resolver, server, connect) -> None:
    """Each library reports a failed connection; other hosts are reached."""
    guard = Guard(apis=True)
    with guarding(guard):
        connect(another(connect), server)
        assert guard.take_all() == []
        with pytest.raises(Exception) as caught:  # each library has an error of its own
            connect(API, server)
    assert "refused" in repr(caught.value) or "connect" in repr(caught.value).lower()
    assert {(attempt.host, attempt.api) for attempt in guard.take_all()} == {(API, True)}


def test_a_look_up_without_a_port_is_refused(resolver) -> None:
    """It can only be for the API; the text names just the host."""
    guard = Guard(apis=True)
    with guarding(guard), pytest.raises(MailGuardError) as caught:
        socket.getaddrinfo(API, None)
    assert str(caught.value).startswith(f"the mail guard refused {API}, an e-mail API\n")


def test_an_address_that_was_looked_up_before(seen, resolver, server) -> None:
    """If a host is refused, so is its address."""
    address = socket.gethostbyname(API)
    with guarding(Guard(apis=True)), pytest.raises(MailGuardError), socket.socket() as sock:
        sock.connect((address, server))
    with guarding(Guard(apis=True)), socket.socket() as sock:
        assert sock.connect_ex((address, server)) == errno.ECONNREFUSED
    with socket.socket() as sock:
        assert sock.connect_ex((address, server)) == 0
    assert seen.take() == ONCE


def test_a_name_in_connect(resolver) -> None:
    """The lowest level: a name that connect() would resolve itself."""
    guard = Guard(apis=True)
    with guarding(guard), socket.socket() as sock, pytest.raises(MailGuardError):
        sock.connect((API, 443))


def test_apis_alone(asked) -> None:
    """A guard only for APIs does not block mail ports."""
    guard = Guard(mail=False, apis=True)
    with guarding(guard), pytest.raises(socket.gaierror):
        socket.create_connection(("smtp.example-provider.com", 587))
    assert asked == ["smtp.example-provider.com"]
    asked.clear()
    assert guard.take_all() == []


def test_the_way_out_inside_the_guard(asked) -> None:
    """None inside a guard lets API connections out as well, and they are counted."""
    visits.take()
    with guarding(Guard(apis=True)), guarding(None), pytest.raises(socket.gaierror):
        socket.create_connection((API, 443))
    assert asked == [API]
    asked.clear()
    assert visits.take() == ONCE
