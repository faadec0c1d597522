"""
What a forked child tells the process that forked it: the child has copies of all objects, and nobody reads those.

Rules of this file: nothing is opened before a fork, and no other program inherits it; nothing ever blocks, so what does not
fit is lost.
"""

from __future__ import annotations

import _socket
import json
import os
import weakref
from contextlib import suppress
from typing import Any

# More than what is sent here; a datagram is never read in part.
_LARGEST = 64 * 1024
_CAN_FORK = hasattr(os, "register_at_fork") and hasattr(_socket, "AF_UNIX")


class ForkChannel:
    """
    Carries JSON values from forked children to the process that made it.

    *is_in_a_child* says which of the two this is. Where no process can fork, it carries nothing.
    """

    def __init__(self) -> None:
        self.is_in_a_child = False
        # Not the socket module's class, which gevent and eventlet replace.
        self._receiving: _socket.socket | None = None
        self._sending: _socket.socket | None = None
        _channels[id(self)] = self

    def send(self, value: object) -> None:
        """In a child: tell the parent; it is lost if the parent has not read for long, or has closed the channel."""
        if self.is_in_a_child and self._sending is not None:
            with suppress(OSError):
                self._sending.send(json.dumps(value).encode())

    def received(self) -> list[Any]:
        """In the parent: what children have sent since the last call."""
        values: list[Any] = []
        while self._receiving is not None:
            try:
                values.append(json.loads(self._receiving.recv(_LARGEST)))
            except OSError:
                break
        return values

    def close(self) -> None:
        """Children started from now on have nobody to tell."""
        _channels.pop(id(self), None)
        self._close()

    def _close(self) -> None:
        for end in (self._receiving, self._sending):
            if end is not None:
                end.close()
        self._receiving = self._sending = None

    # -- at a fork ------------------------------------------------------------------------

    def prepare(self) -> None:
        """The process is about to fork."""
        if self._sending is None:
            with suppress(OSError):  # no more files: then the children tell nothing
                self._receiving, self._sending = _pair()

    def become_a_child(self) -> None:
        """This is the copy in the child."""
        self.is_in_a_child = True
        if self._receiving is not None:
            self._receiving.close()
            self._receiving = None

    def __del__(self) -> None:
        self._close()


_channels: weakref.WeakValueDictionary[int, ForkChannel] = weakref.WeakValueDictionary()


def _pair() -> tuple[_socket.socket, _socket.socket]:
    ends = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_DGRAM)
    for end in ends:
        end.setblocking(False)
    return ends


def _before() -> None:
    for channel in list(_channels.values()):
        channel.prepare()


def _in_child() -> None:
    for channel in list(_channels.values()):
        channel.become_a_child()


if _CAN_FORK:
    os.register_at_fork(before=_before, after_in_child=_in_child)
