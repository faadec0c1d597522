"""Hosts and ports as applications write them, and as users name them."""

from __future__ import annotations

import pytest

from pytest_mailtrap._intercept.hosts import canonical, checked, is_own, port_number, spoken


@pytest.mark.parametrize(
    ("given", "number"),
    [
        (587, 587),
        ("587", 587),
        (b"587", 587),
        ("smtp", 25),
        ("submission", 587),
        ("submissions", 465),
        ("smtps", 465),
        (b"smtp", 25),
        (None, 0),
        (0, 0),
        ("", 0),
        ("0", 0),
        ("http", None),
        ("SMTP", None),
        (25.0, None),
        ("25 ", None),
        ("٢٥", None),
        (object(), None),
    ],
)
def test_ports(given: object, number: int | None) -> None:
    """Numbers, digits and the names of mail services; nothing else."""
    assert port_number(given) == number


@pytest.mark.parametrize(
    ("given", "one_spelling"),
    [
        ("smtp.example.com", "smtp.example.com"),
        ("SMTP.Example.COM", "smtp.example.com"),
        ("smtp.example.com.", "smtp.example.com"),
        (b"smtp.example.com", "smtp.example.com"),
        ("müller.example", "xn--mller-kva.example"),
        ("MÜLLER.example.", "xn--mller-kva.example"),
        ("xn--mller-kva.example", "xn--mller-kva.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("::FFFF:192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("127.1", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("", None),
        (".", None),
        (None, None),
        (4, None),
    ],
)
def test_one_spelling_for_each_host(given: object, one_spelling: str | None) -> None:
    """Names, A-labels and addresses; None for anything that is not a host."""
    assert canonical(given) == one_spelling


@pytest.mark.parametrize(
    "host", ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::"]
)
def test_this_machine(host: str) -> None:
    """Loopback, by name or address, and the unspecified addresses, which also mean this machine."""
    assert is_own(host)


@pytest.mark.parametrize("host", ["localhost.example.com", "notlocalhost", "192.0.2.1", "10.0.0.1"])
def test_not_this_machine(host: str) -> None:
    """Names that only look like it, and other addresses."""
    assert not is_own(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "*.example.com",
        "smtp://smtp.example.com",
        "smtp.example.com:587",
        "a b",
        "a..b",
        "x" * 64,
    ],
)
def test_what_is_no_host_is_an_error(host: str) -> None:
    """The error names the value and what is allowed."""
    with pytest.raises(ValueError, match="expected a host name or an IP address, without scheme"):
        checked(host)


def test_what_is_a_host_is_none() -> None:
    """The control: these are accepted."""
    assert checked("SMTP_Relay.") == "smtp_relay"
    assert checked("[2001:db8::1]") == "2001:db8::1"


def test_written_for_people() -> None:
    """IPv6 addresses are in brackets; an invalid host is in quotes, so that the fault is visible."""
    assert [spoken("a.example", 25), spoken("::1", 25)] == ["a.example:25", "[::1]:25"]
    assert spoken("a.example\n", 25) == r"'a.example\n':25"
