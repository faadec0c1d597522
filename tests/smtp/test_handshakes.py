"""Handshakes that fail, and connections that end: the reason in words, with STARTTLS and implicit TLS."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
from collections import deque
from contextlib import suppress

import pytest
from _trap_talk import SECONDS, Talk, reset, send, until

from pytest_mailtrap._smtp import handshake

MODES = ("starttls", "implicit")


def raw(trap, mode):
    """A TCP connection on which a ClientHello is expected next."""
    if mode == "implicit":
        return socket.create_connection(("127.0.0.1", trap.tls_port), timeout=SECONDS)
    client = Talk(trap.port)
    assert client.say("STARTTLS").startswith("220")
    return client.socket


def failed(trap, *, ended_by):
    """Return the handshake error of the only connection, once it has ended."""
    [connection] = trap.connections
    until(lambda: connection.ended_by)
    assert connection.ended_by == ended_by
    assert not connection.transport.encrypted
    assert connection.handshake_error in connection.transcript
    assert len(trap) == 0
    return connection.handshake_error


# -- what clients do -------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("mode", MODES)
def test_unknown_ca(mailtrap, mode, version):
    """If smtplib's context does not trust the CA, the client says so in an alert."""
    context = ssl.create_default_context()
    context.maximum_version = version
    if mode == "implicit":
        with pytest.raises(ssl.SSLCertVerificationError):
            smtplib.SMTP_SSL("localhost", mailtrap.tls_port, context=context, timeout=SECONDS)
    else:
        with (
            smtplib.SMTP("localhost", mailtrap.port, timeout=SECONDS) as client,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            client.starttls(context=context)
    words = failed(mailtrap, ended_by="alert")
    assert words == "client rejected the certificate: unknown CA"
    assert mailtrap.connections[0].client_hello.server_name == "localhost"


@pytest.mark.parametrize("mode", MODES)
def test_wrong_host(mailtrap, mode):
    """A client that expected another host name rejects the certificate with a bad_certificate alert."""
    with raw(mailtrap, mode) as sock, pytest.raises(ssl.SSLCertVerificationError):
        mailtrap.ssl_context.wrap_socket(sock, server_hostname="smtp.example.org")
    assert failed(mailtrap, ended_by="alert") == "client rejected the certificate: bad certificate"


@pytest.mark.parametrize("mode", MODES)
def test_asyncio_client_says_nothing(mailtrap, mode):
    """asyncio clients reject a certificate by just closing the connection, without an alert."""

    async def connect():
        context = ssl.create_default_context()
        if mode == "implicit":
            await asyncio.open_connection("localhost", mailtrap.tls_port, ssl=context)
            return
        import aiosmtplib

        client = aiosmtplib.SMTP(hostname="localhost", port=mailtrap.port, tls_context=context)
        try:
            await client.connect()
        finally:
            client.close()

    with pytest.raises(Exception, match="certificate verify failed"):
        asyncio.run(connect())
    assert failed(mailtrap, ended_by="eof") == (
        "client closed the connection during the handshake, without giving a reason: "
        "it may have rejected the certificate"
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("how", ["eof", "reset"])
def test_gone_without_a_handshake(mailtrap, mode, how):
    """The client disconnects before it starts TLS."""
    sock = raw(mailtrap, mode)
    reset(sock) if how == "reset" else sock.close()
    words = failed(mailtrap, ended_by=how)
    verb = {"eof": "closed", "reset": "reset"}[how]
    if mode == "implicit":
        assert words == f"client {verb} the connection without a TLS handshake"
    else:
        assert words == f"client {verb} the connection after STARTTLS, without a TLS handshake"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("how", ["eof", "reset"])
def test_gone_during_the_handshake(mailtrap, mode, how):
    """The client disconnects after receiving the certificate, without an alert."""
    sock = raw(mailtrap, mode)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = mailtrap.ssl_context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    sock.sendall(outgoing.read())
    assert sock.recv(65536)
    reset(sock) if how == "reset" else sock.close()
    verb = {"eof": "closed", "reset": "reset"}[how]
    assert failed(mailtrap, ended_by=how) == (
        f"client {verb} the connection during the handshake, without giving a reason: "
        "it may have rejected the certificate"
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.mailtrap(minimum_tls="TLSv1.2", maximum_tls="TLSv1.2")
def test_no_common_version(mailtrap, mode):
    """The trap refuses the TLS version, says which ones the client offered, and sends its own alert."""
    context = mailtrap.ssl_context
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with (
        raw(mailtrap, mode) as sock,
        pytest.raises(ssl.SSLError, match=r"(?i)alert.protocol.version"),
    ):
        context.wrap_socket(sock, server_hostname="localhost")
    assert failed(mailtrap, ended_by="server") == (
        "no common TLS version: the client offers only TLSv1.3"
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.mailtrap(maximum_tls="TLSv1.2")
def test_no_common_cipher(mailtrap, mode):
    """No common cipher: here the client supports only RSA certificates."""
    context = mailtrap.ssl_context
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("aRSA")
    with (
        raw(mailtrap, mode) as sock,
        pytest.raises(ssl.SSLError, match=r"(?i)alert.handshake.failure"),
    ):
        context.wrap_socket(sock, server_hostname="localhost")
    assert failed(mailtrap, ended_by="server") == "no common cipher"


ALERTS = {
    42: "client rejected the certificate: bad certificate",
    43: "client rejected the certificate: unsupported certificate",
    44: "client rejected the certificate: certificate revoked",
    45: "client rejected the certificate: certificate expired",
    46: "client rejected the certificate: certificate unknown",
    48: "client rejected the certificate: unknown CA",
    49: "client rejected the certificate: access denied",
    112: "client rejected the certificate: unrecognized name",
    40: "client gave up: handshake failure",
    47: "client gave up: illegal parameter",
    50: "client gave up: decode error",
    51: "client gave up: decrypt error",
    70: "client rejected the TLS version",
    71: "client rejected the cipher: insufficient security",
    80: "client gave up: internal error",
    90: "client canceled the handshake",
}


@pytest.mark.parametrize(("number", "words"), ALERTS.items())
@pytest.mark.mailtrap(maximum_tls="TLSv1.2")
def test_alerts(mailtrap, number, words):
    """Each alert from a client (RFC 8446, section 6) has its own description."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = mailtrap.ssl_context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with raw(mailtrap, "implicit") as sock:
        sock.sendall(outgoing.read())
        assert sock.recv(65536)
        # In TLS 1.2 the client's alert at this point is not encrypted.
        sock.sendall(b"\x15\x03\x03\0\x02\x02" + bytes([number]))
        until(lambda: mailtrap.connections[0].ended_by)
    assert failed(mailtrap, ended_by="alert") == words


# -- the wrong port --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"EHLO client.example.org\r\n", "client spoke cleartext (EHLO) on the implicit TLS port"),
        (
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            "client spoke cleartext (GET) on the implicit TLS port",
        ),
        (
            b"CONNECT x:25 HTTP/1.1\r\n\r\n",
            "client spoke cleartext (CONNECT) on the implicit TLS port",
        ),
        (b"\r\n", "client spoke cleartext on the implicit TLS port"),
        (
            b"\x00\xff\xfe\x01" * 9,
            "client sent bytes that are not a TLS handshake on the implicit TLS port",
        ),
        (
            b"\x80\x2e\x01\x03\x01\0",
            "client sent bytes that are not a TLS handshake on the implicit TLS port",
        ),
    ],
)
def test_no_tls_on_the_tls_port(mailtrap, data, words):
    """Anything other than TLS on the implicit TLS port is identified, and the connection is closed."""
    with raw(mailtrap, "implicit") as sock:
        sock.sendall(data)
        while sock.recv(65536):
            pass
    assert failed(mailtrap, ended_by="server") == words


def test_garbage_that_begins_like_tls(mailtrap):
    """A record that does not hold a ClientHello fails with OpenSSL's own error text."""
    with raw(mailtrap, "implicit") as sock:
        sock.sendall(b"\x16\x03\x01\0\x08\x01\0\0\x04abcd")
        while sock.recv(65536):
            pass
    assert failed(mailtrap, ended_by="server").startswith("TLS failed: ")


def test_cleartext_after_starttls(mailtrap):
    """The client continues in cleartext after the 220 reply to STARTTLS."""
    with raw(mailtrap, "starttls") as sock:
        sock.sendall(b"MAIL FROM:<a@example.org>\r\n")
        while sock.recv(65536):
            pass
    assert failed(mailtrap, ended_by="server") == (
        "client spoke cleartext (MAIL) after the 220 to STARTTLS"
    )


def test_implicit_tls_on_the_starttls_port(mailtrap):
    """A client that uses implicit TLS on the STARTTLS port is recognized, and its ClientHello is recorded."""
    with pytest.raises(ssl.SSLError, match=r"(?i)wrong.version.number|record layer"):
        smtplib.SMTP_SSL("localhost", mailtrap.port, context=mailtrap.ssl_context, timeout=SECONDS)
    assert failed(mailtrap, ended_by="server") == (
        "client spoke implicit TLS, but this is the STARTTLS port"
    )
    assert mailtrap.connections[0].client_hello.server_name == "localhost"
    assert mailtrap.connections[0].implicit_tls is False


@pytest.mark.parametrize("sizes", [[1], [2], [1, 1], [1, 1, 1, 1]])
def test_implicit_tls_in_small_segments(mailtrap, sizes):
    """The same if the first segments have only one or two octets."""
    outgoing = ssl.MemoryBIO()
    client = mailtrap.ssl_context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with Talk(mailtrap.port) as talk:
        for size in [*sizes, 65536]:
            with suppress(OSError):  # the trap may have seen enough
                talk.send(outgoing.read(size))
            assert mailtrap.connections  # reads what was sent
        assert talk.is_over()
    assert failed(mailtrap, ended_by="server") == (
        "client spoke implicit TLS, but this is the STARTTLS port"
    )


@pytest.mark.parametrize(
    "rest", [b"", b"\r\n", b"EHLO x\r\n", b"\x16\x03\r\n", b"\x15\x03\x01\r\n"]
)
def test_control_what_begins_with_the_octet_of_tls(mailtrap, rest):
    """The control: a line that only begins like TLS is an unknown command, whether its first octet comes alone or not."""
    with Talk(mailtrap.port) as talk:
        talk.send(b"\x16")
        assert mailtrap.connections[0].transcript[-1].speaker == "S"
        if rest:
            talk.send(rest)
            assert talk.reply().startswith("500")
            assert talk.say("NOOP") == "250 OK"
        talk.close()
    assert mailtrap.connections[0].handshake_error is None


@pytest.mark.parametrize("sizes", [[1], [1, 1]])
def test_tls_after_a_refused_starttls_in_small_segments(mailtrap, sizes):
    """After a reply to STARTTLS that a test has scripted, a ClientHello is recognized in the same way."""
    mailtrap.reply("STARTTLS", 454)
    outgoing = ssl.MemoryBIO()
    client = mailtrap.ssl_context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with Talk(mailtrap.port) as talk:
        talk.hello()
        assert talk.say("STARTTLS").startswith("454")
        for size in [*sizes, 65536]:
            talk.send(outgoing.read(size))
            assert mailtrap.connections
        assert talk.reply().startswith("500")
    assert mailtrap.connections[0].handshake_error == (
        "client spoke TLS, but the trap continues in cleartext"
    )


def test_tls_in_the_middle_of_cleartext(mailtrap):
    """TLS without STARTTLS, after EHLO: it is an unknown command, not a handshake."""
    with Talk(mailtrap.port) as client:
        client.hello()
        assert client.say(b"\x16\x03\x01\0\x04abcd").startswith("500")
        assert client.say("NOOP") == "250 OK"
    assert mailtrap.connections[0].handshake_error is None


# -- after the handshake ---------------------------------------------------------------------


def shaken(trap, mode):
    """A finished handshake on a socket of our own, which can then send records that `ssl` would not."""
    sock = raw(trap, mode)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trap.ssl_context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    for _ in range(10):
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            sock.sendall(outgoing.read())
            incoming.write(sock.recv(65536))
        else:
            break
    sock.sendall(outgoing.read())
    return sock, client, incoming, outgoing


@pytest.mark.parametrize("mode", MODES)
def test_alert_after_the_handshake(mailtrap, mode):
    """GnuTLS and Java finish the handshake first, then reject the certificate in an encrypted alert."""
    sock, client, incoming, outgoing = shaken(mailtrap, mode)
    with sock:
        # A record it cannot read makes the client give up, whatever its reason is called.
        incoming.write(b"\x17\x03\x03\0\x20" + b"x" * 32)
        with pytest.raises(ssl.SSLError):
            deque(iter(client.read, b""), maxlen=0)
        sock.sendall(outgoing.read())
        [connection] = mailtrap.connections
        until(lambda: connection.ended_by)
    assert connection.ended_by == "alert"
    assert connection.handshake_error == "client gave up: bad record MAC"
    assert connection.transport.encrypted


@pytest.mark.parametrize("mode", MODES)
def test_broken_record_after_the_handshake(mailtrap, mode):
    """A record that does not decrypt ends the connection, from the trap's side."""
    sock, *_ = shaken(mailtrap, mode)
    with sock:
        sock.sendall(b"\x17\x03\x03\0\x20" + b"x" * 32)
        while sock.recv(65536):
            pass
    [connection] = mailtrap.connections
    assert connection.ended_by == "server"
    assert connection.handshake_error.startswith("TLS failed: ")
    assert connection.transport.encrypted


def test_broken_record_in_the_dialogue(mailtrap):
    """An error after commands have arrived inside TLS is not reported as a handshake failure."""
    sock, client, _, outgoing = shaken(mailtrap, "implicit")
    with sock:
        client.write(b"EHLO client.example.org\r\n")
        sock.sendall(outgoing.read())
        until(lambda: mailtrap.connections[0].transport.ehlo)
        sock.sendall(b"\x17\x03\x03\0\x20" + b"x" * 32)
        while sock.recv(65536):
            pass
    [connection] = mailtrap.connections
    assert (connection.ended_by, connection.handshake_error) == ("server", None)
    assert "-- TLS failed: " in connection.transcript


# -- deadlines -------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_silent_in_the_handshake(mailtrap, mode, monkeypatch):
    """A client that never begins or finishes the handshake is disconnected at the deadline."""
    monkeypatch.setattr(handshake, "HANDSHAKE_SECONDS", 0.05)
    with raw(mailtrap, mode):
        until(lambda: mailtrap.connections[0].ended_by)
    words = failed(mailtrap, ended_by="timeout")
    if mode == "implicit":
        assert words == (
            "no TLS handshake within 0.05 s: the client may wait for a cleartext greeting, "
            "but this is the implicit TLS port"
        )
    else:
        assert words == "the handshake was not finished within 0.05 s"


@pytest.mark.parametrize("mode", MODES)
def test_stuck_in_the_handshake(mailtrap, mode, monkeypatch):
    """The same for a client that stops halfway."""
    monkeypatch.setattr(handshake, "HANDSHAKE_SECONDS", 0.05)
    with raw(mailtrap, mode) as sock:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01")
        until(lambda: mailtrap.connections[0].ended_by)
    assert failed(mailtrap, ended_by="timeout") == "the handshake was not finished within 0.05 s"


def test_a_handshake_in_time_is_left_alone(mailtrap):
    """The control: once the handshake is done, its deadline no longer applies."""
    send(mailtrap)
    assert mailtrap.connections[0].ended_by == "quit"
    assert mailtrap.connections[0].handshake_error is None
