"""Problems and warnings that no attack test covers: each appears where it should, and never without cause."""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from _cast import (
    DAY,
    NOW,
    YEAR,
    alice,
    assert_accepted,
    authority,
    bob,
    codes,
    dsa_key,
    inspect,
    root,
    warnings,
)
from _der import context, integer, octets, oid, sequence
from _encrypt import enveloped, key_transport, sealed_with
from _forge import COMPRESSED_DATA, DATA, algorithm, attribute, signed_by, usual_attributes
from _mail import PART, detached, header, multipart, opaque, signature_part
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from pytest_mailtrap._smime import inspection
from pytest_mailtrap.smime import Identity

if TYPE_CHECKING:
    from collections.abc import Callable


def signed(part: bytes = PART, **how: Any) -> bytes:
    return detached(signed_by(alice(), part, **how), part)


def with_line(line: bytes) -> bytes:
    return signed(PART + line + b"\r\n")


WARNED: dict[str, tuple[Callable[[], bytes], Callable[[], bytes]]] = {
    "eight-bit-lines": (lambda: with_line("Grüße".encode()), lambda: with_line(b"Gruesse")),
    "long-lines": (lambda: with_line(b"x" * 999), lambda: with_line(b"x" * 998)),
    "trailing-blanks": (lambda: with_line(b"-- "), lambda: with_line(b"--")),
    "from-line": (lambda: with_line(b"From here"), lambda: with_line(b" From here")),
    "bare-line-feed": (lambda: with_line(b"one\ntwo"), lambda: with_line(b"one\r\ntwo")),
    "cr-cr-lf": (lambda: with_line(b"one\r\r\ntwo"), lambda: with_line(b"one\r\ntwo")),
    "smime-type-mismatch": (
        lambda: opaque(signed_by(alice(), PART, detached=False), b"enveloped-data"),
        lambda: opaque(signed_by(alice(), PART, detached=False), b"signed-data"),
    ),
    "attribute-repeated": (
        lambda: signed(
            attributes=[*usual_attributes(PART), *[attribute("1.2.3", octets(b""))] * 2]
        ),
        lambda: signed(attributes=[*usual_attributes(PART), attribute("1.2.3", octets(b""))]),
    ),
}


@pytest.mark.parametrize("code", WARNED)
def test_an_oddity_is_a_warning(code: str) -> None:
    """The message still counts as signed; without the oddity there is no such warning."""
    odd, plain = WARNED[code]
    assert code in warnings(assert_accepted(odd()))
    assert code not in warnings(assert_accepted(plain()))


def compressed(data: bytes) -> bytes:
    inner = sequence(oid(DATA), context(0, octets(data)))
    body = sequence(integer(0), algorithm("1.2.840.113549.1.9.16.3.8"), inner)
    cms = sequence(oid(COMPRESSED_DATA), context(0, body))
    return opaque(cms, b"compressed-data")


def sealed(**how: Any) -> bytes:
    """A message for Bob; *how* says how its key is encrypted for him."""
    ciphertext = how.pop("ciphertext", bytes(32))
    info = key_transport(bob().certificate, os.urandom(32), **how)
    return opaque(sealed_with(info, ciphertext), b"enveloped-data")


def many_parts(count: int) -> bytes:
    field = b'multipart/signed; protocol="application/pkcs7-signature"; boundary=outer'
    return header(b"Content-Type: " + field) + b"\r\n" + multipart(*[b"\r\nx"] * count)


REFUSED: dict[str, Callable[[], bytes]] = {
    "transfer-encoding-unknown": lambda: opaque(signed_by(alice(), PART, detached=False)).replace(
        b"Encoding: base64", b"Encoding: uuencode"
    ),
    "too-many-parts": lambda: many_parts(1001),
    "multipart-not-two-parts": lambda: many_parts(900),
    "decompression-failed": lambda: compressed(b"no zlib"),
    "algorithm-unknown": lambda: signed(scheme=algorithm("1.2.3.4")),
    "key-unwrap-failed": lambda: sealed(encrypted=bytes(10)),
    "decryption-failed": lambda: sealed(ciphertext=bytes(33)),
    "recipient-unsupported": lambda: sealed(scheme="1.2.3.4"),
}


