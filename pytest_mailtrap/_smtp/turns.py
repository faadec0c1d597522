"""
Turns: a client that sends commands without a pause does not keep the others waiting.

After a few commands, its session waits for its next turn. In each iteration of the loop only one of all such sessions
has a turn, so that the delay for other clients does not grow with their number.
Rules of this file: all of it runs on the loop's thread; it knows nothing about what a session does.
"""

from __future__ import annotations

import weakref
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

# A client that sends all commands of a message at once needs one turn.
COMMANDS_PER_TURN = 8


class Turns:
    """The sessions of one loop that wait for their turn, in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        # Weak: it is found by its loop, see below.
        self._loop = weakref.ref(loop)
        self._waiting: deque[Callable[[], None]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def wait(self, begin: Callable[[], None]) -> None:
        """Call *begin* when it is the caller's turn, in a later iteration of the loop."""
        self._waiting.append(begin)
        if len(self._waiting) == 1:
            self._schedule()

    def _schedule(self) -> None:
        if (loop := self._loop()) is not None:
            loop.call_soon(self._next)

    def _next(self) -> None:
        begin = self._waiting.popleft()
        if self._waiting:
            self._schedule()
        begin()


_turns: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = weakref.WeakKeyDictionary()


def turns_of(loop: asyncio.AbstractEventLoop) -> Turns:
    """The turns of all sessions on *loop*."""
    if loop not in _turns:
        _turns[loop] = Turns(loop)
    return _turns[loop]
