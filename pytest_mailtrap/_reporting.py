"""What pytest shows of the mail: the verdicts at the end of a test, the mail of a failing one, the totals of the run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from pytest_mailtrap import _neighbours
from pytest_mailtrap._suite import SUITE

if TYPE_CHECKING:
    from pytest_mailtrap._options import MarkerOptions
    from pytest_mailtrap._schema import Outcome
    from pytest_mailtrap._suite import Suite
    from pytest_mailtrap._tally import Counts

# Each gives the text of a failure, or None; asked in their order when the test itself has passed.
Check = Callable[[], "str | None"]
_CHECKS = pytest.StashKey[list[Check]]()
_OUTCOME = pytest.StashKey["Outcome"]()


def add_check(item: pytest.Item, check: Check) -> None:
    """Let *check* have a say at the end of the test's call phase."""
    item.stash.setdefault(_CHECKS, []).append(check)


def begin(item: pytest.Item, marked: MarkerOptions | None) -> None:
    """Open the test's account; fail it where its marker weakens the policy and does not say why."""
    suite = item.config.stash[SUITE]
    add_check(item, suite.verdict)
    if (objection := suite.begin(item, marked)) is not None:
        pytest.fail(f"@pytest.mark.mailtrap: {objection}", pytrace=False)


def judge(item: pytest.Item) -> None:
    """Fail the test with what its first unhappy check says."""
    for check in item.stash.get(_CHECKS, []):
        if (text := check()) is not None:
            pytest.fail(text, pytrace=False)


def judge_late_mail(item: pytest.Item) -> None:
    """Fail the teardown where what was sent since the end of the call is against the policy."""
    if (text := item.config.stash[SUITE].verdict()) is not None:
        pytest.fail(text, pytrace=False)


# -- the reports of a test's phases -------------------------------------------------------------


def before_report(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Show the mail of a phase that failed: pytest takes the sections when it makes the report."""
    if call.excinfo is None:
        return
    suite = item.config.stash[SUITE]
    if call.when != "teardown":
        suite.excuse()
    if call.excinfo.errisinstance(pytest.skip.Exception):
        return
    try:
        text = suite.captured()
    except Exception as error:  # the test has its own failure to tell, which this must not hide
        text = f"the mail cannot be shown: {error!r}"
    if text is not None:
        item.add_report_section(call.when, "mail", text)


def after_report(item: pytest.Item, report: pytest.TestReport) -> None:
    """Note how the test goes; at its end put on the report what it adds to the totals."""
    suite = item.config.stash[SUITE]
    item.stash[_OUTCOME] = _outcome(item.stash.get(_OUTCOME, "passed"), report)
    if report.when == "call" or report.failed:
        _neighbours.extend_html(item.config, report, suite.ledger.account)
    if report.when != "teardown":
        return
    counts = suite.end(item.stash[_OUTCOME])
    if counts is None:
        return
    # Whatever stands on a report crosses from a worker to the controller, as long as JSON can hold it.
    report.mailtrap = counts  # type: ignore[attr-defined]  # reports take attributes of plugins
    if suite.junit:
        report.user_properties += _neighbours.junit_properties(counts)


def _outcome(before: Outcome, report: pytest.TestReport) -> Outcome:
    """How the test has gone up to and with the phase of *report*."""
    if report.when == "setup":
        before = "passed"
    if hasattr(report, "wasxfail"):
        return "xpassed" if report.passed else "xfailed"
    if report.failed:
        return "failed" if report.when == "call" or before == "failed" else "error"
    return "skipped" if report.skipped else before


# -- the run ------------------------------------------------------------------------------------


class Totals:
    """Adds up what the reports bring: the same under pytest-xdist and without."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        counts: Counts | None = getattr(report, "mailtrap", None)
        if counts is not None and not self._suite.is_worker:
            self._suite.tally.add(report.nodeid, counts, location=report.location)


def header(suite: Suite) -> str | None:
    """The line at the top of a run with a policy."""
    if not suite.policy.is_on:
        return None
    policy = suite.policy
    where = dict.fromkeys(filter(None, (policy.origin, policy.required_by)))
    return f"mailtrap: {policy.describe()}, set by {' and '.join(where)}"


def summary(suite: Suite) -> list[str]:
    """The totals at the end of a run; empty where there is nothing to say."""
    lines = suite.tally.lines() if suite.has_totals else []
    if suite.report_written:
        lines.append(f"report: {suite.report}")
    if suite.save is not None and suite.tally.directories:
        lines.append(f"saved in: {suite.save}")
    return lines


def summarize(suite: Suite, terminal: pytest.TerminalReporter) -> None:
    if lines := summary(suite):
        terminal.section("mail trap")
        for line in [*lines, *workflow_commands(suite)]:
            terminal.line(line)


def workflow_commands(suite: Suite) -> list[str]:
    """Workflow commands of GitHub Actions; each must begin a line of its own."""
    if os.environ.get("GITHUB_ACTIONS") != "true" or not suite.tally.breaches:
        return []
    from pytest_mailtrap import _github

    workspace = os.environ.get("GITHUB_WORKSPACE")
    return _github.workflow_commands(suite.tally, root=suite.config.rootpath, workspace=workspace)


def finish(suite: Suite) -> None:
    """Write what is to be written; where there is no terminal reporter, GitHub's lines and warnings still come."""
    suite.finish()
    if suite.is_worker or suite.config.pluginmanager.hasplugin("terminalreporter"):
        return
    for line in workflow_commands(suite):
        sys.stdout.write(f"{line}\n")
    for text in suite.tally.warnings():
        sys.stderr.write(f"mailtrap: {text}\n")
