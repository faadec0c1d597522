"""
Reads MIME and never re-serializes it: entities and parts are spans of what was received.

If two parsers could see two messages, it says so instead of choosing:
a signature must not cover one reading while the user is shown the other.
"""

from __future__ import annotations

import binascii
import quopri
import re
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from pytest_mailtrap._mime.content_type import (
    PLAIN,
    ContentType,
    parse_content_type,
    parse_filename,
)
from pytest_mailtrap._mime.defects import Defect

MAX_PARTS = 1000
MAX_HEADER_BYTES = 1_000_000
MAX_FIELDS = 5000

_IDENTITY_ENCODINGS = frozenset({"7bit", "8bit", "binary"})
_FIELD_NAME = re.compile(rb"[!-9;-~]+[ \t]*")
_LF_HEADER = re.compile(rb"[^\r\n]*\n(?:[^\n]+\n)*")
_BARE_BREAK = re.compile(rb"\r(?!\n)|(?<!\r)\n")
# Some decoders skip what follows the padding, others decode it.
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=\s]|=\s*[^=\s]")


@dataclass(frozen=True, slots=True)
class Field:
    """One header field; *value* is unfolded, *name* in lower case, *title* as written."""

    name: str
    title: str
    value: bytes


def unfold(raw: bytes) -> bytes:
    return re.sub(rb"\r\n(?=[ \t])", b"", raw)


def text(value: bytes) -> str:
    """A header value as text; bytes that are not UTF-8 are kept as surrogates."""
    return value.decode("utf-8", "surrogateescape")


def with_crlf(raw: bytes) -> bytes:
    """
    A message stored in a file, with the line endings that SMTP uses; any other message unchanged.

    A file is recognized by a header whose lines all end in LF alone; tools such as `openssl cms` write files
    whose signed part has CRLF already.
    """
    header = _LF_HEADER.match(raw)
    if header is None or b"\r\n" in header[0]:
        return raw
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


