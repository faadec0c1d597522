"""The tables in the pages match the code: run tests/docs/_page_tables.py after a change."""

from __future__ import annotations

import pytest
from _page_tables import DOCS, TABLES, written

from pytest_mailtrap._smime.problems import CODES

every_table = pytest.mark.parametrize("name", TABLES)


def page_of(name: str) -> str:
    return (DOCS / TABLES[name][0]).read_text("utf-8")


@every_table
def test_a_table_is_that_of_the_code(name: str) -> None:
    """The table on the page is identical to the one that would be generated."""
    assert page_of(name) == written(page_of(name), name)


@every_table
def test_an_outdated_table_is_noticed(name: str) -> None:
    """The negative control: one cell differs."""
    row = TABLES[name][1]().splitlines()[-1]
    page = page_of(name)
    assert row in page
    outdated = page.replace(row, row.replace("`", "`x", 1))
    assert written(outdated, name) != outdated


def test_a_table_must_have_its_place() -> None:
    """A page without the surrounding comments would never be compared."""
    with pytest.raises(ValueError, match="no place for the table 'codes'"):
        written("A page.", "codes")


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_row_with_its_section(code: str) -> None:
    """One line each, with the section of the standard."""
    assert f"| `{code}` | {CODES[code].text} | {CODES[code].reference} |" in page_of("codes")
