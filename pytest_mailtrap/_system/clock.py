"""
The real clock, whatever a test does to the functions of `time`.

freezegun replaces them in every module that has them as attributes, and time-machine changes the clocks below Python, all
but the performance counter. So that counter is the only clock here, and no module has it as an attribute.

Rules of this file: pytest imports it together with the plugin, before a conftest can freeze anything.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone


class _Real:
    """The functions and the moment that a test cannot replace."""

    counter = staticmethod(time.perf_counter)
    sleep = staticmethod(time.sleep)
    # The moment at which the counter would have been 0.
    origin = datetime.now(timezone.utc) - timedelta(seconds=time.perf_counter())


def monotonic() -> float:
    """Seconds since some moment in the past; never set back."""
    return _Real.counter()


def now() -> datetime:
    """The date and time of the machine, aware, in UTC; a later call never returns an earlier time."""
    return _Real.origin + timedelta(seconds=_Real.counter())


def sleep(seconds: float) -> None:
    """Let *seconds* pass on this thread, even if a test has replaced `time.sleep()`."""
    _Real.sleep(seconds)
