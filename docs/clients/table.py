"""
Results in, Markdown out, and back: the tables of the page.

Rules of this file: pure functions.
A cell shows the worst thing that the server received: `ok` if nothing it must not receive, else `impostor`, `cleartext`
or `outdated`, the channel on which it received the password or the message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CERTIFICATES = (
    "certificate-not-trusted",
    "certificate-self-signed",
    "certificate-expired",
    "certificate-not-yet-valid",
    "certificate-host-mismatch",
    "certificate-missing-intermediate",
    "certificate-wrong-purpose",
)
OLD_VERSIONS = ("tls-1.0-only", "tls-1.1-only")
DOWNGRADES = (
    "auth-before-tls",
    "starttls-not-supported",
    "starttls-stripped",
    "ehlo-refused",
    "starttls-refused",
    "starttls-not-implemented",
    "starttls-wrong-reply",
    "plaintext-after-220",
    "handshake-garbage",
    "handshake-closed",
)
# Title, mode, and the scenarios that are its columns.
MATRICES = (
    ("Certificates, over STARTTLS", "starttls", (*CERTIFICATES, *OLD_VERSIONS)),
    ("STARTTLS taken away", "starttls", DOWNGRADES),
    (
        "Certificates, over implicit TLS",
        "implicit",
        (*CERTIFICATES, *OLD_VERSIONS, "implicit-plaintext", "handshake-closed"),
    ),
)
SCENARIOS = {
    wanted: tuple(name for _, mode, columns in MATRICES if mode == wanted for name in columns)
    for wanted in ("starttls", "implicit")
}
OK = "ok"
NOT_TRIED = "-"
_FIXED = "fixed: "
_FLAWS = {
    "impostor": "does not verify",
    "cleartext": "falls back to cleartext",
    "outdated": "speaks old TLS",
    "silent": "loses mail in silence",
    "hangs": "hangs",
}
_REGION = r"(?s)(<!-- {name} -->\n)(.*?)(<!-- /{name} -->)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A configuration and its results; *cells* by scenario, *fixes* holds the words of the configurations that it fixes."""

    library: str
    version: str
    words: str
    mode: str
    fixes: tuple[str, ...]
    cells: Mapping[str, str]

    @property
    def verdict(self) -> str:
        """What the cells have in common: `safe`, or the flaws."""
        if any(self.cells.get(name) == "cleartext" for name in CERTIFICATES):
            return "never uses TLS"  # these offer it, and mean it
        seen = dict.fromkeys(self.cells.values())
        found = [_FLAWS.get(cell, cell) for cell in seen if cell not in (OK, NOT_TRIED)]
        return " and ".join(found) or ("safe" if OK in seen else "not tried")


def summary(rows: Sequence[Row]) -> str:
    """One line for each configuration, including what fixes it."""
    head = ("client", "version", "mode", "configuration", "verdict", "fixed by")
    return _table(
        head,
        (
            (
                row.library,
                row.version,
                _MODES[row.mode],
                row.words,
                _loud(row.verdict, "safe"),
                " or ".join(_fix(other) for other in rows if _fixes(other, row)),
            )
            for row in rows
            if not row.fixes
        ),
    )


def _fixes(fix: Row, row: Row) -> bool:
    return (fix.library, fix.mode) == (row.library, row.mode) and row.words in fix.fixes


def _fix(row: Row) -> str:
    return row.words if row.verdict == "safe" else f"{row.words} ({row.verdict})"


def matrices(rows: Sequence[Row]) -> str:
    """A table for each family of scenarios, with a column for each scenario that was run."""
    tables = []
    for title, mode, columns in MATRICES:
        those = [row for row in rows if row.mode == mode]
        if played := [name for name in columns if any(name in row.cells for row in those)]:
            tables.append(f"### {title}\n\n{_matrix(those, played)}")
    return "\n".join(tables)


def cells_in(text: str) -> dict[tuple[str, str, str], dict[str, str]]:
    """Read the matrices: the cells by scenario, for each mode, client and configuration."""
    found: dict[tuple[str, str, str], dict[str, str]] = {}
    for title, mode, columns in MATRICES:
        _, _, section = text.partition(f"### {title}\n")
        lines = section.partition("\n###")[0].strip().splitlines()[2:]
        for client, configuration, *cells in (line.strip("| ").split(" | ") for line in lines):
            words = configuration.removeprefix(_FIXED)
            row = found.setdefault((mode, client, words), {})
            row.update(zip(columns, (cell.strip("*") for cell in cells), strict=True))
    return found


def versions_in(text: str) -> dict[tuple[str, str], str]:
    """Read the summary: the version of each configuration, by client and mode."""
    cells = (line.strip("| ").split(" | ") for line in text.splitlines()[2:])
    modes = {words: mode for mode, words in _MODES.items()}
    return {(client, modes[mode]): version for client, version, mode, *_ in cells}


def with_region(page: str, name: str, text: str) -> str:
    """The page with *text* between the markers of a region; ValueError if the page has no such region, or two."""
    pattern = _REGION.format(name=re.escape(name))
    written, count = re.subn(pattern, lambda found: f"{found[1]}\n{text}\n{found[3]}", page)
    if count != 1:
        raise ValueError(f"the page has {count} regions <!-- {name} -->, expected 1")
    return written


def region(page: str, name: str) -> str:
    """The text between the markers."""
    found = re.search(_REGION.format(name=re.escape(name)), page)
    if found is None:
        raise ValueError(f"the page has no region <!-- {name} -->")
    return found[2].strip("\n") + "\n"


_MODES = {"starttls": "STARTTLS", "implicit": "implicit TLS"}


def _matrix(rows: Sequence[Row], columns: Sequence[str]) -> str:
    return _table(
        ("client", "configuration", *columns),
        (
            (
                row.library,
                _configuration(row),
                *(_loud(row.cells.get(name, NOT_TRIED), OK) for name in columns),
            )
            for row in rows
        ),
    )


def _configuration(row: Row) -> str:
    return f"{_FIXED}{row.words}" if row.fixes else row.words


def _loud(cell: str, quiet: str) -> str:
    return cell if cell in (quiet, NOT_TRIED) else f"**{cell}**"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (" | ".join(cell.replace("|", r"\|") for cell in row) for row in rows)
    return "".join(
        f"| {line} |\n" for line in (" | ".join(head), " | ".join(["---"] * len(head)), *lines)
    )
