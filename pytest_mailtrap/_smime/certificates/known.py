"""Certificates as bytes and as objects, and finding the one that an identifier names."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from pytest_mailtrap._smime.certificates.names import comparable
from pytest_mailtrap._smime.cms import ber
from pytest_mailtrap._smime.cms.ber import SEQUENCE, BerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from pytest_mailtrap._smime.cms.ber import Element
    from pytest_mailtrap._smime.cms.structures import CertificateId

# RFC 8550 section 4.4.4: the purposes that allow S/MIME.
MAIL_PURPOSES = (
    ExtendedKeyUsageOID.EMAIL_PROTECTION,
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
)

# What the names and the extensions of an `x509.Certificate` raise on malformed input; a BIT STRING in
# a name is a TypeError, and in older versions an unknown string type is a KeyError.
EXTENSION_ERRORS = (
    ValueError,
    TypeError,
    KeyError,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, slots=True)
class KnownCertificate:
    """
    A certificate with the names by which CMS refers to it.

    *issuer* and *subject* are in DER; *spki_algorithm* is the raw AlgorithmIdentifier of its key.
    """

    der: bytes
    certificate: x509.Certificate
    issuer: bytes
    serial: int
    subject: bytes
    spki_algorithm: bytes

    @property
    def key_identifier(self) -> bytes | None:
        """The value of the subjectKeyIdentifier extension."""
        try:
            extension = self.certificate.extensions.get_extension_for_class(
                x509.SubjectKeyIdentifier
            )
        except (x509.ExtensionNotFound, *EXTENSION_ERRORS):
            return None
        return extension.value.digest

    @property
    def public_key(self) -> CertificatePublicKeyTypes | None:
        """The key, or None if `cryptography` cannot read it."""
        try:
            return self.certificate.public_key()
        except (ValueError, UnsupportedAlgorithm):
            return None

    def named_by(self, identifier: CertificateId) -> bool:
        if identifier.key_identifier is not None:
            return self.key_identifier == identifier.key_identifier
        if identifier.issuer is None or self.serial != identifier.serial:
            return False
        return comparable(self.issuer) == comparable(identifier.issuer)


@lru_cache(maxsize=512)
def known(der: bytes) -> KnownCertificate | None:
    """The certificate, or None if it cannot be parsed."""
    try:
        serial, issuer, subject, spki = _outline(der)
        return KnownCertificate(
            der,
            load(der),
            ber.canonical(issuer),
            serial.integer(),
            ber.canonical(subject),
            spki.children(SEQUENCE)[0].raw,
        )
    except (IndexError, ValueError):
        return None


def _outline(der: bytes) -> tuple[Element, Element, Element, Element]:
    """Serial number, issuer, subject and SubjectPublicKeyInfo of a certificate."""
    to_be_signed, algorithm, _ = ber.read_exactly(der).children(SEQUENCE, limit=3)
    fields = to_be_signed.children(SEQUENCE)
    start = 1 if fields[0].tag == 0xA0 else 0
    serial, inner_algorithm, issuer, _, subject, spki = fields[start : start + 6]
    if inner_algorithm.raw != algorithm.raw:
        raise ValueError("the two signature algorithms differ")  # RFC 5280 section 4.1.1.2
    return serial, issuer, subject, spki


def is_malformed(der: bytes) -> bool:
    """Whether this is not even ASN.1, as opposed to a certificate that cannot be used."""
    try:
        ber.canonical(ber.read_exactly(der))
    except BerError:
        return True
    return False


@contextlib.contextmanager
def unwarned() -> Iterator[None]:
    """
    For reading unknown certificates: their oddities are judged, not warned about.

    The library warns whenever it parses a field, and parses unreadable fields again each time.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@unwarned()
def load(der: bytes) -> x509.Certificate:
    """The certificate, or a ValueError."""
    try:
        certificate = x509.load_der_x509_certificate(der)
    except x509.InvalidVersion as error:
        raise ValueError("the certificate has an unknown version") from error
    # A year that Python does not support is a ValueError here, rather than later.
    _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return certificate


@lru_cache(maxsize=512)
def known_object(certificate: x509.Certificate) -> KnownCertificate | None:
    return known(certificate.public_bytes(Encoding.DER))


def collect(
    sent: Iterable[bytes], given: Iterable[x509.Certificate]
) -> tuple[KnownCertificate, ...]:
    """All usable certificates, each once, those that were sent first."""
    pool = [*map(known, sent), *map(known_object, given)]
    return tuple({item.der: item for item in pool if item is not None}.values())


def find(pool: Iterable[KnownCertificate], identifier: CertificateId) -> list[KnownCertificate]:
    """The certificates that an identifier names, usually few; more than eight are ignored."""
    return [item for item in pool if item.named_by(identifier)][:8]
