"""
Who connected: the mail client of an error, of a program's result, or of a connection of the trap.

A `Watch` notes for each connection of this process to this machine or to a mail port whose call it was, by its local port,
and which programs were started meanwhile.

Rules of this file: it finds names, and decides nothing about mail. A wrong name is worse than none: what cannot be told
for sure is `()`. Where two clients are as likely, and a cure shown for the wrong one does no harm, both are named.
It keeps ports and names, no frame, no object and no argument, and never raises.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._callers import client_among, client_on
from pytest_mailtrap._hosts import MAIL_PORTS
from pytest_mailtrap._patch import Patch
from pytest_mailtrap._programs import client_of_program, clients_of_command, program_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    Function = Callable[..., Any]  # what is replaced has all kinds of signatures

__all__ = [
    "Watch",
    "client_at",
    "client_of_error",
    "client_of_program",
    "client_of_result",
    "program_of",
    "reset",
]

_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_HERE = ("127.", "::1", "::ffff:127.", "localhost")
# An older note would be taken for a later connection from the same port.
_MOST_NOTES = 512
_LONGEST_CHAIN = 16


def client_of_error(error: BaseException | None) -> tuple[str, ...]:
    """The client that raised *error*, or one of those that led to it; of a program's failure, the client that it is."""
    for one in _led_to(error):
        found = client_of_result(one) or client_among(_frames_of(one))
        if found:
            return found
    return ()


def client_of_result(result: object) -> tuple[str, ...]:
    """The client that a `CompletedProcess`, a `Popen`, a `CalledProcessError` or a `TimeoutExpired` is of."""
    if isinstance(result, subprocess.CompletedProcess | subprocess.Popen):
        return clients_of_command(result.args)
    if isinstance(result, subprocess.CalledProcessError | subprocess.TimeoutExpired):
        return clients_of_command(result.cmd)
    return ()


def client_at(peer: tuple[str, int]) -> tuple[str, ...]:
    """The client whose connection to a trap came from *peer*."""
    noted = _notes.connections.get(peer[1])
    if noted is not None:
        return noted
    # Not through a socket of Python's in this process: by a program, or by the one library that has sockets of its own.
    if _notes.programs:
        started = list(_notes.programs.values())
        return started[0] if len(started) == 1 else ()
    return ("pycurl",) if "pycurl" in sys.modules else ()


def reset() -> None:
    """Forget what has been noted."""
    _notes.connections.clear()
    _notes.programs.clear()


class Watch:
    """Notes who connects while it is entered; several may be, and end in any order."""

    def __enter__(self) -> None:
        _notes.begin()

    def __exit__(self, *exc: object) -> None:
        _notes.end()


class _Notes:
    """What has been noted, and the patches that note it: *connections* by local port, *programs* with the clients they can be."""

    def __init__(self) -> None:
        self.connections: dict[int, tuple[str, ...]] = {}
        self.programs: dict[str, tuple[str, ...]] = {}
        self.watches = 0
        self._lock = threading.Lock()
        self._patches: list[Patch] = []

    def begin(self) -> None:
        with self._lock:
            self.watches += 1
            if self.watches == 1:
                reset()
                self._cover()

    def end(self) -> None:
        with self._lock:
            self.watches -= 1
            if not self.watches:
                for patch in reversed(self._patches):
                    patch.undo()

    def _cover(self) -> None:
        # One that somebody else has covered is still called: put on again each time, they would pile up.
        self._patches = [patch for patch in self._patches if patch.is_called]
        covered = [(patch.owner, patch.name) for patch in self._patches]
        for owner, name, make in _PLACES:
            if (owner, name) not in covered:
                self._patches.append(Patch(owner, name, make))

    def connection(self, sock: socket.socket, address: Any) -> None:
        """Note whose call connected *sock*; two frames up is the caller of what stands in for `connect()`."""
        with suppress(Exception):
            host, port = address[0], address[1]
            if sock.family not in _FAMILIES or not (port in MAIL_PORTS or host.startswith(_HERE)):
                return
            local = sock.getsockname()[1]
            found = client_on(sys._getframe(2))  # noqa: SLF001  # the documented way to a caller's frame
            self.connections.pop(local, None)
            self.connections[local] = found
            if len(self.connections) > _MOST_NOTES:
                del self.connections[next(iter(self.connections))]

    def program(self, args: object) -> None:
        with suppress(Exception):
            self.programs[program_of(args) or ""] = clients_of_command(args)


def _connecting(original: Function) -> Function:
    def connect(
        self: socket.socket, address: Any
    ) -> Any:  # whatever the caller gives; connect_ex's number
        __tracebackhide__ = True
        try:
            return original(self, address)
        finally:
            # A socket that does not block is on its way, and BlockingIOError says so.
            if _notes.watches:
                _notes.connection(self, address)

    return connect


def _starting(original: Function) -> Function:
    def __init__(self: Any, *args: Any, **keywords: Any) -> None:  # noqa: N807  # it stands in for that
        __tracebackhide__ = True
        original(self, *args, **keywords)
        if _notes.watches:
            _notes.program(args[0] if args else keywords.get("args"))

    return __init__


_PLACES: tuple[tuple[Any, str, Callable[[Function], Function]], ...] = (
    (socket.socket, "connect", _connecting),
    (socket.socket, "connect_ex", _connecting),
    (subprocess.Popen, "__init__", _starting),
)
_notes = _Notes()


def _led_to(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and what led to it, the nearest first."""
    for _ in range(_LONGEST_CHAIN):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _frames_of(error: BaseException) -> Iterator[Any]:
    """Where it was raised, and from there outwards."""
    frames = []
    at: TracebackType | None = error.__traceback__
    while at is not None:
        frames.append(at.tb_frame)
        at = at.tb_next
    return reversed(frames)
