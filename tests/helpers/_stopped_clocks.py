"""The ways in which a test stops the clock."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from unittest import mock

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FROZEN = datetime(2020, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
_LIBRARIES = "freezegun and time-machine come with pytest-mailtrap[test]"


def _freezegun(**options: bool) -> object:
    freezegun = pytest.importorskip("freezegun", reason=_LIBRARIES)
    return freezegun.freeze_time(FROZEN, **options)


def _time_machine() -> object:
    time_machine = pytest.importorskip("time_machine", reason=_LIBRARIES)
    return time_machine.travel(FROZEN, tick=False)


def _mocked(name: str) -> object:
    return mock.patch(f"time.{name}", return_value=1000.0)


_WAYS: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
    "freezegun": (_freezegun, lambda: time.monotonic()),
    "freezegun-real-asyncio": (lambda: _freezegun(real_asyncio=True), lambda: time.monotonic()),
    "time-machine": (_time_machine, lambda: time.time()),
    "mock-monotonic": (lambda: _mocked("monotonic"), lambda: time.monotonic()),
    "mock-time": (lambda: _mocked("time"), lambda: time.time()),
    "mock-perf-counter": (lambda: _mocked("perf_counter"), lambda: time.perf_counter()),
}
STOPPED = tuple(_WAYS)
# Those that set the date as well.
DATED = ("freezegun", "freezegun-real-asyncio", "time-machine")


@contextmanager
def stopped(how: str) -> Iterator[Callable[[], object]]:
    """Stop a clock, and yield a function that asks it for the time."""
    stop, ask = _WAYS[how]
    with stop():  # type: ignore[attr-defined]  # each library has its own type
        yield ask
