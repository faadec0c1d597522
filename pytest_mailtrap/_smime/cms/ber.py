"""
A bounded reader of BER that keeps the exact bytes of everything it reads.

Rules of this file: an element is a span of the input and is read only on request;
nothing recurses; every malformation raises a `BerError` and nothing else.
RFC 5652 signs some of these spans, so the bytes returned are always those received.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 64
MAX_ELEMENTS = 400_000

INTEGER, BIT_STRING, OCTET_STRING, OID = 0x02, 0x03, 0x04, 0x06
SEQUENCE, SET = 0x30, 0x31
_CONSTRUCTED = 0x20
_LONG_TAG = 0x1F


class BerError(ValueError):
    """The bytes are not the BER that was expected; *code* names the problem."""

    def __init__(self, text: str, code: str = "malformed-cms") -> None:
        super().__init__(text)
        self.code = code


class _Input:
    """The bytes, where the indefinite elements in them end, and how much may still be read."""

    __slots__ = ("budget", "data", "ends")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.ends: dict[int, int] = {}
        self.budget = MAX_ELEMENTS

    def spend(self) -> None:
        self.budget -= 1
        if self.budget < 0:
            raise BerError("too many elements", "too-many-elements")

    def header(self, at: int, limit: int) -> tuple[int, int, int]:
        """The tag, where the body starts, and its length (-1: indefinite)."""
        data = self.data
        if at + 2 > limit:
            raise BerError("an element is truncated", "truncated-cms")
        tag, length = data[at], data[at + 1]
        at += 2
        if tag & _LONG_TAG == _LONG_TAG:
            # CMS has no tags above 30, and the inside of certificates is never read here.
            raise BerError("a tag number above 30")
        if length < 0x80:
            return tag, at, length
        if length == 0x80:
            if not tag & _CONSTRUCTED:
                raise BerError("an indefinite length on a primitive element")
            return tag, at, -1
        size = length & 0x7F
        if size > 8 or at + size > limit:
            raise BerError("a length is truncated or oversized", "truncated-cms")
        return tag, at + size, int.from_bytes(data[at : at + size], "big")

    def end_of_indefinite(self, start: int, body: int, limit: int) -> int:
        """
        Where the end-of-contents octets of the element at *start* are.

        One pass also records the end of every indefinite element inside, so that reading
        them level by level stays linear.
        """
        if start in self.ends:
            return self.ends[start]
        open_starts, at = [start], body
        while open_starts:
            self.spend()
            if self.data[at : at + 2] == b"\x00\x00" and at + 2 <= limit:
                self.ends[open_starts.pop()] = at
                at += 2
                continue
            _, inner, length = self.header(at, limit)
            if length < 0:
                open_starts.append(at)
                if len(open_starts) > MAX_DEPTH:
                    raise BerError("nested too deeply", "nested-too-deeply")
                at = inner
            else:
                at = inner + length
        return self.ends[start]


class Element:
    """One element: its tag, and the spans of itself and of its body in the input."""

    __slots__ = ("_input", "body_end", "body_start", "depth", "end", "start", "tag")

    def __init__(self, source: _Input, start: int, limit: int, depth: int) -> None:
        source.spend()
        if depth > MAX_DEPTH:
            raise BerError("nested too deeply", "nested-too-deeply")
        self._input, self.start, self.depth = source, start, depth
        self.tag, self.body_start, length = source.header(start, limit)
        if length < 0:
            self.body_end = source.end_of_indefinite(start, self.body_start, limit)
            self.end = self.body_end + 2
        else:
            self.body_end = self.end = self.body_start + length
        if self.end > limit:
            raise BerError("an element is longer than its container", "truncated-cms")

    @property
    def raw(self) -> bytes:
        """The element exactly as received, including tag and length."""
        return self._input.data[self.start : self.end]

    @property
    def body(self) -> bytes:
        """The bytes between the header and the end, exactly as received."""
        return self._input.data[self.body_start : self.body_end]

    @property
    def constructed(self) -> bool:
        return bool(self.tag & _CONSTRUCTED)

    def __iter__(self) -> Iterator[Element]:
        """The elements inside, in order."""
        if not self.constructed:
            raise BerError(f"tag {self.tag:#04x} holds no elements")
        at = self.body_start
        while at < self.body_end:
            child = Element(self._input, at, self.body_end, self.depth + 1)
            yield child
            at = child.end

    def children(self, tag: int | None = None, *, limit: int = MAX_ELEMENTS) -> list[Element]:
        """All elements inside, after checking that this one is tagged *tag*."""
        if tag is not None:
            self.expect(tag)
        found: list[Element] = []
        for child in self:
            found.append(child)
            if len(found) > limit:
                raise BerError(f"more than {limit} elements in a row", "too-many-elements")
        return found

    def expect(self, tag: int) -> Element:
        if self.tag != tag:
            raise BerError(f"expected tag {tag:#04x}, got {self.tag:#04x}")
        return self

    def only_child(self) -> Element:
        """The single element inside an explicit tag."""
        children = self.children(limit=2)
        if len(children) != 1:
            raise BerError(f"expected one element, got {len(children)}")
        return children[0]

    def oid(self) -> str:
        return decode_oid(self.expect(OID).body)

    def integer(self) -> int:
        body = self.expect(INTEGER).body
        if not body or len(body) > 128:
            raise BerError("an INTEGER is empty or oversized")
        return int.from_bytes(body, "big", signed=True)

    def octets(self, tag: int = OCTET_STRING) -> bytes:
        """The bytes of an OCTET STRING, joined if it was sent in pieces."""
        if self.tag == tag:
            return self.body
        self.expect(tag | _CONSTRUCTED)
        pieces: list[bytes] = []
        pending = [iter(self)]
        while pending:
            child = next(pending[-1], None)
            if child is None:
                pending.pop()
            elif child.tag == OCTET_STRING | _CONSTRUCTED:
                pending.append(iter(child))
            else:
                pieces.append(child.expect(OCTET_STRING).body)
        return b"".join(pieces)

    def bits(self) -> bytes:
        """The bytes of a BIT STRING without unused bits."""
        body = self.expect(BIT_STRING).body
        if body[:1] != b"\x00":
            raise BerError("a BIT STRING with unused bits")
        return body[1:]


def read(data: bytes) -> Element:
    """The element that *data* starts with; the caller judges whatever follows it."""
    return Element(_Input(data), 0, len(data), 0)


def read_exactly(data: bytes) -> Element:
    """The element that *data* consists of."""
    element = read(data)
    if element.end != len(data):
        raise BerError("bytes after the element")
    return element


def decode_oid(body: bytes) -> str:
    """The dotted form of an object identifier."""
    if not body or len(body) > 64 or body[-1] & 0x80:
        raise BerError("a malformed OBJECT IDENTIFIER")
    arcs, arc = [], 0
    for byte in body:
        if not arc and byte == 0x80:
            raise BerError("a padded arc of an OBJECT IDENTIFIER")  # X.690 section 8.19.2
        arc = arc << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def encode(tag: int, body: bytes) -> bytes:
    """One element in DER."""
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    size = (len(body).bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + len(body).to_bytes(size, "big") + body


def canonical(element: Element, tag: int | None = None) -> bytes:
    """
    The DER of an element that may have arrived as any BER, under *tag* if one is given.

    Lengths become definite and minimal, pieces of strings are joined, and every SET is sorted,
    as RFC 5652 section 5.4 requires for signed attributes.
    """
    return _canonical(element, element.tag if tag is None else tag)


def _canonical(element: Element, tag: int) -> bytes:
    if not element.constructed:
        return encode(tag, element.body)
    if element.tag == OCTET_STRING | _CONSTRUCTED:
        return encode(OCTET_STRING, element.octets())
    # The depth of an element is bounded by MAX_DEPTH, so this recursion is bounded, too.
    children = [_canonical(child, child.tag) for child in element]
    if tag == SET:
        children.sort()
    return encode(tag, b"".join(children))
