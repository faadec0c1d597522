"""The ClientHello parser: real first flights, split, corrupted, and made by hand."""

from __future__ import annotations

import random
import ssl

import pytest
from _trap_talk import send

from pytest_mailtrap._facts.client_hello import ClientHello, parse_client_hello


def real_hello(**options) -> bytes:
    """The first flight of the TLS library that this Python uses."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    name = options.pop("name", "mail.example.org")
    if name is None:
        context.check_hostname = False
    for key, value in options.items():
        attribute = getattr(context, key)
        if callable(attribute):
            attribute(value)
        else:
            setattr(context, key, value)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def vector(data: bytes, width: int) -> bytes:
    return len(data).to_bytes(width, "big") + data


def numbers(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


def extension(kind: int, data: bytes) -> bytes:
    return numbers(kind) + vector(data, 2)


def message(*, ciphers=(0x1301,), extensions: bytes | None = b"", legacy=0x0303) -> bytes:
    body = numbers(legacy) + bytes(32) + vector(b"", 1) + vector(numbers(*ciphers), 2)
    body += vector(b"\0", 1)
    if extensions is not None:
        body += vector(extensions, 2)
    return b"\x01" + vector(body, 3)


def records(handshake: bytes, size: int = 1 << 14) -> bytes:
    parts = [handshake[at : at + size] for at in range(0, len(handshake), size)]
    return b"".join(b"\x16\x03\x01" + vector(part, 2) for part in parts)


def test_real_client():
    """What OpenSSL offers is listed under the names from the registries, in the order of the offer."""
    hello = parse_client_hello(real_hello(set_alpn_protocols=["smtp"]))
    assert isinstance(hello, ClientHello)
    assert hello.versions == ("TLSv1.3", "TLSv1.2")
    assert hello.ciphers[0] == "TLS_AES_256_GCM_SHA384"
    assert "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" in hello.ciphers
    assert "x25519" in hello.groups
    assert "ecdsa_secp256r1_sha256" in hello.signature_algorithms
    assert hello.server_name == "mail.example.org"
    assert hello.alpn == ("smtp",)
    names = (*hello.ciphers, *hello.groups, *hello.signature_algorithms)
    assert [name for name in names if name.startswith("0x") and len(name) != 6] == []


def test_without_server_name():
    """Without SNI and ALPN, the server name is None and the list of protocols is empty."""
    hello = parse_client_hello(real_hello(name=None))
    assert (hello.server_name, hello.alpn) == (None, ())


def test_only_the_newest_version_is_known_of_an_old_client():
    """A client that cannot do TLS 1.3 names only one version, and the parser does not make up others."""
    hello = parse_client_hello(real_hello(maximum_version=ssl.TLSVersion.TLSv1_2))
    assert hello.versions == ("TLSv1.2",)


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_cut_into_records(size):
    """A ClientHello may be split across many records (RFC 8446, section 5.1)."""
    whole = real_hello()
    assert parse_client_hello(records(whole[5:], size)) == parse_client_hello(whole)


def test_incomplete():
    """For every prefix of a ClientHello, the parser asks for more; bytes after its end are not read."""
    whole = real_hello()
    for stream in (whole, records(whole[5:], 50)):
        for length in range(len(stream)):
            assert parse_client_hello(stream[:length]) == "incomplete"
        assert parse_client_hello(stream + b"\xff" * 50) == parse_client_hello(whole)


def test_grease():
    """The random values that keep servers honest (RFC 8701) are left out."""
    extensions = (
        extension(0x0A0A, b"")
        + extension(43, vector(numbers(0x7A7A, 0x0304), 1))
        + extension(10, vector(numbers(0xFAFA, 0x001D, 0x11EC), 2))
        + extension(13, vector(numbers(0x0A0A, 0x0403), 2))
    )
    hello = parse_client_hello(records(message(ciphers=(0xDADA, 0x1301), extensions=extensions)))
    assert hello.ciphers == ("TLS_AES_128_GCM_SHA256",)
    assert hello.versions == ("TLSv1.3",)
    assert hello.groups == ("x25519", "X25519MLKEM768")
    assert hello.signature_algorithms == ("ecdsa_secp256r1_sha256",)


def test_unknown_values():
    """Values without a name are shown in hexadecimal; values that only look like GREASE are not left out."""
    hello = parse_client_hello(records(message(ciphers=(0xABCD, 0x0A1A, 0x1A0A, 0x0A0B))))
    assert hello.ciphers == ("0xabcd", "0x0a1a", "0x1a0a", "0x0a0b")


@pytest.mark.parametrize(
    ("legacy", "name"),
    [(0x0300, "SSLv3"), (0x0301, "TLSv1"), (0x0302, "TLSv1.1"), (0x0303, "TLSv1.2")],
)
@pytest.mark.parametrize("extensions", [None, b""])
def test_old_hello(legacy, name, extensions):
    """A ClientHello may have no extensions at all."""
    hello = parse_client_hello(records(message(legacy=legacy, extensions=extensions)))
    assert hello.versions == (name,)
    assert (hello.groups, hello.alpn, hello.server_name) == ((), (), None)


def test_server_name_is_shown_harmlessly():
    """A name with bytes that are not text is escaped; an entry of another type is skipped."""
    entry = b"\x07" + vector(b"other", 2) + b"\0" + vector(b"m\xff.example", 2)
    hello = parse_client_hello(records(message(extensions=extension(0, vector(entry, 2)))))
    assert hello.server_name == "m\\xff.example"


@pytest.mark.parametrize(
    "stream",
    [
        b"EHLO client\r\n",
        b"GET / HTTP/1.1\r\n",
        b"\0",
        b"\x15\x03\x01\0\x02\x02\x28",
        b"\x80\x2e\x01\x03\x01",
        b"\x16\x02\x00\0\x05hello",
        b"\x16\x03\x01\0\0",
        b"\x16\x03\x01\0\x04\x02\0\0\0",
        b"\x16\x03\x01\0\x04\x01\0\0\0",
        b"\x16\x03\x01\0\x05\x01\0\0\x01\x03",
        records(b"\x01\xff\xff\xff" + bytes(140000)),
        records(message(extensions=b"\0")),
        records(message(extensions=extension(43, b"\x03\x03\x04\x03"))),
        records(message(extensions=extension(0, b"\0\x09\0\0\xff"))),
        records(message(extensions=extension(16, b"\0\x05\xffsmtp"))),
    ],
)
def test_no_client_hello(stream):
    """Data that is not a ClientHello is reported as such, even if it begins like one."""
    assert parse_client_hello(stream) is None


def test_garbage_never_raises():
    """A thousand corrupted hellos: the parser returns a value, "incomplete", or None, and never raises an error."""
    dice = random.Random(4711)  # the same every time
    whole = real_hello(set_alpn_protocols=["smtp", "imap"])
    kinds = set()
    for _ in range(1000):
        stream = bytearray(whole)
        for _ in range(dice.randint(1, 8)):
            where = dice.randrange(len(stream))
            match dice.randrange(3):
                case 0:
                    stream[where] = dice.randrange(256)
                case 1:
                    del stream[where : where + dice.randint(1, 4)]
                case 2:
                    stream[where:where] = dice.randbytes(dice.randint(1, 4))
        result = parse_client_hello(bytes(stream))
        assert result is None or result == "incomplete" or isinstance(result, ClientHello)
        kinds.add(type(result))
    assert kinds == {type(None), str, ClientHello}


def test_random_bytes_never_raise():
    """The same for bytes that were never a hello, with a record header in front."""
    dice = random.Random(4712)  # the same every time
    for length in range(300):
        body = b"\x01" + (length + 2).to_bytes(3, "big") + b"\x03\x03" + dice.randbytes(length)
        parse_client_hello(records(body))
        parse_client_hello(dice.randbytes(length))


def test_captured_message_has_it(mailtrap):
    """The message shows what its client offered; in cleartext there is no ClientHello to show."""
    send(mailtrap)
    send(mailtrap, tls=False)
    sealed, bare = mailtrap
    assert "TLSv1.3" in sealed.transport.client_hello.versions
    assert sealed.transport.client_hello == sealed.connection.client_hello
    assert bare.transport.client_hello is None
    assert "client_hello" not in repr(sealed.transport)
