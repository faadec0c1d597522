"""Runs the blocks of a page through pytest, and reports what is wrong with the results."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from _block_processes import SECONDS, BlockProcesses, can_fork
from _documentation import Run, difference
from _optional_parts import modules_of_the_package, skip_without_smime

# Python itself shows nobody what is only going to be deprecated: Django 6.1 says so of the settings that its long-term release needs.
_WARNINGS = ("-W", "error", "-W", "ignore::PendingDeprecationWarning")

# A plugin that another block's framework has imported shows its own assertions less well: no block is about them.
_IMPORTED_BEFORE = ("-W", "ignore::pytest.PytestAssertRewriteWarning")

# What keeps no state, and is Python all through: it may be imported once more.
_LIBRARIES = {"aiosmtplib", "anyio", "jinja2"}
# What is imported but in the course of a run, before which it may be imported as well: none of it wants to be told its settings.
_LATER = {
    "django": ("django.core.mail.backends.smtp", "django.test", "django.views.debug"),
    "pytest_mailtrap": modules_of_the_package(),
}
# Plugins that no run inside loads unless it asks for them, by the modules that ask for them.
_PLUGINS = {
    **{name: name for name in ("anyio", "django", "html", "metadata")},
    "pyfakefs": "pyfakefs.pytest_plugin",
}

Execute = Callable[[Run], pytest.RunResult]


def uses(run: Run, plugin: str) -> bool:
    return any(plugin in module for module in run.modules)


def skip_without(run: Run) -> None:
    for module in run.modules:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    if "smime" in "".join(run.files.values()):
        skip_without_smime()
    for program in run.programs:
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} on this machine")


def execute(pytester: pytest.Pytester, processes: BlockProcesses, run: Run) -> pytest.RunResult:
    """Run the block's file among the other files of its page, in an empty directory."""
    directory = pytester.mkdir(f"run-{len(list(pytester.path.iterdir()))}")
    for name, text in run.files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        # The example application, and other pages, have files of these names.
        for name in run.files:
            patch.delitem(sys.modules, name.removesuffix(".py"), raising=False)
        return _pytest_in(pytester, processes, run)


def _imported_by(run: Run) -> list[str]:
    named = [*run.modules, "pytest_mailtrap"]
    return [*named, *(module for name in named for module in _LATER.get(name, ()))]


def _pytest_in(pytester: pytest.Pytester, processes: BlockProcesses, run: Run) -> pytest.RunResult:
    used = [f"-p{plugin}" for module, plugin in _PLUGINS.items() if uses(run, module)]
    options = [*used, "-p", "no:randomly", "-p", "no:cacheprovider", *_WARNINGS]
    if not set(run.modules) - _LIBRARIES:
        return pytester.runpytest_inprocess(*options, run.target)
    # Frameworks keep state in their process, and compiled ones cannot be imported twice.
    if can_fork():
        options += _IMPORTED_BEFORE
        return processes.run(Path.cwd(), run.target, options=options, modules=_imported_by(run))
    return pytester.runpytest_subprocess(*options, run.target, timeout=SECONDS)


def complaint(run: Run, result: pytest.RunResult) -> str | None:
    """What is wrong with the results, or None if they are as the page says."""
    if result.ret not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return f"{run.name}: pytest ended with {result.ret!r}"
    outcomes = result.parseoutcomes()
    failed, passed = outcomes.get("failed", 0), outcomes.get("passed", 0)
    if failed != run.failures:
        return f"{run.name}: {run.failures} of its tests should fail, {failed} did"
    if not failed and not passed:
        return f"{run.name}: none of its tests passed: {outcomes}"
    if wrong := {"errors", "skipped", "warnings", "xpassed"} & outcomes.keys():
        return f"{run.name}: it should have no {' or '.join(sorted(wrong))}: {outcomes}"
    for expected in run.outputs:
        if (line := difference(expected, result.outlines)) is not None:
            return f"{run.name}: its output on the page is not what it prints, from this line on:\n{line}"
    return None
