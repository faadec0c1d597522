"""
Name constraints on the mailboxes that `cryptography.x509.verification` does not look at.

It compares rfc822Name alternatives; a subject's emailAddress (RFC 5280 section 4.2.1.10) and a
SmtpUTF8Mailbox (RFC 9598 section 6) are bound by the same constraints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509

from ._addresses import ascii_domain, certificate_addresses, normalise
from ._certificates import EXTENSION_ERRORS

if TYPE_CHECKING:
    from collections.abc import Iterable


def forbidden_address(leaf: x509.Certificate, issuers: Iterable[x509.Certificate]) -> str | None:
    """A mailbox of *leaf* that one of its *issuers* may not name, or None."""
    limits = [limit for limit in map(_constraints, issuers) if limit is not None]
    return next(
        (
            address
            for address in certificate_addresses(leaf)
            if not all(_allows(limit, address) for limit in limits)
        ),
        None,
    )


def _constraints(certificate: x509.Certificate) -> x509.NameConstraints | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except (x509.ExtensionNotFound, *EXTENSION_ERRORS):
        # A CA certificate that cannot be read is in no path.
        return None


def _allows(limit: x509.NameConstraints, address: str) -> bool:
    permitted, excluded = _mailboxes(limit.permitted_subtrees), _mailboxes(limit.excluded_subtrees)
    if any(_is_within(address, subtree) for subtree in excluded):
        return False
    return not permitted or any(_is_within(address, subtree) for subtree in permitted)


def _mailboxes(subtrees: Iterable[x509.GeneralName] | None) -> list[str]:
    return [name.value for name in subtrees or () if isinstance(name, x509.RFC822Name)]


def _is_within(address: str, subtree: str) -> bool:
    """Whether *subtree* is the mailbox itself, its host, or with a leading dot a domain above."""
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
