"""
Domains that belong to the same organization.

Which part of a domain is an organization's own is known from the Public Suffix List, of the package publicsuffixlist.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pytest_mailtrap._mime.addresses import ascii_domain

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

NEEDED = "needs publicsuffixlist: pip install 'pytest-mailtrap[content]'"


def available() -> bool:
    """Whether the Public Suffix List is installed (extra `content`)."""
    return find_spec("publicsuffixlist") is not None


@lru_cache(maxsize=1)
def _list() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


@lru_cache(maxsize=512)
def organizational_domain(domain: str) -> str | None:
    """The organizational domain (RFC 7489, section 3.2) in lower case with A-labels; None if *domain* is not below a public suffix."""
    name = ascii_domain(domain.rstrip("."))
    if name is None:
        return None
    found = _list().privatesuffix(name)
    return None if found is None else str(found)


def is_top_level_domain(label: str) -> bool:
    """Whether *label* alone is a public suffix that the list names, such as "org"."""
    name = ascii_domain(label)
    return name is not None and _known(name)


@lru_cache(maxsize=512)
def _known(label: str) -> bool:
    from publicsuffixlist import PublicSuffixList

    return _strict_list(PublicSuffixList).publicsuffix(label) is not None


@lru_cache(maxsize=1)
def _strict_list(kind: type[PublicSuffixList]) -> PublicSuffixList:
    return kind(accept_unknown=False)


def are_related(one: str, other: str) -> bool:
    """Whether two domains belong to the same organization: relaxed alignment (RFC 7489, section 3.1)."""
    first, second = ascii_domain(one.rstrip(".")), ascii_domain(other.rstrip("."))
    if first is None or second is None:
        return one.lower() == other.lower()
    return first == second or (
        organizational_domain(first) is not None
        and organizational_domain(first) == organizational_domain(second)
    )
