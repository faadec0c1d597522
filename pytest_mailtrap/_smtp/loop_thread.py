"""The thread on which all traps of a process run, and how other threads call it."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_mailtrap._smtp.acceptor import new_acceptor

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")

_CALL_SECONDS = 10.0
# As large as asyncio's own, which asyncio allocates anew for each read.
_BUFFER_SIZE = 256 * 1024


class LoopThread:
    """
    A thread that runs an event loop until it is told to stop.

    *acceptor* watches the sockets of all traps; *buffer* is what their connections read into, one at a time.
    """

    def __init__(self) -> None:
        # Not the default loop: the user's policy may make that one of another type (uvloop).
        self.loop = asyncio.SelectorEventLoop()
        # PYTHONASYNCIODEBUG and -X dev are for the user's loops: ours would warn about its own slow callbacks.
        self.loop.set_debug(False)
        self.acceptor = new_acceptor(self.loop)
        self.buffer = memoryview(bytearray(_BUFFER_SIZE))
        self._thread = threading.Thread(target=self._run, name="mailtrap", daemon=True)
        self._thread.start()
        logging.getLogger("mail.log").addFilter(self._filter)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def _filter(self, record: logging.LogRecord) -> bool:
        """Keep what aiosmtpd logs for us (a WARNING at every AUTH) out of the user's log."""
        return record.thread != self._thread.ident

    def is_alive(self) -> bool:
        """Whether it can be called: a forked process has a copy of it that does not run."""
        return self._thread.is_alive()

    def is_current(self) -> bool:
        return threading.get_ident() == self._thread.ident

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run *work* on the loop and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(_CALL_SECONDS)

    def stop(self) -> None:
        """End the thread; its traps must have been stopped before."""
        logging.getLogger("mail.log").removeFilter(self._filter)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_CALL_SECONDS)
        self.loop.close()
        self.acceptor.close()
