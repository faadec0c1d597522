"""
The guard: no test connects to a real mail server, or to the e-mail API of a provider.

Rules of this file: it decides nothing about hosts; it refuses connections, records them, and words the messages.
"""

from __future__ import annotations

import errno
import inspect
import threading
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from pytest_mailtrap._clients import frames
from pytest_mailtrap._intercept.hosts import spoken
from pytest_mailtrap._system.fork_channel import ForkChannel
from pytest_mailtrap._text.layout import COLUMNS, clip
from pytest_mailtrap._text.terms import plural

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

_SHOWN = 3
_OUTSIDE = (
    "Send it from a test, not from an import, a hook or a stray thread;",
    "mailtrap_guard_allow = HOST allows connections to one host,",
    "mailtrap_guard = false disables the guard for the whole run.",
)
_WAYS_OUT = (
    "Send it to a trap, or exempt the test or the host:",
    "  @pytest.mark.mailtrap(intercept=True)  and the mailtrap fixture",
    "  @pytest.mark.mailtrap(guard=False)     real mail is sent",
    "  mailtrap_guard_allow = HOST            for a mail server of your own",
)
# A trap does not speak the protocol of a provider.
_OUTSIDE_OF_API = (
    _OUTSIDE[0],
    "mailtrap_guard_apis = false allows connections to all e-mail APIs.",
)
_WAYS_OUT_OF_API = (
    "Replace the provider's client in this test, or exempt the test or host:",
    "  @pytest.mark.mailtrap(guard=False)     real mail is sent",
    "  mailtrap_guard_allow = HOST            for an API of your own",
)
# A route claims it, so the guard as such would have let it go to the trap.
_WAYS_OUT_OF_BYPASS = (
    "It did not go through a socket's connect() method, where it would",
    "have been redirected. Give the application mailtrap.host and a port.",
)


class MailGuardError(ConnectionRefusedError):
    """
    The guard refused a connection to a real mail server or an e-mail API; to the application, this is a failed connection.

    It fails the test even if the application catches it.
    *host* and *port* are what the application requested; *port* is 0 if it looked up an e-mail API without a port.
    *test* is the node id of the test that was running, or None.
    """

    __module__ = "pytest_mailtrap"  # where users import it from, and what tracebacks call it

    host: str
    port: int
    test: str | None

    def __str__(self) -> str:
        return str(self.strerror)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedConnection:
    """
    A connection that was refused.

    *test* is None outside of all tests.
    *place* is the line of the user's code that requested it; None if there is none on this thread.
    *api* says that it was for the HTTP API of a provider; *port* is 0 if a lookup named none.
    *bypassed* says that it should have been redirected to a trap, but was made in a way that cannot be redirected.
    """

    host: str
    port: int
    test: str | None
    place: str | None
    api: bool = False
    bypassed: bool = False

    @property
    def target(self) -> str:
        return spoken(self.host, self.port) if self.port else self.host


