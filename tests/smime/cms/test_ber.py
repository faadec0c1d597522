"""The BER reader: exact spans, indefinite lengths, and bounds."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from _cost import growth

from pytest_mailtrap._smime.cms import ber
from pytest_mailtrap._smime.cms.ber import BerError

if TYPE_CHECKING:
    from collections.abc import Callable


def test_spans_are_exact() -> None:
    """An element returns its bytes exactly as received, even if its length uses a long form."""
    raw = b"\x30\x82\x00\x03\x02\x01\x05"
    element = ber.read(raw + b"rest")
    assert element.raw == raw
    assert element.body == b"\x02\x01\x05"
    assert [child.integer() for child in element] == [5]


def test_indefinite_length_ends_at_its_own_end_of_contents() -> None:
    """End-of-contents octets of an inner element do not end the outer one."""
    raw = b"\x30\x80" + b"\x24\x80\x04\x01a\x04\x01b\x00\x00" + b"\x02\x01\x07" + b"\x00\x00"
    element = ber.read(raw + b"rest")
    text, number = element
    assert element.raw == raw
    assert text.octets() == b"ab"
    assert number.integer() == 7


def test_end_of_contents_inside_a_value_is_a_value() -> None:
    """Two zero bytes inside an OCTET STRING do not end anything."""
    [text] = ber.read(b"\x30\x80\x04\x04a\x00\x00b\x00\x00")
    assert text.octets() == b"a\x00\x00b"


def test_octet_string_in_pieces_of_pieces() -> None:
    """A constructed OCTET STRING is joined at every depth."""
    raw = bytes.fromhex("2480 2407 0401 61 0402 6263 0401 64 0000".replace(" ", ""))
    assert ber.read(raw).octets() == b"abcd"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "truncated-cms"),
        (b"\x30", "truncated-cms"),
        (b"\x30\x05\x02\x01", "truncated-cms"),
        (b"\x30\x80\x02\x01\x05", "truncated-cms"),
        (b"\x04\x80a\x00\x00", "malformed-cms"),
        (b"\x30\x89" + b"\x01" * 20, "truncated-cms"),
        (b"\x3f\x81\x01\x00", "malformed-cms"),
        (b"\x30\x80" * 1000 + b"\x00\x00" * 1000, "nested-too-deeply"),
    ],
)
def test_malformed(raw: bytes, code: str) -> None:
    """Malformed bytes raise a `BerError` that names the problem."""
    with pytest.raises(BerError) as caught:
        ber.read(raw)
    assert caught.value.code == code


def test_nesting_is_bounded_for_definite_lengths_too() -> None:
    """Deeply nested elements are refused when the nesting is followed."""
    raw = b""
    for _ in range(200):
        raw = ber.encode(0x30, raw)
    with pytest.raises(BerError) as caught:
        ber.canonical(ber.read(raw))
    assert caught.value.code == "nested-too-deeply"


def test_element_count_is_bounded() -> None:
    """Millions of tiny elements are refused, not read."""
    with pytest.raises(BerError) as caught:
        ber.read(b"\x30\x80" + b"\x05\x00" * 1_000_000 + b"\x00\x00")
    assert caught.value.code == "too-many-elements"


def test_nested_indefinite_lengths_are_read_in_linear_time() -> None:
    """Reading level by level does not search for the same end again and again."""

    def nested(depth: int) -> Callable[[], None]:
        inner = b"\x05\x00" * 50_000
        for _ in range(depth):
            inner = b"\x30\x80" + inner + b"\x00\x00"

        def walk() -> None:
            element = ber.read(inner)
            for _ in range(depth - 1):
                [element] = element

        return walk

    assert growth(nested(2), nested(50)) < 8


@pytest.mark.parametrize(
    ("body", "dotted"),
    [
        ("2a864886f70d010702", "1.2.840.113549.1.7.2"),
        ("2b6570", "1.3.101.112"),
        ("883703", "2.999.3"),
        ("608648016503040201", "2.16.840.1.101.3.4.2.1"),
    ],
)
def test_object_identifiers(body: str, dotted: str) -> None:
    """Object identifiers are read with their first two arcs separated."""
    assert ber.decode_oid(bytes.fromhex(body)) == dotted


def test_canonical_form_sorts_sets_and_makes_lengths_definite() -> None:
    """The DER of a SET is sorted by encoding, whatever the order it came in."""
    raw = b"\x31\x80" + b"\x30\x80\x02\x01\x05\x00\x00" + b"\x02\x01\x09" + b"\x00\x00"
    assert ber.canonical(ber.read(raw)).hex() == "3108020109" + "3003020105"


def test_canonical_form_of_der_is_itself() -> None:
    """What is already DER does not change."""
    der = ber.encode(0x31, b"\x02\x01\x05" + ber.encode(0x30, ber.encode(0x04, b"x" * 300)))
    assert ber.canonical(ber.read(der)) == der


def test_agrees_with_asn1crypto_on_random_trees() -> None:
    """asn1crypto reads the same tree from randomly generated data."""
    core = pytest.importorskip("asn1crypto.core")
    source = random.Random(1)
    for _ in range(200):
        raw = _tree(source, 4)
        assert _shape(ber.read(raw)) == _foreign_shape(core, raw)


def _tree(source: random.Random, depth: int) -> bytes:
    if depth == 0 or source.random() < 0.3:
        return ber.encode(0x04, source.randbytes(source.choice((0, 1, 127, 128, 300))))
    body = b"".join(_tree(source, depth - 1) for _ in range(source.randrange(4)))
    if source.random() < 0.5:
        return b"\x30\x80" + body + b"\x00\x00"
    return ber.encode(0x30, body)


def _shape(element: ber.Element) -> object:
    return [_shape(child) for child in element] if element.constructed else element.body


def _foreign_shape(core: object, raw: bytes) -> object:
    from asn1crypto import parser

    _, method, _, _, body, _ = parser.parse(raw)
    if not method:
        return body
    shapes = []
    while body:
        size = sum(map(len, parser.parse(body)[3:]))
        shapes.append(_foreign_shape(core, body[:size]))
        body = body[size:]
    return shapes


@pytest.mark.parametrize("body", [b"", b"\x80\x01", b"\x2a\x80\x01", b"\x2a\x86", b"\x2a" * 65])
def test_an_object_identifier_has_one_encoding(body: bytes) -> None:
    """Padded arcs would let one parser see an attribute where another does not (X.690 section 8.19.2)."""
    with pytest.raises(ber.BerError):
        ber.decode_oid(body)
    assert ber.decode_oid(b"\x2a\x86\x48") == "1.2.840"


def test_bytes_after_an_element_are_refused_where_it_should_be_alone() -> None:
    """The caller chooses whether trailing bytes are allowed."""
    alone = ber.encode(0x04, b"text")
    assert ber.read_exactly(alone).octets() == b"text"
    assert ber.read(alone + b"\0").octets() == b"text"
    with pytest.raises(ber.BerError, match="bytes after the element"):
        ber.read_exactly(alone + b"\0")