class Entity:
    """One MIME entity: the span of its header and of its body in *raw*."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.header_end, self.body_start = _header_span(raw)
        self.fields, self.malformed = _fields(raw[: self.header_end])

    @property
    def body(self) -> bytes:
        return self.raw[self.body_start :]

    def all(self, name: str) -> list[bytes]:
        """The values of all fields called *name*, which is in lower case."""
        return [field.value for field in self.fields if field.name == name]

    @cached_property
    def content_type(self) -> ContentType:
        values = self.all("content-type")
        return parse_content_type(text(values[0])) if values else PLAIN

    @cached_property
    def encoding(self) -> str:
        values = self.all("content-transfer-encoding")
        return text(values[0]).strip().lower() if values else "7bit"

    @property
    def filename(self) -> str | None:
        """The file name, from Content-Disposition or Content-Type."""
        for value in self.all("content-disposition"):
            if name := parse_filename(text(value)):
                return name
        return self.content_type["name"]

    @property
    def is_multipart(self) -> bool:
        return self.content_type.type.startswith("multipart/")

    def header_defects(self) -> list[Defect]:
        """What makes parsers disagree about the fields."""
        found = []
        if self.malformed:
            found.append(Defect("header-malformed"))
        if _BARE_BREAK.search(self.raw, 0, self.header_end):
            found.append(Defect("header-bare-line-break"))
        return found

    def ambiguities(self) -> list[Defect]:
        """What makes parsers disagree about the structure."""
        found = []
        if len(self.all("content-type")) > 1:
            found.append(Defect("content-type-repeated"))
        if len(self.all("content-transfer-encoding")) > 1:
            found.append(Defect("transfer-encoding-repeated"))
        if self.is_multipart and self.encoding not in _IDENTITY_ENCODINGS:
            found.append(Defect("multipart-encoded"))
        if not self.content_type.clean or self.content_type.ambiguous("protocol"):
            found.append(Defect("content-type-malformed"))
        return found

    def decoded(self) -> tuple[bytes, list[Defect], list[Defect]]:
        """The body without its transfer encoding, with defects and warnings."""
        if self.encoding in _IDENTITY_ENCODINGS:
            return self.body, [], []
        if self.encoding == "quoted-printable":
            return quopri.decodestring(self.body), [], []
        if self.encoding != "base64":
            return b"", [Defect("transfer-encoding-unknown", ascii(self.encoding))], []
        return _base64(self.body)


def _base64(body: bytes) -> tuple[bytes, list[Defect], list[Defect]]:
    warnings = [Defect("base64-foreign")] if _NOT_BASE64.search(body) else []
    try:
        return binascii.a2b_base64(body), [], warnings
    except binascii.Error:
        return b"", [Defect("base64-malformed")], warnings


def _header_span(raw: bytes) -> tuple[int, int]:
    """Where the header ends, and where the body starts."""
    if raw.startswith(b"\r\n"):
        return 0, 2
    end = raw.find(b"\r\n\r\n", 0, MAX_HEADER_BYTES)
    if end < 0:
        end = min(len(raw), MAX_HEADER_BYTES)
        return end, end
    return end + 2, end + 4


def _fields(header: bytes) -> tuple[tuple[Field, ...], bool]:
    """The fields, and whether a line does not belong to any of them."""
    lines = header.split(b"\r\n")
    malformed = header[:1] in (b" ", b"\t") or len(lines) > MAX_FIELDS
    # A truncated header may continue with a second From.
    malformed |= len(header) >= MAX_HEADER_BYTES
    fields = []
    for line in unfold(header).split(b"\r\n")[:MAX_FIELDS]:
        name, colon, value = line.partition(b":")
        if colon and _FIELD_NAME.fullmatch(name):
            title = name.strip().decode("ascii")
            fields.append(Field(title.lower(), title, value.strip(b" \t")))
        elif line:
            malformed = True
    return tuple(fields), malformed


@dataclass(frozen=True, slots=True)
class Parts:
    """
    The parts of a multipart, as exact bytes.

    *outside* is whether there is text before the first or after the last boundary.
    """

    parts: tuple[bytes, ...]
    defects: tuple[Defect, ...]
    outside: bool = False


def split(entity: Entity) -> Parts:
    """Split a multipart, or say why there is more than one way to do so."""
    boundary = entity.content_type["boundary"]
    if entity.content_type.ambiguous("boundary"):
        return Parts((), (Defect("boundary-ambiguous", "the parameter is repeated or split"),))
    if not boundary or boundary != boundary.strip() or not boundary.isascii():
        return Parts((), (Defect("boundary-missing"),))
    delimiters, found = _delimiters(entity.raw, entity.body_start, b"--" + boundary.encode())
    return _parts(entity, delimiters, found)


@dataclass(frozen=True, slots=True)
class _Delimiter:
    """A delimiter line: where the line break before it and the line after it begin."""

    before: int
    after: int
    closes: bool


def _delimiters(raw: bytes, start: int, mark: bytes) -> tuple[list[_Delimiter], list[Defect]]:
    line = re.compile(rb"(--)?[ \t]*(?:\r\n|\Z)")
    found: list[_Delimiter] = []
    at = raw.find(mark, start)
    while at >= 0:
        if at == start or raw[at - 1 : at] in (b"\r", b"\n"):
            rest = line.match(raw, at + len(mark))
            clean = at == start or raw[at - 2 : at] == b"\r\n"
            if not clean or rest is None:
                note = "a line merely starts with it" if clean else "a bare line break before it"
                return found, [Defect("boundary-ambiguous", note)]
            before = max(at - 2, start)
            found.append(_Delimiter(before, rest.end(), bool(rest[1])))
            if len(found) > MAX_PARTS:
                return found, [Defect("too-many-parts")]
        at = raw.find(mark, at + len(mark))
    return found, []


def _parts(entity: Entity, delimiters: list[_Delimiter], defects: list[Defect]) -> Parts:
    closing = next((i for i, line in enumerate(delimiters) if line.closes), None)
    inner = delimiters if closing is None else delimiters[: closing + 1]
    if not defects and closing is None:
        defects = [Defect("multipart-unclosed")]
    elif not defects and len(inner) < len(delimiters):
        defects = [Defect("boundary-ambiguous", "it continues after its closing boundary")]
    parts = tuple(
        entity.raw[one.after : max(one.after, two.before)] for one, two in pairwise(inner)
    )
    ends = (inner[0].before, inner[-1].after) if inner else (len(entity.raw),) * 2
    outside = entity.raw[entity.body_start : ends[0]] + entity.raw[ends[1] :]
    return Parts(parts, tuple(defects), outside=bool(outside.strip()))
