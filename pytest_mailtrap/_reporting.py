"""
What pytest shows of the mail: the verdicts at the end of a test, the mail of a failing one, the totals of the run.

Rules of this file: a run without mail, settings and markers has no `Suite`, and pays for none of it.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mailtrap import _settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_mailtrap._marker_options import MarkerOptions
    from pytest_mailtrap._schema import Outcome
    from pytest_mailtrap._suite import Suite

    # Each gives the text of a failure, or None; asked in their order when the test itself has passed.
    Check = Callable[[], str | None]

_CHECKS: pytest.StashKey[list[Check]] = pytest.StashKey()
_OUTCOME: pytest.StashKey[Outcome] = pytest.StashKey()
_IN_CALL: pytest.StashKey[bool] = pytest.StashKey()
_SUITE: pytest.StashKey[Suite] = pytest.StashKey()
_RUNNING: pytest.StashKey[pytest.Item] = pytest.StashKey()
# Under which a worker of pytest-xdist leaves word of mail that came outside of tests.
_REST = "mailtrap_rest"
_ASKING = (
    _settings.POLICY,
    _settings.REQUIRE,
    _settings.REPORT,
    _settings.SAVE,
    _settings.JUNIT_PROPERTIES,
)


def configure(config: pytest.Config) -> None:
    """Look after the mail of the run from its beginning, where a setting asks for it; UsageError where one is wrong."""
    config.pluginmanager.register(Totals(config), "mailtrap-totals")
    if is_any_given(config, *_ASKING):
        suite_of(config)


def is_any_given(config: pytest.Config, *settings: _settings.Setting) -> bool:
    """Whether anything is set for one of *settings*; UsageError where a path was taken for it."""
    try:
        return any(_settings.given(config, setting) is not None for setting in settings)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


def suite_of(config: pytest.Config) -> Suite:
    """What looks after the mail of the run; it begins with the test that runs, where nobody has asked before."""
    if _SUITE not in config.stash:
        from pytest_mailtrap._suite import Suite

        config.stash[_SUITE] = Suite(config)
        if (item := config.stash.get(_RUNNING, None)) is not None:
            _open(item, None)
    return config.stash[_SUITE]


def _suite(config: pytest.Config) -> Suite | None:
    return config.stash.get(_SUITE, None)


def start(config: pytest.Config) -> None:
    if (suite := _suite(config)) is not None:
        suite.start()


def tell(config: pytest.Config, workerinput: dict[str, Any]) -> None:
    """Tell a worker of pytest-xdist what it needs to know."""
    if (suite := _suite(config)) is not None:
        suite.tell(workerinput)


def hear(config: pytest.Config, workeroutput: dict[str, Any]) -> None:
    """Take in what a worker of pytest-xdist has said at its end."""
    for test, counts in workeroutput.get(_REST, ()):
        suite_of(config).tally.add(test, counts)


def add_check(item: pytest.Item, check: Check) -> None:
    """Let *check* have a say at the end of the test's call phase."""
    item.stash.setdefault(_CHECKS, []).append(check)


def begin(item: pytest.Item, marked: MarkerOptions | None) -> None:
    """Open the test's account; fail it where its marker weakens the policy and does not say why."""
    if marked is None and _suite(item.config) is None:
        item.config.stash[_RUNNING] = item
    elif (objection := _open(item, marked)) is not None:
        pytest.fail(f"@pytest.mark.mailtrap: {objection}", pytrace=False)


def _open(item: pytest.Item, marked: MarkerOptions | None) -> str | None:
    suite = suite_of(item.config)
    add_check(item, suite.verdict)
    return suite.begin(item, marked)


@contextmanager
def calling(item: pytest.Item) -> Iterator[None]:
    """Around the test itself: what it sends gets no verdict where it fails, or skips, by itself."""
    item.stash[_IN_CALL] = True
    try:
        yield
    except BaseException:
        _excuse(item)
        raise
    finally:
        del item.stash[_IN_CALL]


def _excuse(item: pytest.Item) -> None:
    if (suite := _suite(item.config)) is not None:
        suite.excuse()


def judge(item: pytest.Item) -> None:
    """Fail the test with what its first unhappy check says."""
    for check in item.stash.get(_CHECKS, []):
        if (text := check()) is not None:
            pytest.fail(text, pytrace=False)


