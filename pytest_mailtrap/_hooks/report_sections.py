"""
What the reports of a test's phases say about its mail, and what they carry for the totals.

Rules of this file: the first test with mail, a policy or a marker loads it; a run without them does not pay for it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from pytest_mailtrap._hooks import integrations
from pytest_mailtrap._hooks.checks import notes as notes_of
from pytest_mailtrap._run.counts import is_empty

if TYPE_CHECKING:
    from pytest_mailtrap._run.files.schema import Outcome
    from pytest_mailtrap._run.run import Run

_OUTCOME: pytest.StashKey[Outcome] = pytest.StashKey()


def is_skip(error: BaseException) -> bool:
    """Whether *error* skips the test, as an exception of pytest or of unittest."""
    unittest = sys.modules.get(
        "unittest"
    )  # its exception can only be raised if it has been imported
    kinds = (pytest.skip.Exception, *([unittest.SkipTest] if unittest is not None else []))
    return isinstance(error, kinds)


def judge_skipped(run: Run, call: pytest.CallInfo[None]) -> None:
    """Fail a phase that skips after it has sent mail that violates the policy: the mail has been sent all the same."""
    if call.excinfo is None or not is_skip(call.excinfo.value):
        return
    if (text := run.enforcement.verdict(skipped=str(call.excinfo.value))) is None:
        return
    try:
        pytest.fail(text, pytrace=False)
    except pytest.fail.Exception as failure:
        call.excinfo = pytest.ExceptionInfo.from_exception(failure)


def overrule(run: Run, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
    """Do the same for a `unittest.TestCase`: only its report shows that it failed or skipped on its own."""
    run.enforcement.waive_mail_requirement()
    if call.excinfo is None or not report.skipped or hasattr(report, "wasxfail"):
        return
    if (text := run.enforcement.verdict_again(skipped=str(call.excinfo.value))) is not None:
        report.outcome = "failed"
        report.longrepr = text


def show_mail(run: Run, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """
    Show the mail of a phase that failed, and remarks even if the test passes.

    pytest takes the sections when it makes the report.
    """
    error = call.excinfo
    if error is not None and call.when == "setup":
        run.enforcement.skip_verdict()
    if error is not None and is_skip(error.value):
        return
    try:
        notes = [] if call.when != "call" else notes_of(item, failed=error is not None)
        mail = None if error is None else run.captured(error.value)
        texts = [*notes, *([] if mail is None else [mail])]
    except Exception as unforeseen:  # the test has its own result, which this must not hide
        texts = [f"the mail could not be shown: {unforeseen!r}"]
    if texts:
        item.add_report_section(call.when, "mail", "\n\n".join(texts))


def note(run: Run, item: pytest.Item, report: pytest.TestReport) -> None:
    """Record the outcome of the test; at its end, add to the report what it adds to the totals."""
    item.stash[_OUTCOME] = _outcome(item.stash.get(_OUTCOME, "passed"), report)
    if report.when == "call" or report.failed:
        integrations.extend_html(item.config, report, run.recorder.mail_of_test)
    if report.when != "teardown":
        return
    counts = run.end(item.stash[_OUTCOME])
    if run.unreported:
        # Attributes of a report are passed from a worker to the controller, as long as JSON can hold them.
        report.mailtrap = [*run.unreported]  # type: ignore[attr-defined]  # plugins may add attributes to reports
    if run.junit and counts is not None and not is_empty(counts):
        report.user_properties += integrations.junit_properties(counts)


def note_failed_subtest(item: pytest.Item) -> None:
    """The test has failed because one of its parts has, whatever happens to the rest."""
    item.stash[_OUTCOME] = "failed"


def _outcome(before: Outcome, report: pytest.TestReport) -> Outcome:
    """The outcome of the test up to and including the phase of *report*."""
    if report.when == "setup":
        before = "passed"
    if hasattr(report, "wasxfail"):
        return "xpassed" if report.passed else "xfailed"
    if report.failed:
        return "failed" if report.when == "call" or before == "failed" else "error"
    return "skipped" if report.skipped else before
