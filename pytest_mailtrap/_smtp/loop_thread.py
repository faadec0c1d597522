"""The thread on which all traps of a process run, and how other threads call it."""

from __future__ import annotations

import asyncio
import threading
from concurrent import futures
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_mailtrap._smtp import engine_log
from pytest_mailtrap._smtp.acceptor import new_acceptor
from pytest_mailtrap._system import clock, forks

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

_CALL_SECONDS = 10.0
_ENDED = "the mail trap's thread has ended, or this is a forked process, which has no such thread"
# As large as asyncio's own, which asyncio allocates anew for each read.
_BUFFER_SIZE = 256 * 1024


class LoopError(RuntimeError):
    """The thread does not answer, and `str()` says why."""


class RealTimeLoop(asyncio.SelectorEventLoop):
    """
    An event loop whose deadlines do not stop when a test freezes time.

    It is not the default loop: the user's policy may make that one of another type (uvloop).
    """

    def time(self) -> float:
        return clock.monotonic()

    def __del__(self) -> None:
        """Nothing: `LoopThread` closes it, and in a forked process nobody may."""


class LoopThread:
    """
    A thread that runs an event loop until it is told to stop.

    *acceptor* watches the sockets of all traps; *buffer* is what their connections read into, one at a time.
    *at_failure* has the functions to call with the error if one ends the loop.
    """

    def __init__(self) -> None:
        self.loop = RealTimeLoop()
        # PYTHONASYNCIODEBUG and -X dev are for the user's loops: ours would warn about its own slow callbacks.
        self.loop.set_debug(False)
        self.acceptor = new_acceptor(self.loop)
        self.buffer = memoryview(bytearray(_BUFFER_SIZE))
        self.at_failure: list[Callable[[BaseException], None]] = []
        self._is_a_copy = False
        self._thread = threading.Thread(target=self._run, name="mailtrap", daemon=True)
        self._thread.start()
        forks.in_forked_processes(self._forked)
        engine_log.silence(self._thread)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        except (
            BaseException
        ) as error:  # nobody would see it on this thread, and the tests would wait for replies
            for fail in list(self.at_failure):
                fail(error)

    def _forked(self) -> None:
        """The loop's own sockets are shared with the parent: they must not be used, nor closed properly."""
        self._is_a_copy = True
        self.acceptor.forked()

    def is_alive(self) -> bool:
        """Whether it can be called: a forked process has a copy of it that does not run."""
        return not self._is_a_copy and self._thread.is_alive()

    def is_current(self) -> bool:
        return threading.get_ident() == self._thread.ident

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run *work* on the loop and wait for its result; LoopError if the loop does not answer."""
        if not self.is_alive():
            work.close()
            raise LoopError(_ENDED)
        called = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return called.result(_CALL_SECONDS)
        except futures.TimeoutError:
            if called.done():
                raise  # it is the result
        called.cancel()
        raise LoopError(f"the mail trap's thread has not answered for {_CALL_SECONDS:g} s")

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        """Call *callback* on the loop when *seconds* have passed; returns a function that cancels the call."""
        if not self.is_alive():
            raise LoopError(_ENDED)
        timers: list[asyncio.TimerHandle] = []

        def start() -> None:
            timers.append(self.loop.call_later(seconds, callback))

        def cancel() -> None:
            for timer in timers:
                timer.cancel()

        self.loop.call_soon_threadsafe(start)
        return partial(self._cancel, cancel)

    def _cancel(self, cancel: Callable[[], None]) -> None:
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(cancel)

    def stop(self) -> None:
        """End the thread; its traps must have been stopped before."""
        engine_log.unsilence(self._thread)
        self.at_failure.clear()
        if self._is_a_copy:
            return
        if not self._thread.is_alive():
            # The connections that were aborted since it failed are closed by the loop.
            self._thread = threading.Thread(target=self._run, name="mailtrap", daemon=True)
            self._thread.start()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_CALL_SECONDS)
        self.loop.close()
        self.acceptor.close()
