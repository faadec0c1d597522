"""
What keeps mail in the process, and how each case is reported.

Rules of this file: it knows no library; a call inside another one that keeps mail is part of that call, and is
reported once.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    Function = Callable[..., Any]  # the replaced functions have all kinds of signatures
    Tell = Callable[["Keeper", int], None]
    Place = tuple[
        Any, str, Callable[[Function], Function]
    ]  # the owner, the attribute, and what makes the replacement
    Places = Callable[[ModuleType, Tell], Iterator[Place]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """
    Something that keeps mail in the process instead of sending it.

    *place* completes "2 messages stayed in ..."; *setting* is what would send them: lines of code of at most 60
    columns, mostly one.
    """

    place: str
    setting: str


class _RunningSend:
    """One call that may keep mail; *has_left* is whether smtplib has sent the mail after all."""

    __slots__ = ("has_left", "is_over")

    def __init__(self) -> None:
        self.has_left = False
        self.is_over = False


# Coroutines alternate in the middle of their calls, and tasks that they start inherit the variable: hence `is_over`.
_latest: ContextVar[_RunningSend | None] = ContextVar("mailtrap_kept", default=None)


def _running() -> _RunningSend | None:
    latest = _latest.get()
    return None if latest is None or latest.is_over else latest


@contextmanager
def keeping(tell: Tell) -> Iterator[Tell]:
    """
    Around one call that keeps mail; yields a function that reports how much it kept, which does nothing inside another
    such call.

    Do not use it around a call that is known to send: it would suppress the report of a mock that receives the mail in
    the end.

    After an error inside nothing counts as kept, since the caller does not get to report it.
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
    """The surrounding call reports it."""


def note_departure() -> None:
    """Record that smtplib sends a message: the surrounding call, if any, has not kept it."""
    if (attempt := _running()) is not None:
        attempt.has_left = True
