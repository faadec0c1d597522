"""DER written by hand, and BER where it must be odd: the ASN.1 that a forger needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime

SEQUENCE, SET, INTEGER, OCTETS, NULL, OID, UTC_TIME = 0x30, 0x31, 0x02, 0x04, 0x05, 0x06, 0x17


def tlv(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return bytes([tag]) + length(len(content)) + content


def length(size: int) -> bytes:
    if size < 0x80:
        return bytes([size])
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def indefinite(tag: int, *contents: bytes) -> bytes:
    """BER without a length, closed by end-of-contents (X.690 section 8.1.3.6)."""
    return bytes([tag, 0x80]) + b"".join(contents) + b"\0\0"


def sequence(*contents: bytes) -> bytes:
    return tlv(SEQUENCE, *contents)


def set_of(*contents: bytes, sort: bool = True) -> bytes:
    """DER sorts the elements of a SET OF by their encoding (X.690 section 11.6)."""
    return tlv(SET, *(sorted(contents) if sort else contents))


def integer(value: int) -> bytes:
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octets(content: bytes) -> bytes:
    return tlv(OCTETS, content)


def null() -> bytes:
    return tlv(NULL)


def context(number: int, *contents: bytes, constructed: bool = True) -> bytes:
    return tlv((0xA0 if constructed else 0x80) | number, *contents)


def oid(dotted: str) -> bytes:
    first, second, *arcs = (int(arc) for arc in dotted.split("."))
    return tlv(OID, b"".join(_base128(arc) for arc in (first * 40 + second, *arcs)))


def _base128(value: int) -> bytes:
    septets = [value & 0x7F]
    while value := value >> 7:
        septets.append(0x80 | (value & 0x7F))
    return bytes(reversed(septets))


def utc_time(moment: datetime.datetime) -> bytes:
    return tlv(UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())


def retagged(element: bytes, tag: int) -> bytes:
    """The same content under an implicit tag."""
    return bytes([tag]) + element[1:]
