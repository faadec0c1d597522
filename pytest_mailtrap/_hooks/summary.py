"""
What a run prints about its mail: a line at the top, the totals at the end, and what GitHub Actions shows.

Rules of this file: only runs with a `Run` load it.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from pytest_mailtrap._hooks.terminal_encoding import encodable
from pytest_mailtrap._system import files

if TYPE_CHECKING:
    import pytest

    from pytest_mailtrap._run.run import Run


# The values of pytest.ExitCode.
_PASSED, _FAILED = 0, 1


def header(run: Run) -> str | None:
    """The line at the top of a run that has a policy, expects mail or has credentials for its traps."""
    policy = run.policy
    parts = []
    if policy.is_on:
        where = dict.fromkeys(filter(None, (policy.origin, policy.required_by)))
        parts.append(f"{policy.describe()}, set by {' and '.join(where)}")
    if run.expected_by:
        parts.append(f"mail is expected, set by {run.expected_by}")
    if run.accepts:
        parts.append(run.accepts)
    return f"mailtrap: {'; '.join(parts)}" if parts else None


def summary(run: Run) -> list[str]:
    """The totals at the end of a run; empty if there is nothing to report."""
    lines = run.lines
    if run.report_written:
        lines.append(f"report: {run.report}")
    if run.has_saved:
        lines.append(f"saved to: {run.save}")
    return lines


def summarize(run: Run, terminal: pytest.TerminalReporter) -> None:
    """Show the totals, if there is anything to report."""
    lines = summary(run)
    if not lines and run.failed_by is None:
        return
    terminal.section("mail trap")
    for line in lines:
        terminal.line(encodable(line))
    if run.failed_by is not None:
        terminal.line(encodable(run.failed_by), red=True)
    for line in workflow_commands(run):
        terminal.line(encodable(line))


def _append_step_summary(run: Run) -> None:
    """Write the summary page of the step of GitHub Actions."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path or not run.lines or run.is_forked:
        return
    from pytest_mailtrap._hooks import github

    try:
        page = github.step_summary(run.totals, policy=run.judging, whole=run.has_output)
        files.write(path, page.encode("utf-8"), "ab")
    except OSError as error:
        run.totals.errors[f"the step summary could not be written: {error}"] += 1


def workflow_commands(run: Run) -> list[str]:
    """Workflow commands of GitHub Actions; each must begin a line of its own."""
    if os.environ.get("GITHUB_ACTIONS") != "true" or not run.totals.breaches:
        return []
    from pytest_mailtrap._hooks import github

    workspace = os.environ.get("GITHUB_WORKSPACE")
    return github.workflow_commands(run.totals, root=run.config.rootpath, workspace=workspace)


def finish(run: Run, session: pytest.Session) -> None:
    """Write the files; without a terminal reporter, GitHub's lines and warnings are still printed."""
    run.finish()
    _fail_without_mail(run, session)
    _append_step_summary(run)
    if run.config.pluginmanager.hasplugin("terminalreporter"):
        return
    for line in workflow_commands(run):
        sys.stdout.write(encodable(f"{line}\n"))
    for text in filter(None, [*run.totals.warnings(), run.failed_by]):
        sys.stderr.write(encodable(f"mailtrap: {text}\n", sys.stderr))


def _fail_without_mail(run: Run, session: pytest.Session) -> None:
    """Fail a run that expects mail but received none, unless it was interrupted or has ended with an error."""
    if not run.lacks_mail or session.exitstatus not in (_PASSED, _FAILED):
        return
    session.exitstatus = _FAILED
    run.failed_by = (
        f"no message reached a trap, but {run.expected_by} requires at least one: the run fails"
    )
