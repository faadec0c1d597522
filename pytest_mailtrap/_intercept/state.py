"""
What the replaced socket functions go by: the active routes and guards, the aliases, and the names of addresses.

Rules of this file: it replaces nothing, and it decides nothing about a connection.
"""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_mailtrap._intercept.hosts import canonical, is_own
from pytest_mailtrap._intercept.route import ActiveRoutes, NameAliases

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class RememberedNames:
    """
    The names for which addresses were returned, so that a connection to such an address can be reported by name.

    An address that the application itself names keeps its own text. Many names can mean this machine, and programs
    look up its name for other purposes (smtplib says it in EHLO): its addresses are reported as they are.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def remember(self, name: str, addresses: Iterable[object]) -> None:
        """*addresses* are the answer for the canonical *name*."""
        if is_own(name) or _is_this_machine(name):
            return
        for address in map(canonical, addresses):
            if address is not None and not is_own(address):
                self._names[address] = name

    def forget(self, host: object) -> None:
        """The application has named the address *host* itself."""
        if self._names and (address := canonical(host)) is not None:
            self._names.pop(address, None)

    def of(self, address: str) -> str:
        """The name of the canonical *address*, or the address."""
        return self._names.get(address, address)

    def clear(self) -> None:
        self._names.clear()


class InterceptionState:
    """
    What is active in this process.

    *passed* has the file descriptors whose connection was checked and is being made at this moment.
    """

    def __init__(self) -> None:
        self.order = ActiveRoutes()
        self.aliases = NameAliases()
        self.names = RememberedNames()
        self.passed: set[int] = set()

    @property
    def is_active(self) -> bool:
        return bool(self.order.routes or self.order.guards)

    @contextmanager
    def passing(self, sock: socket.socket) -> Iterator[None]:
        """Within the block, the connection of *sock* is not checked again."""
        # The descriptor, and not the thread: while one greenlet connects, others run on its thread; and some
        # libraries connect another object with the same descriptor.
        descriptor = sock.fileno()
        self.passed.add(descriptor)
        try:
            yield
        finally:
            self.passed.discard(descriptor)


state = InterceptionState()


def _is_this_machine(name: str) -> bool:
    own = socket.gethostname().lower()
    return name == own or name.startswith(f"{own}.") or own.startswith(f"{name}.")
