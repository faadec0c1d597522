"""
Undoes what can happen to the header fields of a signed part.

Rules of this file:

- Every function takes a part with CRLF line endings and yields what may have been signed.
- A reconstruction is a guess; only a digest that matches makes it a finding.
- Guesses are ordered by how often the accident happens, since the budget may run out at any of them.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, NamedTuple

from pytest_mailtrap._smime.diagnosis import header_rewrites as rewrites

if TYPE_CHECKING:
    from collections.abc import Iterator


class Original(NamedTuple):
    """What may have been signed, the accident that would explain it, and where it shows."""

    content: bytes
    code: str
    line: int | None = None
    name: str = ""


_BOUNDARY = re.compile(rb'boundary="?([^"\r\n;]{1,70})', re.IGNORECASE)
_FIELD_END = re.compile(rb"\r\n(?![ \t])")

# The email package's parser is slow on long fields, and signed ones are never this long.
_LONGEST_FIELD = 2048
_MOST_FIELDS = 40
_DEEPEST = 5
# If each field is tried in dozens of forms, some of the budget must remain for other accidents.
_FEW_BLOCKS = 10

_ADDED_BY_HABIT = (
    b"MIME-Version: 1.0",
    b"Mime-Version: 1.0",
    b"Content-Transfer-Encoding: 7bit",
    b"Content-Transfer-Encoding: 8bit",
    b"Content-Transfer-Encoding: quoted-printable",
    b"Content-Transfer-Encoding: base64",
    b"Content-Disposition: inline",
    b"Content-Type: text/plain",
)


# Each undoes an accident; the code names the accident.
_REFOLDINGS: tuple[tuple[str, tuple[rewrites.Rewrite, ...]], ...] = (
    (
        "header-refolded",
        (
            rewrites.fold_long_default,
            rewrites.fold_long_parameters,
            rewrites.fold_long_compat32,
            rewrites.fold_default,
            rewrites.fold_compat32,
            rewrites.fold_long_parameters_tab,
            rewrites.fold_parameters,
            rewrites.fold_parameters_tab,
        ),
    ),
    ("header-folded", (rewrites.unfold, rewrites.unfold_to_one_blank)),
    (
        "header-blanks",
        (
            rewrites.no_blank_before_fold,
            rewrites.blank_before_fold,
            rewrites.blank_at_end,
            rewrites.no_blank_after_colon,
            rewrites.two_blanks_after_colon,
            rewrites.fold_after_colon,
            rewrites.fold_after_colon_and_blank,
        ),
    ),
    ("header-tabs", (rewrites.tab_folds, rewrites.blank_folds, rewrites.eight_blanks_folds)),
)

_CASES = (
    rewrites.title_case,
    rewrites.lower_case,
    rewrites.mime_version_case,
    rewrites.content_type_case,
)
_SPELLINGS = (
    rewrites.unquote,
    rewrites.quote,
    rewrites.upper_charset,
    rewrites.lower_charset,
    rewrites.tight,
    rewrites.loose,
)
# What the email package does to Content-Type when it sets a charset: two changes at once.
_TOGETHER = (
    (rewrites.unquote, rewrites.upper_charset),
    (rewrites.unquote, rewrites.tight),
    (rewrites.upper_charset, rewrites.tight),
)


def header_blocks(part: bytes) -> list[tuple[int, int]]:
    """Where the header sections are: the part's own, then those of its sub-parts."""
    blocks = [(0, _end_of_header(part, 0))]
    known: set[bytes] = set()
    # Each round finds the delimiters announced by the header sections of the previous round.
    for _ in range(_DEEPEST):
        found = {mark for start, end in blocks for mark in _BOUNDARY.findall(part, start, end)}
        if found <= known:
            break
        known |= found
        marks = b"|".join(sorted(re.escape(mark.rstrip()) for mark in known))
        delimiter = re.compile(rb"^--(?:" + marks + rb")[ \t]*\r\n", re.M)
        sections = itertools.islice(delimiter.finditer(part), 200)
        blocks = blocks[:1] + [(at.end(), _end_of_header(part, at.end())) for at in sections]
    return blocks


