"""The table of docs/report.md, made of the remarks themselves; run this file to put it there."""

from __future__ import annotations

import re
from pathlib import Path

from pytest_mailtrap._report._remarks import REMARKS

PAGE = Path(__file__).parents[2] / "docs" / "report.md"
BEGIN, END = "<!-- remarks: begin -->\n", "<!-- remarks: end -->\n"


def table() -> str:
    """The table as it has to stand on the page."""
    rows = ["| remark | | what it says | read on |", "|---|---|---|---|"]
    for code, remark in REMARKS.items():
        text = remark.text.replace("<", "&lt;").replace(">", "&gt;")
        rows.append(f"| `{code}` | {remark.level} | {text} | {remark.standard} |")
    return "\n".join(rows) + "\n"


def on_the_page() -> str:
    """The table that stands there."""
    return PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


if __name__ == "__main__":
    old = PAGE.read_text(encoding="utf-8")
    new = re.sub(f"{BEGIN}.*?{END}", lambda _: BEGIN + table() + END, old, flags=re.DOTALL)
    PAGE.write_text(new, encoding="utf-8")
