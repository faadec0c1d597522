"""
The SMTP engine's input: lines for commands, chunks for message data.

Rules of this file: it writes the client's side of the transcript, ends a session at the end of its input, and
touches private parts of `asyncio.StreamReader` only where aiosmtpd does, or where a comment says why.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_mailtrap._transcript import Recorder

# RFC 4954, section 4: an AUTH line may have 12288 octets. No other line may be longer.
LONGEST_LINE = 12288


class TooLongError(Exception):
    """A line of an AUTH exchange that no client may send."""


class Lines(asyncio.StreamReader):
    """The engine's input: writes the transcript, ends cleanly, and hands message data over in chunks."""

    def __init__(self, loop: asyncio.AbstractEventLoop, recorder: Recorder) -> None:
        super().__init__(limit=LONGEST_LINE, loop=loop)
        self._recorder = recorder
        self._data: _Data | None = None
        self._overlong = False
        self._arrival = asyncio.Event()
        self._end = asyncio.Event()

    async def readuntil(self, separator: Any = b"\n") -> bytes:
        try:
            line = await super().readuntil(separator)
        except asyncio.IncompleteReadError:
            # The one end of input that the engine takes without a reply and without a word in the log.
            raise ConnectionResetError("the client closed the connection") from None
        except asyncio.LimitOverrunError:
            self._overlong = True
            raise
        if self._overlong:
            # The tail of a line whose head is gone: it may be the end of a secret.
            self._overlong = False
            self._recorder.event(f"a line of more than {LONGEST_LINE} bytes")
        else:
            self._recorder.client(line)
        return line

    async def readline(self) -> bytes:
        """For the lines of an AUTH exchange."""
        try:
            return await self.readuntil()
        except asyncio.LimitOverrunError as overrun:
            await self.read(overrun.consumed)
        while True:
            try:
                await self.readuntil()
            except asyncio.LimitOverrunError as overrun:
                await self.read(overrun.consumed)
            else:
                raise TooLongError

    @property
    def takes_data(self) -> bool:
        """Whether message data is on its way in."""
        return self._data is not None

    async def arrives_within(self, seconds: float) -> bool:
        """Whether the client sends something, beyond what has been read, within *seconds*."""
        self._arrival.clear()
        if not self._buffer:  # type: ignore[attr-defined]  # as in discard()
            await _within(self._arrival, seconds)
        return bool(self._buffer)  # type: ignore[attr-defined]

    async def ends_within(self, seconds: float) -> None:
        """Wait for *seconds*, or until the client has gone."""
        await _within(self._end, seconds)

    def discard(self) -> int:
        """Forget what has come in and was not read; gives the number of bytes."""
        size = len(self._buffer)  # type: ignore[attr-defined]  # as aiosmtpd does; there is no public way
        self._buffer.clear()  # type: ignore[attr-defined]
        self._maybe_resume_transport()  # type: ignore[attr-defined]  # paused where it was too much to buffer
        return size

    async def read_data(
        self, done: Callable[[bytearray | None, int], str], limit: int | None
    ) -> str:
        """Collect message data up to its final dot, call *done* with it, and give its reply."""
        reply: asyncio.Future[str] = self._loop.create_future()  # type: ignore[attr-defined]  # StreamReader's own
        self._data = _Data(done, limit, reply)
        waiting = bytes(self._buffer)  # type: ignore[attr-defined]
        if waiting:
            self.discard()
            self.feed_data(waiting)
        if self.at_eof() or self._eof:  # type: ignore[attr-defined]
            self.feed_eof()
        return await reply

    def feed_data(self, data: Any) -> None:  # bytes; typeshed says any iterable of integers
        self._arrival.set()
        if self._data is None:
            super().feed_data(data)
            return
        rest = self._data.feed(data)
        if rest is not None:
            self._data = None
            if rest:
                super().feed_data(rest)

    def feed_eof(self) -> None:
        super().feed_eof()
        self._arrival.set()
        self._end.set()
        if self._data is not None and not self._data.reply.done():
            # Half a message is none.
            self._data.reply.set_exception(ConnectionResetError("closed in the middle of DATA"))
            self._data = None


async def _within(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


class _Data:
    """Message data on its way in, up to CRLF "." CRLF and no other end (RFC 5321, section 4.1.1.4)."""

    __slots__ = ("_buffer", "_done", "_limit", "_size", "reply")

    def __init__(
        self,
        done: Callable[[bytearray | None, int], str],
        limit: int | None,
        reply: asyncio.Future[str],
    ) -> None:
        # The CRLF of the DATA line itself counts: a message may end with its first line.
        self._buffer = bytearray(b"\r\n")
        self._size = 2
        self._done = done
        self._limit = limit
        self.reply = reply

    def feed(self, data: bytes) -> bytes | None:
        """Take *data*; gives what follows the end of the message, None while it has not ended."""
        buffer = self._buffer
        known = len(buffer)
        buffer += data
        self._size += len(data)
        end = buffer.find(b"\r\n.\r\n", max(0, known - 4))
        if end < 0:
            # Doubled dots do not count (RFC 1870, section 5) and add a third at most.
            if self._limit is not None and self._size > 2 * self._limit + 1024:
                del buffer[:-4]  # too large already: only the end is of interest
            return None
        rest = bytes(buffer[end + 5 :])
        size = self._size - len(rest) - 5
        is_whole = size == len(buffer) - len(rest) - 5
        del buffer[end + 2 :], buffer[:2]
        if not self.reply.done():
            self.reply.set_result(self._done(buffer if is_whole else None, size))
        return rest


def unstuff(data: bytearray) -> bytes:
    """Take away the dots that keep lines from ending the message (RFC 5321, section 4.5.2)."""
    if data[:1] == b".":
        del data[:1]
    return bytes(data.replace(b"\r\n.", b"\r\n")) if b"\r\n." in data else bytes(data)


def has_long_line(data: bytes, limit: int) -> bool:
    """Look only at one line end in every *limit* bytes."""
    at = 0
    while len(data) - at > limit:
        newline = data.rfind(b"\n", at, at + limit)
        if newline < 0:
            return True
        at = newline + 1
    return False
