"""
The mail of a run for GitHub Actions: annotations at the tests that violated the policy, and a page for the step.

Rules of this file: pure, totals in, text out; every value comes from tests or from mail, and is escaped as
workflow commands or Markdown require.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._assertions.kept_mail_text import stayed
from pytest_mailtrap._run.totals import CUT_SHORT
from pytest_mailtrap._text.terms import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pytest_mailtrap._run.totals import Totals

# GitHub shows no more annotations than this for a step ...
_MOST_ANNOTATIONS = 10
# ... and refuses a page larger than 1 MiB.
_MOST_ROWS = 100
_LONGEST_CELL = 500
_PLAIN = frozenset(" .,/-()=")


def workflow_commands(totals: Totals, *, root: Path, workspace: str | None) -> list[str]:
    """
    One `::error` (or `::warning`, in testing mode) for each test that violated its policy.

    *root* is pytest's root directory, *workspace* the checkout, to which GitHub's paths are relative.
    """
    found = []
    for test, broken in list(totals.breaches.items())[:_MOST_ANNOTATIONS]:
        place = ""
        if broken.file is not None:
            place = f"file={_property(_from_workspace(root / broken.file, workspace))},"
            place += f"line={(broken.line or 0) + 1},"
        kind = "error" if broken.enforced else "warning"
        text = f"{test}: {'; '.join(broken.texts[:3])}"
        found.append(f"::{kind} {place}title={_property('Mail policy')}::{_data(text)}")
    return found


def _from_workspace(path: Path, workspace: str | None) -> str:
    if workspace and path.is_relative_to(workspace):
        return path.relative_to(workspace).as_posix()
    return path.as_posix()


def _data(text: str) -> str:
    """Escape the message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape a property of a workflow command."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def step_summary(totals: Totals, *, policy: str | None = None, whole: bool = True) -> str:
    """The totals as Markdown, for the page of the step; *policy* and *whole* are those of `Totals.lines()`."""
    figures = [
        *((version, str(count)) for version, count in sorted(totals.tls.items())),
        ("S/MIME signed", str(totals.signed)),
        ("S/MIME encrypted", str(totals.encrypted)),
        ("failed handshakes", str(totals.refused.total())),
    ]
    kept = [(stayed(place, count), setting) for place, count, setting in totals.kept()]
    count = f": {plural(totals.messages, 'message')} in {plural(totals.tests, 'test')}"
    blocks = [
        f"### Mail{count if whole and (totals.messages or policy) else ''}",
        cell(totals.judgment(policy) or ""),
        _table(("mail", "number"), [row for row in figures if row[1] != "0" and whole]),
        _table(("not judged", "what sends it"), kept),
    ]
    against = [(test, "; ".join(broken.texts)) for test, broken in totals.breaches.items()]
    cut_short = [(test, plural(count, "message")) for test, count in totals.cut_short.items()]
    for title, what, rows in (
        ("Policy violations", "what", against),
        ("Exempt from the policy", "reason", list(totals.opt_outs)),
        (CUT_SHORT.capitalize(), "received before the interruption", cut_short),
        ("Remarks", "what", list(totals.remarks)),
    ):
        if rows:
            blocks += [f"#### {title}", _table(("test", what), rows)]
    return "\n\n".join(block for block in blocks if block) + "\n\n"


def _table(head: tuple[str, str], rows: Sequence[tuple[str, str]]) -> str:
    if not rows:
        return ""
    more = len(rows) - _MOST_ROWS
    shown = [*rows[:_MOST_ROWS], *([("", f"and {more} more")] if more > 0 else [])]
    return "\n".join([_row(head), "|---|---|", *(_row(map(cell, row)) for row in shown)])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def cell(text: str) -> str:
    """Escape a text for a cell of a Markdown table: any character that could have a meaning becomes a reference."""
    text = text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}..."
    return "".join(_escaped(c) for c in text)


def _escaped(character: str) -> str:
    if character.isalnum() or character in _PLAIN:
        return character
    return f"&#{ord(character)};" if character.isprintable() else " "
