"""
A program that runs pytest again and again, each time in a process of its own that need not import everything first.

It imports what a run needs, forks, and lets the child run pytest: nothing that a run does affects the next one.
It reads one order per line, and answers each with the exit status.

Rules of this file: the program itself runs no test, and starts no thread, because a fork of it would not have it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import sys
from typing import Any

import pytest


class _Imports:
    """
    A plugin that imports modules while pytest is set up.

    Some of them are pytest plugins as well, which pytest must import itself.
    """

    def __init__(self, modules: list[str]) -> None:
        self._modules = modules

    def pytest_sessionstart(self) -> None:
        # What cannot be imported is told of by the run that wants it.
        for module in self._modules:
            with contextlib.suppress(Exception):
                importlib.import_module(module)


def _prepare(order: dict[str, Any]) -> None:
    """Import what the order needs, with its options and in its environment; the result is ignored."""
    arguments = [*order["options"], "--collect-only", "--noconftest", os.getcwd()]
    pytest.main(arguments, plugins=[_Imports(order["modules"])])
    # What is here will not be searched for garbage again: it would have to be copied for each run that pytest ends.
    gc.freeze()


def _run(order: dict[str, Any]) -> int:
    _lead(1, order["output"])
    _lead(2, order["errors"])
    os.chdir(order["directory"])
    # As `python -m pytest` has it.
    sys.path[0] = order["directory"]
    return pytest.main([*order["options"], order["target"]])


def _lead(end: int, path: str) -> None:
    """Redirect what is written to a file descriptor to that file."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    os.dup2(opened, end)
    os.close(opened)


def main() -> int:
    prepared = []
    # What pytest prints meanwhile is no answer.
    answers = os.dup(1)
    _lead(1, os.devnull)
    while line := sys.stdin.readline():
        order = json.loads(line)
        os.environ.clear()
        os.environ.update(order["environment"])
        wanted = (order["modules"], order["options"])
        if wanted not in prepared:
            _prepare(order)
            prepared.append(wanted)
        if (copy := os.fork()) == 0:
            return _run(order)
        _, status = os.waitpid(copy, 0)
        os.write(answers, b"%d\n" % os.waitstatus_to_exitcode(status))
    return 0


if __name__ == "__main__":
    sys.exit(main())
