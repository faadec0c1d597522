"""
What is done in a forked process, right after the fork.

A forked process has copies of all objects, but only one of the threads, and shares files and sockets with its parent.
What it must not touch, it gives up here.
"""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_calls: list[weakref.WeakMethod[Callable[[], None]]] = []


def in_forked_processes(call: Callable[[], None]) -> None:
    """Have each forked process call the method *call*, as long as its object lives."""
    _calls.append(weakref.WeakMethod(call, _calls.remove))


def _after_fork() -> None:
    for known in list(_calls):
        if (call := known()) is not None:
            call()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
