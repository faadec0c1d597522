"""
Accepts clients on the listening sockets of all traps of a process.

Rules of this file: sockets are watched and closed from any thread; what becomes of a client is decided by the `Listener`.
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
    Calls back when a client waits at a listening socket: on the loop's thread, or on that of whoever calls `look()`.

    The sockets have a selector of their own, and it is all that the loop knows of them: a trap to which nobody comes begins
    and ends without a word between the test's thread and the loop's, which would cost more than all the rest of it.
    No callback is called while somebody holds *lock*.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.lock = threading.RLock()
        self._loop = loop
        self._selector = selectors.DefaultSelector()
        loop.call_soon_threadsafe(self._begin)

    def watch(self, listening: socket.socket, tell: Callable[[], None]) -> None:
        """Call *tell* whenever somebody waits at *listening*."""
        with self.lock:
            self._selector.register(listening, selectors.EVENT_READ, tell)

    def shut(self, listening: socket.socket) -> None:
        """Close *listening*, and look at it no more."""
        with self.lock:
            self._selector.unregister(listening)
            listening.close()

    def look(self) -> None:
        """Tell each listening at which somebody waits now."""
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
    """The same for systems whose selectors cannot be watched by one another, as on Windows: the loop knows each listening."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.lock = threading.RLock()
        self._loop = loop
        self._callbacks: dict[socket.socket, Callable[[], None]] = {}

    def watch(self, listening: socket.socket, tell: Callable[[], None]) -> None:
        with self.lock:
            self._callbacks[listening] = tell
        self._loop.call_soon_threadsafe(self._begin)

    def shut(self, listening: socket.socket) -> None:
        with self.lock:
            del self._callbacks[listening]
        self._loop.call_soon_threadsafe(self._shut, listening)

    def look(self) -> None:
        with self.lock:
            waited_at = select.select(self._callbacks, (), (), 0)[0] if self._callbacks else ()
            for listening in waited_at:
                self._callbacks[listening]()

    def close(self) -> None:
        pass

    def _begin(self) -> None:
        with self.lock:
            for listening in self._callbacks:
                self._loop.add_reader(listening, self.look)

    def _rest(self) -> None:
        with self.lock:
            for listening in self._callbacks:
                self._loop.remove_reader(listening)
        self._loop.call_later(_REST_SECONDS, self._begin)

    def _shut(self, listening: socket.socket) -> None:
        self._loop.remove_reader(listening)
        listening.close()


def new_acceptor(loop: asyncio.AbstractEventLoop) -> Acceptor:
    """The lookout for this system."""
    can_be_watched = hasattr(selectors.DefaultSelector, "fileno")
    return Acceptor(loop) if can_be_watched else LoopAcceptor(loop)
