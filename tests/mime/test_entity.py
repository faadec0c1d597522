"""The MIME walker: exact bytes, and a refusal wherever two parsers could see two different messages."""

from __future__ import annotations

import email
from typing import TYPE_CHECKING

import pytest
from _cost import growth

from pytest_mailtrap._mime import entity as mime
from pytest_mailtrap._mime.content_type import parse_content_type, parse_filename

if TYPE_CHECKING:
    from collections.abc import Callable

TWO_PARTS = (
    b'Content-Type: multipart/signed; boundary="b"\r\n\r\n'
    b"preamble\r\n--b\r\nA: 1\r\n\r\none \r\n\r\n--b\r\n\r\ntwo\r\n--b--\r\n"
)


def codes(raw: bytes) -> list[str]:
    return [found.code for found in mime.split(mime.Entity(raw)).defects]


def test_parts_are_exact() -> None:
    """A part runs from the end of its delimiter line to the line break before the next one."""
    found = mime.split(mime.Entity(TWO_PARTS))
    assert found.parts == (b"A: 1\r\n\r\none \r\n", b"\r\ntwo")
    assert found.defects == ()
    assert found.outside


def test_text_outside_is_noticed_only_if_there() -> None:
    """Without a preamble or epilogue, there is nothing outside the parts."""
    assert not mime.split(mime.Entity(TWO_PARTS.replace(b"preamble\r\n", b""))).outside


def test_an_empty_part_is_a_part() -> None:
    """Two delimiters in a row have an empty part between them."""
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\nx\r\n--b--"
    assert mime.split(mime.Entity(raw)).parts == (b"", b"x")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"one ", b"--bc", "boundary-ambiguous"),
        (b"one ", b"--b x", "boundary-ambiguous"),
        (b"one ", b"one\n--b", "boundary-ambiguous"),
        (b"one ", b"one\r--b", "boundary-ambiguous"),
        (b"--b--\r\n", b"--b--\r\n--b\r\n", "boundary-ambiguous"),
        (b"--b--\r\n", b"", "multipart-unclosed"),
        (b'boundary="b"', b'boundary="b"; boundary="b"', "boundary-ambiguous"),
        (b'boundary="b"', b'boundary*0="b"', "boundary-ambiguous"),
        (b'boundary="b"', b"boundary*=us-ascii''b", "boundary-ambiguous"),
        (b'boundary="b"', b'boundary="b "', "boundary-missing"),
        (b'; boundary="b"', b"", "boundary-missing"),
    ],
)
def test_ambiguous_boundaries_are_refused(old: bytes, new: bytes, code: str) -> None:
    """If parsers disagree about the parts, none are chosen."""
    assert codes(TWO_PARTS) == []
    assert codes(TWO_PARTS.replace(old, new, 1)) == [code]


def test_padding_after_a_boundary_is_allowed() -> None:
    """RFC 2046 allows whitespace after a boundary."""
    assert codes(TWO_PARTS.replace(b"--b\r\n", b"--b \t\r\n")) == []


