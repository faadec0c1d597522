"""The host that clients connect to, also on a machine whose resolver does not know "localhost"."""

from __future__ import annotations

import smtplib
import socket

import pytest

from pytest_mailtrap._server import own_host as module
from pytest_mailtrap._server.own_host import own_host

KNOWN = "localhost"
ADDRESS = "127.0.0.1"


def entry(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return (family, socket.SOCK_STREAM, 6, "", (address, 0))


@pytest.fixture
def answer(monkeypatch):
    """Replaces the machine's answer for localhost: addresses, or None for an unknown name."""

    def replace(*addresses):
        def look_up(host, *_):
            assert host == "localhost"
            if not addresses:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return [entry(address) for address in addresses]

        monkeypatch.setattr(module, "_look_up", look_up)
        own_host.cache_clear()

    yield replace
    own_host.cache_clear()


@pytest.mark.parametrize(
    ("addresses", "host"),
    [
        (["127.0.0.1"], KNOWN),
        (["::1", "127.0.0.1"], KNOWN),
        (["::1"], KNOWN),
        ([], ADDRESS),
        (["192.0.2.1"], ADDRESS),
        (["127.0.1.1"], ADDRESS),
    ],
)
def test_the_host(answer, addresses, host):
    """The name if it leads to the trap, otherwise the address."""
    answer(*addresses)
    assert own_host() == host


def test_without_localhost(answer, mailtrap, monkeypatch):
    """Mail reaches the trap, over TLS with a verified certificate, although nobody knows the name."""
    answer()

    def look_up(host, *args, original=socket.getaddrinfo, **keywords):
        if host == "localhost":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return original(host, *args, **keywords)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert mailtrap.smtp_url == f"smtp://127.0.0.1:{mailtrap.port}"
    assert mailtrap.smtps_url == f"smtps://127.0.0.1:{mailtrap.tls_port}"
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
        client.starttls(context=mailtrap.ssl_context)
        client.sendmail("a@example.org", ["b@example.org"], b"Hello\r\n")
    with smtplib.SMTP_SSL(mailtrap.host, mailtrap.tls_port, context=mailtrap.ssl_context, timeout=10) as client:  # fmt: skip
        client.sendmail("a@example.org", ["b@example.org"], b"Hello\r\n")
    mailtrap.assert_sent_over_tls()
    assert len(mailtrap) == 2
    with pytest.raises(socket.gaierror):
        smtplib.SMTP("localhost", mailtrap.port, timeout=10)
