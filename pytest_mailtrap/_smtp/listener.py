"""
The two ports that clients connect to: one that greets in cleartext, one for implicit TLS.

Rules of this file: loopback only; no two traps ever share a port; it knows nothing about what clients send.
"""

from __future__ import annotations

import errno
import socket
from functools import partial
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio

    from pytest_mailtrap._smtp.loop_thread import LoopThread

# For bursts of connections; Linux reduces it to net.core.somaxconn.
_BACKLOG = 1024
# Two ports, each on IPv4 and IPv6.
SOCKETS_OF_A_TRAP = 4


class Host(Protocol):
    """Handles the clients, on the loop's thread."""

    def receive(self, *, implicit: bool) -> asyncio.BaseProtocol:
        """The protocol for a client that has connected."""

    def fail(self, error: Exception) -> None:
        """A client could not be accepted."""


class Listener:
    """
    Listens from its creation until it is closed, on any thread.

    *was_used* is whether any client has connected, *let_in_so_far* is how many the loop has accepted.
    SocketLimitError says that the process cannot have another one.
    """

    def __init__(self, thread: LoopThread, host: Host) -> None:
        self._thread = thread
        self._host = host
        self._coming_in: set[asyncio.Task[None]] = set()
        self.was_used = False
        self.let_in_so_far = 0
        with thread.acceptor.lock:
            thread.acceptor.require(SOCKETS_OF_A_TRAP)
            cleartext, tls = _listen(), _listen()
            self.port, self.tls_port = (group[0].getsockname()[1] for group in (cleartext, tls))
            self.ipv6 = len(cleartext) == len(tls) == 2
            self.sockets = [*cleartext, *tls]
            for listening in self.sockets:
                thread.acceptor.watch(
                    listening, partial(self._accept, listening, implicit=listening in tls)
                )

    def accept(self) -> None:
        """Accept the clients that wait at this moment, even if the loop has not seen them yet."""
        self._thread.acceptor.look()

    def close(self) -> None:
        """Accept the clients that wait at this moment, and none after that."""
        with self._thread.acceptor.lock:
            self.accept()
            for listening in self.sockets:
                self._thread.acceptor.shut(listening)

    def _accept(self, listening: socket.socket, *, implicit: bool) -> None:
        for _ in range(_BACKLOG):
            try:
                client = self._thread.acceptor.accept(listening)
            except (BlockingIOError, InterruptedError, ConnectionError):
                return
            except OSError as error:
                self._host.fail(error)
                self._thread.acceptor.rest()
                return
            self.was_used = True
            if self._thread.is_current():
                self._begin(client, implicit)
            else:
                self._thread.loop.call_soon_threadsafe(self._begin, client, implicit)

    # -- on the loop ----------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether a client is being accepted."""
        return bool(self._coming_in)

    def _begin(self, client: socket.socket, implicit: bool) -> None:
        self.let_in_so_far += 1
        task = self._thread.loop.create_task(self._receive(client, implicit))
        self._coming_in.add(task)
        task.add_done_callback(self._coming_in.discard)

    async def _receive(self, client: socket.socket, implicit: bool) -> None:
        try:
            client.setblocking(False)
            # Made here: from Python 3.14 on, asyncio closes the socket if a factory fails, before the error is recorded.
            protocol = self._host.receive(implicit=implicit)
            await self._thread.loop.connect_accepted_socket(lambda: protocol, client)
        except Exception as error:
            self._host.fail(error)
            client.close()


def _listen() -> list[socket.socket]:
    """
    Bind one port on 127.0.0.1 and, if the machine has IPv6, the same port on ::1.

    Clients of "localhost" try one or the other first; both must belong to the trap.
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
