"""What an editor and a type checker see: correct tests have no errors, and each mistake of a user is an error."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
RIGHT, WRONG = HERE / "typed_user.py", HERE / "mistyped_user.py"
MISTAKES = {
    number
    for number, line in enumerate(WRONG.read_text("utf-8").splitlines(), 1)
    if line.endswith("# error")
}
CHECKERS = {
    "mypy": ("--strict", "--config-file=", "--cache-dir", "{cache}"),
    "pyright": ("--pythonpath", sys.executable),
}


def errors(checker: str, user: Path, cache: Path) -> set[int]:
    """The lines of *user* in which *checker* finds errors."""
    if importlib.util.find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed: it is in the extra `lint`")
    if checker == "pyright" and shutil.which("node") is None:
        pytest.skip("pyright runs on Node.js, which is not installed")
    options = [option.format(cache=cache) for option in CHECKERS[checker]]
    done = subprocess.run(
        [sys.executable, "-m", checker, *options, str(user)],
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert re.search(r"^(Success|Found \d+ errors?|\d+ errors?)", done.stdout, re.MULTILINE)
    return {int(line) for line in re.findall(r"\.py:(\d+):(?:\d+ -)? error:?", done.stdout)}


@pytest.mark.parametrize("checker", CHECKERS)
def test_what_is_right_is_no_error(checker, tmp_path):
    """Fixtures, messages, keywords and hostile servers, annotated with the public types."""
    assert errors(checker, RIGHT, tmp_path) == set()


@pytest.mark.parametrize("checker", CHECKERS)
def test_every_mistake_is_an_error(checker, tmp_path):
    """Unknown names, unknown keywords, misspelled words of closed sets; and no other line is reported."""
    assert len(MISTAKES) >= 8
    assert errors(checker, WRONG, tmp_path) == MISTAKES
