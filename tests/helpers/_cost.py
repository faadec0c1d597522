"""The cost of an operation in CPU time, which other work on the machine hardly affects."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")

# Some clocks tick sixty times a second only.
_TICK = 0.02


def cost(work: Callable[[], object]) -> float:
    """The CPU seconds that *work* takes in this thread."""
    before = time.thread_time()
    work()
    return time.thread_time() - before


def within(seconds: float, work: Callable[[], Answer]) -> Answer:
    """The result of *work*, which may take no more than this many CPU seconds."""
    answers: list[Answer] = []
    assert cost(lambda: answers.append(work())) < seconds
    return answers[0]


def growth(small: Callable[[], object], large: Callable[[], object]) -> float:
    """How many times more *large* costs than *small*, using the best of three tries for each."""
    low, high = (min(cost(work) for _ in range(3)) for work in (small, large))
    return high / max(low, _TICK)
