"""
The event-loop thread, and the listening sockets of one trap on it.

Rules of this file: one thread serves all traps of a test process; each trap has fresh sockets, so that late mail
of one test cannot reach the next; every wait has a deadline; nothing is ever logged.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pytest_mailtrap._wire import Wire

T = TypeVar("T")

_CALL_SECONDS = 10.0
# At stop, connections on which something still happens get this long to come to their end ...
_GRACE_SECONDS = 0.3
# ... and one on which nothing has happened for this long is taken for idle.
_QUIET_SECONDS = 0.05
# For bursts of connections; Linux cuts it down to net.core.somaxconn.
_BACKLOG = 1024
# Rounds of the loop from a client's connect() to its first bytes being read: accept, connection_made, add_reader, read.
_SETTLING_ROUNDS = 5


class LoopThread:
    """A thread that runs an event loop until it is told to stop."""

    def __init__(self) -> None:
        # Not the default loop: the user's policy may make that one of another kind (uvloop).
        self.loop = asyncio.SelectorEventLoop()
        # PYTHONASYNCIODEBUG and -X dev are for the user's loops: ours would warn of its own slow callbacks.
        self.loop.set_debug(False)
        self._thread = threading.Thread(target=self._run, name="mailtrap", daemon=True)
        self._thread.start()
        logging.getLogger("mail.log").addFilter(self._filter)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def _filter(self, record: logging.LogRecord) -> bool:
        """Keep what aiosmtpd logs for us (a WARNING at every AUTH) out of the user's log."""
        return record.thread != self._thread.ident

    def is_current(self) -> bool:
        return threading.get_ident() == self._thread.ident

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run *work* on the loop and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(_CALL_SECONDS)

    def stop(self) -> None:
        """End the thread; the traps on it have been stopped before."""
        logging.getLogger("mail.log").removeFilter(self._filter)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_CALL_SECONDS)
        self.loop.close()


class Server:
    """Two ports on loopback: one that greets in cleartext, one for implicit TLS."""

    def __init__(
        self,
        thread: LoopThread,
        *,
        new_wire: Callable[..., Wire],
    ) -> None:
        self._thread = thread
        self._new_wire = new_wire
        self._wires: set[Wire] = set()
        self._listeners: list[asyncio.Server] = []
        self._stopping = False
        self._closed_one = asyncio.Event()
        self.port = 0
        self.tls_port = 0
        self.ipv6 = False

    def start(self) -> None:
        cleartext, tls = _listen(), _listen()
        self.ipv6 = len(cleartext) == len(tls) == 2
        self.port, self.tls_port = (group[0].getsockname()[1] for group in (cleartext, tls))
        self._thread.call(self._start([(s, False) for s in cleartext] + [(s, True) for s in tls]))

    async def _start(self, sockets: list[tuple[socket.socket, bool]]) -> None:
        loop = self._thread.loop
        for sock, implicit in sockets:
            factory = self._cleartext_wire if not implicit else self._tls_wire
            self._listeners.append(await loop.create_server(factory, sock=sock, backlog=_BACKLOG))

    def _cleartext_wire(self) -> Wire:
        return self._new_wire(implicit=False, on_open=self._opened, on_close=self._closed)

    def _tls_wire(self) -> Wire:
        return self._new_wire(implicit=True, on_open=self._opened, on_close=self._closed)

    def _opened(self, wire: Wire) -> None:
        if self._stopping:
            wire.abort()
            return
        self._wires.add(wire)

    def _closed(self, wire: Wire) -> None:
        self._wires.discard(wire)
        self._closed_one.set()

    def settle(self) -> None:
        """Take in what clients have sent up to now: it is in the sockets when they hear of it, not yet with us."""
        if not self._stopping and not self._thread.is_current():
            self._thread.call(_rounds(_SETTLING_ROUNDS))

    def settle_until_quiet(self) -> None:
        """Let clients that are in the middle of something go on for a moment."""
        if not self._stopping:
            self._thread.call(self._quiet())

    def drop(self) -> None:
        """Cut every connection, and go on listening."""
        if not self._stopping:
            self._thread.call(self._drop())

    def stop(self) -> None:
        """Stop listening, let active clients come to their end for a moment, then cut what is left."""
        if not self._stopping:
            self._stopping = True
            self._thread.call(self._stop())

    async def _stop(self) -> None:
        for listener in self._listeners:
            listener.close()
        await self._quiet()
        await self._drop()

    async def _drop(self) -> None:
        for wire in list(self._wires):
            wire.abort()
        await _rounds(_SETTLING_ROUNDS)  # the transports report their end in the loop's next round

    async def _quiet(self) -> None:
        await _rounds(_SETTLING_ROUNDS)
        loop = self._thread.loop
        deadline = loop.time() + _GRACE_SECONDS
        while self._wires and (left := min(self._quiet_at(), deadline) - loop.time()) > 0:
            self._closed_one.clear()
            try:
                await asyncio.wait_for(self._closed_one.wait(), left)
            except asyncio.TimeoutError:
                continue

    def _quiet_at(self) -> float:
        return max(wire.last_activity for wire in self._wires) + _QUIET_SECONDS


async def _rounds(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def _listen() -> list[socket.socket]:
    """
    Bind one port on 127.0.0.1 and, where the machine has it, the same on ::1.

    Clients that are told "localhost" try one or the other first; both must be ours.
    """
    for _ in range(50):
        ipv4 = _bind(socket.AF_INET, "127.0.0.1", 0)
        try:
            return [ipv4, _bind(socket.AF_INET6, "::1", ipv4.getsockname()[1])]
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return [ipv4]  # no IPv6 on this machine
            ipv4.close()
    raise OSError(errno.EADDRINUSE, "no port is free on both 127.0.0.1 and ::1")


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    # With IPPROTO_TCP named, asyncio sets TCP_NODELAY on what it accepts; without, replies can stall for 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock
