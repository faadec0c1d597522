"""The report of a run: one HTML file that shows all its mail, and is safe to open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_mailtrap._system import files

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from typing import TextIO

__all__ = ["write_report"]


def write_report(
    path: str | os.PathLike[str],
    tests: Iterable[Mapping[str, Any]],
    *,
    root: str | os.PathLike[str],
) -> None:
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
    blocks = (block for test in tests for block in test_blocks(test, str(root), budget))
    directory, name = files.split(files.resolved(str(path)))
    files.make_directories(directory)
    target = files.joined(directory, name)
    if files.exists(target) and not files.is_file(target):
        with _opened(target) as file:
            write_page(file, blocks)
        return
    unfinished = files.joined(directory, f".{name}.{files.process()}")
    try:
        with _opened(unfinished) as file:
            write_page(file, blocks)
        files.move(unfinished, target)
    finally:
        files.remove(unfinished)


def _opened(path: str) -> TextIO:
    # A lone surrogate, which UTF-8 cannot represent, becomes its JSON escape.
    text = {"encoding": "utf-8", "errors": "backslashreplace", "newline": "\n"}
    return files.opened(path, "w", **text)  # type: ignore[return-value]  # by its mode
