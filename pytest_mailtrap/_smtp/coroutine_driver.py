"""
A conversation that goes on when something has happened, there and then.

A task would wait for each line in a future of its own and wake in a later round of the event loop, which costs more than
the answer to the line.
Rules of this file: all of it runs on one thread; what the conversation is about is not known here.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Generator


class CoroutineDriver:
    """
    The steps of one conversation, a coroutine that waits for nothing but `happening()` and `until()`.

    Whoever brings something new calls `go_on()`. *ended* is told of its end, and of the error that ended it.
    """

    __slots__ = ("_conversation", "_ended", "_loop")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, ended: Callable[[Exception | None], None]
    ) -> None:
        self._loop = loop
        self._ended = ended
        self._conversation: Coroutine[Any, Any, None] | None = None

    def begin(self, conversation: Coroutine[Any, Any, None]) -> None:
        """Take the first step."""
        self._conversation = conversation
        self.resume()

    def resume(self) -> None:
        """Let the conversation look at what has happened; nothing, once it has ended."""
        if self._conversation is None:
            return
        try:
            self._conversation.send(None)
        except StopIteration:
            self._end(None)
        except Exception as error:
            self._end(error)

    @property
    def have_ended(self) -> bool:
        """Whether there is nothing to go on with."""
        return self._conversation is None

    def _end(self, error: Exception | None) -> None:
        self._conversation = None
        self._ended(error)

    # -- for the conversation -------------------------------------------------------------

    @types.coroutine
    def wake(self) -> Generator[None, None, None]:
        """Wait until something has happened, whatever it is."""
        yield

    async def wait_until(self, is_so: Callable[[], bool], seconds: float | None = None) -> None:
        """Wait until it is so, or until so many seconds are over."""
        is_over = False

        def give_up() -> None:
            nonlocal is_over
            is_over = True
            self.resume()

        timer = None if seconds is None else self._loop.call_later(seconds, give_up)
        while not is_so() and not is_over:
            await self.wake()
        if timer is not None:
            timer.cancel()
