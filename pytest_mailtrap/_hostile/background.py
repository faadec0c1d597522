"""
The threads that a call leaves running in its process.

Rules of this file: it knows nothing about mail, and waits for nothing.
"""

from __future__ import annotations

import threading


class Background:
    """The threads that are started from now on, except the trap's own."""

    def __init__(self) -> None:
        self._before = frozenset(threading.enumerate())
        self._has_been_seen = False

    @property
    def is_at_work(self) -> bool:
        """Whether any of them is alive."""
        found = any(map(self._is_new, threading.enumerate()))
        self._has_been_seen |= found
        return found

    @property
    def is_done(self) -> bool:
        """Whether there were any, and all have ended; a thread that was never seen alive does not count."""
        return not self.is_at_work and self._has_been_seen

    def _is_new(self, thread: threading.Thread) -> bool:
        return thread not in self._before and not thread.name.startswith("mailtrap")
