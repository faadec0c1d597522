"""The tables of docs/smime.md, from the tables of the code: run this file to write them anew."""

from __future__ import annotations

import re
from pathlib import Path

from pytest_mailtrap._smime._diagnosis import SENTENCES
from pytest_mailtrap._smime._problems import CODES
from pytest_mailtrap._smime._remedies import REMEDIES, REMEDY_OF
from pytest_mailtrap._smime_policy import FINDINGS

PAGE = Path(__file__).parents[2] / "docs" / "smime.md"


def codes() -> str:
    rows = (f"| `{code}` | {known.text} | {known.reference} |" for code, known in CODES.items())
    return "\n".join(["| code | meaning | standard |", "|---|---|---|", *rows])


def diagnoses() -> str:
    rows = (
        f"| `{code}` | {sentence.format(name='X')} | {_cure(code)} |"
        for code, sentence in SENTENCES.items()
    )
    return "\n".join(["| code | what happened | cure in Python |", "|---|---|---|", *rows])


def _cure(code: str) -> str:
    remedies = REMEDIES.get(REMEDY_OF.get(code, ""), {})
    return next((remedies[one] for one in ("email", "cryptography", "any") if one in remedies), "")


def findings() -> str:
    rows = (f"| `{code}` | {meaning} |" for code, meaning in FINDINGS.items())
    return "\n".join(["| code | meaning |", "|---|---|", *rows])


def written(page: str) -> str:
    """The page with its tables as they should be."""
    tables = {"codes": codes(), "findings": findings(), "diagnoses": diagnoses()}
    for name, table in tables.items():
        between = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.S)
        page = between.sub(lambda found, text=table: f"{found[1]}\n{text}\n\n{found[2]}", page)
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
