"""The numbers that users give: whether they are what they are taken for."""

from __future__ import annotations

from threading import TIMEOUT_MAX


def is_count(given: object) -> bool:
    """Whether it is a whole number from 1 on; True is none."""
    return isinstance(given, int) and not isinstance(given, bool) and given >= 1


def is_seconds(given: object) -> bool:
    """Whether it is a time that a thread can wait: not for ever (infinity, 10**12), not until NaN, not True."""
    return (
        isinstance(given, int | float)
        and not isinstance(given, bool)
        and -TIMEOUT_MAX <= given <= TIMEOUT_MAX
    )
