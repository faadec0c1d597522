"""
Who looks out for clients at the doors of all traps of a process.

Rules of this file: doors are watched and shut from any thread; what becomes of a client is the door's affair.
"""

from __future__ import annotations

import select
import selectors
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Callable

# Where the process has no more files for clients, they wait so long for the next try.
_REST_SECONDS = 0.5


class Acceptor:
    """
    Tells a door that somebody waits at it: on the loop's thread, or on that of whoever calls `look()`.

    The doors have a selector of their own, and it is all that the loop knows of them: a trap to which nobody comes begins
    and ends without a word between the test's thread and the loop's, which would cost more than all the rest of it.
    No door is told anything while somebody holds *lock*.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.lock = threading.RLock()
        self._loop = loop
        self._selector = selectors.DefaultSelector()
        loop.call_soon_threadsafe(self._begin)

    def watch(self, door: socket.socket, tell: Callable[[], None]) -> None:
        """Call *tell* whenever somebody waits at *door*."""
        with self.lock:
            self._selector.register(door, selectors.EVENT_READ, tell)

    def shut(self, door: socket.socket) -> None:
        """Close *door*, and look at it no more."""
        with self.lock:
            self._selector.unregister(door)
            door.close()

    def look(self) -> None:
        """Tell each door at which somebody waits now."""
        with self.lock:
            for key, _events in self._selector.select(0):
                key.data()

    def rest(self) -> None:
        """Leave those who wait alone for a moment: the process cannot take them in."""
        self._loop.call_soon_threadsafe(self._rest)

    def close(self) -> None:
        """Look no more, now that the loop has ended."""
        self._selector.close()

    # -- on the loop ----------------------------------------------------------------------

    def _begin(self) -> None:
        self._loop.add_reader(self._selector, self.look)

    def _rest(self) -> None:
        self._loop.remove_reader(self._selector)
        self._loop.call_later(_REST_SECONDS, self._begin)


class LoopAcceptor(Acceptor):
    """The same for systems whose selectors cannot be watched by one another, as on Windows: the loop knows each door."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.lock = threading.RLock()
        self._loop = loop
        self._doors: dict[socket.socket, Callable[[], None]] = {}

    def watch(self, door: socket.socket, tell: Callable[[], None]) -> None:
        with self.lock:
            self._doors[door] = tell
        self._loop.call_soon_threadsafe(self._begin)

    def shut(self, door: socket.socket) -> None:
        with self.lock:
            del self._doors[door]
        self._loop.call_soon_threadsafe(self._shut, door)

    def look(self) -> None:
        with self.lock:
            waited_at = select.select(self._doors, (), (), 0)[0] if self._doors else ()
            for door in waited_at:
                self._doors[door]()

    def close(self) -> None:
        pass

    def _begin(self) -> None:
        with self.lock:
            for door in self._doors:
                self._loop.add_reader(door, self.look)

    def _rest(self) -> None:
        with self.lock:
            for door in self._doors:
                self._loop.remove_reader(door)
        self._loop.call_later(_REST_SECONDS, self._begin)

    def _shut(self, door: socket.socket) -> None:
        self._loop.remove_reader(door)
        door.close()


def new_acceptor(loop: asyncio.AbstractEventLoop) -> Acceptor:
    """The lookout for this system."""
    can_be_watched = hasattr(selectors.DefaultSelector, "fileno")
    return Acceptor(loop) if can_be_watched else LoopAcceptor(loop)
