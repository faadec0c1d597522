"""The reference in the documentation is that of the code."""

from __future__ import annotations

import pytest
from _tables import PAGE, written

from pytest_mailtrap._smime._problems import CODES


def test_the_tables_of_the_page_are_those_of_the_code() -> None:
    """Run tests/smime/_tables.py after a change of a table."""
    page = PAGE.read_text("utf-8")
    assert page == written(page)


def test_an_outdated_table_is_noticed() -> None:
    """The negative control."""
    page = PAGE.read_text("utf-8").replace("| `no-signers` |", "| `no-signer` |")
    assert page != written(page)


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_row_with_its_section(code: str) -> None:
    """One line each, with the section of the standard."""
    assert f"| `{code}` | {CODES[code].text} | {CODES[code].reference} |" in PAGE.read_text("utf-8")
