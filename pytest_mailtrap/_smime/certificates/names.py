"""Distinguished names: readable for people, and comparable as RFC 5280 section 7.1 requires."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from pytest_mailtrap._smime.cms import ber
from pytest_mailtrap._smime.cms.ber import SEQUENCE, SET, BerError, Element

_PARTS = {
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "1.2.840.113549.1.9.1": "emailAddress",
}
_UTF8_STRING = 0x0C
_ENCODINGS = {_UTF8_STRING: "utf-8", 0x13: "ascii", 0x16: "ascii", 0x1E: "utf-16-be"}


def name_text(der: bytes) -> str:
    """A name for people to read, most specific part first."""
    try:
        sets = ber.read_exactly(der).children()
        pairs = [pair.children() for part in sets for pair in part]
        parts = [(oid.oid(), value.body.decode("utf-8", "replace")) for oid, value in pairs]
    except ValueError:
        return "an unreadable name"
    return ",".join(f"{_PARTS.get(oid, oid)}={value}" for oid, value in reversed(parts))


@lru_cache(maxsize=1024)
def comparable(der: bytes) -> bytes:
    """
    A form in which equal names are equal: case, spaces and string types are ignored.

    An unreadable name equals only itself.
    """
    try:
        return ber.encode(SEQUENCE, b"".join(map(_comparable_set, _sets(der))))
    except (BerError, ValueError):
        return der


def is_within(der: bytes, subtree: bytes) -> bool:
    """Whether the name begins with all parts of *subtree*; ValueError if one cannot be read."""
    parts, above = (list(map(_comparable_set, _sets(name))) for name in (der, subtree))
    return parts[: len(above)] == above


def _sets(der: bytes) -> list[Element]:
    return ber.read_exactly(der).children(SEQUENCE)


def _comparable_set(element: Element) -> bytes:
    return ber.encode(SET, b"".join(sorted(map(_comparable_pair, element.children(SET)))))


def _comparable_pair(element: Element) -> bytes:
    oid, value = element.children(SEQUENCE)
    encoding = _ENCODINGS.get(value.tag)
    if encoding is None:
        return element.raw
    text = unicodedata.normalize("NFKC", value.body.decode(encoding)).casefold()
    plain = ber.encode(_UTF8_STRING, " ".join(text.split()).encode())
    return ber.encode(SEQUENCE, oid.raw + plain)
