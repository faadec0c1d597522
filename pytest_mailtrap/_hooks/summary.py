"""
What a run says of its mail: a line at its top, the totals at its end, and what GitHub Actions is to show.

Rules of this file: only runs with a `Suite` load it.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from pytest_mailtrap._run.run import Suite


# As pytest.ExitCode has them.
_PASSED, _FAILED = 0, 1


def header(suite: Suite) -> str | None:
    """The line at the top of a run with a policy, or of one that expects mail."""
    policy = suite.policy
    parts = []
    if policy.is_on:
        where = dict.fromkeys(filter(None, (policy.origin, policy.required_by)))
        parts.append(f"{policy.describe()}, set by {' and '.join(where)}")
    if suite.expected_by:
        parts.append(f"some mail is expected, set by {suite.expected_by}")
    return f"mailtrap: {'; '.join(parts)}" if parts else None


def summary(suite: Suite) -> list[str]:
    """The totals at the end of a run; empty where there is nothing to say."""
    lines = suite.lines
    if suite.report_written:
        lines.append(f"report: {suite.report}")
    if suite.has_saved:
        lines.append(f"saved in: {suite.save}")
    return lines


def summarize(suite: Suite, terminal: pytest.TerminalReporter) -> None:
    """Show the totals, where there is anything to say."""
    lines = summary(suite)
    if not lines and suite.failed_by is None:
        return
    terminal.section("mail trap")
    for line in lines:
        terminal.line(line)
    if suite.failed_by is not None:
        terminal.line(suite.failed_by, red=True)
    for line in workflow_commands(suite):
        terminal.line(line)


def _append_step_summary(suite: Suite) -> None:
    """Write the page of the step of GitHub Actions."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path or not suite.lines:
        return
    from pytest_mailtrap._hooks import github

    try:
        with open(path, "a", encoding="utf-8") as file:
            page = github.step_summary(suite.tally, policy=suite.judging, whole=suite.has_output)
            file.write(page)
    except OSError as error:
        suite.tally.errors[f"the step summary could not be written: {error}"] += 1


def workflow_commands(suite: Suite) -> list[str]:
    """Workflow commands of GitHub Actions; each must begin a line of its own."""
    if os.environ.get("GITHUB_ACTIONS") != "true" or not suite.tally.breaches:
        return []
    from pytest_mailtrap._hooks import github

    workspace = os.environ.get("GITHUB_WORKSPACE")
    return github.workflow_commands(suite.tally, root=suite.config.rootpath, workspace=workspace)


def finish(suite: Suite, session: pytest.Session) -> None:
    """Write what is to be written; where there is no terminal reporter, GitHub's lines and warnings still come."""
    suite.finish()
    _fail_without_mail(suite, session)
    _append_step_summary(suite)
    if suite.config.pluginmanager.hasplugin("terminalreporter"):
        return
    for line in workflow_commands(suite):
        sys.stdout.write(f"{line}\n")
    for text in filter(None, [*suite.tally.warnings(), suite.failed_by]):
        sys.stderr.write(f"mailtrap: {text}\n")


def _fail_without_mail(suite: Suite, session: pytest.Session) -> None:
    """Let the run fail that expects mail and got none, unless it has failed or was interrupted anyway."""
    if not suite.lacks_mail or session.exitstatus not in (_PASSED, _FAILED):
        return
    session.exitstatus = _FAILED
    suite.failed_by = (
        f"no message reached a trap, and {suite.expected_by} expects some: the run fails"
    )
