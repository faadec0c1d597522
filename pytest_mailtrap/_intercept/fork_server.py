"""
multiprocessing's fork server, from which Python 3.14 and later start processes on Linux.

It forks them with the environment that it had when it was itself started, perhaps in another test. So it is stopped when
the environment changes, and multiprocessing starts another one when it needs it.
"""

from __future__ import annotations

import sys
from contextlib import suppress


def renew() -> None:
    """
    Let processes that start from now on have the environment of this moment.

    Does nothing while processes that the server has started are running: it reports how they end.
    """
    module = sys.modules.get("multiprocessing.forkserver")
    # No public function stops it.
    server = getattr(module, "_forkserver", None)
    stop = getattr(server, "_stop", None)
    if stop is None or sys.modules["multiprocessing"].active_children():
        return
    # It may have ended by itself; and in a forked process it is another process's child.
    with suppress(OSError):
        stop()
