"""Waiting for mail: how many messages, how long, and without blocking the event loop that waits, asyncio's or trio's."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

from pytest_mailtrap._text.numbers import is_count, is_seconds

if TYPE_CHECKING:
    from collections.abc import Callable


class Source(Protocol):
    """Something that announces its changes, from another thread."""

    def listen(self, listener: Callable[[], None]) -> None: ...
    def unlisten(self, listener: Callable[[], None]) -> None: ...


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


async def changed(
    source: Source, is_ready: Callable[[], bool], timeout: float
) -> None:  # the deadline comes from the caller's API
    """Return when *is_ready()* is true, or when *timeout* seconds have passed."""
    trio = sys.modules.get("trio")
    if trio is not None and _is_running(trio):
        await _changed_in_trio(trio, source, is_ready, timeout)
    else:
        await _changed_in_asyncio(source, is_ready, timeout)


def _is_running(trio: Any) -> bool:  # a module
    try:
        trio.lowlevel.current_trio_token()
    except RuntimeError:
        return False
    return True


async def _changed_in_asyncio(source: Source, is_ready: Callable[[], bool], seconds: float) -> None:
    import asyncio

    loop = asyncio.get_running_loop()
    event = asyncio.Event()

    def notify() -> None:
        loop.call_soon_threadsafe(event.set)

    async def until_ready() -> None:
        while not is_ready():
            event.clear()
            if not is_ready():
                await event.wait()

    source.listen(notify)
    try:
        await asyncio.wait_for(until_ready(), seconds)
    except asyncio.TimeoutError:
        return
    finally:
        source.unlisten(notify)


async def _changed_in_trio(
    trio: Any, source: Source, is_ready: Callable[[], bool], seconds: float
) -> None:
    token = trio.lowlevel.current_trio_token()
    # trio's events cannot be cleared: a new one for each round.
    events = [trio.Event()]

    def notify() -> None:
        token.run_sync_soon(lambda: events[-1].set())

    source.listen(notify)
    try:
        with trio.move_on_after(max(seconds, 0)):  # asyncio accepts negative numbers
            while not is_ready():
                events.append(trio.Event())
                if not is_ready():
                    await events[-1].wait()
    finally:
        source.unlisten(notify)
