"""
One call of the application's `send()`, with a deadline.

Rules of this file: it knows nothing of mail; it says how the call ended.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import subprocess
import sys
import threading
import time
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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Where there is no deadline of the caller's, a server that is silent still ends it.
LIMIT = 10.0
# After its connections have been cut, a call that hung has this long to come back.
_LAST_SECONDS = 1.0
# Python 3.12 keeps some hundred objects frozen from its start on.
_FEW_OBJECTS = 1000


def attempt(
    send: Callable[[], Any],
    *,
    timeout: float | None,
    cut: Callable[[], None],
    redact: Redactor | None = None,
) -> Attempt:
    """
    Call *send*, and say how it ended; *cut* ends its connections when *timeout* seconds have passed.

    It runs in a thread of its own, which is left behind where it does not come back; with *timeout* None it runs in the
    caller's, for code that is bound to its thread, and so it does in a transaction of Django's, which no other thread sees.
    A coroutine function runs in an event loop of its own.
    *redact* takes the passwords out of what it says.
    What is no error of the application's (KeyboardInterrupt, `pytest.fail()`) is raised again.
    """
    call = _Call(send)
    has_own_thread = timeout is not None and not _is_in_a_transaction()
    started = time.monotonic()
    with _earlier_objects_aside():
        if timeout is not None and has_own_thread:
            hung = _in_its_own_thread(call, timeout, cut)
        else:
            hung = _in_this_thread(call, LIMIT if timeout is None else timeout, cut)
    if call.foreign is not None:
        raise call.foreign
    seconds = time.monotonic() - started
    redact = redact or Redactor()
    return call.ended(hung, seconds, redact, has_own_thread=has_own_thread)


def _is_in_a_transaction() -> bool:
    """Whether Django has a transaction open on this thread, as around a test: another thread sees nothing of it."""
    database = sys.modules.get("django.db")
    if database is None or is_in_a_loop():
        return False
    try:
        return any(known.in_atomic_block for known in database.connections.all())
    except Exception:  # Django without settings, or without databases
        return False


class _Call:
    """The call and its end."""

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
        except SystemExit as stop:  # how a command-line program says it
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
        """What is to be known of it; nothing that the application made is kept, but for its error."""
        error = self.error
        # A program that does not end has not refused anything: it was its caller that gave up.
        is_program = isinstance(error, subprocess.TimeoutExpired)
        if hung and not is_program:
            told = f"did not come back within {seconds:.1f} s"
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
    """Whether pytest may show *error*, with the user's functions it came through, and give nothing away."""
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
    Close what the client has left open: the error's traceback would keep it for as long as there is a verdict.

    Libraries are not at their best when TLS fails; with `-W error` it would be the test that pays for it, or the next one.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        while error is not None:
            traceback.clear_frames(error.__traceback__)
            error = error.__cause__ or error.__context__
        if and_collect:  # asyncio's transports are in circles
            gc.collect()


@contextmanager
def _earlier_objects_aside() -> Iterator[None]:
    """Let a collection look only at what came about meanwhile: in a large suite one of everything takes half a second."""
    is_ours = gc.get_freeze_count() < _FEW_OBJECTS  # the application may have done so for itself
    if is_ours:
        gc.freeze()
    try:
        yield
    finally:
        if is_ours:
            gc.unfreeze()


async def _awaited(awaitable: Any) -> Any:  # whatever the application's function gives
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
