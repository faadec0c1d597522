"""Checks and notes that fixtures add to a test: why it fails after it has passed, and what is shown with its mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    # Each returns the text of a failure, or None; called in order when the test itself has passed.
    Check = Callable[[], str | None]
    # The same for what is shown with the test's mail; called with whether the test has failed.
    Note = Callable[..., str | None]

_CHECKS: pytest.StashKey[list[Check]] = pytest.StashKey()
_NOTES: pytest.StashKey[list[Note]] = pytest.StashKey()


def add_check(item: pytest.Item, check: Check) -> None:
    """Have *check* called at the end of the test's call phase."""
    item.stash.setdefault(_CHECKS, []).append(check)


def checks_of(item: pytest.Item) -> Sequence[Check]:
    """The checks of a test, in the order in which they were added."""
    return item.stash.get(_CHECKS, [])


def forget(item: pytest.Item) -> None:
    """Drop the checks and notes of a test that has ended: they hold its trap, and pytest keeps the item until the end of the run."""
    for key in (_CHECKS, _NOTES):
        if key in item.stash:
            del item.stash[key]


def add_note(item: pytest.Item, note: Note) -> None:
    """Have *note* called at the end of the call phase: its text is shown with the test's mail."""
    item.stash.setdefault(_NOTES, []).append(note)


def notes(item: pytest.Item, *, failed: bool) -> list[str]:
    """The texts of a test's notes."""
    return [
        text for note in item.stash.get(_NOTES, []) if (text := note(failed=failed)) is not None
    ]
