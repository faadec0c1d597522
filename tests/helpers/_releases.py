"""Which release of a library is installed."""

from __future__ import annotations

from importlib.metadata import version


def release(distribution: str) -> tuple[int, ...]:
    """Its numbers, such as (5, 1, 2); what is no number, as in 6.0rc1, ends them."""
    numbers = []
    for part in version(distribution).split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)
