"""Certificates whose contents `cryptography` itself cannot handle: they get a verdict, never an exception."""

from __future__ import annotations

import pytest
from _cast import NOW, YEAR, alice, assert_refused, codes, inspect, mallory, root
from _forge import signed_data, signer_info
from _mail import PART, detached
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from pytest_mailtrap import smime
from pytest_mailtrap._smime.certificates import known

GENUINE = alice().certificate.public_bytes(Encoding.DER)


class Raw:
    """A certificate that consists only of its bytes."""

    def __init__(self, der: bytes) -> None:
        self.der = der

    def public_bytes(self, _: Encoding) -> bytes:
        return self.der


def with_certificate(der: bytes) -> bytes:
    return detached(signed_data(signer_info(alice(), PART), certificates=[Raw(der)]))  # type: ignore[list-item]


def changed(old: bytes, new: bytes) -> bytes:
    assert old in GENUINE
    assert len(old) == len(new)
    return GENUINE.replace(old, new)


ODD = {
    "a BIT STRING as name": (b"\x0c\x1fpytest-mailtrap", b"\x03\x1f\0ytest-mailtrap"),
    "a name that is no UTF-8": (b"pytest-mailtrap S", b"pytest-mailtrap \xff"),
    "an unknown string type": (b"\x0c\x1fpytest-mailtrap", b"\x05\x1fpytest-mailtrap"),
    "a general name of an odd type": (b"\x81\x11alice@", b"\x85\x11alice@"),
    "an address that is no ASCII": (b"\x81\x11alice@", b"\x81\x11\xff\xfeice@"),
}


@pytest.mark.parametrize("form", ODD)
def test_an_odd_certificate_is_refused(form: str) -> None:
    """Whatever is odd in it, the CA's signature is broken, so the oddity need not be understood."""
    facts = inspect(with_certificate(changed(*ODD[form])))
    assert not facts.signed
    assert codes(facts)


def test_a_certificate_that_is_no_asn1_is_refused() -> None:
    """Even if it is not the signer's: an object with an unparsable certificate does not count as signed."""
    info = signer_info(alice(), PART)
    broken = detached(signed_data(info, certificates=[alice().certificate, Raw(b"\x30\3\2\5\1")]))  # type: ignore[list-item]
    assert_refused(broken, "certificate-malformed")
    odd = detached(signed_data(info, certificates=[alice().certificate, Raw(b"\x30\3\2\1\1")]))  # type: ignore[list-item]
    assert inspect(odd).signed


def test_two_signature_algorithms_in_one_certificate_are_refused() -> None:
    """The outer identifier is not signed, so it must match the inner one (RFC 5280 section 4.1.1.2)."""
    ecdsa_with = bytes.fromhex("06082a8648ce3d0403")
    at = GENUINE.rindex(ecdsa_with + b"\2")
    other = GENUINE[:at] + ecdsa_with + b"\3" + GENUINE[at + len(ecdsa_with) + 1 :]
    assert known.known(GENUINE) is not None
    assert known.known(other) is None
    assert_refused(with_certificate(other), "signer-certificate-missing")


@pytest.mark.parametrize("odd_name", [True, False])
def test_a_deprecation_of_the_library_is_not_the_users(odd_name: bool) -> None:
    """`cryptography` warns about every negative serial number, and -W error is common."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = root()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Odd name")])
    by_issuer = x509.AuthorityKeyIdentifier(
        b"identifier", [x509.DirectoryName(issuer.certificate.subject)], 5
    )
    builder = x509.CertificateBuilder(
        issuer.certificate.subject, subject, key.public_key(), x509.random_serial_number()
    )
    builder = builder.not_valid_before(NOW - YEAR).not_valid_after(NOW + YEAR)
    made = builder.add_extension(by_issuer, critical=False).sign(issuer.key, hashes.SHA256())
    der = made.public_bytes(Encoding.DER).replace(b"\x82\1\5", b"\x82\1\x85")
    if odd_name:
        der = der.replace(b"\x0c\x08Odd name", b"\x03\x08\0dd name")
    identity = smime.Identity(made, key)
    message = detached(signed_data(signer_info(identity, PART), certificates=[Raw(der)]))  # type: ignore[list-item]
    facts = inspect(message)
    assert not facts.signed
    assert "path-invalid" in codes(facts)
    assert not inspect(message, trust="any").signers[0].addresses


def test_a_year_that_no_calendar_has_is_refused() -> None:
    """`cryptography` reads year 0 only when the date is accessed."""
    made = root().issue("alice@example.org", not_after=NOW.replace(year=2060))
    der = made.certificate.public_bytes(Encoding.DER)
    at = der.index(b"\x18\x0f2060")
    odd = der[: at + 2] + b"0000" + der[at + 6 :]
    info = signer_info(made, PART)
    assert_refused(
        detached(signed_data(info, certificates=[Raw(odd)])), "signer-certificate-missing"
    )  # type: ignore[list-item]
    assert inspect(detached(signed_data(info, certificates=[made.certificate]))).signed


def test_the_genuine_certificate_passes_there() -> None:
    """The positive control."""
    assert inspect(with_certificate(GENUINE)).signed


def test_the_certificate_of_somebody_else_does_not() -> None:
    """The negative control: the bytes of the certificate matter."""
    other = mallory().certificate.public_bytes(Encoding.DER)
    assert_refused(with_certificate(other), "signer-certificate-missing")
