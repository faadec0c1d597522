"""The mailboxes that a certificate names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import NameOID

from pytest_mailtrap._smime.certificates.known import EXTENSION_ERRORS
from pytest_mailtrap._smime.cms import ber

if TYPE_CHECKING:
    from collections.abc import Iterator

SMTP_UTF8_MAILBOX = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.9")  # RFC 9598 section 3


def certificate_addresses(certificate: x509.Certificate) -> tuple[str, ...]:
    """
    The mailboxes a certificate names: rfc822Name, SmtpUTF8Mailbox, emailAddress; never the CN.

    They are returned unchanged; one with a space or a NUL matches nothing.
    """
    try:
        found = [*_alternative_names(certificate), *_subject_addresses(certificate)]
    except EXTENSION_ERRORS:
        return ()
    return tuple(dict.fromkeys(found))


def _alternative_names(certificate: x509.Certificate) -> Iterator[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return
    for name in extension.value:
        if isinstance(name, x509.RFC822Name):
            yield name.value
        elif isinstance(name, x509.OtherName) and name.type_id == SMTP_UTF8_MAILBOX:
            yield ber.read_exactly(name.value).octets(0x0C).decode("utf-8")


def _subject_addresses(certificate: x509.Certificate) -> Iterator[str]:
    for attribute in certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS):
        yield str(attribute.value)
