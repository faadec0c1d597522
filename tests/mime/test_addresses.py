"""From fields are parsed strictly, and addresses are compared as mail systems compare them."""

from __future__ import annotations

import pytest

from pytest_mailtrap._mime.addresses import Mailbox, normalise, parse_mailbox, same_mailbox
from pytest_mailtrap._mime.defects import Defect


@pytest.mark.parametrize(
    ("value", "name", "address"),
    [
        ("alice@example.org", "", "alice@example.org"),
        ("<alice@example.org>", "", "alice@example.org"),
        ("Alice <alice@example.org>", "Alice", "alice@example.org"),
        ('"Alice, Accounts" <alice@example.org>', "Alice, Accounts", "alice@example.org"),
        ("John Q. Public <alice@example.org>", "John Q. Public", "alice@example.org"),
        ("alice@example.org (Alice)", "", "alice@example.org"),
        ("(Alice (at work)) alice@example.org", "", "alice@example.org"),
        ('"alice"@example.org', "", "alice@example.org"),
        ("Jürgen <jürgen@bücher.example>", "Jürgen", "jürgen@bücher.example"),
        ("=?utf-8?q?J=C3=BCrgen?= <j@example.org>", "=?utf-8?q?J=C3=BCrgen?=", "j@example.org"),
        ("\tAlice\t<alice+tag@sub.example.org> ", "Alice", "alice+tag@sub.example.org"),
    ],
)
def test_one_mailbox(value: str, name: str, address: str) -> None:
    """Forms of RFC 5322 that mean exactly one mailbox are accepted."""
    assert parse_mailbox(value.encode()) == Mailbox(name, address)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"", "from-malformed"),
        (b"Alice", "from-malformed"),
        (b"alice@example.org, eve@example.net", "from-several"),
        (b"Alice <alice@example.org>, eve@example.net", "from-several"),
        (b"alice@example.org eve@example.net", "from-malformed"),
        (b"alice@example.org <eve@example.net>", "from-malformed"),
        (b"<alice@example.org> <eve@example.net>", "from-malformed"),
        (b"<alice@example.org", "from-malformed"),
        (b"alice@example.org>", "from-malformed"),
        (b"friends: alice@example.org;", "from-malformed"),
        (b"friends:;", "from-malformed"),
        (b"<@relay.example:alice@example.org>", "from-malformed"),
        (b"alice @example.org", "from-malformed"),
        (b"alice@ example.org", "from-malformed"),
        (b"alice@example.org\x00 <eve@example.net>", "from-malformed"),
        (b"alice@example.org\r <eve@example.net>", "from-malformed"),
        (b"alice@example.org(<eve@example.net>)", "from-malformed"),
        (b"alice@example.org (", "from-malformed"),
        (b'"alice@example.org" eve@example.net', "from-malformed"),
        (b'"alice smith"@example.org', "from-malformed"),
        (b'"alice@example.net"@example.org', "from-malformed"),
        (b"=?utf-8?q?alice=40example.org?=", "from-malformed"),
        (b"=?utf-8?q?alice?=@example.org", "from-malformed"),
        (b"alice@[192.0.2.1]", "from-malformed"),
        (b"alice@@example.org", "from-malformed"),
        (b"alice@example..org", "from-malformed"),
        (b".alice@example.org", "from-malformed"),
        (b"alice@example.org;", "from-malformed"),
        (b"J\xfcrgen <alice@example.org>", "from-malformed"),
        ("alice\u200b@example.org".encode(), "from-malformed"),
        ("alice@example.org\u202e".encode(), "from-malformed"),
        ("\u3000alice@example.org".encode(), "from-malformed"),
        (b"a" * 20_000 + b" <alice@example.org>", "from-malformed"),
        (b"a" * 400 + b"@example.org", "from-malformed"),
    ],
)
def test_everything_else_is_refused(value: bytes, code: str) -> None:
    """A field that some parser could read differently yields no mailbox."""
    found = parse_mailbox(value)
    assert isinstance(found, Defect)
    assert found.code == code


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice@example.org", "ALICE@Example.ORG"),
        ("alice@bücher.example", "alice@xn--bcher-kva.example"),
        ("alice@bücher.example", "Alice@XN--BCHER-KVA.example"),
        ("jürgen@example.org", "jürgen@EXAMPLE.org"),
    ],
)
def test_same_mailbox(one: str, other: str) -> None:
    """Case does not matter, nor does the form of an internationalized domain."""
    assert same_mailbox(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice@example.org", "alice@example.org "),
        ("alice@example.org", "alice@example.org\x00"),
        ("alice@example.org", "alice@example.org."),
        ("alice@example.org", "alice@sub.example.org"),
        ("alice@example.org", "alice@example.org.evil.example"),
        ("alice@example.org", "alice@evilexample.org"),
        ("alice@example.org", "alice@\u0435\u0445ample.org"),
        ("alice@example.org", "alice@\uff45xample.org"),
        ("kate@example.org", "\u212aate@example.org"),
        ("sue@example.org", "\u017fue@example.org"),
        ("alice@example.org", "alice+x@example.org"),
        ("a@strasse.example", "a@straße.example"),
        ("", ""),
        ("alice", "alice"),
        ("@", "@"),
        ("alice@-.example", "alice@-.example"),
    ],
)
def test_different_mailboxes(one: str, other: str) -> None:
    """Spaces, suffixes, and look-alikes make a different mailbox, and nonsense equals nothing."""
    assert not same_mailbox(one, other)


def test_unicode_case_is_kept() -> None:
    """Only ASCII letters are case-folded, so that two people are never treated as one."""
    assert normalise("ÄB@Example.org") == "Äb@example.org"


@pytest.mark.parametrize(
    "address",
    [
        "al\u200bice@example.org",
        "al\u00a0ice@example.org",
        "al\u202eice@example.org",
        "a b@example.org",
        "alice @example.org",
        ".alice@example.org",
        "alice..b@example.org",
        '"alice"@example.org',
        "alice\0@example.org",
        "@example.org",
    ],
)
def test_what_is_no_plain_address_equals_nothing(address: str) -> None:
    """Such an address does not even equal itself: two different ones may look the same."""
    assert normalise(address) is None
    assert not same_mailbox(address, address)
    assert normalise("alice@example.org") == "alice@example.org"
