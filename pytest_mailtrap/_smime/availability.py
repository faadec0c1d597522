"""
The cryptography that S/MIME needs: a newer one than everything else.

Rules of this file: cheap; it is asked before anything else of S/MIME is imported, which would fail with an older one.
"""

from __future__ import annotations

MINIMUM = 45


def missing() -> str | None:
    """Why S/MIME cannot be judged here, such as "needs cryptography 45"; None if it can."""
    return None if _major() >= MINIMUM else f"needs cryptography {MINIMUM}"


def require() -> None:
    """Raise ImportError if S/MIME cannot be judged here."""
    __tracebackhide__ = True
    if missing() is not None:
        raise ImportError(explanation(), name="cryptography")


def explanation() -> str:
    """What is missing, and how to get it, in one sentence."""
    from cryptography import __version__

    return (
        f"S/MIME needs cryptography {MINIMUM} or newer, and {__version__} is installed: "
        "pip install 'pytest-mailtrap[smime]'"
    )


def _major() -> int:
    from cryptography import __version__

    return int(__version__.partition(".")[0])
