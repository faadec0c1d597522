"""
The fixes: what to change, by mail client and cause.

Rules of this file: pure; the tables are in `_clients.library_fixes` and `_clients.program_fixes`. If a client offers no fix for a cause,
there is no line: a fix that does not work is worse than none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._clients.library_fixes import LIBRARIES
from pytest_mailtrap._clients.program_fixes import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FIXES = {**LIBRARIES, **PROGRAMS}

CLIENTS: tuple[str, ...] = tuple(_FIXES)
# Shown if the client is not known.
GENERIC = ("smtplib", "Django", "aiosmtplib")
# What can be wrong, and what the client should do instead.
CAUSES: dict[str, str] = {
    "upgrade": "use STARTTLS",
    "insist": "never fall back to cleartext",
    "implicit": "use implicit TLS",
    "mode": "choose between the two",
    "login": "log in",
    "verify": "verify certificates",
    "version": "refuse TLS 1.0 and 1.1",
    "weak-key": "refuse weak keys",
    "trust": "trust the trap's CA",
    "out-of-reach": "trust it where `trust()` has no effect",
    "timeout": "time out",
    "report": "report a failure",
}


def fix_rows(cause: str, clients: Sequence[str]) -> list[str]:
    """
    An aligned row for each of *clients* that has a fix for *cause*; further lines of a fix are below its first line.

    `{trap}` stands for the name of the trap.
    """
    return aligned(fixes_for(cause, clients))


def fixes_for(cause: str, clients: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The lines for each of *clients* that has a fix for *cause*."""
    return {client: lines for client in clients if (lines := lines_of(client, cause))}


def aligned(rows: Mapping[str, Sequence[str]]) -> list[str]:
    """A row for each name, its further lines below the first."""
    width = max(map(len, rows), default=0)
    shown = []
    for name, (first, *more) in rows.items():
        shown.append(f"  {name:<{width}}  {first}")
        shown += [f"  {'':<{width}}  {line}" for line in more]
    return shown


def lines_of(client: str, cause: str) -> tuple[str, ...]:
    """The lines for one client; none if it has no such fix."""
    lines = _FIXES.get(client, {}).get(cause, ())
    return (lines,) if isinstance(lines, str) else lines