def _end_of_header(part: bytes, start: int) -> int:
    """Where the last field's line ends; *start* itself if there is no field."""
    if part.startswith(b"\r\n", start):
        return start
    found = part.find(b"\r\n\r\n", start)
    return len(part) if found < 0 else found + 2


def fields_of(section: bytes) -> list[bytes]:
    """The fields of a header section, each with its folds and without its last line ending."""
    return [field for field in _FIELD_END.split(section) if field]


def refolded(part: bytes) -> Iterator[Original]:
    """Undo what the email package and others do to header fields that they pass on."""
    blocks = header_blocks(part)
    for scope in (blocks, blocks[:1]) if len(blocks) > 1 else (blocks,):
        for code, rewritings in _REFOLDINGS:
            for rewrite in rewritings:
                yield from _rewritten(part, rewrite, code, scope)


def each_field_blanks(part: bytes) -> Iterator[Original]:
    """The same accidents if they happened to only one field."""
    yield from _one_field_rewritten(part, rewrites.fold_default, "header-refolded")
    for rewrite in (
        rewrites.no_blank_after_colon,
        rewrites.two_blanks_after_colon,
        rewrites.fold_after_colon,
        rewrites.fold_after_colon_and_blank,
        rewrites.blank_at_end,
    ):
        yield from _one_field_rewritten(part, rewrite, "header-blanks")


def folded_elsewhere(part: bytes) -> Iterator[Original]:
    """Refold one field at any of its spaces: signers fold where they like."""
    for start, end in header_blocks(part)[:_FEW_BLOCKS]:
        position = start
        for field in fields_of(part[start:end])[:_MOST_FIELDS]:
            line = part.count(b"\r\n", 0, position) + 1
            behind = position + len(field)
            for new in rewrites.foldings(field) if len(field) <= _LONGEST_FIELD else ():
                content = part[:position] + new + part[behind:]
                yield Original(content, "header-refolded", line, _name(field))
            position = behind + 2


def reworded(part: bytes) -> Iterator[Original]:
    """Undo changes of case, of quotes, and of the charset's spelling."""
    blocks = header_blocks(part)
    for rewrite in _CASES:
        yield from _rewritten(part, rewrite, "header-case", blocks)
    for rewrite in _SPELLINGS:
        yield from _rewritten(part, rewrite, "header-parameters", blocks)
        yield from _one_field_rewritten(part, rewrite, "header-parameters")
    for first, second in _TOGETHER:
        for half in _rewritten(part, first, "header-parameters", blocks[:1]):
            own = [(0, _end_of_header(half.content, 0))]
            yield from _rewritten(half.content, second, "header-parameters", own)


def added(part: bytes) -> Iterator[Original]:
    """Remove the fields that may have been added after signing, one and two at a time."""
    end, fields = _own_fields(part)
    for count in (1, 2):
        for out in itertools.combinations(range(len(fields)), count):
            kept = [field for at, field in enumerate(fields) if at not in out]
            names = " and ".join(_name(fields[at]) for at in out)
            yield Original(
                _with_fields(kept, part[end:]), "header-added", _line_of(fields, out[0]), names
            )


def removed(part: bytes) -> Iterator[Original]:
    """Put back the fields that programs add and relays remove."""
    end, fields = _own_fields(part)
    for extra in _ADDED_BY_HABIT:
        for at in range(len(fields) + 1):
            restored = [*fields[:at], extra, *fields[at:]]
            yield Original(_with_fields(restored, part[end:]), "header-removed", None, _name(extra))


def reordered(part: bytes) -> Iterator[Original]:
    """Move every field to every place, then try all orders of a short header."""
    end, fields = _own_fields(part)
    for at, field in enumerate(fields):
        rest = fields[:at] + fields[at + 1 :]
        for to in range(len(fields)):
            moved = [*rest[:to], field, *rest[to:]]
            yield Original(
                _with_fields(moved, part[end:]), "header-order", _line_of(fields, at), _name(field)
            )
    if len(fields) <= 5:
        for order in itertools.permutations(fields):
            yield Original(_with_fields(list(order), part[end:]), "header-order")


