"""
Finds out why the digest of a signed part does not match, by reconstructing what was signed.

Rules of this file:

- A digest confirms a guess or it does not; nothing is ever concluded from how the part looks.
- All work is counted in bytes hashed. When the budget is spent, the answer is "unknown".
- The search is a pure function: the same part always gets the same answer, on any machine.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_mailtrap._smime.diagnosis import body_changes as body
from pytest_mailtrap._smime.diagnosis import header_changes as header
from pytest_mailtrap._smime.diagnosis.header_changes import Original
from pytest_mailtrap._smime.diagnosis.remedies import REMEDY_OF

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# Enough for a part of 25 MiB twelve times; that takes about a second, less than half of it for hashing.
BUDGET = 320 * 2**20
# What each guess costs in addition to its hashing, in bytes hashed in the same time.
_OVERHEAD = 25_000
_MOST_FOOTER_LINES = 500

SENTENCES = {
    "signed-with-lf": "signed with LF line ends, sent with CRLF",
    "sent-with-lf": "signed with CRLF line ends, sent with LF",
    "cr-cr-lf": "line ends arrived as CR CR LF",
    "signed-with-cr-cr-lf": "signed with CR CR LF line ends, sent with CRLF",
    "lone-cr": "a CR without LF became a line end, or a line end lost its LF",
    "headers-not-signed": "the signature covers the body without the part's own headers",
    "headers-moved-out": "header {name} was signed in the part, then moved out of it",
    "header-refolded": "header {name} was signed folded, sent refolded (email package)",
    "header-folded": "header {name} was signed on one line, sent folded",
    "header-blanks": "header {name}: spaces changed (email package does this)",
    "header-tabs": "header {name}: its folds changed between tab and space",
    "header-case": "header {name}: upper and lower case changed",
    "header-parameters": "header {name}: its parameters were written differently",
    "header-added": "header {name} was added after signing",
    "header-removed": "header {name} was removed after signing",
    "header-order": "the order of the part's headers changed",
    "blank-line-lost": "a line end or blank line was lost",
    "blank-line-added": "a line end or blank line was added",
    "trailing-blanks-stripped": "trailing spaces were stripped",
    "trailing-blanks-added": "trailing spaces were added",
    "tabs": "tabs became spaces, or spaces became tabs",
    "footer-added": "a footer was added after signing",
    "banner-added": "a banner was inserted at the top after signing",
    "line-added": "a line was added after signing",
    "re-encoded": "the body's transfer encoding changed in transit",
    "base64-rewrapped": "base64 was rewrapped at a different width",
    "dot-stuffing": "doubled dots were left in (SMTP dot-stuffing)",
    "dot-lost": "a leading dot was lost (SMTP dot-stuffing)",
    "from-quoted": "From at the start of a line became >From (mbox quoting)",
    "from-unquoted": ">From at the start of a line became From (mbox quoting)",
    "nothing-signed": "the signature covers no bytes at all",
    "whole-message-signed": "the signature covers the whole message, not the first part",
    "unknown": "the content changed after signing in a way not recognized",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """
    Why a digest does not match, as far as hashing can tell.

    *line* counts from the first line of the signed part as it arrived; None if no single line is to blame.
    *also* contains the codes of a second accident that happened to the same part.
    *remedy* is a key of `REMEDIES`, or None if the user's library is not the cause.
    """

    code: str
    sentence: str
    line: int | None = None
    remedy: str | None = None
    also: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        """Whether a reconstruction has the digest that was signed."""
        return self.code != "unknown"


def diagnose(
    part: bytes,
    digest: bytes,
    hash_name: str,
    *,
    message: bytes | None = None,
    budget: int = BUDGET,
) -> Diagnosis:
    """
    Name the accident after which *part*, with its MIME headers, no longer has *digest*.

    *hash_name* is a name that hashlib knows; *message* is the whole mail around the part.
    """
    search = _Search(digest, hash_name, budget)
    for original in _guesses(part, message, search):
        if search.matches(original.content):
            return _diagnosis(original)
        if (lf := _lf(original.content)) is not None and search.matches(lf):
            return _diagnosis(original, *_lf_too(original, part))
        if search.spent:
            break
    return _diagnosis(Original(part, "unknown"))


class _Search:
    """A digest to find, and how much hashing is left to find it."""

    def __init__(self, digest: bytes, hash_name: str, budget: int) -> None:
        self._digest = digest
        self._hash_name = hash_name
        self._left = budget

    @property
    def spent(self) -> bool:
        return self._left <= 0

    def matches(self, content: bytes) -> bool:
        self._left -= len(content) + _OVERHEAD
        return hashlib.new(self._hash_name, content, usedforsecurity=False).digest() == self._digest

    def first_prefix(self, head: bytes, lines: Iterable[bytes], line_end: bytes) -> int | None:
        """How many *lines* after *head* make up the content, hashing every byte only once."""
        running = hashlib.new(self._hash_name, head, usedforsecurity=False)
        self._left -= len(head)
        for count, line in enumerate(lines):
            for end in (b"", line_end):
                with_end = running.copy()
                with_end.update(end)
                if with_end.digest() == self._digest:
                    return count
            running.update(line_end + line)
            self._left -= len(line) + _OVERHEAD
        return None


# The accidents that happen alone, most frequent first.
_FAMILIES: tuple[Callable[[bytes], Iterator[Original]], ...] = (
    header.unsigned_headers,
    header.refolded,
    body.ends,
    body.mbox_quoting,
    body.dot_stuffing,
    header.otherwise_unsigned_headers,
    header.added,
    body.blanks,
    header.each_field_blanks,
    header.reworded,
    header.folded_elsewhere,
    header.removed,
    header.reordered,
    body.re_encoded,
    body.rewrapped,
    body.banners,
    body.mixed_line_ends,
    body.each_line,
    body.several_blanks,
)

# The accidents that come together: one pass through a library or a relay causes both.
_FIRST: tuple[Callable[[bytes], Iterator[Original]], ...] = (
    header.refolded,
    body.mbox_quoting,
    header.added,
    body.re_encoded,
    body.blanks,
)
_SECOND: tuple[Callable[[bytes], Iterator[Original]], ...] = (
    body.mbox_quoting,
    body.ends,
    header.refolded,
    header.each_field_blanks,
    body.blanks,
    header.reworded,
    header.added,
    body.dot_stuffing,
)


def _guesses(part: bytes, message: bytes | None, search: _Search) -> Iterator[Original]:
    """Every reconstruction worth a hash, the most probable ones first."""
    yield from body.line_ends(part)
    yield Original(b"", "nothing-signed")
    text = body.canonical(part)
    for family in _FAMILIES[:5]:
        yield from family(text)
    yield from _truncated(text, search)
    for family in _FAMILIES[5:]:
        yield from family(text)
    if message is not None:
        yield Original(message, "whole-message-signed")
        yield from header.moved_out(text, body.canonical(message))
    for first in _FIRST:
        for one in first(text):
            for second in _SECOND:
                if second is not first:
                    yield from (_both(one, two) for two in second(one.content))


def _truncated(text: bytes, search: _Search) -> Iterator[Original]:
    """The part without its last lines, with either line ending: each byte is hashed once for all of them."""
    lines = text.split(b"\r\n")
    kept = max(len(lines) - _MOST_FOOTER_LINES, 1)
    for line_end in (b"\r\n", b"\n"):
        head = line_end.join(lines[:kept])
        if (count := search.first_prefix(head, lines[kept:], line_end)) is not None:
            yield from _prefixes(lines, kept + count)


def _prefixes(lines: list[bytes], count: int) -> Iterator[Original]:
    content = b"\r\n".join(lines[:count])
    code = "footer-added" if any(lines[count:]) else "blank-line-added"
    yield Original(content, code, count + 1)
    yield Original(content + b"\r\n", code, count + 1)


def _both(one: Original, two: Original) -> Original:
    # The rarer accident comes first in the table of pairs, and so does the line that shows it.
    return Original(two.content, f"{one.code}+{two.code}", one.line, one.name or two.name)


def _lf(content: bytes) -> bytes | None:
    return content.replace(b"\r\n", b"\n") if b"\r\n" in content else None


def _lf_too(original: Original, part: bytes) -> tuple[str, ...]:
    """LF is an accident of its own only if the part did not arrive with LF."""
    lf_already = "signed-with-lf" in original.code or b"\r\n" not in part
    return () if lf_already else ("signed-with-lf",)


def _diagnosis(original: Original, *also: str) -> Diagnosis:
    code, *more = original.code.split("+")
    others = tuple(dict.fromkeys(one for one in (*more, *also) if one != code))
    name = original.name or "fields"
    sentence = SENTENCES[code].format(name=name)
    if original.line is not None:
        sentence = f"line {original.line}: {sentence}"
    if others:
        # There is only one name: it is that of the first accident that has one.
        name = "fields" if "{name}" in SENTENCES[code] else name
        sentence += "; " + "; ".join(SENTENCES[one].format(name=name) for one in others)
    return Diagnosis(
        code=code,
        sentence=sentence,
        line=original.line,
        remedy=REMEDY_OF.get(code),
        also=others,
    )
