"""
Runs a coroutine that continues immediately when something has happened.

A task would wait for each line in a future and wake in a later iteration of the event loop, which costs more than the
reply to the line.
Rules of this file: all of it runs on one thread; it knows nothing about what the coroutine does.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._smtp.turns import turns_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Generator


class CoroutineDriver:
    """
    Runs one conversation, a coroutine that waits only for `wake()` and `wait_until()`.

    Call `resume()` when something has happened.
    *ended* is called at its end, with the error that ended it, or None.
    """

    __slots__ = ("_conversation", "_ended", "_loop", "_turns")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, ended: Callable[[Exception | None], None]
    ) -> None:
        self._loop = loop
        self._turns = turns_of(loop)
        self._ended = ended
        self._conversation: Coroutine[Any, Any, None] | None = None

    def begin(self, conversation: Coroutine[Any, Any, None]) -> None:
        """Start the conversation."""
        self._conversation = conversation
        self.resume()

    def resume(self) -> None:
        """Let the conversation continue; does nothing after its end."""
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
        """Whether the conversation has ended or never began."""
        return self._conversation is None

    def _end(self, error: Exception | None) -> None:
        self._conversation = None
        self._ended(error)

    # -- for the conversation -------------------------------------------------------------

    @types.coroutine
    def wake(self) -> Generator[None, None, None]:
        """Wait until something has happened, whatever it is."""
        yield

    async def wait_for_turn(self) -> None:
        """Let other conversations continue, and wait until it is the turn of this one."""
        has_begun = False

        def begin() -> None:
            nonlocal has_begun
            has_begun = True
            self.resume()

        self._turns.wait(begin)
        while not has_begun:
            await self.wake()

    async def wait_until(self, is_so: Callable[[], bool], seconds: float | None = None) -> None:
        """Wait until *is_so()* is true, or until *seconds* have passed."""
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
