"""
One call of the application's `send()`, with a deadline.

Rules of this file: it knows nothing about mail; it only says how the call ended.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import subprocess
import sys
import threading
import traceback
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._clients import frames
from pytest_mailtrap._clients.identification import client_of_error, client_of_result
from pytest_mailtrap._hostile import reported_failure
from pytest_mailtrap._hostile.redaction import Redactor
from pytest_mailtrap._hostile.verdicts import Attempt
from pytest_mailtrap._server.waiting import is_in_a_loop
from pytest_mailtrap._system import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Without a deadline from the caller, a silent server still ends the call after this many seconds.
LIMIT = 10.0
# After its connections are closed, a call that hung has this many seconds to return.
_LAST_SECONDS = 1.0
# Python 3.12 keeps a few hundred objects frozen from its start.
_FEW_OBJECTS = 1000


def attempt(
    send: Callable[[], Any],
    *,
    timeout: float | None,
    cut: Callable[[], None],
    redact: Redactor | None = None,
) -> Attempt:
    """
    Call *send*, and say how it ended; *cut* closes its connections when *timeout* seconds have passed.

    The call runs in its own thread, which is left behind if the call does not return.
    With *timeout* None it runs in the caller's thread, for code that is bound to its thread.
    It also does so inside a Django transaction, which no other thread can see.
    A coroutine function runs in its own event loop.
    *redact* removes the passwords from what the call reported.
    Exceptions that are not errors of the application (KeyboardInterrupt, `pytest.fail()`) are raised again.
    """
    call = _Call(send)
    has_own_thread = timeout is not None and not _is_in_a_transaction()
    started = clock.monotonic()
    with _earlier_objects_aside():
        if timeout is not None and has_own_thread:
            hung = _in_its_own_thread(call, timeout, cut)
        else:
            hung = _in_this_thread(call, LIMIT if timeout is None else timeout, cut)
    if call.foreign is not None:
        raise call.foreign
    seconds = clock.monotonic() - started
    redact = redact or Redactor()
    return call.ended(hung, seconds, redact, has_own_thread=has_own_thread)


def _is_in_a_transaction() -> bool:
    """Whether Django has a transaction open on this thread, as around a test: another thread cannot see it."""
    database = sys.modules.get("django.db")
    if database is None or is_in_a_loop():
        return False
    try:
        return any(known.in_atomic_block for known in database.connections.all())
    except Exception:  # Django without settings, or without databases
        return False


class _Call:
    """The call and its result."""

    def __init__(self, send: Callable[[], Any]) -> None:
        self._send = send
        self.error: BaseException | None = None
        self.result: Any = None
        self.foreign: BaseException | None = None
        self.reported = False
        self._is_async = False
        self.is_left_behind = False

    def run(self) -> None:
        self._run()
        if not self.is_left_behind:
            _let_go(self.error, and_collect=self._is_async)

    def _run(self) -> None:
        try:
            result = self._send()
            if inspect.isawaitable(result):
                self._is_async = True
                result = asyncio.run(_awaited(result))
        except SystemExit as stop:  # how a command-line program reports failure
            self.error, self.reported = stop, stop.code not in (None, 0)
        except Exception as error:
            self.error, self.reported = error, True
        except BaseException as foreign:
            self.foreign = foreign
        else:
            self.result, self.reported = result, reported_failure.is_failure(result)

    def ended(
        self,
        hung: bool,
        seconds: float,
        redact: Redactor,
        *,
        has_own_thread: bool,
    ) -> Attempt:
        """The result of the call; no object of the application is kept, except its error."""
        error = self.error
        # A program that does not end has not refused anything: its caller gave up.
        is_program = isinstance(error, subprocess.TimeoutExpired)
        if hung and not is_program:
            told = f"did not return within {seconds:.1f} s"
        elif error is not None and (self.reported or is_program):
            told = reported_failure.words_of_error(error, redact)
        else:
            told = reported_failure.words_of_result(self.result, redact)
        may_be_shown = error is not None and _may_be_shown(error, redact)
        return Attempt(
            error=error,
            reported=self.reported,
            hung=hung or is_program,
            seconds=seconds,
            told=told,
            is_ambiguous=error is None and reported_failure.is_ambiguous(self.result),
            cause=error if may_be_shown else None,
            places=frames.users_places(error) if error is not None else (),
            clients=client_of_error(error) if error is not None else client_of_result(self.result),
            has_own_thread=has_own_thread,
        )


def _may_be_shown(error: BaseException, redact: Redactor) -> bool:
    """Whether pytest can show *error*, with the user's functions it passed through, without giving anything away."""
    if any(
        isinstance(one, reported_failure.PROGRAM_ERRORS) for one in reported_failure.chain(error)
    ):
        return False
    texts = [
        *reported_failure.own_texts(error),
        *map(frames.users_source, reported_failure.chain(error)),
    ]
    if any(map(redact.finds_any, texts)):
        return False
    for one in reported_failure.chain(error):
        if (own := frames.users_traceback(one)) is not None:
            one.__traceback__ = own
    return True


def _let_go(error: BaseException | None, *, and_collect: bool) -> None:
    """
    Close what the client has left open: the error's traceback would keep it alive as long as the verdict.

    Many libraries leave sockets open when TLS fails; with `-W error` this would fail the test, or the next one.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        while error is not None:
            traceback.clear_frames(error.__traceback__)
            error = error.__cause__ or error.__context__
        if and_collect:  # asyncio's transports are in reference cycles
            gc.collect()


@contextmanager
def _earlier_objects_aside() -> Iterator[None]:
    """Let a garbage collection look only at newer objects: in a large suite a full one takes half a second."""
    is_ours = gc.get_freeze_count() < _FEW_OBJECTS  # the application may have frozen objects itself
    if is_ours:
        gc.freeze()
    try:
        yield
    finally:
        if is_ours:
            gc.unfreeze()


async def _awaited(awaitable: Any) -> Any:  # whatever the application's function returns
    return await awaitable


def _in_its_own_thread(call: _Call, timeout: float, cut: Callable[[], None]) -> bool:
    context = contextvars.copy_context()
    thread = threading.Thread(
        target=context.run, args=(call.run,), name="mailtrap-send", daemon=True
    )
    thread.start()
    thread.join(timeout)
    if not thread.is_alive():
        return False
    cut()
    thread.join(_LAST_SECONDS)
    call.is_left_behind = True
    return True


def _in_this_thread(call: _Call, timeout: float, cut: Callable[[], None]) -> bool:
    hung = threading.Event()

    def end() -> None:
        hung.set()
        cut()

    timer = threading.Timer(timeout, end)
    timer.daemon = True
    timer.start()
    try:
        call.run()
    finally:
        timer.cancel()
    return hung.is_set()
