"""
Keeps what aiosmtpd logs on the traps' threads, such as a WARNING at every AUTH, out of the user's log.

A filter would be asked too late: a log record has then been made, for which logging asks `time.time()`, and a test may
have put something there that counts its calls.
"""

from __future__ import annotations

import logging
import threading

_log = logging.getLogger("mail.log")
_silent: set[int | None] = set()


def silence(thread: threading.Thread) -> None:
    """Log nothing on *thread*."""
    if not _silent:
        vars(_log)["isEnabledFor"] = _is_enabled
    _silent.add(thread.ident)


def unsilence(thread: threading.Thread) -> None:
    """Log as usual again: another thread may get the number of *thread*, which has ended."""
    _silent.discard(thread.ident)
    if not _silent:
        vars(_log).pop("isEnabledFor", None)


def _is_enabled(level: int) -> bool:
    return threading.get_ident() not in _silent and type(_log).isEnabledFor(_log, level)
