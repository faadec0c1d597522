"""
Mail that stays in the process: in a library's memory backend, in a library that suppresses mail, or in a mock of
smtplib.

`watching()` reports each case. A library is watched by replacing the method that accepts its mail, as soon as the
application has imported it.

Rules of this file: it imports nothing that the application has not imported; anything unexpected is not watched, but is
not an error.
"""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager, suppress
from types import FunctionType
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._intercept.patch import Patch
from pytest_mailtrap._kept_mail import libraries, smtplib_mocks
from pytest_mailtrap._kept_mail.keeper import Keeper
from pytest_mailtrap._system.import_hook import Imports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


__all__ = ["Keeper", "renew", "watching"]

_PLACES = {**libraries.PLACES, **smtplib_mocks.PLACES}


@contextmanager
def watching(note: Callable[[Keeper, int], None]) -> Iterator[None]:
    """
    Call *note* with the keeper and the number of messages, in the thread that sent them, each time mail stays in the process.

    If several are active at the same time, each *note* is called.
    """
    entry = _WatchedModule(note)
    _watch.enter(entry)
    try:
        yield
    finally:
        _watch.leave(entry)


def renew() -> None:
    """Watch again what has been restored by others in the meantime; a few look-ups if there is nothing to do."""
    _watch.renew()


class _WatchedModule:
    """One `watching()`: several may have the same function."""

    def __init__(self, note: Callable[[Keeper, int], None]) -> None:
        self.note = note


class _Watch:
    """The functions to call, and the patches that detect kept mail."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._entries: tuple[_WatchedModule, ...] = ()
        self._patches: list[Patch] = []
        self._imports = Imports(_PLACES, self._cover)

    def tell(self, keeper: Keeper, count: int) -> None:
        for entry in self._entries:
            entry.note(keeper, count)

    def enter(self, entry: _WatchedModule) -> None:
        with self._lock:
            self._entries = (*self._entries, entry)
            self.renew()

    def leave(self, entry: _WatchedModule) -> None:
        with self._lock:
            self._entries = tuple(e for e in self._entries if e is not entry)
            if not self._entries:
                self._imports.end()
                # A method that others have patched over stays until they have undone theirs; meanwhile
                # it reports nothing.
                left = [patch for patch in self._patches if not patch.is_in_place]
                for patch in self._patches:
                    patch.undo()
                self._patches = left

    def renew(self) -> None:
        with self._lock:
            if not self._entries:
                return
            smtplib_mocks.renew()
            self._imports.begin()
            for name in _PLACES:
                if name in sys.modules:
                    self._cover(name)

    def _cover(self, name: str) -> None:
        with self._lock, suppress(Exception):
            self._patch(name)

    def _patch(self, name: str) -> None:
        for owner, attribute, make in _PLACES[name](sys.modules[name], self.tell):
            if _is_its_own(owner, attribute) and not self._covers(owner, attribute):
                self._patches.append(Patch(owner, attribute, make))

    def _covers(self, owner: Any, attribute: str) -> bool:
        return any(p.is_in_place for p in self._patches if (p.owner, p.name) == (owner, attribute))


def _is_its_own(owner: Any, attribute: str) -> bool:
    """Whether the method is the library's, and not a mock or a test's: tests must find what they have put there."""
    method = getattr(owner, attribute)
    return type(method) is FunctionType and method.__module__ == owner.__module__


_watch = _Watch()
