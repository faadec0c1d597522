"""Certificates as bytes, as they are sent and can be pickled; cryptography is imported only if there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509


def as_der(certificate: x509.Certificate) -> bytes:
    """The DER bytes of *certificate*: the object itself cannot be pickled."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)


def of_der(der: bytes) -> x509.Certificate:
    """The certificate that these DER bytes encode."""
    from cryptography import x509

    return x509.load_der_x509_certificate(der)
