"""
The MIME structure of a message as ranges of its bytes (RFC 2045, RFC 2046).

Rules of this file: only header fields are copied, so that the bytes may be a mapped file of any size;
every scan is linear; no input raises.
"""

from __future__ import annotations

import mmap
import re
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import collapse_rfc2231_value
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

Bytes = bytes | mmap.mmap

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)")
_REST_OF_LINE = re.compile(rb"(--)?[ \t]*\r?(?:\n|\Z)")
_BLANK = re.compile(rb"\r?\n")
# More than any mail program makes. Each level is searched once more for boundaries, so that depth times size is the cost.
_DEEPEST = 32
_MOST_FIELDS = 1000
LONGEST_FIELD = 65_536
_FORWARDED = ("message/rfc822", "message/global")


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedField:
    """One header field: *value* is unfolded and decoded (RFC 2047), *raw* is unchanged."""

    name: str
    value: str
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """
    What the fields of a part say about its body.

    *name*, *charset* and *content_id* are as the sender wrote them.
    *parameters* are those of Content-Type, with names in lower case.
    """

    content_type: str
    parameters: tuple[tuple[str, str], ...]
    charset: str | None
    encoding: str
    disposition: str | None
    name: str | None
    content_id: str | None
    boundary: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """
    One part of a message, even a multipart one; the message itself is the first.

    *number* is its place as IMAP counts ("2.1"), "" for the message itself.
    *parent* is the index of the part around it, None for the message itself.
    *start* and *end* delimit its body.
    *forwarded* says whether it belongs to a message that is inside this one.
    *complaint* is the code of the problem with its structure, or None.
    """

    number: str
    depth: int
    parent: int | None
    forwarded: bool
    fields: tuple[DecodedField, ...]
    said: Description
    start: int
    end: int
    complaint: str | None = None

    @property
    def multipart(self) -> bool:
        return self.said.content_type.startswith("multipart/")

    @property
    def is_message(self) -> bool:
        """Whether it is a whole message, such as a forwarded one."""
        return self.said.content_type in _FORWARDED

    @property
    def size(self) -> int:
        """The bytes it takes in the message, still encoded."""
        return self.end - self.start


def parts_of(data: Bytes) -> list[Part]:
    """The message and all its parts, from the outside in, in their order."""
    found: list[Part] = []
    _walk(data, _Range(start=0, end=len(data), number="", depth=0), found)
    return found


class _Range(NamedTuple):
    """Where a part is, before its header has been read; *default* is its type if it declares none."""

    start: int
    end: int
    number: str
    depth: int
    parent: int | None = None
    forwarded: bool = False
    default: str = "text/plain"


def _walk(data: Bytes, where: _Range, found: list[Part]) -> None:
    fields, body = _fields(data, where.start, where.end)
    said = _description(_describing(fields), where.default)
    ranges: list[tuple[int, int]] = []
    complaint = None
    if said.content_type.startswith("multipart/"):
        ranges, complaint = _split(data, body, where.end, said.boundary)
    elif said.content_type in _FORWARDED:
        ranges = [(body, where.end)]
    if ranges and where.depth >= _DEEPEST:
        ranges, complaint = [], "nested-too-deeply"
    part = Part(
        number=where.number,
        depth=where.depth,
        parent=where.parent,
        forwarded=where.forwarded,
        fields=fields,
        said=said,
        start=body,
        end=where.end,
        complaint=complaint,
    )
    place = len(found)
    found.append(part)
    # RFC 2046, section 5.1.5
    default = "message/rfc822" if said.content_type == "multipart/digest" else "text/plain"
    for count, (first, last) in enumerate(ranges, 1):
        inner = _Range(
            start=first,
            end=last,
            number=f"{where.number}.{count}" if where.number else str(count),
            depth=where.depth + 1,
            parent=place,
            forwarded=where.forwarded or part.is_message,
            default=default,
        )
        _walk(data, inner, found)


def _fields(data: Bytes, start: int, end: int) -> tuple[tuple[DecodedField, ...], int]:
    """The header fields, and where the body begins."""
    found: list[DecodedField] = []
    at = start
    while match := _FIELD.match(data, at, end):
        if len(found) < _MOST_FIELDS:
            found.append(_field(match))
        at = match.end()
    blank = _BLANK.match(data, at, end)
    return tuple(found), blank.end() if blank else at


