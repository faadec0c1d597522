"""Certificates: as bytes, as they are sent and can be pickled, and their validity; cryptography is imported only if there is one."""

from __future__ import annotations

from datetime import datetime, timezone
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


def validity(certificate: x509.Certificate) -> tuple[datetime, datetime]:
    """The first and the last moment at which *certificate* is valid, as aware datetimes in UTC."""
    if hasattr(certificate, "not_valid_before_utc"):
        return certificate.not_valid_before_utc, certificate.not_valid_after_utc
    # Up to cryptography 41, these are in UTC without saying so.
    first, last = certificate.not_valid_before, certificate.not_valid_after
    return first.replace(tzinfo=timezone.utc), last.replace(tzinfo=timezone.utc)
