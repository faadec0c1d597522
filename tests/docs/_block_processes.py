"""Separate processes for pytest runs: forks of one that has imported the frameworks, or fresh ones if fork is unavailable."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO

import pytest

_PROGRAM = Path(__file__).with_name("_block_server.py")
SECONDS = 120.0


def can_fork() -> bool:
    """
    Whether a process may fork after it has imported frameworks: those of macOS forbid it.

    With FRESH_BLOCKS in the environment no process forks: in a fork, a block works even if it forgot an import.
    """
    may = "FRESH_BLOCKS" not in os.environ
    return may and hasattr(os, "fork") and sys.platform != "darwin"


class BlockProcesses:
    """
    `with BlockProcesses() as processes: processes.run(...)`.

    The program behind it is started for the first run, and again after a run that had to be terminated.
    """

    def __init__(self) -> None:
        self._server: subprocess.Popen[str] | None = None

    def __enter__(self) -> BlockProcesses:
        # Where there are no tests.
        self._directory = tempfile.TemporaryDirectory(prefix="mailtrap-blocks-")
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._directory.cleanup()

    def run(
        self,
        directory: Path,
        target: str,
        *,
        options: list[str],
        modules: list[str],
        seconds: float = SECONDS,
    ) -> pytest.RunResult:
        """Run pytest on *target* in *directory*, where the modules have been imported; TimeoutError after *seconds*."""
        output, errors = (directory.with_suffix(suffix) for suffix in (".out", ".err"))
        order = {
            "directory": str(directory),
            "target": target,
            "options": options,
            "modules": modules,
            "environment": dict(os.environ),
            "output": str(output),
            "errors": str(errors),
        }
        status = self._answer(json.dumps(order), seconds)
        lines = [path.read_text("utf-8").splitlines() for path in (output, errors)]
        # For whoever reads of a failure.
        print(*lines[0], sep="\n")
        print(*lines[1], sep="\n", file=sys.stderr)
        return pytest.RunResult(status, *lines, duration=0.0)

    def _answer(self, order: str, seconds: float) -> int:
        server = self._server = self._server or self._start()
        _stdin(server).write(f"{order}\n")
        _stdin(server).flush()
        ending = threading.Timer(seconds, os.killpg, (server.pid, signal.SIGKILL))
        ending.start()
        answer = server.stdout.readline() if server.stdout else ""
        in_time = ending.is_alive()
        ending.cancel()
        ending.join()
        if answer:
            return int(answer)
        self._end()
        if in_time:
            raise RuntimeError(f"the program that runs the blocks ended with {server.returncode}")
        raise TimeoutError(f"the run did not end within {seconds:g} s")

    def _end(self) -> None:
        if self._server is not None:
            with self._server:
                _stdin(self._server).close()
            self._server = None

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self._directory.name,
            encoding="utf-8",
            start_new_session=True,
        )


def _stdin(server: subprocess.Popen[str]) -> IO[str]:
    if server.stdin is None:
        raise RuntimeError("started without a pipe")
    return server.stdin
