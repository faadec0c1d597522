"""What makes parsers disagree about a message, by the code that names it."""

from __future__ import annotations

from typing import NamedTuple


class Defect(NamedTuple):
    """
    A place at which two parsers could see two messages.

    *code* is one of the codes of `smime.Problem`, *note* what is special about this case.
    """

    code: str
    note: str = ""
