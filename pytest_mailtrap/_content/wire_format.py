"""The bytes of a message as they were sent: line endings, long lines, bytes that are not ASCII."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mailtrap._mime.parts import Bytes

# With the newline in front, the search looks at newlines only, not at every byte between them.
_LONG_LINE = re.compile(rb"\n[^\r\n]{999}")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class WireFormat:
    """What is special about the bytes of a whole message."""

    bare_newlines: bool
    long_lines: bool


def wire_format(data: Bytes) -> WireFormat:
    """Look at the exact bytes; *data* may be a memory-mapped file of any size."""
    return WireFormat(bare_newlines=_has_bare_newlines(data), long_lines=_has_long_lines(data))


def _has_bare_newlines(data: Bytes) -> bool:
    returns = newlines = pairs = 0
    for at in range(0, len(data), _CHUNK):
        chunk = data[at : at + _CHUNK]
        returns += chunk.count(b"\r")
        newlines += chunk.count(b"\n")
        # One more byte: a pair may span the end of the chunk.
        pairs += data[at : at + _CHUNK + 1].count(b"\r\n")
    return not returns == newlines == pairs


def _has_long_lines(data: Bytes) -> bool:
    return _LONG_LINE.search(data) is not None or (b"\n" not in data[:1000] and len(data) > 1000)
