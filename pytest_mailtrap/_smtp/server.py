"""
The listening sockets of one trap and its open connections.

Rules of this file: each trap has fresh sockets, so that late mail of one test cannot reach the next; every wait has a deadline;
nothing is ever logged.
"""

from __future__ import annotations

import asyncio
import types
from typing import TYPE_CHECKING

from pytest_mailtrap._smtp.listener import Listener
from pytest_mailtrap._smtp.turns import turns_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from pytest_mailtrap._smtp.connection_protocol import SMTPConnectionProtocol
    from pytest_mailtrap._smtp.loop_thread import LoopThread

# When the trap stops, active connections get this long to end ...
_GRACE_SECONDS = 0.3
# ... and a connection without activity for this long counts as idle.
_QUIET_SECONDS = 0.05
# Clients that have sent many commands get this long until all of them have had their turns.
_TURNS_SECONDS = 0.2
# Iterations of the loop from a client's connect() to its first bytes being read: accept, connection_made, add_reader, read.
_SETTLING_ROUNDS = 5


class Server:
    """Two ports on loopback: one that greets in cleartext, one for implicit TLS."""

    def __init__(
        self,
        thread: LoopThread,
        *,
        new_protocol: Callable[..., SMTPConnectionProtocol],
        fail: Callable[[BaseException], None],
    ) -> None:
        self._thread = thread
        self._new_protocol = new_protocol
        self.fail = fail
        self._wires: set[SMTPConnectionProtocol] = set()
        self._stopping = False
        self._opened_so_far = 0
        self._closed_one = asyncio.Event()
        self._turns = turns_of(thread.loop)
        self.port = 0
        self.tls_port = 0
        self.ipv6 = False

    def start(self) -> None:
        """Begin to listen."""
        listener = self._listener = Listener(self._thread, self)
        self._thread.at_failure.append(self.fail)
        self.port, self.tls_port, self.ipv6 = listener.port, listener.tls_port, listener.ipv6

    def receive(self, *, implicit: bool) -> SMTPConnectionProtocol:
        """The protocol for a client that has connected."""
        return self._new_protocol(implicit=implicit, on_open=self._opened, on_close=self._closed)

    def still_to_open(self) -> int:
        """How many clients have connected by now and are not being served yet."""
        self._listener.accept()
        return self._listener.let_in_so_far - self._opened_so_far

    def _opened(self, protocol: SMTPConnectionProtocol) -> None:
        self._wires.add(protocol)
        self._opened_so_far += 1

    def _closed(self, protocol: SMTPConnectionProtocol) -> None:
        self._wires.discard(protocol)
        self._closed_one.set()

    def settle(self) -> None:
        """Read what clients have sent up to now: it may still be in the sockets."""
        if self._is_running and not self._thread.is_current():
            self._thread.call(self._settle())

    def settle_until_quiet(self) -> None:
        """Let active clients continue for a moment."""
        if self._is_running:
            self._thread.call(self._quiet())

    def drop(self) -> None:
        """Cut every connection, and continue to listen."""
        if self._is_running:
            self._thread.call(self._drop())

    def stop(self) -> None:
        """Stop listening, give active clients a moment to finish, then cut what is left."""
        if not self._stopping:
            self._stopping = True
            self._listener.close()
            self._thread.at_failure.remove(self.fail)
            if not self._listener.was_used:
                return
            if self._thread.is_alive():
                self._thread.call(self._stop())
            else:
                self._abort()

    @property
    def _is_running(self) -> bool:
        return not self._stopping and self._thread.is_alive()

    async def _stop(self) -> None:
        if self._listener.is_busy or self._wires:
            await self._quiet()
            await self._drop()

    async def _settle(self) -> None:
        self._listener.accept()
        await _rounds(_SETTLING_ROUNDS)
        deadline = self._thread.loop.time() + _TURNS_SECONDS
        while self._turns and self._thread.loop.time() < deadline:
            await _round()

    def _abort(self) -> None:
        for protocol in list(self._wires):
            protocol.abort()

    async def _drop(self) -> None:
        self._abort()
        await _rounds(
            _SETTLING_ROUNDS
        )  # the transports report their end in the loop's next iteration

    async def _quiet(self) -> None:
        await self._settle()
        loop = self._thread.loop
        deadline = loop.time() + _GRACE_SECONDS
        while self._wires and (left := min(self._quiet_at(), deadline) - loop.time()) > 0:
            self._closed_one.clear()
            try:
                await asyncio.wait_for(self._closed_one.wait(), left)
            except asyncio.TimeoutError:
                continue

    def _quiet_at(self) -> float:
        return max(protocol.last_activity for protocol in self._wires) + _QUIET_SECONDS


async def _rounds(count: int) -> None:
    for _ in range(count):
        await _round()


@types.coroutine
def _round() -> Generator[None, None, None]:
    """One iteration of the loop, as `asyncio.sleep(0)`, which a test may have replaced."""
    yield
