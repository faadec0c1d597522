"""
The messages that a connection carried.

A message has a `connection`, and a connection has `messages`. If each held the other, both would stay in memory
until Python's garbage collector looks at old objects, which it rarely does in a run with few, but large messages.

Rules of this file: whoever has the connection finds all messages, and the same object as long as anybody has it.
"""

from __future__ import annotations

import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class CarriedMessages:
    """
    The messages of one connection, in order; *copies* are those of a copied connection.

    It holds the content of each message, but not the message itself, which may hold the connection.
    """

    __slots__ = ("_copies", "_held")

    def __init__(self, copies: Sequence[Any] = ()) -> None:
        # As they are: a message that is being unpickled has no content yet.
        self._copies = copies
        self._held: list[tuple[weakref.ref[Any], Any]] = []

    def __len__(self) -> int:
        return len(self._copies) + len(self._held)

    def add(self, message: Any) -> None:
        """Add a message, which has just arrived."""
        self._held.append((weakref.ref(message), replace(message, connection=None)))

    def of(self, connection: object) -> tuple[Any, ...]:
        """The messages, as those of *connection*."""
        return (*self._copies, *(self._message(at, connection) for at in range(len(self._held))))

    def _message(self, at: int, connection: object) -> Any:
        reference, content = self._held[at]
        message = reference()
        if message is None:
            # Nobody has it any more, so nobody can tell that this is another object.
            message = replace(content, connection=connection)
            self._held[at] = weakref.ref(message), content
        return message
