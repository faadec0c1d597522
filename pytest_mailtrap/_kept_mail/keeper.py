"""
What keeps mail in the process, and how it is told each time that it has done so.

Rules of this file: it knows no library; a call inside another one that keeps mail is part of it, and told once.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    Function = Callable[..., Any]  # what is replaced has all kinds of signatures
    Tell = Callable[["Keeper", int], None]
    Place = tuple[Any, str, Callable[[Function], Function]]  # what is replaced where, and by what
    Places = Callable[[ModuleType, Tell], Iterator[Place]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """
    Something that keeps mail in the process instead of sending it.

    *place* completes "2 messages stayed in ..."; *setting* is what sends them, as lines of code of at most 60 columns, mostly one.
    """

    place: str
    setting: str


class _RunningSend:
    """One call that may keep mail; *has_left* says that smtplib has sent the mail after all."""

    __slots__ = ("has_left", "is_over")

    def __init__(self) -> None:
        self.has_left = False
        self.is_over = False


# Coroutines take turns in the middle of their calls, and what they start inherits it: hence the `is_over`.
_latest: ContextVar[_RunningSend | None] = ContextVar("mailtrap_kept", default=None)


def _running() -> _RunningSend | None:
    latest = _latest.get()
    return None if latest is None or latest.is_over else latest


@contextmanager
def keeping(tell: Tell) -> Iterator[Tell]:
    """
    Around one call that keeps mail; gives what tells how much it kept, which is silent inside another such call.

    A call of which is known before that it sends is not to be in it: it would silence a mock that is given the mail in the end.

    An error inside says that nothing was kept, since it keeps the caller from telling.
    """
    if _running() is not None:
        yield _silent
        return
    attempt = _RunningSend()
    _latest.set(attempt)

    def told(keeper: Keeper, count: int) -> None:
        if count > 0 and not attempt.has_left:
            tell(keeper, count)

    try:
        yield told
    finally:
        attempt.is_over = True


def _silent(_keeper: Keeper, _count: int) -> None:
    """It is told by the call around it."""


def note_departure() -> None:
    """Note that smtplib sends a message: the call around it, if any, has not kept it."""
    if (attempt := _running()) is not None:
        attempt.has_left = True
