"""Messages made to exhaust the verifier: each gets a quick answer that names the problem."""

from __future__ import annotations

import time
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest
from _cast import alice, assert_accepted, bob, codes, inspect
from _der import context, indefinite, integer, octets, oid, sequence
from _encrypt import enveloped
from _forge import (
    COMPRESSED_DATA,
    DATA,
    SIGNED_DATA,
    algorithm,
    compressed_data,
    signed_by,
    signed_data,
    signer_info,
)
from _mail import PART, detached, header, multipart, opaque, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

ENTITY = (
    b"Content-Type: application/pkcs7-mime; smime-type=compressed-data; name=smime.p7z\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\n"
)


@pytest.fixture(autouse=True)
def soon() -> Iterator[None]:
    """No check may be expensive, measured in CPU time because the machine does other things as well."""
    before = time.thread_time()
    yield
    assert time.thread_time() - before < 20


def zeros(megabytes: int) -> bytes:
    """That many megabytes of zeros, compressed: zlib resets at each flush, so every later megabyte looks the same."""
    squeezer, megabyte = zlib.compressobj(9), bytes(2**20)
    first, again = (
        squeezer.compress(megabyte) + squeezer.flush(zlib.Z_FULL_FLUSH) for _ in range(2)
    )
    checksum = (megabytes * 2**20 % 65521) << 16 | 1
    return first + again * (megabytes - 1) + b"\x03\x00" + checksum.to_bytes(4, "big")


def test_the_zeros_of_a_bomb_are_zeros() -> None:
    """The control: the refused data is valid and would decompress."""
    assert zlib.decompress(zeros(20)) == bytes(20 * 2**20)


def bomb(megabytes: int) -> bytes:
    squeezed = zeros(megabytes)
    inner = sequence(oid(DATA), context(0, octets(squeezed)))
    body = sequence(integer(0), algorithm("1.2.840.113549.1.9.16.3.8"), inner)
    return sequence(oid(COMPRESSED_DATA), context(0, body))


def test_a_decompression_bomb_is_refused_by_name() -> None:
    """200 MB compressed into 200 kB is not decompressed."""
    made = opaque(bomb(200), b"compressed-data")
    tracemalloc.start()
    facts = inspect(made)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "decompression-bomb" in codes(facts)
    assert peak < 50 * 2**20


def test_compression_by_itself_is_no_bomb() -> None:
    """The positive control: a compressed signature is read."""
    inner = ENTITY.replace(b"compressed-data", b"signed-data").replace(b"p7z", b"p7m")
    inner += wrapped(signed_by(alice(), PART, detached=False))
    assert_accepted(opaque(compressed_data(inner), b"compressed-data"))


def test_a_bomb_in_a_bomb_is_refused_too() -> None:
    """The limit applies to all layers together."""
    made = ENTITY + wrapped(bomb(20))
    for _ in range(3):
        made = ENTITY + wrapped(compressed_data(made + bytes(20 * 2**20)))
    facts = inspect(b"From: alice@example.org\r\nMIME-Version: 1.0\r\n" + made)
    assert not facts.signed
    assert codes(facts) & {"decompression-bomb", "too-large", "too-many-layers"}


def test_too_many_layers_are_refused_by_name() -> None:
    """A hundred signatures around each other have no purpose."""
    message = PART
    for _ in range(100):
        head = b"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n"
        head += b"Content-Transfer-Encoding: binary\r\n\r\n"
        message = head + signed_by(alice(), message, detached=False)
    facts = inspect(b"From: alice@example.org\r\nMIME-Version: 1.0\r\n" + message)
    assert not facts.signed
    assert "too-many-layers" in codes(facts)


@pytest.mark.parametrize("depth", [100, 10_000, 200_000])
def test_deeply_nested_ber_is_refused(depth: int) -> None:
    """The sender cannot force the parser into unbounded recursion."""
    facts = inspect(opaque(b"\x30\x80" * depth + b"\0\0" * depth))
    assert not facts.signed
    assert codes(facts) & {"malformed-cms", "nested-too-deeply", "too-many-elements"}