def unsigned_headers(part: bytes) -> Iterator[Original]:
    """Only the body was signed."""
    yield Original(_body(part), "headers-not-signed", 1)


def otherwise_unsigned_headers(part: bytes) -> Iterator[Original]:
    """Only the body was signed, and its ends or a bare text/plain header with it."""
    body = _body(part)
    for content in (
        body.rstrip(b"\r\n"),
        body + b"\r\n",
        b"\r\n" + body,
        b"Content-Type: text/plain\r\n\r\n" + body,
        b"Content-Type: text/plain\r\n\r\n" + part,
    ):
        yield Original(content, "headers-not-signed", 1)


def _body(part: bytes) -> bytes:
    return part[_end_of_header(part, 0) :].removeprefix(b"\r\n")


def moved_out(part: bytes, message: bytes) -> Iterator[Original]:
    """Fields that were signed in the part and then moved to the message around it."""
    end, inner = _own_fields(part)
    outer = fields_of(message[: _end_of_header(message, 0)])[:_MOST_FIELDS]
    outer = [field for field in outer if not field.lower().startswith((b"content-", b"received:"))]
    known = [
        f for f in outer if not f.lower().startswith((b"mime-version", b"message-id", b"date:"))
    ]
    signed_first = [field for field in outer if not field.lower().startswith(b"mime-version")]
    for extra in filter(None, (outer, signed_first, known)):
        for restored in (extra + inner, inner + extra):
            yield Original(
                _with_fields(restored, part[end:]), "headers-moved-out", None, _name(extra[0])
            )
    for field in outer:
        for at in range(len(inner) + 1):
            restored = [*inner[:at], field, *inner[at:]]
            yield Original(
                _with_fields(restored, part[end:]), "headers-moved-out", None, _name(field)
            )


def _rewritten(
    part: bytes, rewrite: rewrites.Rewrite, code: str, blocks: list[tuple[int, int]]
) -> Iterator[Original]:
    """The part with *rewrite* applied to each field of the header sections given."""
    pieces, position, changed = [], 0, ""
    line: int | None = None
    for start, end in blocks:
        pieces.append(part[position:start])
        for field in fields_of(part[start:end])[:_MOST_FIELDS] if end > start else ():
            new = rewrite(field) if len(field) <= _LONGEST_FIELD else field
            if new != field and not changed:
                changed = _name(field)
                line = part.count(b"\r\n", 0, part.index(field, start)) + 1
            pieces.append(new + b"\r\n")
        position = end
    if changed:
        content = b"".join(pieces) + part[position:]
        # Folding also changes the spelling: with the same number of lines, only the spelling changed.
        if code == "header-refolded" and content.count(b"\n") == part.count(b"\n"):
            code = "header-parameters"
        yield Original(content, code, line, changed)


def _one_field_rewritten(part: bytes, rewrite: rewrites.Rewrite, code: str) -> Iterator[Original]:
    end, fields = _own_fields(part)
    for at, field in enumerate(fields):
        new = rewrite(field) if len(field) <= _LONGEST_FIELD else field
        if new != field:
            changed = [*fields[:at], new, *fields[at + 1 :]]
            yield Original(
                _with_fields(changed, part[end:]), code, _line_of(fields, at), _name(field)
            )


def _own_fields(part: bytes) -> tuple[int, list[bytes]]:
    end = _end_of_header(part, 0)
    fields = fields_of(part[:end])
    return (end, fields) if len(fields) <= _MOST_FIELDS else (end, [])


def _with_fields(fields: list[bytes], rest: bytes) -> bytes:
    return b"".join(field + b"\r\n" for field in fields) + rest


def _line_of(fields: list[bytes], at: int) -> int:
    return sum(field.count(b"\r\n") + 1 for field in fields[:at]) + 1


def _name(field: bytes) -> str:
    return field.partition(b":")[0].decode("ascii", "replace").strip()[:60]
