"""
The input of aiosmtpd: lines for commands, chunks for message data.

Rules of this file: it writes the client's side of the transcript, and ends a session at the end of its input.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pytest_mailtrap._smtp.turns import COMMANDS_PER_TURN

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_mailtrap._smtp.connection_protocol import SMTPConnectionProtocol
    from pytest_mailtrap._smtp.coroutine_driver import CoroutineDriver

# RFC 4954, section 4: an AUTH line may have 12288 octets. No other line may be longer.
LONGEST_LINE = 12288
# This much may wait to be read; then the client has to wait.
_MOST_WAITING = 2 * LONGEST_LINE


class TooLongError(Exception):
    """A line of an AUTH exchange that no client may send."""


class LineReader:
    """
    The input of aiosmtpd, with the methods of `asyncio.StreamReader` that aiosmtpd calls.

    It writes the transcript, ends cleanly, and passes message data on in chunks.
    """

    def __init__(self, protocol: SMTPConnectionProtocol, driver: CoroutineDriver) -> None:
        self._protocol = protocol
        self._driver = driver
        self._recorder = protocol.recorder
        self._buffer = bytearray()
        self._data: _Data | None = None
        self._overlong = False
        self._has_ended = False
        self._is_paused = False
        # How many lines have been read since the last wait.
        self._lines_read = 0

    # -- the protocol's side --------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Add what the client sends."""
        if self._data is None:
            self._buffer += data
        elif (rest := self._data.feed(data)) is not None:
            self._data = None
            self._buffer += rest
        if len(self._buffer) > _MOST_WAITING and not self._is_paused:
            self._is_paused = True
            self._protocol.pause_reading()

    def feed_eof(self) -> None:
        """Nothing more will come."""
        self._has_ended = True

    # -- aiosmtpd's side ------------------------------------------------------------------

    async def readuntil(self, separator: bytes = b"\n") -> bytes:
        """
        One line; LimitOverrunError if it is too long, ConnectionResetError at the end of the input.

        ConnectionResetError is the only error that aiosmtpd accepts without a reply and without a log record.
        """
        if self._lines_read >= COMMANDS_PER_TURN:
            await self._driver.wait_for_turn()
            self._lines_read = 0
        self._lines_read += 1
        if self._protocol.has_shut:
            raise ConnectionResetError("the trap has closed the connection")
        buffer = self._buffer
        while (at := buffer.find(separator)) < 0 and len(buffer) <= LONGEST_LINE:
            if self._has_ended:
                raise ConnectionResetError("the client closed the connection")
            self._lines_read = 1
            await self._driver.wake()
        if at < 0 or at > LONGEST_LINE:
            self._overlong = True
            raise asyncio.LimitOverrunError("too long", len(buffer) if at < 0 else at)
        line = self._take(at + len(separator))
        if self._overlong:
            # The rest of a line that was too long: it may be the end of a secret.
            self._overlong = False
            self._recorder.event(f"a line of more than {LONGEST_LINE} bytes")
        else:
            self._recorder.client(line)
        return line

    async def readline(self) -> bytes:
        """One line of an AUTH exchange; TooLongError if it is too long."""
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

    async def read(self, size: int) -> bytes:
        """What has come in, at most *size* bytes."""
        return self._take(size)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        if self._is_paused and len(self._buffer) <= LONGEST_LINE:
            self._is_paused = False
            self._protocol.resume_reading()
        return taken

    @property
    def takes_data(self) -> bool:
        """Whether message data is being received."""
        return self._data is not None

    async def arrives_within(self, seconds: float) -> bool:
        """Whether the client sends more than has been read, within *seconds*."""
        await self._driver.wait_until(lambda: bool(self._buffer) or self._has_ended, seconds)
        return bool(self._buffer)

    async def ends_within(self, seconds: float) -> None:
        """Wait for *seconds*, or until the client has disconnected."""
        await self._driver.wait_until(lambda: self._has_ended, seconds)

    def discard(self) -> int:
        """Discard what has come in and was not read; return the number of bytes."""
        return len(self._take(len(self._buffer)))

    async def read_data(
        self, done: Callable[[bytearray | None, int], str], limit: int | None
    ) -> str:
        """Read message data up to its final dot, and return the reply of *done*; an incomplete message is discarded."""
        waiting = self._take(len(self._buffer))
        data = self._data = _Data(done, limit)
        self.feed(waiting)
        while data.reply is None:
            if self._has_ended:
                self._data = None
                raise ConnectionResetError("closed in the middle of DATA")
            await self._driver.wake()
        return data.reply


class _Data:
    """Message data that is being received, up to CRLF "." CRLF and no other end (RFC 5321, section 4.1.1.4)."""

    __slots__ = ("_buffer", "_done", "_limit", "_size", "reply")

    def __init__(
        self,
        done: Callable[[bytearray | None, int], str],
        limit: int | None,
    ) -> None:
        # The CRLF of the DATA line itself counts: a message may end with its first line.
        self._buffer = bytearray(b"\r\n")
        self._size = 2
        self._done = done
        self._limit = limit
        self.reply: str | None = None

    def feed(self, data: bytes) -> bytes | None:
        """Add *data*; return what follows the end of the message, or None if it has not ended."""
        buffer = self._buffer
        known = len(buffer)
        buffer += data
        self._size += len(data)
        end = buffer.find(b"\r\n.\r\n", max(0, known - 4))
        if end < 0:
            # Doubled dots do not count (RFC 1870, section 5) and add at most a third.
            if self._limit is not None and self._size > 2 * self._limit + 1024:
                del buffer[:-4]  # too large already: only its end matters
            return None
        rest = bytes(buffer[end + 5 :])
        size = self._size - len(rest) - 5
        is_whole = size == len(buffer) - len(rest) - 5
        del buffer[end + 2 :], buffer[:2]
        self.reply = self._done(buffer if is_whole else None, size)
        return rest


def unstuff(data: bytearray) -> bytes:
    """Remove the dots that keep lines from ending the message (RFC 5321, section 4.5.2)."""
    if data[:1] == b".":
        del data[:1]
    return bytes(data.replace(b"\r\n.", b"\r\n")) if b"\r\n." in data else bytes(data)


def has_long_line(data: bytes, limit: int) -> bool:
    """Whether a line is longer than *limit*; looks at only one line ending in every *limit* bytes."""
    at = 0
    while len(data) - at > limit:
        newline = data.rfind(b"\n", at, at + limit)
        if newline < 0:
            return True
        at = newline + 1
    return False