def test_nested_pieces_of_an_octet_string_are_refused() -> None:
    """Constructed strings may contain constructed strings, without limit."""
    content = octets(PART)
    for _ in range(5000):
        content = indefinite(0x24, content)
    body = indefinite(
        0x30,
        integer(1),
        b"\x31\0",
        indefinite(0x30, oid(DATA), indefinite(0xA0, content)),
        b"\x31\0",
    )
    facts = inspect(opaque(indefinite(0x30, oid(SIGNED_DATA), indefinite(0xA0, body))))
    assert not facts.signed
    assert codes(facts)


def test_a_length_beyond_the_end_is_refused() -> None:
    """A declared length of 2**64 bytes allocates nothing."""
    for length in (b"\x84\xff\xff\xff\xff", b"\x88" + b"\xff" * 8, b"\xff" + b"\xff" * 127):
        facts = inspect(opaque(b"\x30" + length + bytes(20)))
        assert codes(facts) & {"truncated-cms", "malformed-cms", "too-large"}


def test_very_many_signers_are_answered_soon() -> None:
    """Each would cost a signature verification."""
    info = signer_info(alice(), PART)
    made = signed_data(*[info] * 5000, certificates=[alice().certificate])
    assert isinstance(inspect(detached(made)).signed, bool)


def test_very_many_certificates_are_answered_soon() -> None:
    """Each might be an intermediate for any other."""
    info = signer_info(alice(), PART)
    crowd = [alice().certificate] * 3000
    assert isinstance(inspect(detached(signed_data(info, certificates=crowd))).signed, bool)


def test_very_many_recipients_are_answered_soon() -> None:
    """Each would cost a decryption with the private key."""
    made = opaque(enveloped(PART, [bob().certificate] * 2000), b"enveloped-data")
    assert isinstance(inspect(made, identities=[bob()]).encrypted, bool)


def test_very_many_parts_are_answered_soon() -> None:
    """Ten thousand parts are counted, and nothing more is done with them."""
    head = header(b'Content-Type: multipart/mixed; boundary="outer"') + b"\r\n"
    facts = inspect(head + multipart(*[PART] * 10_000))
    assert not facts.signed


def test_nested_multiparts_are_answered_soon() -> None:
    """A thousand nested multiparts are not followed to the end."""
    entity = PART
    for level in range(1000):
        boundary = b"level%d" % level
        field = b'Content-Type: multipart/mixed; boundary="%s"\r\n\r\n' % boundary
        entity = field + multipart(entity, boundary=boundary)
    facts = inspect(b"From: alice@example.org\r\nMIME-Version: 1.0\r\n" + entity)
    assert not facts.signed


@pytest.mark.parametrize(
    "field",
    [
        b"Content-Type: multipart/signed; " + b"a=b; " * 20_000,
        b"Content-Type: multipart/signed; boundary=" + b'"\\' * 20_000,
        b"Content-Type: " + b"(" * 50_000,
        b"X-Long: " + b"a\r\n " * 50_000,
        b'Content-Type: multipart/signed; boundary="' + b"x" * 100_000 + b'"',
    ],
)
def test_long_fields_are_answered_soon(field: bytes) -> None:
    """A parser with quadratic run time would be too slow."""
    assert not inspect(header(field) + b"\r\n" + PART).signed


@pytest.mark.parametrize(
    "sender",
    [
        b"From: " + b"(" * 9000 + b" alice@example.org",
        b'From: "' + b"\\a" * 4000 + b'" <alice@example.org>',
        b"From: " + b"a." * 4000 + b"a@example.org",
        b"From: " + b"=?utf-8?q?a?= " * 600 + b"<alice@example.org>",
        b"From: " + b"<" * 5000 + b"alice@example.org" + b">" * 5000,
    ],
)
def test_long_senders_are_answered_soon(sender: bytes) -> None:
    """The mailbox parser has no slow worst case."""
    inspect(detached(signed_by(alice(), PART), sender=sender))
