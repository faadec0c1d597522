"""
The words for a client that failed at several hostile servers: verdicts in, one text out.

Rules of this file: pure; each fact once, with the servers that show it, then what to change. At most 18 lines of 72 columns.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, NamedTuple

from pytest_mailtrap._hostile.advice import remedy
from pytest_mailtrap._hostile.verdict_text import cause_of, clients_of, fact, remedied
from pytest_mailtrap._text.layout import COLUMNS, LINES, clip, height, with_rows
from pytest_mailtrap._text.pages import MORE, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pytest_mailtrap._hostile.verdicts import Verdict
    from pytest_mailtrap._text.layout import Block

# What happened to the mail, behind what the caller was told and in front of it.
_CAME = {
    "lost": (", and nothing arrived", "nothing arrived"),
    "false-success": (" without a reply", "no reply to the message"),
}
# Where there is much of both, the table leaves six lines for advice.
_LONGEST_TABLE = 9


def explain_family(verdicts: Sequence[Verdict]) -> str:
    """Say which hostile servers got what, in one table: what they got, and under it who."""
    failed = [verdict for verdict in verdicts if verdict.failed]
    total = sum(verdict.scenario.id != "ok" for verdict in verdicts)
    causes = dict.fromkeys(map(remedied, failed))
    # The least table names each fact and some who show it; the advice has the rest, and at last the table grows into it.
    for groups in _arrangements(failed):
        advice = _advice(failed, causes)
        shown = _advice_within(advice, _room_beside(groups))
        if shown is not None:
            break
        if "lost" in causes:
            # A client that swallows all errors swallows this one, too.
            causes.pop("false-success", None)
    else:
        shown = [_sentences(advice, _room_beside(groups) - 1)]
    table = _table_within(groups, LINES - height(*shown) - 1)
    if all(cause_of(verdict) == "never-connected" for verdict in failed):
        head = f"nothing connected to {len(failed)} of {total} hostile servers"
    else:
        head = f"the client fails at {len(failed)} of {total} hostile servers"
    text = [head]
    for block in (table, *shown):
        text += ["", *block] if block else []
    return "\n".join(map(clip, text))


def _arrangements(failed: Sequence[Verdict]) -> Iterator[list[_Group]]:
    """What was seen, in less and less room."""
    groups = _groups(failed, fact)
    yield groups
    yield [group.on_one_line() for group in groups]
    yield _first_of([group.shortened().on_one_line() for group in _groups(failed, cause_of)])


def _advice(failed: Sequence[Verdict], causes: Iterable[str]) -> list[Block]:
    """What to change, for each of the causes."""
    mode = failed[0].mode
    clients = next(filter(None, map(clients_of, failed)), ())
    is_ambiguous = any(verdict.attempt.is_ambiguous for verdict in failed)
    found = (remedy(cause, mode, clients, is_ambiguous=is_ambiguous) for cause in causes)
    return [block for block in found if block]


def _advice_within(advice: Sequence[Block], room: int) -> list[Block] | None:
    """The advice, whole or without some rows, if each sentence keeps one at the least; None where there is no room for that."""
    pages = _pages(advice)
    for count in (3, 2, 1):
        blocks = [with_rows(block, count, keeps_page=False) for block in advice]
        if pages:
            blocks[-1] = [*blocks[-1], *pages[:1]]
        if sum(len(block) + 1 for block in blocks) <= room:
            return blocks
    return None


def _sentences(advice: Sequence[Block], room: int) -> Block:
    """
    The sentences one below the other, never a part of one, and a row for each of the first where there is room for it.

    Where there was none, the page has it.
    """
    pages = _pages(advice)[:1]
    shown = [with_rows(block, 1, keeps_page=False) for block in advice]
    if sum(map(len, shown)) + len(pages) <= room:
        return [*(line for block in shown for line in block), *pages]
    page = [read("clients")]
    shown = [with_rows(block, 0, keeps_page=False) for block in advice]
    while len(shown) > 1 and sum(map(len, shown)) + len(page) > room:
        del shown[-1]
    for at, block in enumerate(advice[: len(shown)]):
        whole = with_rows(block, 1, keeps_page=False)
        if sum(map(len, shown)) + len(whole) - len(shown[at]) + len(page) <= room:
            shown[at] = whole
        else:
            shown[at][-1] = shown[at][-1].rstrip(":")
    return [*(line for block in shown for line in block), *page]


def _pages(advice: Iterable[Block]) -> Block:
    """The pages that the advice names, each once."""
    return list(dict.fromkeys(line for it in advice for line in it if line.startswith(MORE)))


class _Group(NamedTuple):
    """What was seen, the lines with the ids of the servers that saw it, and what was seen in a few words."""

    what: Block
    ids: Block
    brief: str

    def on_one_line(self) -> _Group:
        """The same, on one line if there is room for it."""
        line = " ".join([*self.what, *(line.strip() for line in self.ids)])
        is_short = len(self.what) == 1 and len(line) <= COLUMNS
        return self._replace(what=[line], ids=[]) if is_short else self

    def shortened(self) -> _Group:
        """The same, in a few words."""
        return self._replace(what=[f"  {self.brief}:"])


def _groups(failed: Sequence[Verdict], key: Callable[[Verdict], str]) -> list[_Group]:
    """What was seen, and by whom; what the caller was told is one thing, however differently."""
    found: dict[str, list[Verdict]] = {}
    for verdict in failed:
        found.setdefault(key(verdict), []).append(verdict)
    return [
        _Group(
            _wrapped(f"{_seen(verdicts)}:", "  ", lines=2),
            _wrapped(", ".join(verdict.scenario.id for verdict in verdicts), "      "),
            _worst(verdicts),
        )
        for verdicts in found.values()
    ]


def _first_of(groups: list[_Group]) -> list[_Group]:
    """As many as leave room for some advice; the others are counted."""
    count = len(groups)
    while len(_table(groups[:count], 1)) + (count < len(groups)) > _LONGEST_TABLE:
        count -= 1
    left = len(groups) - count
    more = [_Group([f"  ... and {left} other things"], [], "")] if left else []
    return [*groups[:count], *more]


def _worst(verdicts: Sequence[Verdict]) -> str:
    """What was seen of the one that gave most away."""
    return fact(max(verdicts, key=lambda verdict: len(verdict.leaked)))


def _seen(verdicts: Sequence[Verdict]) -> str:
    """The fact that these verdicts share, with what the caller was told where that decided."""
    told = list(dict.fromkeys(verdict.attempt.told for verdict in verdicts))
    outcome = verdicts[0].outcome
    if outcome not in _CAME or not any(told):
        return _worst(verdicts)
    happened, opening = _CAME[outcome]
    if len(told) > 1:
        return (
            f"{opening}, and the caller was told {len(told)} different things, such as: {told[0]}"
        )
    # The whole of what it said, where that is more than the bare word.
    whole = f"{told[0]}{happened}"
    return whole if len(whole) < 2 * (COLUMNS - 4) else f"{opening}: {told[0]}"


def _room_beside(groups: Sequence[_Group]) -> int:
    """How many lines the least table of these leaves."""
    return LINES - height(_table(groups, 1))


def _table(groups: Sequence[_Group], most: int) -> Block:
    """The groups, with so many lines of ids each."""
    return [line for group in groups for line in (*group.what, *_some(group.ids, most))]


def _some(lines: Block, most: int) -> Block:
    if len(lines) <= most:
        return lines
    left = " ".join(lines[most:]).count(",") + 1
    kept = lines[:most]
    more = f" ... and {left} more"
    if len(kept[-1]) + len(more) > COLUMNS:
        *whole, _, _ = kept[-1].rsplit(",", 2)
        kept[-1], more = f"{','.join(whole)},", f" ... and {left + 1} more"
    kept[-1] = kept[-1].rstrip(",") + f",{more}"
    return kept


def _table_within(groups: Sequence[_Group], room: int) -> Block:
    """The longest table there is room for."""
    longest = max(len(group.ids) for group in groups)
    for most in range(longest, 1, -1):
        if len(table := _table(groups, most)) <= room:
            return table
    return _table(groups, 1)


def _wrapped(text: str, indent: str, *, lines: int | None = None) -> Block:
    return textwrap.wrap(
        text,
        COLUMNS,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        max_lines=lines,
        placeholder=" ...:",
    )
