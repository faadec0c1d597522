"""Text that a terminal can show, from bytes that anybody may have sent."""

from __future__ import annotations


def printable(raw: bytes) -> str:
    """Text that is safe to show on a terminal: characters that are not printable become escapes."""
    text = raw.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )
