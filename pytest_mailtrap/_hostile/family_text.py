"""
The failure message for a client that failed against several hostile servers: verdicts in, one text out.

Rules of this file: pure; each fact once, with its servers, then what to change. At most 18 lines of 72 columns.
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

# What happened to the mail, as an ending and as an opening of a sentence about the result of `send()`.
_CAME = {
    "lost": (", and nothing arrived", "nothing arrived"),
    "false-success": (" without a reply", "no reply to the message"),
}
# If there is much of both, the table leaves six lines for advice.
_LONGEST_TABLE = 9


def explain_family(verdicts: Sequence[Verdict]) -> str:
    """Say which hostile servers got what: a table with each finding and, below it, the servers."""
    failed = [verdict for verdict in verdicts if verdict.failed]
    total = sum(verdict.scenario.id != "ok" for verdict in verdicts)
    causes = dict.fromkeys(map(remedied, failed))
    # The smallest table names each fact and some of its servers. The advice comes next; the table gets what is left.
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
        head = f"the client failed against {len(failed)} of {total} hostile servers"
    text = [head]
    for block in (table, *shown):
        text += ["", *block] if block else []
    return "\n".join(map(clip, text))


def _arrangements(failed: Sequence[Verdict]) -> Iterator[list[_Group]]:
    """The findings, in less and less space."""
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
    """The advice, in full or without some rows, if each sentence keeps a row; None if there is no room for that."""
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
    The sentences, one below the other and never cut, and a row for each of the first ones if there is room.

    The page has the rows that are left out.
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
    """A finding, the lines with the ids of its servers, and the finding in a few words."""

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
    """The findings with their servers; results of `send()` that differ only in their words are one finding."""
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
    """As many groups as leave room for some advice; the others are counted."""
    count = len(groups)
    while len(_table(groups[:count], 1)) + (count < len(groups)) > _LONGEST_TABLE:
        count -= 1
    left = len(groups) - count
    more = [_Group([f"  ... and {left} more"], [], "")] if left else []
    return [*groups[:count], *more]


def _worst(verdicts: Sequence[Verdict]) -> str:
    """The fact of the verdict with the largest leak."""
    return fact(max(verdicts, key=lambda verdict: len(verdict.leaked)))


def _seen(verdicts: Sequence[Verdict]) -> str:
    """The fact that these verdicts share, with the result of `send()` if that decided the outcome."""
    told = list(dict.fromkeys(verdict.attempt.told for verdict in verdicts))
    outcome = verdicts[0].outcome
    if outcome not in _CAME or not any(told):
        return _worst(verdicts)
    happened, opening = _CAME[outcome]
    if len(told) > 1:
        return f"{opening}, and send() had {len(told)} different results, such as: {told[0]}"
    # The result comes first, unless it is too long.
    whole = f"{told[0]}{happened}"
    return whole if len(whole) < 2 * (COLUMNS - 4) else f"{opening}: {told[0]}"


def _room_beside(groups: Sequence[_Group]) -> int:
    """How many lines the smallest table of these groups leaves."""
    return LINES - height(_table(groups, 1))


def _table(groups: Sequence[_Group], most: int) -> Block:
    """The groups, with at most *most* lines of ids each."""
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
    """The longest table that fits."""
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
