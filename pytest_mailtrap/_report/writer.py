"""The report of a run: one HTML file that shows all its mail, and is safe to open."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["write_report"]


def write_report(path: Path, tests: Iterable[Mapping[str, Any]], *, root: Path) -> None:
    """
    Write the report of a run to *path*, completely or not at all; if *path* is not a regular file, such as a pipe,
    write to it directly.

    *tests* are test records as `_run.files.record` makes them, taken one by one.
    The bytes of a message are in *root*, under its test's "directory".
    OSError if *path* cannot be written; no message makes it raise.
    """
    from pytest_mailtrap._report.blocks import Budget, test_blocks
    from pytest_mailtrap._report.page import write_page

    budget = Budget()
    blocks = (block for test in tests for block in test_blocks(test, root, budget))
    path.parent.mkdir(parents=True, exist_ok=True)
    path = path.resolve()
    if path.exists() and not path.is_file():
        with _opened(path) as file:
            write_page(file, blocks)
        return
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with _opened(unfinished) as file:
            write_page(file, blocks)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _opened(path: Path) -> TextIO:
    # A lone surrogate, which UTF-8 cannot represent, becomes its JSON escape.
    return path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n")