def judge_late_mail(item: pytest.Item) -> None:
    """Fail the teardown where what was sent since the end of the call is against the policy."""
    suite = _suite(item.config)
    if suite is not None and (text := suite.verdict()) is not None:
        pytest.fail(text, pytrace=False)


# -- the reports of a test's phases -------------------------------------------------------------


def before_report(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Show the mail of a phase that failed: pytest takes the sections when it makes the report."""
    suite = _suite(item.config)
    if suite is None or call.excinfo is None:
        return
    if call.when == "setup":
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
    suite = _suite(item.config)
    if suite is None:
        return
    if _is_of_a_subtest(item):
        if report.failed:
            item.stash[_OUTCOME] = "failed"
        return
    from pytest_mailtrap import _neighbours

    item.stash[_OUTCOME] = _outcome(item.stash.get(_OUTCOME, "passed"), report)
    if report.when == "call" or report.failed:
        _neighbours.extend_html(item.config, report, suite.ledger.account)
    if report.when != "teardown":
        return
    counts = suite.end(item.stash[_OUTCOME])
    if suite.untold:
        # Whatever stands on a report crosses from a worker to the controller, as long as JSON can hold it.
        report.mailtrap = [*suite.untold]  # type: ignore[attr-defined]  # reports take attributes of plugins
    if suite.junit and counts is not None:
        report.user_properties += _neighbours.junit_properties(counts)


def _is_of_a_subtest(item: pytest.Item) -> bool:
    """Whether a report is made while the test still runs: its own comes when it has ended."""
    return item.stash.get(_IN_CALL, False)


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

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if hasattr(report, "mailtrap"):
            suite_of(self._config).hear(report)

    # Of several answers pytest-xdist takes the first, and asks nobody else.
    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_handlecrashitem(self, crashitem: str) -> None:  # pytest-xdist's, on the controller
        if (suite := _suite(self._config)) is not None:
            suite.crashed(crashitem)


def header(config: pytest.Config) -> str | None:
    """The line at the top of a run with a policy."""
    suite = _suite(config)
    if suite is None or not suite.policy.is_on:
        return None
    policy = suite.policy
    where = dict.fromkeys(filter(None, (policy.origin, policy.required_by)))
    return f"mailtrap: {policy.describe()}, set by {' and '.join(where)}"


def summary(suite: Suite) -> list[str]:
    """The totals at the end of a run; empty where there is nothing to say."""
    lines = suite.tally.lines() if suite.has_totals else []
    if suite.report_written:
        lines.append(f"report: {suite.report}")
    if suite.has_saved:
        lines.append(f"saved in: {suite.save}")
    return lines


def summarize(config: pytest.Config, terminal: pytest.TerminalReporter) -> None:
    suite = _suite(config)
    if suite is not None and (lines := summary(suite)):
        terminal.section("mail trap")
        for line in [*lines, *workflow_commands(suite)]:
            terminal.line(line)


def _append_step_summary(suite: Suite) -> None:
    """Write the page of the step of GitHub Actions."""
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if not page or not suite.has_totals:
        return
    from pytest_mailtrap import _github

    try:
        with open(page, "a", encoding="utf-8") as file:
            file.write(_github.step_summary(suite.tally))
    except OSError as error:
        suite.tally.errors[f"the step summary could not be written: {error}"] += 1


def workflow_commands(suite: Suite) -> list[str]:
    """Workflow commands of GitHub Actions; each must begin a line of its own."""
    if os.environ.get("GITHUB_ACTIONS") != "true" or not suite.tally.breaches:
        return []
    from pytest_mailtrap import _github

    workspace = os.environ.get("GITHUB_WORKSPACE")
    return _github.workflow_commands(suite.tally, root=suite.config.rootpath, workspace=workspace)


def finish(config: pytest.Config) -> None:
    """Write what is to be written; where there is no terminal reporter, GitHub's lines and warnings still come."""
    suite = _suite(config)
    if suite is None:
        return
    rest = {_REST: suite.rest()}
    if suite.is_worker:
        config.workeroutput.update(rest)  # type: ignore[attr-defined]  # pytest-xdist's
        return
    hear(config, rest)
    suite.finish()
    _append_step_summary(suite)
    if config.pluginmanager.hasplugin("terminalreporter"):
        return
    for line in workflow_commands(suite):
        sys.stdout.write(f"{line}\n")
    for text in suite.tally.warnings():
        sys.stderr.write(f"mailtrap: {text}\n")