def _field(match: re.Match[bytes]) -> DecodedField:
    first, last = match.span(2)
    raw = match.string[first : min(last, first + LONGEST_FIELD)]
    return DecodedField(name=match[1].decode("ascii"), value=decoded_words(unfolded(raw)), raw=raw)


def unfolded(raw: bytes) -> str:
    """The value of a field as one line of text; bytes that are not UTF-8 are shown by their numbers."""
    text = raw.decode("utf-8", "backslashreplace")
    return text.replace("\r\n", "").replace("\n", "").strip()


def decoded_words(text: str) -> str:
    """The text with its encoded words (RFC 2047) decoded, or unchanged if they are malformed."""
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, ValueError):
        return text


def _describing(fields: tuple[DecodedField, ...]) -> tuple[tuple[str, bytes], ...]:
    """The first field of each name that describes a body, undecoded."""
    found: dict[str, bytes] = {}
    for field in fields:
        name = field.name.lower()
        if name.startswith("content-"):
            found.setdefault(name, field.raw)
    return tuple(found.items())


# Most parts of a run's mail have the same few descriptions.
@lru_cache(maxsize=256)
def _description(fields: tuple[tuple[str, bytes], ...], default: str) -> Description:
    """The description that these fields give, as read by the standard library: it supports RFC 2231."""
    typed = Message()
    typed.set_default_type(default)
    for name, raw in fields:
        typed[name] = raw.decode("utf-8", "replace").replace("\r", "").replace("\n", "")
    return Description(
        content_type=typed.get_content_type(),
        parameters=_parameters(typed),
        charset=_charset(typed),
        encoding=str(typed.get("content-transfer-encoding", "7bit")).strip().lower(),
        disposition=_disposition(typed),
        name=_name(typed),
        content_id=_content_id(typed),
        boundary=_boundary(typed) if typed.get_content_maintype() == "multipart" else b"",
    )


def _parameters(typed: Message) -> tuple[tuple[str, str], ...]:
    try:
        given = typed.get_params(failobj=[])[1:]
        return tuple((name.lower(), collapse_rfc2231_value(value)) for name, value in given)
    except Exception:  # the standard library's RFC 2231 decoder raises many things
        return ()


def _boundary(typed: Message) -> bytes:
    try:
        return (typed.get_boundary() or "").encode("utf-8", "replace")
    except Exception:  # as above
        return b""


def _charset(typed: Message) -> str | None:
    if "charset" not in str(typed.get("content-type", "")).lower():
        return None
    try:
        return typed.get_content_charset()
    except Exception:  # as above
        return None


def _disposition(typed: Message) -> str | None:
    try:
        return typed.get_content_disposition()
    except Exception:  # as above
        return None


def _name(typed: Message) -> str | None:
    if not any("name" in str(value).lower() for value in typed.values()):
        return None
    try:
        name = typed.get_filename()
    except Exception:  # as above
        return None
    return None if name is None else decoded_words(str(name))


def _content_id(typed: Message) -> str | None:
    value = typed.get("content-id")
    return None if value is None else str(value).strip().removeprefix("<").removesuffix(">")


def _split(
    data: Bytes, start: int, end: int, boundary: bytes
) -> tuple[list[tuple[int, int]], str | None]:
    """The ranges between the boundaries, and what is wrong with them."""
    if not boundary:
        return [], "boundary-missing"
    ranges: list[tuple[int, int]] = []
    opened: int | None = None
    for delimiter, after, last in _delimiters(data, start, end, b"--" + boundary):
        if opened is not None:
            ranges.append((opened, max(opened, _before_newline(data, delimiter))))
        if last:
            return ranges, None
        opened = after
    if opened is None:
        return [], "boundary-missing"
    return [*ranges, (opened, end)], "boundary-unclosed"


def _delimiters(
    data: Bytes, start: int, end: int, delimiter: bytes
) -> Iterator[tuple[int, int, bool]]:
    """Where each boundary line begins and ends, and whether it is the last."""
    # Found as bytes: a pattern would be compiled for each message, which would take longer than all the rest.
    at = start
    while (found := data.find(delimiter, at, end)) >= 0:
        at = found + len(delimiter)
        rest = _REST_OF_LINE.match(data, at, end)
        if rest is not None and data[found - 1 : found] in (b"\n", b""):
            at = rest.end()
            yield found, at, rest[1] is not None


def _before_newline(data: Bytes, at: int) -> int:
    return at - 2 if data[at - 2 : at] == b"\r\n" else at - 1
