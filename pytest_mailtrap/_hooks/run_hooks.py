"""
The hooks of a run with mail: its reports, its totals and its end.

Rules of this file: it is registered with the run's first mail, policy or marker, and by the controller of pytest-xdist;
a run without them does not pay for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_mailtrap._hooks import report_sections, summary, terminal_encoding

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from pytest_mailtrap._run.fixture_use import Naming
    from pytest_mailtrap._run.run import Run


# The keys under which a worker of pytest-xdist reports mail that arrived outside of tests, and
# whether tests were deselected.
_REST = "mailtrap_rest"
_DESELECTED = "mailtrap_deselected"


class MailHooks:
    """
    What pytest calls for one run.

    *known_run* returns the `Run` if there is one, *run_of* creates it if there is none.
    *is_in_call* tells whether a test is still running: a report is then about a part of it, a subtest.
    """

    def __init__(
        self,
        config: pytest.Config,
        *,
        known_run: Callable[[pytest.Config], Run | None],
        run_of: Callable[[pytest.Config], Run],
        is_in_call: Callable[[pytest.Item], bool],
    ) -> None:
        self._config = config
        self._known_suite = known_run
        self._suite_of = run_of
        self._is_in_call = is_in_call

    @property
    def _suite(self) -> Run | None:
        return self._known_suite(self._config)

    # -- the run --------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        if (run := self._suite) is not None:
            run.start()

    def pytest_report_header(self) -> str | None:
        return None if (run := self._suite) is None else summary.header(run)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        if (run := self._suite) is not None:
            run.has_run = True
        return (yield)

    # The innermost wrapper: fixtures and workers have ended before its second half, and the summary is printed after
    # it.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        result = yield
        if (run := self._suite) is not None:
            self._finish(run, session)
        return result

    def _finish(self, run: Run, session: pytest.Session) -> None:
        rest = {_REST: run.rest(), _DESELECTED: run.has_deselected}
        if run.is_worker:
            self._config.workeroutput.update(rest)  # type: ignore[attr-defined]  # pytest-xdist's
            return
        self._hear(rest)
        summary.finish(run, session)
        terminal_encoding.escape_reports(self._config)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        if items and (run := self._suite) is not None:
            run.has_deselected = True

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if (run := self._suite) is not None and run.expected_by:
            run.collected(item.nodeid for item in session.items)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if (run := self._suite) is not None:
            summary.summarize(run, terminalreporter)

    # -- a test ---------------------------------------------------------------------------

    # The outermost wrapper: the other plugins have already changed the outcome.
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        run = self._suite_of(self._config)
        is_part = self._is_in_call(item)
        if not is_part:
            report_sections.judge_skipped(run, call)
        report_sections.show_mail(run, item, call)
        before = call.excinfo
        report = yield
        if not is_part:
            if call.excinfo is not before:
                report_sections.overrule(run, call, report)
            report_sections.note(run, item, report)
        elif report.failed:
            report_sections.note_failed_subtest(item)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up what the reports carry, with and without pytest-xdist."""
        if hasattr(report, "mailtrap"):
            self._suite_of(self._config).collect(report)

    # -- the controller of pytest-xdist ---------------------------------------------------

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._hear(getattr(node, "workeroutput", {}))

    def _hear(self, workeroutput: dict[str, Any]) -> None:
        """Add what a worker has reported at its end."""
        for test, counts in workeroutput.get(_REST, ()):
            self._suite_of(self._config).totals.add(test, counts)
        if workeroutput.get(_DESELECTED) and (run := self._suite) is not None:
            run.has_deselected = True

    # pytest-xdist takes the first answer, and calls no further plugins.
    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_handlecrashitem(self, crashitem: str) -> None:
        if (run := self._suite) is not None:
            run.crashed(crashitem)


class FixtureHooks:
    """What pytest calls for each fixture, if the run needs to know what requests which fixture."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any]
    ) -> Generator[None, object, object]:
        with self._naming.setting_up(fixturedef):
            return (yield)
