"""A remark: what a careful reader would point out about a message, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["problem", "hint"]
# From the mildest to the gravest.
LEVELS: tuple[Level, ...] = ("hint", "problem")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """
    Something about a message that a careful reader would point out.

    `docs/remarks.md` lists all codes.
    """

    code: str
    """What it is, in kebab-case, such as "link-http"; it does not change."""

    level: Level
    """"problem" violates a standard, or will cause trouble for readers; "hint" may be intentional."""

    text: str
    """What is wrong, in a sentence."""

    about: str = ""
    """What it refers to, quoted from the message, or empty; lines are counted in the whole message, from 1."""

    cure: str = ""
    """What to change, or empty if the text says it."""

    reference: str = ""
    """Where to read more, such as "RFC 5322, 3.6.1"; empty if the remark is based on experience."""
