"""The tables in the pages that are generated from the code; run this file to update them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mailtrap._assertions.smime_violations import FINDINGS
from pytest_mailtrap._clients.fixes import CAUSES, CLIENTS, lines_of
from pytest_mailtrap._content.remark_table import MEANINGS_BY_TOPIC
from pytest_mailtrap._hostile.scenarios import SCENARIOS
from pytest_mailtrap._smime.diagnosis.digest_mismatch import SENTENCES
from pytest_mailtrap._smime.diagnosis.remedies import REMEDIES, REMEDY_OF
from pytest_mailtrap._smime.problems import CODES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DOCS = Path(__file__).parents[2] / "docs"
_MODES = {"starttls": "S", "implicit": "I"}
_EXPECTED = {"refuse": "refuses", "deliver": "delivers", "either": "delivers safely, or refuses"}


def scenarios() -> str:
    rows = (
        (
            f"`{scenario.id}`",
            " ".join(_MODES[mode] for mode in scenario.modes),
            scenario.summary,
            _EXPECTED[scenario.expected],
            f"{scenario.priority}" + ("" if scenario.by_default else ", named only"),
        )
        for scenario in SCENARIOS
    )
    legend = "S stands for STARTTLS, I for implicit TLS; priority 1 is what every client should withstand."
    head = ("scenario", "mode", "the server", "a secure client", "priority")
    return f"{legend}\n\n{_table(head, rows)}"


def remarks() -> str:
    """A table for each topic."""
    head = ("code", "level", "what it means", "what to change", "reference")
    tables = []
    for topic, meanings in MEANINGS_BY_TOPIC.items():
        rows = (
            (
                f"`{code}`",
                meaning.level,
                _escaped(meaning.text),
                _escaped(meaning.cure),
                meaning.reference,
            )
            for code, meaning in meanings.items()
        )
        tables.append(f"### {topic}\n\n{_table(head, rows)}")
    return "\n\n".join(tables)


def codes() -> str:
    rows = ((f"`{code}`", known.text, known.reference) for code, known in CODES.items())
    return _table(("code", "meaning", "standard"), rows)


def findings() -> str:
    return _table(("code", "meaning"), ((f"`{code}`", text) for code, text in FINDINGS.items()))


def diagnoses() -> str:
    rows = (
        (f"`{code}`", sentence.format(name="X"), _fix(code)) for code, sentence in SENTENCES.items()
    )
    return _table(("code", "what happened", "fix in Python"), rows)


def fixes() -> str:
    """A table for each client; purposes with identical lines are listed once, and "mode" is omitted (others cover it)."""
    tables = []
    for client in CLIENTS:
        shown: dict[str, str] = {}
        for cause, purpose in CAUSES.items():
            lines = lines_of(client, cause)
            if cause != "mode" and lines and _code(lines) not in shown.values():
                shown[purpose] = _code(lines)
        tables.append(f"### {client}\n\n{_table(('to', 'say'), shown.items())}")
    return "\n\n".join(tables)


TABLES: dict[str, tuple[str, Callable[[], str]]] = {
    "scenarios": ("hostile.md", scenarios),
    "fixes": ("clients.md", fixes),
    "remarks": ("remarks.md", remarks),
    "codes": ("smime.md", codes),
    "findings": ("smime.md", findings),
    "diagnoses": ("smime.md", diagnoses),
}


def written(page: str, name: str) -> str:
    """The page with the table *name* as it should be; ValueError if the page has no place for it."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    if begin not in page or end not in page:
        raise ValueError(f"no place for the table {name!r}")
    table = TABLES[name][1]()
    return re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n{table}\n\n{end}", page, flags=re.DOTALL)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(
        [
            f"| {' | '.join(head)} |",
            "|---" * len(head) + "|",
            *(f"| {' | '.join(r)} |" for r in rows),
        ]
    )


def _code(lines: tuple[str, ...]) -> str:
    return "<br>".join(f"`{line.strip().replace('{trap}', 'mailtrap')}`" for line in lines)


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace(">", "&gt;")


def _fix(code: str) -> str:
    remedies = REMEDIES.get(REMEDY_OF.get(code, ""), {})
    return next((remedies[one] for one in ("email", "cryptography", "any") if one in remedies), "")


if __name__ == "__main__":
    for name, (page, _) in TABLES.items():
        path = DOCS / page
        path.write_text(written(path.read_text("utf-8"), name), "utf-8")
