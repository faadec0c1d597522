"""The documentation is true: every Python block of every page runs, and shows what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from _documentation import Page, Run, read_page
from _page_runs import Execute, complaint, skip_without

ROOT = Path(__file__).parents[2]
PAGES = [
    read_page(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_is_well_formed(page: Page) -> None:
    """Every comment belongs to a block, every block says what it is, and blocks that are not run at least parse."""
    assert page.problems == []


@pytest.mark.parametrize("run", [run for page in PAGES for run in page.runs], ids=lambda r: r.name)
def test_block(execute: Execute, run: Run) -> None:
    """The block passes, or fails where it says so, and prints what the page shows."""
    skip_without(run)
    if text := complaint(run, execute(run)):
        pytest.fail(text, pytrace=False)
