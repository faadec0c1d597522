"""Certificates with contents that `cryptography` itself stumbles over: judged, never an exception."""

from __future__ import annotations

import pytest
from _cast import alice, assert_refused, codes, inspect, mallory
from _forge import signed_data, signer_info
from _mail import PART, detached
from cryptography.hazmat.primitives.serialization import Encoding

GENUINE = alice().certificate.public_bytes(Encoding.DER)


class Raw:
    """A certificate that is nothing but its bytes."""

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
    """Whatever is odd in it, its signature by the CA is broken, so nobody has to understand it."""
    facts = inspect(with_certificate(changed(*ODD[form])))
    assert not facts.signed
    assert codes(facts)


def test_a_certificate_that_is_no_asn1_is_refused() -> None:
    """It may be any other certificate: an object that nobody can read to its end is not signed."""
    info = signer_info(alice(), PART)
    broken = detached(signed_data(info, certificates=[alice().certificate, Raw(b"\x30\3\2\5\1")]))  # type: ignore[list-item]
    assert_refused(broken, "certificate-malformed")
    odd = detached(signed_data(info, certificates=[alice().certificate, Raw(b"\x30\3\2\1\1")]))  # type: ignore[list-item]
    assert inspect(odd).signed


def test_the_genuine_certificate_passes_there() -> None:
    """The positive control."""
    assert inspect(with_certificate(GENUINE)).signed


def test_the_certificate_of_somebody_else_does_not() -> None:
    """The negative control: the bytes of the certificate matter."""
    other = mallory().certificate.public_bytes(Encoding.DER)
    assert_refused(with_certificate(other), "signer-certificate-missing")
