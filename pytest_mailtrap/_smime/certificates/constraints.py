"""
Name constraints that `cryptography.x509.verification` does not check, in some versions or in all.

It compares rfc822Name alternatives.
A subject's emailAddress (RFC 5280 section 4.2.1.10) and a SmtpUTF8Mailbox (RFC 9598 section 6)
are subject to the same constraints; and its older versions ignore those on directory names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509

from pytest_mailtrap._mime.addresses import ascii_domain, normalise
from pytest_mailtrap._smime.certificates.addresses import certificate_addresses
from pytest_mailtrap._smime.certificates.known import EXTENSION_ERRORS, known_object
from pytest_mailtrap._smime.certificates.names import is_within, name_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_mailtrap._smime.certificates.known import KnownCertificate


def forbidden(chain: tuple[x509.Certificate, ...]) -> str | None:
    """A name in *chain*, which starts at the leaf, that is not permitted by a certificate above it; or None."""
    for height, issuer in enumerate(chain[1:], 1):
        limits = _constraints(issuer)
        if limits is None:
            continue
        for address in certificate_addresses(chain[0]):
            if not _allows_address(limits, address):
                return address
        for subject in _subjects(chain[:height]):
            if not _allows_subject(limits, subject):
                return name_text(subject)
    return None


def _constraints(certificate: x509.Certificate) -> x509.NameConstraints | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except (x509.ExtensionNotFound, *EXTENSION_ERRORS):
        # An unreadable CA certificate is not part of any path.
        return None


def _allows_address(limits: x509.NameConstraints, address: str) -> bool:
    permitted = _of_kind(limits.permitted_subtrees, x509.RFC822Name)
    excluded = _of_kind(limits.excluded_subtrees, x509.RFC822Name)
    if any(_covers(one.value, address) for one in excluded):
        return False
    return not permitted or any(_covers(one.value, address) for one in permitted)


def _covers(subtree: str, address: str) -> bool:
    """Whether *subtree* is the mailbox itself, its host, or, with a leading dot, a domain above it."""
    normal = normalise(address)
    if normal is None:
        return False
    if "@" in subtree:
        return normal == normalise(subtree)
    host = normal.rpartition("@")[2]
    name = ascii_domain(subtree.removeprefix("."))
    if name is None:
        return False
    return host.endswith(f".{name}") if subtree.startswith(".") else host == name


def _subjects(below: tuple[x509.Certificate, ...]) -> Iterator[bytes]:
    """The names to be checked: RFC 5280 section 6.1.3 exempts self-issued CA certificates."""
    known: list[KnownCertificate] = list(filter(None, map(known_object, below)))
    for place, item in enumerate(known):
        if place == 0 or item.subject != item.issuer:
            yield item.subject


def _allows_subject(limits: x509.NameConstraints, subject: bytes) -> bool:
    permitted = _of_kind(limits.permitted_subtrees, x509.DirectoryName)
    excluded = _of_kind(limits.excluded_subtrees, x509.DirectoryName)
    empty = subject == b"\x30\x00"
    if empty or not (permitted or excluded):
        return True
    try:
        if any(is_within(subject, one.value.public_bytes()) for one in excluded):
            return False
        return not permitted or any(
            is_within(subject, one.value.public_bytes()) for one in permitted
        )
    except ValueError:
        return False


def _of_kind(subtrees: Iterable[x509.GeneralName] | None, kind: type) -> list[x509.GeneralName]:
    return [name for name in subtrees or () if isinstance(name, kind)]
