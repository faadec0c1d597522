"""Text that a terminal can show, from bytes that anybody may have sent."""

from __future__ import annotations


def printable(raw: bytes) -> str:
    """Text that a terminal shows as it stands: what is no printable character becomes an escape."""
    text = raw.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )
