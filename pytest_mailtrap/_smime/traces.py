"""Whether there may be S/MIME in a message: cheap, and without imports."""

from __future__ import annotations

# Every message with S/MIME has one of these somewhere in its headers; Content-Type cannot be folded inside a word.
_TRACES = (b"pkcs7", b".p7m", b".p7s", b"multipart/signed")


def has_trace(raw: bytes) -> bool:
    """Whether it is worth looking for S/MIME in *raw*."""
    lowered = raw.lower()
    return any(trace in lowered for trace in _TRACES)