def test_a_boundary_inside_a_line_is_text() -> None:
    """A boundary counts only at the start of a line."""
    assert len(mime.split(mime.Entity(TWO_PARTS.replace(b"one ", b"x--b"))).parts) == 2


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b"Content-Type: text/plain\r\nContent-Type: text/html\r\n", "content-type-repeated"),
        (b"Content-Type: text/plain\r\nContent-Type : text/html\r\n", "content-type-repeated"),
        (
            b"Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n",
            "transfer-encoding-repeated",
        ),
        (
            b"Content-Type: multipart/mixed\r\nContent-Transfer-Encoding: base64\r\n",
            "multipart-encoded",
        ),
        (b'Content-Type: text/plain; a="x\r\n', "content-type-malformed"),
        (b"Content-Type: text/plain; a=b c=d\r\n", "content-type-malformed"),
        (b"Content-Type: text\r\n", "content-type-malformed"),
        (b"Content-Type: text/plain (\r\n", "content-type-malformed"),
    ],
)
def test_ambiguous_headers_are_named(header: bytes, code: str) -> None:
    """A structure that can be read in two ways is reported as a named problem."""
    entity = mime.Entity(header + b"\r\n")
    assert [found.code for found in entity.ambiguities()] == [code]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b"From: a@b.c\r\nno field\r\n", "header-malformed"),
        (b" folded: first\r\nFrom: a@b.c\r\n", "header-malformed"),
        (b"From: a@b.c\nBcc: x\r\n", "header-bare-line-break"),
        (b"From: a@b.c\rBcc: x\r\n", "header-bare-line-break"),
    ],
)
def test_defective_headers_are_named(header: bytes, code: str) -> None:
    """A line that parsers treat differently is reported."""
    entity = mime.Entity(header + b"\r\n")
    assert [found.code for found in entity.header_defects()] == [code]


def test_fields_are_unfolded_and_keep_their_title() -> None:
    """A folded field has one value, and its name is kept as it was written."""
    [field] = mime.Entity(b"SUBject: a\r\n\tb\r\n\r\n").fields
    assert (field.name, field.title, field.value) == ("subject", "SUBject", b"a\tb")


def test_a_file_with_lf_travels_with_crlf() -> None:
    """A header with bare LF indicates a file; its lines are converted once."""
    assert mime.with_crlf(b"a:b\nc:d\n\nb\r\nc\n") == b"a:b\r\nc:d\r\n\r\nb\r\nc\r\n"
    mixed = b"a:b\nc:d\r\n\r\nbody\r\n"
    assert mime.with_crlf(mixed) == mixed


def test_a_message_with_crlf_is_left_alone() -> None:
    """A bare LF in a message that came over SMTP is left as it is."""
    assert mime.with_crlf(b"a\r\nb\nc\r\n") == b"a\r\nb\nc\r\n"


@pytest.mark.parametrize(
    ("value", "kind", "name", "expected"),
    [
        ("TEXT/Plain; Charset=UTF-8", "text/plain", "charset", "UTF-8"),
        (' a/b ; x="1;\\"2" ; y=3', "a/b", "x", '1;"2'),
        ("a/b (comment (nested)); x=1", "a/b", "x", "1"),
        ('a/b; x="(no comment)"', "a/b", "x", "(no comment)"),
        ("a/b;;x=1;", "a/b", "x", "1"),
    ],
)
def test_content_types(value: str, kind: str, name: str, expected: str) -> None:
    """Types are lowercased, values unquoted, and comments removed."""
    found = parse_content_type(value)
    assert (found.type, found[name], found.clean) == (kind, expected, True)


def test_file_name() -> None:
    """The file name of an attachment."""
    assert parse_filename('attachment; filename="smime.p7m"') == "smime.p7m"
    assert parse_filename("") is None


def test_agrees_with_the_email_package_on_a_plain_message() -> None:
    """If nothing is ambiguous, Python's parser sees the same parts."""
    parsed = email.message_from_bytes(TWO_PARTS)
    ours = [mime.Entity(part).body.strip() for part in mime.split(mime.Entity(TWO_PARTS)).parts]
    payload = parsed.get_payload()
    assert isinstance(payload, list)
    assert ours == [str(part.get_payload()).strip().encode() for part in payload]


@pytest.mark.parametrize("line", [b"--b", b"--bb", b"x--b", b"\r\n", b"-", b" "])
def test_large_bodies_take_linear_time(line: bytes) -> None:
    """Ten times as many megabytes of junk take about ten times as long, not a hundred times."""

    def walk(size: int) -> Callable[[], object]:
        head = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        raw = head + (line + b"\r\n") * (size // (len(line) + 2))
        return lambda: mime.split(mime.Entity(raw))

    assert growth(walk(1_000_000), walk(10_000_000)) < 40
