"""
The text about mail that stayed in the process and reached no trap: counts in, text out.

Rules of this file: pure; where a message stayed and the setting that sends it are always shown together.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from pytest_mailtrap._text.layout import COLUMNS, compose
from pytest_mailtrap._text.terms import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


Kept = tuple[str, int, str]  # where, how many messages, and the lines of code that send them
_MOST = 4


def kept_lines(kept: Iterable[Kept], *, most: int = _MOST) -> list[str]:
    """Where the mail stayed and, below that, what sends it, for the first *most* places."""
    return [
        line
        for place, count, setting in list(kept)[:most]
        for line in (f"{stayed(place, count)}: not judged", *_indented(setting))
    ]


def _indented(setting: str) -> list[str]:
    return [f"  {line}" for line in setting.split("\n")]


def stayed(place: str, count: int) -> str:
    """Such as "2 messages stayed in Django's memory backend"."""
    return f"{plural(count, 'message')} stayed in {place}"


def explain_kept(kept: Sequence[Kept], policy: str) -> str:
    """Say what was not judged under *policy*, how to send it, and what to do if it is meant to stay."""
    place, count, _ = kept[0]
    rows = []
    if len(kept) > 1:
        place, count = "the process", sum(count for _, count, _ in kept)
        rows = [f"  {count} in {place}" for place, count, _ in kept[:_MOST]]
    them, they = ("it", "it was") if count == 1 else ("them", "they were")
    settings = dict.fromkeys(line for _, _, it in kept[:_MOST] for line in _indented(it))
    text = compose(
        stayed(place, count),
        rows,
        [f"No trap received {them}, so {they} not judged. To send {them}:", *settings],
        [
            f"To keep {them} there on purpose, in this test or in the whole run:",
            '  @pytest.mark.mailtrap(policy="none", reason="...")',
            '  mailtrap_kept_mail = "report"',
        ],
    )
    return "\n\n".join([text, "\n".join(textwrap.wrap(policy, COLUMNS))])
