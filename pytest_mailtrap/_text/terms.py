"""
The terms that users write and the code compares: from weakest to strongest, if they have an order.

And what all messages share: how things are counted, and what a misspelled word was meant to be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_mailtrap._text.choices import Mode

TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
# The modes of MTA-STS (RFC 8461, section 3.2).
POLICIES = ("none", "testing", "enforce")
# How TLS begins, and so which family a hostile server belongs to.
MODES: tuple[Mode, ...] = ("starttls", "implicit")


def plural(count: int, noun: str) -> str:
    """Such as "1 message" and "2 messages"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def guess(name: object, known: Iterable[str]) -> str:
    """Such as " (did you mean 'starttls'?)", or nothing."""
    import difflib

    near = difflib.get_close_matches(str(name), known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