@pytest.mark.parametrize("code", REFUSED)
def test_a_defect_is_a_problem_by_its_name(code: str) -> None:
    """The message counts as neither signed nor encrypted."""
    facts = inspect(REFUSED[code](), identities=[bob()])
    assert not facts.signed
    assert not facts.encrypted
    assert code in codes(facts)


def test_what_is_cut_off_does_not_decompress() -> None:
    """Truncated data is not reported as the complete text."""
    whole = zlib.compress(PART * 100)
    assert inspect(compressed(whole)).content == PART * 100
    facts = inspect(compressed(whole[:-10]))
    assert "decompression-failed" in codes(facts)
    assert facts.content != PART * 100


def test_without_an_anchor_nobody_is_trusted() -> None:
    """This is reported differently from an unknown issuer."""
    assert codes(inspect(signed(), trust=None)) == {"no-trust-anchor"}
    assert codes(inspect(signed(), trust=[])) == {"no-trust-anchor"}
    assert not codes(inspect(signed()))


def test_an_intermediate_that_is_only_at_hand_is_missing_in_the_message() -> None:
    """A receiver may have nothing but the anchors (RFC 8551 section 2.3)."""
    between = authority("Intermediate", issuer=root())
    made = between.issue("alice@example.org", not_before=NOW - DAY, not_after=NOW + DAY)
    sent = Identity(made.certificate, made.private_key, (between.certificate,))
    given = {"intermediates": [between.certificate]}
    without = assert_accepted(detached(signed_by(made, PART)), **given)
    assert "intermediate-missing" in warnings(without)
    complete = assert_accepted(detached(signed_by(sent, PART)), **given)
    assert "intermediate-missing" not in warnings(complete)


def test_dsa_is_accepted_by_its_name_only() -> None:
    """The signature is mathematically valid, but the algorithm is obsolete."""
    key = dsa_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Alice")])
    issuer = root()
    builder = x509.CertificateBuilder(
        issuer.certificate.subject, subject, key.public_key(), x509.random_serial_number()
    )
    names = x509.SubjectAlternativeName([x509.RFC822Name("alice@example.org")])
    builder = builder.not_valid_before(NOW - YEAR).not_valid_after(NOW + YEAR)
    builder = builder.add_extension(names, critical=False)
    by_issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    builder = builder.add_extension(by_issuer, critical=False)
    old = Identity(builder.sign(issuer.key, hashes.SHA256()), key)
    message = detached(signed_by(old, PART))
    assert codes(inspect(message)) == {"weak-dsa"}
    assert inspect(message, allow=["dsa"]).signed
    assert not inspect(message, allow=["md5", "sha1", "short-rsa"]).signed


def test_a_message_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused by its size alone, before any of it is parsed."""
    message = signed()
    monkeypatch.setattr(inspection, "MAX_SIZE", len(message))
    assert_accepted(message)
    assert codes(inspect(message + b"\r\n")) == {"too-large", "not-signed"}


@pytest.mark.parametrize(
    ("part", "code"),
    [
        (signature_part(b""), "errant-signature"),
        (
            opaque(enveloped(PART, [bob().certificate]), b"enveloped-data", sender=b""),
            "errant-encryption",
        ),
    ],
    ids=["a signature", "encryption"],
)
def test_layers_of_a_part_are_told_apart(part: bytes, code: str) -> None:
    """A layer that covers only a part is reported by its kind (RFC 9787 section 4.5)."""
    field = b'Content-Type: multipart/mixed; boundary="outer"'
    facts = inspect(header(field) + b"\r\n" + multipart(PART, part))
    assert [one.code for one in facts.errant] == [code]
    assert not inspect(header(field) + b"\r\n" + multipart(PART, PART)).errant