class Guard:
    """
    Refuses connections, and records those that it has refused.

    *test* is the running test; *threads* are the threads on which the guard is active, None for all.
    *mail* and *apis* say what it refuses: connections to mail ports, and to e-mail APIs.
    """

    def __init__(self, test: str | None = None, *, mail: bool = True, apis: bool = False) -> None:
        self.test = test
        self.mail = mail
        self.apis = apis
        self.threads: frozenset[threading.Thread] | None = None
        self._lock = threading.Lock()
        self._attempts: list[RefusedConnection] = []
        self._children = ForkChannel()

    @property
    def is_active(self) -> bool:
        """Whether it applies to this thread."""
        return self.threads is None or threading.current_thread() in self.threads

    def refuse(
        self, host: str, port: int, *, api: bool = False, bypassed: bool = False
    ) -> MailGuardError:
        """Record the attempt, and return the error for the caller to raise."""
        attempt = RefusedConnection(
            host=host, port=port, test=self.test, place=_place(), api=api, bypassed=bypassed
        )
        with self._lock:
            self._attempts.append(attempt)
        self._children.send(asdict(attempt))
        error = MailGuardError(errno.ECONNREFUSED, refusal(attempt))
        error.host, error.port, error.test = host, port, attempt.test
        return error

    def take(self, test: str | None) -> list[RefusedConnection]:
        """Remove and return the attempts in *test*, or, for None, outside of all tests."""
        self.gather()
        with self._lock:
            taken = [attempt for attempt in self._attempts if attempt.test == test]
            self._attempts = [attempt for attempt in self._attempts if attempt.test != test]
        return taken

    def take_all(self) -> list[RefusedConnection]:
        """Remove and return all attempts."""
        self.gather()
        with self._lock:
            taken, self._attempts = self._attempts, []
        return taken

    def gather(self) -> None:
        """
        Add the attempts of forked children.

        Like those of threads, they belong to the test that is running, even if an earlier one has started the child.
        """
        with self._lock:
            for values in self._children.received():
                attempt = RefusedConnection(**values)
                self._attempts.append(replace(attempt, test=self.test or attempt.test))

    def close(self) -> None:
        """Forked children that are still running report no more."""
        self._children.close()


def refusal(attempt: RefusedConnection) -> str:
    """The text of the error."""
    which = ", an e-mail API" if attempt.api else ""
    which = which or (", which it could not redirect" if attempt.bypassed else "")
    return "\n".join(
        [
            f"the mail guard refused {attempt.target}{which}",
            clip(f"  {_when(attempt)}"),
            "",
            *_remedy([attempt]),
        ]
    )


def explain_attempts(attempts: Sequence[RefusedConnection]) -> str:
    """The text of a failure for attempts whose error the application caught."""
    counted = dict.fromkeys(attempts, 0)
    for attempt in attempts:
        counted[attempt] += 1
    lines = [
        f"{plural(len(attempts), 'connection')} to {_targets(attempts)}, refused by the guard",
        "",
    ]
    lines += _table(counted)
    lines += ["", f"  {_when(attempts[0])}", ""]
    lines += ["The application caught the error and continued.", *_remedy(attempts)]
    return "\n".join(clip(line) for line in lines)


def _table(counted: dict[RefusedConnection, int]) -> list[str]:
    lines = []
    for attempt, times in list(counted.items())[:_SHOWN]:
        repeated = f" ({times} times)" if times > 1 else ""
        lines.append(f"  {attempt.target}{repeated}")
        if attempt.place is not None:
            lines.append(f"      at {attempt.place}")
    left = len(counted) - _SHOWN
    return [*lines, f"  ... and {left} more"] if left > 0 else lines


def _when(attempt: RefusedConnection) -> str:
    return f"while {_end(attempt.test)} ran" if attempt.test else "while no test ran"


def _end(test: str) -> str:
    """The node id, or as much of its end, which is the test's name, as fits on a line."""
    room = COLUMNS - len("  while  ran")
    return test if len(test) <= room else f"...{test[3 - room :]}"


def _targets(attempts: Sequence[RefusedConnection]) -> str:
    kinds = {attempt.api for attempt in attempts}
    if len(kinds) > 1:
        return "mail servers and e-mail APIs"
    return "an e-mail API" if True in kinds else "a real mail server"


def _remedy(attempts: Sequence[RefusedConnection]) -> tuple[str, ...]:
    if all(attempt.api for attempt in attempts):
        return _WAYS_OUT_OF_API if attempts[0].test else _OUTSIDE_OF_API
    if all(attempt.bypassed for attempt in attempts):
        return _WAYS_OUT_OF_BYPASS
    return _WAYS_OUT if attempts[0].test else _OUTSIDE


def _place() -> str | None:
    """The innermost line of the user's code, such as "app/mailer.py:12 in send"; None if there is none on this thread."""
    frame: FrameType | None = inspect.currentframe()
    while frame is not None:
        if frames.is_users(frame.f_code):
            return frames.spoken(frame.f_code, frame.f_lineno)
        frame = frame.f_back
    return None
