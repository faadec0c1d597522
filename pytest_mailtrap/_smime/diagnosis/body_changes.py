"""
Undoes what can happen to the lines of a signed part.

The rules are those of `_smime.diagnosis.header_changes`: CRLF in, guesses out, the most frequent ones first.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import quopri
import re
from typing import TYPE_CHECKING

from pytest_mailtrap._smime.diagnosis.header_changes import Original, fields_of, header_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_BARE_LF = re.compile(rb"(?<!\r)\n")
_LONE_CR = re.compile(rb"\r(?!\n)")
_FROM = re.compile(rb"^>(>*From )", re.M)
_DOTS = re.compile(rb"^\.\.", re.M)
_TRAILING = re.compile(rb"[ \t]+(?=\r\n)|[ \t]+\Z")
_BASE64_BLOCK = re.compile(
    rb"(?:^[A-Za-z0-9+/]{4,}={0,2}\r\n)*^[A-Za-z0-9+/]{2,}={0,2}(?:\r\n|\Z)", re.M
)
_ENCODING = re.compile(rb"(?i)\Acontent-transfer-encoding:\s*([\w-]+)")

# The most lines for which every pair, and for which every combination, is tried as having lost its spaces.
_MOST_FOR_TWO, _MOST_FOR_ALL = 60, 9
_MOST_LINES = 2000
_MOST_BANNER_LINES = 30


def canonical(part: bytes) -> bytes:
    """The part with CRLF line endings, as RFC 8551 section 3.1.1 signs it."""
    if part.count(b"\n") == part.count(b"\r\n"):
        return part
    return _BARE_LF.sub(b"\r\n", part)


def line_ends(part: bytes) -> Iterator[Original]:
    """The signature was made over line endings other than those that arrived."""
    if b"\r\r\n" in part:
        single = re.sub(rb"\r+\n", b"\r\n", part)
        at = _first_line(re.compile(rb"\r\r\n"), part)
        yield Original(single, "cr-cr-lf", at)
        yield Original(single.replace(b"\r\n", b"\n"), "cr-cr-lf", at)
    if b"\r\n" in part:
        yield Original(part.replace(b"\r\n", b"\n"), "signed-with-lf")
    if (text := canonical(part)) != part:
        yield Original(text, "sent-with-lf", _first_line(_BARE_LF, part))
    if text.count(b"\r") > text.count(b"\r\n"):
        yield Original(_LONE_CR.sub(b"\r\n", text), "lone-cr", _first_line(_LONE_CR, text))


def mixed_line_ends(part: bytes) -> Iterator[Original]:
    """Line endings outside any standard: doubled CRs, or the header and the body treated differently."""
    yield Original(part.replace(b"\r\n", b"\r\r\n"), "signed-with-cr-cr-lf")
    header, blank, body = part.partition(b"\r\n\r\n")
    if blank:
        yield Original(header + blank + body.replace(b"\r\n", b"\n"), "signed-with-lf")
        yield Original((header + blank).replace(b"\r\n", b"\n") + body, "signed-with-lf")


def ends(part: bytes) -> Iterator[Original]:
    """Blank lines at the end, lost or added."""
    last = part.count(b"\r\n") + 1
    for more in (b"\r\n", b"\r\n\r\n", b"\r\n\r\n\r\n", b"\n"):
        yield Original(part + more, "blank-line-lost", last)
    less = part
    while less.endswith(b"\r\n") and last - less.count(b"\r\n") < 5:
        less = less[:-2]
        yield Original(less, "blank-line-added", less.count(b"\r\n") + 1)
    yield Original(part.strip(), "blank-line-added", last)
    yield Original(part.lstrip(), "blank-line-added", 1)
    yield Original(b"\r\n" + part, "blank-line-lost", 1)


def mbox_quoting(part: bytes) -> Iterator[Original]:
    """Lines that begin with From, quoted as in an mbox file, or unquoted."""
    if _FROM.search(part):
        yield Original(_FROM.sub(rb"\1", part), "from-quoted", _first_line(_FROM, part))
    plain = re.compile(rb"^From ", re.M)
    if plain.search(part):
        yield Original(plain.sub(b">From ", part), "from-unquoted", _first_line(plain, part))


def dot_stuffing(part: bytes) -> Iterator[Original]:
    """Dots that SMTP doubled and that were not removed (RFC 5321 section 4.5.2)."""
    if _DOTS.search(part):
        yield Original(_DOTS.sub(b".", part), "dot-stuffing", _first_line(_DOTS, part))
    single = re.compile(rb"^\.(?!\.)", re.M)
    if single.search(part):
        yield Original(single.sub(b"..", part), "dot-lost", _first_line(single, part))


def blanks(part: bytes) -> Iterator[Original]:
    """Trailing spaces and tabs, changed on all lines alike."""
    if _TRAILING.search(part):
        at = _first_line(_TRAILING, part)
        yield Original(_TRAILING.sub(b"", part), "trailing-blanks-added", at)
    dashes = re.compile(rb"^--(?=\r\n)", re.M)
    if dashes.search(part):
        restored = dashes.sub(b"-- ", part)
        yield Original(restored, "trailing-blanks-stripped", _first_line(dashes, part))
    if b"\t" in part:
        for width in (8, 4):
            spaced = b"\r\n".join(line.expandtabs(width) for line in part.split(b"\r\n"))
            yield Original(spaced, "tabs", part[: part.index(b"\t")].count(b"\r\n") + 1)
    for run in (b"        ", b"    "):
        if run in part:
            at = part[: part.index(run)].count(b"\r\n") + 1
            yield Original(part.replace(run, b"\t"), "tabs", at)
    if b"\xc2\xa0" in part:
        yield Original(part.replace(b"\xc2\xa0", b" "), "tabs")


def each_line(part: bytes) -> Iterator[Original]:
    """One line that lost or gained spaces, a dot or a >, or that was inserted."""
    lines = part.split(b"\r\n")
    if len(lines) > _MOST_LINES:
        return
    position = 0
    for number, line in enumerate(lines, 1):
        before, after = part[:position], part[position + len(line) :]
        for more in (b" ", b"  ", b"\t"):
            yield Original(before + line + more + after, "trailing-blanks-stripped", number)
        if line != (short := line.rstrip(b" \t")):
            yield Original(before + short + after, "trailing-blanks-added", number)
        yield Original(before + b"." + line + after, "dot-lost", number)
        if line.startswith((b">From ", b"..")):
            code = "from-quoted" if line.startswith(b">") else "dot-stuffing"
            yield Original(before + line[1:] + after, code, number)
        yield Original(before + after.removeprefix(b"\r\n"), "line-added", number)
        if after:
            yield Original(before + line + b"\r" + after.removeprefix(b"\r\n"), "lone-cr", number)
        yield Original(before + b"\r\n" + line + after, "blank-line-lost", number)
        position += len(line) + 2


def several_blanks(part: bytes) -> Iterator[Original]:
    """Spaces stripped from the ends of several lines: soft breaks (RFC 3676), or some lines if there are few."""
    _, end = header_blocks(part)[0]
    lines = part[end:].split(b"\r\n")
    soft = [at for at, line in enumerate(lines[:-1]) if line and lines[at + 1]]
    yield _with_blanks(part[:end], lines, soft)
    some = range(1, len(lines) - 1)
    for count, most in ((2, _MOST_FOR_TWO), *((n, _MOST_FOR_ALL) for n in range(3, len(some) + 1))):
        if len(some) > most:
            break
        for places in itertools.combinations(some, count):
            yield _with_blanks(part[:end], lines, places)


def _with_blanks(head: bytes, lines: list[bytes], places: Sequence[int]) -> Original:
    lines = list(lines)
    for at in places:
        lines[at] += b" "
    line = head.count(b"\r\n") + places[0] + 1 if places else None
    return Original(head + b"\r\n".join(lines), "trailing-blanks-stripped", line)


def banners(part: bytes) -> Iterator[Original]:
    """Lines inserted at the top or at the end of one of the inner bodies."""
    blocks = header_blocks(part)
    bounds = [start for start, _ in blocks[1:]] + [len(part)]
    for (_, end), bound in zip(blocks[:20], bounds, strict=False):
        start = end + 2 if part.startswith(b"\r\n", end) else end
        # The next delimiter line, and the CRLF that belongs to it, are not part of this body.
        stop = bound if bound == len(part) else max(part.rfind(b"\r\n--", start, bound), start)
        top = part.count(b"\r\n", 0, start) + 1
        at = start
        for _ in range(_MOST_BANNER_LINES):
            if (found := part.find(b"\r\n", at, stop)) < 0:
                break
            at = found + 2
            yield Original(part[:start] + part[at:], "banner-added", top)
        yield from _footers(part, start, stop)


def _footers(part: bytes, start: int, stop: int) -> Iterator[Original]:
    at = stop
    for _ in range(_MOST_BANNER_LINES * 2):
        if (at := part.rfind(b"\r\n", start, at)) < 0:
            return
        line = part.count(b"\r\n", 0, at) + 2
        yield Original(part[:at] + part[stop:], "footer-added", line)
        yield Original(part[: at + 2] + part[stop:], "footer-added", line)


def rewrapped(part: bytes) -> Iterator[Original]:
    """Base64 with lines of a length other than what was signed (RFC 2045 section 6.8)."""
    blocks = [found for found in _BASE64_BLOCK.finditer(part) if len(found[0]) > 60][:50]
    if not blocks:
        return
    at = part.count(b"\r\n", 0, blocks[0].start()) + 1
    for width in (76, 64, 72, 60, 70, 75, 78, 998, 0):
        for final in (None, b"\r\n", b""):
            pieces, position = [], 0
            for found in blocks:
                pieces += [part[position : found.start()], _wrapped(found[0], width, final)]
                position = found.end()
            yield Original(b"".join(pieces) + part[position:], "base64-rewrapped", at)


def _wrapped(block: bytes, width: int, final: bytes | None) -> bytes:
    text = block.replace(b"\r\n", b"")
    if final is None:
        final = b"\r\n" if block.endswith(b"\r\n") else b""
    width = width or len(text)
    return b"\r\n".join(text[i : i + width] for i in range(0, len(text), width)) + final


def re_encoded(part: bytes) -> Iterator[Original]:
    """A body whose transfer encoding changed in transit, with the field that names it."""
    for index, (start, end) in enumerate(header_blocks(part)[:20]):
        body_at = end + 2 if part.startswith(b"\r\n", end) else end
        found = re.compile(rb"\r\n--").search(part, body_at) if index else None
        stop = found.start() if found else len(part)
        fields = fields_of(part[start:end])
        encodings = [match[1].lower() for field in fields if (match := _ENCODING.match(field))]
        for name, body in _other_encodings((encodings or [b"7bit"])[0], part[body_at:stop]):
            for header in _headers_with_encoding(fields, name):
                section = b"".join(field + b"\r\n" for field in header)
                content = part[:start] + section + b"\r\n" + body + part[stop:]
                yield Original(content, "re-encoded", part.count(b"\r\n", 0, body_at) + 1)


def _other_encodings(now: bytes, body: bytes) -> Iterator[tuple[bytes, bytes]]:
    if now in (b"base64", b"quoted-printable"):
        decode: Callable[[bytes], bytes]
        decode = base64.b64decode if now == b"base64" else quopri.decodestring
        try:
            text = canonical(decode(body))
        except (binascii.Error, ValueError):
            return
        for name in (b"8bit", b"7bit", b"binary"):
            for plain in (
                text,
                text.removesuffix(b"\r\n"),
                text + b"\r\n",
                _FROM.sub(rb"\1", text),
            ):
                yield name, plain
    else:
        text = body
    if now != b"quoted-printable":
        lf = text.replace(b"\r\n", b"\n")
        encoded = quopri.encodestring(lf).replace(b"\n", b"\r\n")
        yield b"quoted-printable", encoded
        # The email package writes hexadecimal digits in upper or lower case, depending on the version.
        yield b"quoted-printable", re.sub(rb"=[0-9A-F]{2}", lambda at: at[0].lower(), encoded)
    if now != b"base64":
        for plain in (text, text.replace(b"\r\n", b"\n")):
            yield b"base64", base64.encodebytes(plain).replace(b"\n", b"\r\n")


def _headers_with_encoding(fields: list[bytes], name: bytes) -> Iterator[list[bytes]]:
    """The fields with a different transfer encoding: in its old place, in every other place, in none."""
    rest = [field for field in fields if not _ENCODING.match(field)]
    unquoted = [re.sub(rb'(?i)charset="([\w.-]+)"', rb"charset=\1", field) for field in rest]
    for base in [rest] if rest == unquoted else [rest, unquoted]:
        for at in range(len(base) + 1):
            yield [*base[:at], b"Content-Transfer-Encoding: " + name, *base[at:]]
        yield base


def _first_line(pattern: re.Pattern[bytes], part: bytes) -> int | None:
    found = pattern.search(part)
    return part.count(b"\n", 0, found.start()) + 1 if found else None
