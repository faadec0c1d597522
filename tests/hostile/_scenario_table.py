"""The table of docs/hostile.md, made of the scenarios themselves; run this file to put it there."""

from __future__ import annotations

import re
from pathlib import Path

from pytest_mailtrap._scenarios import SCENARIOS

PAGE = Path(__file__).parents[2] / "docs" / "hostile.md"
BEGIN, END = "<!-- scenarios: begin -->\n", "<!-- scenarios: end -->\n"
_MODES = {"starttls": "S", "implicit": "I"}
_EXPECTED = {"refuse": "refuses", "deliver": "delivers", "either": "delivers safely, or refuses"}


def table() -> str:
    """The table as it has to stand on the page."""
    rows = [
        "S stands for STARTTLS, I for implicit TLS; priority 1 is what every client should withstand.",
        "",
        "| scenario | mode | the server | a secure client | priority |",
        "|---|---|---|---|---|",
    ]
    for scenario in SCENARIOS:
        modes = " ".join(_MODES[mode] for mode in scenario.modes)
        named = "" if scenario.by_default else ", named only"
        expected = f"{_EXPECTED[scenario.expected]} | {scenario.priority}{named}"
        rows.append(f"| `{scenario.id}` | {modes} | {scenario.summary} | {expected} |")
    return "\n".join(rows) + "\n"


def on_the_page() -> str:
    """The table that stands there."""
    return PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


if __name__ == "__main__":
    old = PAGE.read_text(encoding="utf-8")
    new = re.sub(f"{BEGIN}.*?{END}", lambda _: BEGIN + table() + END, old, flags=re.DOTALL)
    PAGE.write_text(new, encoding="utf-8")
