"""
What has arrived so far, shared between the trap's own thread, which writes, and the tests, which read and wait.

Rules of this file: every access goes through one lock; nothing here knows about sockets or assertions.
"""

from __future__ import annotations

import errno
import threading
import traceback
from typing import TYPE_CHECKING, Protocol

from pytest_mailtrap._smtp.acceptor import SocketLimitError
from pytest_mailtrap._system import clock, forks

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_mailtrap._assertions.kept_mail_text import Kept
    from pytest_mailtrap._facts.connection import Connection
    from pytest_mailtrap._message.captured_message import CapturedMessage
    from pytest_mailtrap._server.options import Options
    from pytest_mailtrap._server.running_server import RunningServer


class Observer(Protocol):
    """Is notified at once of what arrives in any trap; it is called from the trap's thread, so it must not block."""

    def starting(self, options: Options) -> None:
        """A trap is about to start, on its caller's thread; raises ValueError if it must not."""

    def started(self, server: RunningServer) -> None:
        """The trap has started."""

    def connected(self, connection: Connection, options: Options) -> None: ...
    def delivered(self, message: CapturedMessage, options: Options) -> None: ...

    def used_as_hostile(self, messages: int) -> None:
        """A trap is used for hostile servers, or has run one of them, which got *messages* messages."""

    def kept(self) -> list[Kept]:
        """The current test's mail that stayed in the process, if that is watched."""

    def remarked(self, text: str) -> None:
        """Something was found that is not a failure, and should be shown at the end of the run."""


# No more files for this process, and for the whole machine.
_NO_MORE_FILES = (errno.EMFILE, errno.ENFILE)


class TrapError(RuntimeError):
    """
    The trap could not do its work; `__cause__` says why.

    This is an error in this library, unless the process has too many open files, connections or traps.
    """


class Inbox:
    """Messages and connections in the order of their arrival."""

    def __init__(self, options: Options, observer: Observer | None = None) -> None:
        self._options = options
        self._observer = observer
        self._changed = threading.Condition()
        self._messages: list[CapturedMessage] = []
        self._connections: list[Connection] = []
        self._errors: list[BaseException] = []
        self._listeners: list[Callable[[], None]] = []
        forks.in_forked_processes(self._forked)

    def _forked(self) -> None:
        """The trap's thread, which is not here, may have had the lock."""
        self._changed = threading.Condition()

    def connected(self, connection: Connection) -> None:
        with self._changed:
            self._connections.append(connection)
        if self._observer is not None:
            self._observer.connected(connection, self._options)

    def deliver(self, message: CapturedMessage) -> None:
        with self._changed:
            connection = message.connection
            if not any(known is connection for known in reversed(self._connections)):
                # clear() removed it while it was open.
                self._connections.append(connection)
            if self._observer is not None:
                self._observer.delivered(message, self._options)
            self._messages.append(message)
            self._notify()

    def fail(self, error: BaseException) -> None:
        """Keep an error of the trap itself, so that the next access to the trap raises it."""
        with self._changed:
            self._errors.append(error)
            self._notify()

    def _notify(self) -> None:
        self._changed.notify_all()
        for listener in self._listeners:
            listener()

    def raise_failure(self) -> None:
        """Raise the first error of the trap itself, once."""
        with self._changed:
            errors, self._errors = self._errors, []
        if errors:
            _clear_locals(errors[0])
            raise TrapError(_blame(errors[0])) from errors[0]

    def messages(self) -> list[CapturedMessage]:
        with self._changed:
            return list(self._messages)

    def count(self) -> int:
        with self._changed:
            return len(self._messages)

    def connections(self) -> list[Connection]:
        with self._changed:
            return list(self._connections)

    def clear(self) -> None:
        with self._changed:
            self._messages.clear()
            self._connections.clear()

    def wait(self, count: int, timeout: float) -> bool:
        """Block until *count* messages have arrived or the trap has failed; False if *timeout* seconds passed first."""
        deadline = clock.monotonic() + timeout
        with self._changed:
            # Not wait_for(), whose clock a test may have stopped.
            while not self._ready(count):
                left = deadline - clock.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
            return True

    def ready(self, count: int) -> bool:
        with self._changed:
            return self._ready(count)

    def _ready(self, count: int) -> bool:
        return len(self._messages) >= count or bool(self._errors)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call *listener*, from the trap's thread, at each change; it must not block or raise an exception."""
        with self._changed:
            self._listeners.append(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        with self._changed:
            self._listeners.remove(listener)


def _clear_locals(error: BaseException) -> None:
    """Clear the local variables that pytest would show with --showlocals: what clients have sent, passwords included."""
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain:
        chain.append(following)
        # Frames that are still running, if any, keep their variables.
        traceback.clear_frames(following.__traceback__)
        following = following.__cause__ or following.__context__


def _blame(error: BaseException) -> str:
    """The message for *error*: whose error it is, and what to do about it."""
    if isinstance(error, SocketLimitError):
        return (
            f"the mail trap could not accept a client: {error.strerror}\n"
            "\n"
            "Look for connections that the application or its tests leave open\n"
            "(-W error::ResourceWarning shows them)."
        )
    if isinstance(error, OSError) and error.errno in _NO_MORE_FILES:
        return (
            f"the mail trap could not accept a client: {error.strerror}\n"
            "\n"
            "Look for connections and files that the application or its tests\n"
            "leave open (-W error::ResourceWarning shows them), or raise the\n"
            "limit (ulimit -n)."
        )
    return (
        "the mail trap itself failed; this is an error in pytest-mailtrap, not in the application"
    )
