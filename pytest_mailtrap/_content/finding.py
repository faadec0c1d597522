"""What a check has found, without words: a code, and what it is about."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A finding; *about* is what it refers to, quoted from the message, or empty."""

    code: str
    about: str = ""
