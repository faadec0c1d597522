"""A block that needs frameworks runs in its own process, with them already imported and no state from earlier blocks."""

from __future__ import annotations

import itertools
import os
import sys
from typing import TYPE_CHECKING

import pytest
from _block_processes import BlockProcesses, can_fork
from test_documentation_runner import TRUE, complaints, page

if TYPE_CHECKING:
    from pathlib import Path

    from _page_runs import Execute

forks = pytest.mark.skipif(
    not can_fork(), reason="no process is copied here: FRESH_BLOCKS is set, or the system cannot"
)
# The same page, in a process of its own.
APART = TRUE.replace("<!-- fails -->", "<!-- fails -->\n<!-- requires: pytest -->")


UNTRUE = [
    ("PRICE = 12", "PRICE = 13", "page.md:test_price.py: 1 of its tests should fail, 0 did"),
    ("== ...3", "== 14", "not what it prints, from this line on:\nE       assert 12 == 14"),
    ("def test_price", "def best_price", "page.md:test_price.py: pytest ended with <ExitCode.NO"),
    ("<!-- fails -->\n", "", "page.md:test_price.py: 0 of its tests should fail, 1 did"),
]


@forks
@pytest.mark.parametrize(("true", "untrue", "complaint"), UNTRUE)
def test_what_is_untrue_is_reported_all_the_same(
    execute: Execute, true: str, untrue: str, complaint: str
) -> None:
    """A page whose block runs in its own process, with one thing broken."""
    assert true in APART
    assert complaint in complaints(execute, APART.replace(true, untrue))


@pytest.mark.parametrize("copied", [pytest.param(True, marks=forks), False])
def test_a_page_is_judged_the_same_in_a_copied_process_and_in_a_fresh_one(
    execute: Execute, monkeypatch: pytest.MonkeyPatch, copied: bool
) -> None:
    """Correct and incorrect pages alike."""
    monkeypatch.setattr("_page_runs.can_fork", lambda: copied)
    assert complaints(execute, APART) == ""
    true, untrue, complaint = UNTRUE[-1]
    assert complaint in complaints(execute, APART.replace(true, untrue))


# Of two blocks, the second must not find what the first has left behind.
LEFT_BEHIND = page("""
    <!-- file: shop.py -->
    '''python
    '''

    <!-- requires: {module} -->
    '''python
    import os, sys

    def test_first():
        {first}
        assert {state}
    '''

    <!-- requires: {module} -->
    '''python
    import os, sys

    def test_second():
        assert not ({state})
    '''
    """)
DJANGO = "__import__('django.conf').conf.settings.configured"


@pytest.mark.parametrize(
    ("module", "first", "state"),
    [
        ("pytest", "sys.left_behind = True", "hasattr(sys, 'left_behind')"),
        ("pytest", "os.environ['LEFT_BEHIND'] = '1'", "'LEFT_BEHIND' in os.environ"),
        ("pytest", "import shop", "'shop' in sys.modules"),
        ("django", "import django.conf; django.conf.settings.configure()", DJANGO),
    ],
    ids=["attribute", "environment", "module", "settings"],
)
def test_nothing_is_left_for_the_next_block(
    execute: Execute, module: str, first: str, state: str
) -> None:
    """Nor for the project's own tests; only the block itself sees the changes it made."""
    pytest.importorskip(module)
    assert complaints(execute, LEFT_BEHIND.format(module=module, first=first, state=state)) == ""
    assert not hasattr(sys, "left_behind")
    assert "LEFT_BEHIND" not in os.environ


@forks
def test_what_a_block_requires_is_imported_before_it_is_run(execute: Execute) -> None:
    """This is what makes it fast; in a block that does not declare the requirement, the module is not imported."""
    text = page("""
        <!-- requires: {} -->
        '''python
        import sys

        def test_imported():
            assert "this" in sys.modules
        '''
        """)
    assert "0 of its tests should fail, 1 did" in complaints(execute, text.format("abc"))
    assert complaints(execute, text.format("this")) == ""


def test_a_plugin_may_have_been_imported_by_what_another_block_requires(
    execute: Execute,
) -> None:
    """Pytest warns about that, but it is not the block's fault."""
    pytest.importorskip("fastapi_mail")
    for module in ("fastapi_mail", "anyio"):
        text = f"<!-- requires: pytest, {module} -->\n```python\ndef test_a():\n    pass\n```\n"
        assert complaints(execute, text) == ""


@pytest.fixture(scope="module")
def own_processes():
    """Copies of a separate program that runs none of the documentation blocks, so that killing it does not delay them."""
    with BlockProcesses() as processes:
        yield processes


@pytest.fixture
def run(own_processes: BlockProcesses, tmp_path: Path):
    """Run a test with this body in a process of its own."""
    numbers = itertools.count()

    def run(body: str, **options: float) -> pytest.RunResult:
        directory = tmp_path / f"run-{next(numbers)}"
        directory.mkdir()
        (directory / "test_it.py").write_text(f"import os, time\ndef test_it():\n    {body}\n")
        return own_processes.run(directory, "test_it.py", options=[], modules=[], **options)

    return run


@forks
def test_a_block_that_ends_its_process_is_reported(run) -> None:
    """The exit status is reported as it is, and the next block is unaffected."""
    assert run("os.kill(os.getpid(), 9)").ret == -9
    assert run("os._exit(3)").ret == 3
    assert run("print('here')").ret == pytest.ExitCode.OK


@forks
def test_a_block_that_never_ends_is_ended(run) -> None:
    """Along with the program that it was copied from."""
    with pytest.raises(TimeoutError, match=r"did not end within 0\.5 s"):
        run("time.sleep(60)", seconds=0.5)


@forks
def test_the_program_behind_it_may_fail(run, capfd: pytest.CaptureFixture[str]) -> None:
    """Its end is reported, and another one takes its place, whose output is still shown when a run fails."""
    with pytest.raises(RuntimeError, match="ended with -9"):
        run("os.kill(os.getppid(), 9)")
    assert run("assert 1 / 0").ret == pytest.ExitCode.TESTS_FAILED
    assert "ZeroDivisionError" in capfd.readouterr().out
