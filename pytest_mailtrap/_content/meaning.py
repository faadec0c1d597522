"""The meaning of a code: how severe it is, in words, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mailtrap._content.remark import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """
    What a code means: a sentence, what to change (empty if the sentence says it), and where to read more.

    A "problem" violates a standard, or will cause trouble for readers; a "hint" may be intentional.
    """

    level: Level
    text: str
    cure: str = ""
    reference: str = ""


def problem(text: str, reference: str = "", *, cure: str = "") -> Meaning:
    return Meaning(level="problem", text=text, cure=cure, reference=reference)


def hint(text: str, reference: str = "", *, cure: str = "") -> Meaning:
    return Meaning(level="hint", text=text, cure=cure, reference=reference)
