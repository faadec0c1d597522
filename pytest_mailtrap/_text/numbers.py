"""Checks of the numbers that users give."""

from __future__ import annotations

from threading import TIMEOUT_MAX


def is_count(given: object) -> bool:
    """Whether it is a whole number of at least 1; True is not a number here."""
    return isinstance(given, int) and not isinstance(given, bool) and given >= 1


def is_seconds(given: object) -> bool:
    """Whether it is a number of seconds that a thread can wait: not infinity or 10**12, not NaN, not True."""
    return (
        isinstance(given, int | float)
        and not isinstance(given, bool)
        and -TIMEOUT_MAX <= given <= TIMEOUT_MAX
    )
