"""
How a text for a terminal is laid out: its blocks and its size.

Rules of this file: pure. At most 18 lines of 72 columns: with `CI` set, pytest prints them twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from pytest_mailtrap._text.pages import MORE
from pytest_mailtrap._text.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable

LINES = 18
COLUMNS = 72
_FEW_ROWS = 2
Block = list[str]


class Rows(Sequence[str]):
    """
    A table with a line for each of *numbers*; a line is written only when it is shown.

    Of ten thousand messages a failure shows a dozen; the others are only counted.
    """

    def __init__(self, numbers: Sequence[int], row: Callable[[int], str]) -> None:
        self._numbers = numbers
        self._row = row

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, int):
            return self._row(self._numbers[place])
        return [self._row(number) for number in self._numbers[place]]


def compose(verdict: str, *blocks: Sequence[str]) -> str:
    """
    Put the blocks together.

    If the text would be too long, the first block, a table, is cut.
    However, if the advice names a page, which has all of the advice, the advice loses its last rows before the table is cut to its first few.
    """
    parts = [block for block in blocks if block]
    if parts:
        table, advice = parts[0], parts[-1]
        if len(parts) > 1 and advice[-1].startswith(MORE):
            parts[0] = _cut(table, height(*parts) - LINES, least=_FEW_ROWS)
            parts[-1] = shortened(advice, height(*parts) - LINES)
            surplus = height(table, *parts[1:]) - LINES
        else:
            surplus = height(*parts) - LINES
        if height(*parts) > LINES:
            parts[0] = _cut(table, surplus, least=1)
    return "\n".join(clip(line) for part in ([verdict], *parts) for line in (*part, ""))[:-1]


def height(*blocks: Sequence[str]) -> int:
    """How many lines a verdict and these blocks take."""
    return 1 + sum(len(block) + 1 for block in blocks if block)


def _cut(table: Sequence[str], surplus: int, *, least: int) -> Sequence[str]:
    """The table without its last rows, which are counted instead; at least *least* rows stay."""
    kept = max(least, len(table) - surplus - 1)
    if surplus <= 0 or kept + 1 >= len(table):
        return table
    return [*table[:kept], f"  ... and {len(table) - kept} more"]


def rows(advice: Sequence[str]) -> list[Block]:
    """The rows of a block of advice, each with its continuation lines."""
    found: list[Block] = []
    for line in advice:
        if line.startswith("   ") and found:
            found[-1].append(line)
        elif line.startswith("  "):
            found.append([line])
    return found


def with_rows(advice: Sequence[str], most: int, *, keeps_page: bool = True) -> Block:
    """A block of advice with at most *most* rows: its sentence stays, and so does the page to read if *keeps_page*."""
    sentence = [line for line in advice if not line.startswith(("  ", MORE))]
    page = [line for line in advice if keeps_page and line.startswith(MORE)]
    return [*sentence, *(line for row in rows(advice)[:most] for line in row), *page]


def shortened(advice: Sequence[str], surplus: int) -> Block:
    """A block of advice without the last rows, as far as *surplus* lines require; the first row stays."""
    if surplus <= 0:
        return list(advice)
    found = rows(advice)
    while surplus > 0 and len(found) > 1:
        surplus -= len(found.pop())
    return with_rows(advice, len(found))


def clip(line: str) -> str:
    """A line that is safe to show in a terminal: within its columns, and without control characters."""
    line = printable(line.encode("utf-8", "backslashreplace"))
    return line if len(line) <= COLUMNS else f"{line[: COLUMNS - 3]}..."


def verdict(count: int, total: int, fact: str) -> str:
    """
    Such as "2 of 3 messages were sent in cleartext"; for a single message, "the message was sent in cleartext".

    *fact* says it of one message: "was sent in cleartext".
    """
    if total == 1:
        return f"the message {fact}"
    if count > 1 and fact.startswith("was "):
        fact = fact.replace("was", "were", 1)
    return f"{count} of {total} messages {fact}"
