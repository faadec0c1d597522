"""
Waiting for mail: how many messages, how long, and without blocking the event loop that waits, asyncio's or trio's.

Rules of this file: a deadline is kept by the trap's thread, since a test may have stopped the clock of its own loop.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

from pytest_mailtrap._text.numbers import is_count, is_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Source(Protocol):
    """Something that announces its changes, from another thread."""

    def listen(self, listener: Callable[[], None]) -> None: ...
    def unlisten(self, listener: Callable[[], None]) -> None: ...


class Deadline:
    """
    A moment *seconds* after `start()`.

    *call_later* is that of the trap's thread.
    """

    def __init__(
        self,
        seconds: float,
        call_later: Callable[[float, Callable[[], None]], Callable[[], None]],
    ) -> None:
        self._seconds = seconds
        self._call_later = call_later
        self.has_passed = False

    def start(self, notify: Callable[[], None]) -> None:
        """Call *notify* when it has passed."""

        def end() -> None:
            self.has_passed = True
            notify()

        self.cancel = self._call_later(self._seconds, end)


def check_wait(count: object, timeout: object) -> None:
    """ValueError if *count* or *timeout* cannot be waited for, before any waiting begins."""
    __tracebackhide__ = True
    if not is_count(count):
        raise ValueError(f"count must be a positive whole number, got {count!r}")
    # The time left until a deadline may be negative.
    if not is_seconds(timeout):
        raise ValueError(
            f"timeout must be a number of seconds that a thread can wait, got {timeout!r}"
        )


def is_in_a_loop() -> bool:
    """Whether the caller runs on an event loop, asyncio's or trio's, which it would block by waiting in another way."""
    import asyncio

    trio = sys.modules.get("trio")
    if trio is not None and _is_running(trio):
        return True
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def changed(source: Source, is_ready: Callable[[], bool], deadline: Deadline) -> None:
    """Return when *is_ready()* is true, or when the *deadline* has passed."""
    trio = sys.modules.get("trio")
    if trio is not None and _is_running(trio):
        await _changed_in_trio(trio, source, is_ready, deadline)
    else:
        await _changed_in_asyncio(source, is_ready, deadline)


def _is_running(trio: Any) -> bool:  # a module
    try:
        trio.lowlevel.current_trio_token()
    except RuntimeError:
        return False
    return True


async def _changed_in_asyncio(
    source: Source, is_ready: Callable[[], bool], deadline: Deadline
) -> None:
    import asyncio

    loop = asyncio.get_running_loop()
    event = asyncio.Event()

    def notify() -> None:
        with suppress(RuntimeError):  # the loop has been closed, and nobody waits any more
            loop.call_soon_threadsafe(event.set)

    with _notified(source, deadline, notify):
        while not (is_ready() or deadline.has_passed):
            event.clear()
            if not (is_ready() or deadline.has_passed):
                await event.wait()


async def _changed_in_trio(
    trio: Any, source: Source, is_ready: Callable[[], bool], deadline: Deadline
) -> None:
    token = trio.lowlevel.current_trio_token()
    # trio's events cannot be cleared: a new one for each round.
    events = [trio.Event()]

    def notify() -> None:
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(lambda: events[-1].set())

    with _notified(source, deadline, notify):
        while not (is_ready() or deadline.has_passed):
            events.append(trio.Event())
            if not (is_ready() or deadline.has_passed):
                await events[-1].wait()


@contextmanager
def _notified(source: Source, deadline: Deadline, notify: Callable[[], None]) -> Iterator[None]:
    source.listen(notify)
    deadline.start(notify)
    try:
        yield
    finally:
        deadline.cancel()
        source.unlisten(notify)
