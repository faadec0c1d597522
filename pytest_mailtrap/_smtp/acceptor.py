"""
Accepts clients on the listening sockets of all traps of a process.

Rules of this file: sockets are watched and closed from any thread; the `Listener` decides what happens to a client.
"""

from __future__ import annotations

import errno
import select
import selectors
import socket
import threading
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

# If the process has no more file descriptors for clients, they wait this long for the next attempt.
_REST_SECONDS = 0.5
# select() of CPython for Windows accepts no more than these sockets; one of them is what wakes the loop.
_MOST_SOCKETS = 512


class SocketLimitError(OSError):
    """The loop cannot watch another socket."""

    def __init__(self) -> None:
        super().__init__(errno.EMFILE, f"select() takes only {_MOST_SOCKETS} sockets")


class Acceptor:
    """
    Calls back when a client waits at a listening socket: on the loop's thread, or on that of the caller of `look()`.

    The sockets have their own selector, and the loop only watches that selector.
    So a trap that no client uses starts and stops without any exchange between the test's thread and the loop's.
    Such an exchange would take longer than everything else that such a trap does.
    No callback is called while another thread holds *lock*.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.lock = threading.RLock()
        self._loop = loop
        self._is_a_copy = False
        self._accepted: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._selector = selectors.DefaultSelector()
        loop.call_soon_threadsafe(self._begin)

    def require(self, sockets: int) -> None:
        """Raise SocketLimitError unless so many more sockets can be watched."""

    def watch(self, listening: socket.socket, tell: Callable[[], None]) -> None:
        """Call *tell* whenever a client waits at *listening*."""
        with self.lock:
            self._selector.register(listening, selectors.EVENT_READ, tell)

    def accept(self, listening: socket.socket) -> socket.socket:
        """The next client that waits at *listening*; BlockingIOError if there is none, another OSError if it has to go on waiting."""
        client = listening.accept()[0]
        self._accepted.add(client)
        return client

    def shut(self, listening: socket.socket) -> None:
        """Close *listening*, and stop watching it."""
        with self.lock:
            if not self._is_a_copy:
                self._selector.unregister(listening)
            listening.close()

    def look(self) -> None:
        """Call the callback of each socket at which a client waits now."""
        if self._is_a_copy:
            return
        with self.lock:
            for key, _events in self._selector.select(0):
                key.data()

    def rest(self) -> None:
        """Let clients wait for a moment: the process cannot accept them."""
        self._loop.call_soon_threadsafe(self._rest)

    def close(self) -> None:
        """Stop watching; the loop has ended."""
        self._selector.close()

    def forked(self) -> None:
        """
        In a forked process: close its copies of the sockets, which would keep the parent's ports and connections open.

        The selector is the parent's own: whatever is done to it here would be done to it there.
        """
        self._is_a_copy = True
        self.lock = threading.RLock()
        listening = [key.fileobj for key in self._selector.get_map().values()]
        for sock in (*listening, *self._accepted):
            if isinstance(sock, socket.socket):
                sock.close()

    # -- on the loop ----------------------------------------------------------------------

    def _begin(self) -> None:
        self._loop.add_reader(self._selector, self.look)

    def _rest(self) -> None:
        self._loop.remove_reader(self._selector)
        self._loop.call_later(_REST_SECONDS, self._begin)


class LoopAcceptor(Acceptor):
    """
    The same for systems where a selector cannot watch another one, such as Windows: the loop watches each socket.

    There, select() raises an error for too many sockets, which would end the loop: clients beyond that wait to be accepted.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.lock = threading.RLock()
        self._loop = loop
        self._is_a_copy = False
        self._accepted = weakref.WeakSet()
        self._callbacks: dict[socket.socket, Callable[[], None]] = {}
        self._clients: list[socket.socket] = []
        # What the loop watches. It follows the calls of watch() and shut() in their order, so it never has more at once than they had.
        self._watched: list[socket.socket] = []

    def require(self, sockets: int) -> None:
        with self.lock:
            self._clients = [client for client in self._clients if client.fileno() >= 0]
            if 1 + len(self._callbacks) + len(self._clients) + sockets > _MOST_SOCKETS:
                raise SocketLimitError

    def watch(self, listening: socket.socket, tell: Callable[[], None]) -> None:
        with self.lock:
            self._callbacks[listening] = tell
            self._loop.call_soon_threadsafe(self._watch, listening)

    def accept(self, listening: socket.socket) -> socket.socket:
        with self.lock:
            try:
                self.require(1)
            except SocketLimitError:
                if select.select((listening,), (), (), 0)[0]:
                    raise
                raise BlockingIOError(errno.EAGAIN, "no client waits") from None
            client = super().accept(listening)
            self._clients.append(client)
            return client

    def shut(self, listening: socket.socket) -> None:
        with self.lock:
            del self._callbacks[listening]
            self._loop.call_soon_threadsafe(self._shut, listening)

    def look(self) -> None:
        with self.lock:
            for tell in list(self._callbacks.values()):
                tell()

    def close(self) -> None:
        pass

    def forked(self) -> None:
        """Systems with this acceptor do not fork."""

    def _watch(self, listening: socket.socket) -> None:
        self._watched.append(listening)
        self._loop.add_reader(listening, self.look)

    def _begin(self) -> None:
        for listening in self._watched:
            self._loop.add_reader(listening, self.look)

    def _rest(self) -> None:
        for listening in self._watched:
            self._loop.remove_reader(listening)
        self._loop.call_later(_REST_SECONDS, self._begin)

    def _shut(self, listening: socket.socket) -> None:
        self._watched.remove(listening)
        self._loop.remove_reader(listening)
        listening.close()


def new_acceptor(loop: asyncio.AbstractEventLoop) -> Acceptor:
    """The acceptor for this system."""
    can_be_watched = hasattr(selectors.DefaultSelector, "fileno")
    return Acceptor(loop) if can_be_watched else LoopAcceptor(loop)
