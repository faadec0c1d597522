"""
One run of pytest in one process: its settings, the mail of its tests, and what is written at the end.

Under pytest-xdist, each worker records mail, and the controller adds up what the tests' reports carry, and what each
worker reports at its end about mail that arrived outside of tests. Otherwise one process does both, with the same code.

Rules of this file: what each hook does; nothing heavy is imported before there is mail; an error in writing is reported
at the end and does not change the result of any test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_mailtrap._run import settings
from pytest_mailtrap._run.counts import Counts, counts_of, judged_of, nothing_but, opt_outs_of
from pytest_mailtrap._run.enforcement import Enforcement
from pytest_mailtrap._run.files.run_files import RunFiles
from pytest_mailtrap._run.fixture_use import Naming
from pytest_mailtrap._run.mail_recorder import MailRecorder
from pytest_mailtrap._run.run_settings import (
    accepted_in_words,
    check_engine,
    credentials_of_the_run,
    kept_mail_fails,
    mail_expected_by,
    path,
    policy_of_the_run,
    switch,
)
from pytest_mailtrap._run.totals import Totals
from pytest_mailtrap._system import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import pytest

    from pytest_mailtrap._hooks.marker_options import MarkerOptions
    from pytest_mailtrap._run.files.schema import Outcome
    from pytest_mailtrap._run.mail_of_test import MailOfTest
    from pytest_mailtrap._server.options import Options

# The key of what the controller sends to its workers.
_RUN_FILES = "mailtrap_run_files"


class Run:
    """
    The run, as seen by this process.

    *write_report* writes the report of the run: `write_report(path, records, root=directory)`.
    ValueError if a setting is wrong.
    """

    def __init__(
        self,
        config: pytest.Config,
        *,
        is_in_call: Callable[[pytest.Item], bool],
        write_report: Callable[..., None],
    ) -> None:
        self.config = config
        self._write = write_report
        # pytest-xdist gives this to its workers; it documents that a worker can be recognized by it.
        self._workerinput: dict[str, Any] | None = getattr(config, "workerinput", None)
        self._set()
        self.has_run = False
        self.has_deselected = False
        # Why the run fails, whatever its tests did.
        self.failed_by: str | None = None
        self.report_written = False
        self.totals = Totals()
        # Counts that no report has carried yet: some reports of a test that is rerun are never passed on.
        self.unreported: list[tuple[str, Counts]] = []
        self.recorder = MailRecorder(self.policy, worker=(self._workerinput or {}).get("workerid"))
        # Fixtures are only watched if the run needs to know what requests them.
        self.naming = Naming(is_in_call) if self.policy.demands_mail else None
        self.enforcement = Enforcement(
            self.recorder, naming=self.naming, kept_mail_fails=self.kept_mail_fails
        )
        config.add_cleanup(self.recorder.unwatch)
        self._temporary: files.OwnDirectory | None = None
        self._owner = files.Ownership()

    def _set(self) -> None:
        self.policy = policy_of_the_run(self.config)
        self.expected_by = mail_expected_by(self.config)
        self.kept_mail_fails = kept_mail_fails(self.config)
        self.report = path(self.config, settings.REPORT)
        self.save = path(self.config, settings.SAVE)
        self.junit = switch(self.config, settings.JUNIT_PROPERTIES)
        self._credentials = credentials_of_the_run(self.config)
        self.accepts = accepted_in_words(self.config)
        if self.report is not None:
            check_engine()

    def trap_options(self) -> Options:
        """The options that apply to each trap of the run unless it has others."""
        from pytest_mailtrap._server.options import Options

        return Options(credentials=self._credentials)

    @property
    def is_worker(self) -> bool:
        return self._workerinput is not None

    @property
    def is_forked(self) -> bool:
        """Whether a test has forked this process, which then left the test: what is written at the end is its parent's."""
        return not self._owner.is_ours

    @property
    def has_output(self) -> bool:
        """Whether the mail of tests that passed is needed for anything."""
        asked = self.policy.is_on or self.junit or self.expected_by
        return bool(asked or self.recorder.run_files is not None)

    @property
    def has_totals(self) -> bool:
        """Whether there are totals to print at the end, and a setting that asks for them."""
        asked = self.policy.is_on or self.save is not None or self.report is not None
        policies = self.judging is not None or self.totals.with_policy
        told = policies or self.totals.breaches or self.totals.errors
        return bool(told or (asked and self.totals.lines()))

    @property
    def lines(self) -> list[str]:
        """The lines about mail at the end of the run; remarks are always printed."""
        if self.has_totals:
            return self.totals.lines(policy=self.judging, whole=self.has_output)
        return self.totals.remark_lines()

    @property
    def lacks_mail(self) -> bool:
        """Whether mail is expected but none has arrived; nothing is expected if only some of the tests ran."""
        expected = self.expected_by and self.has_run_tests and not self.has_deselected
        return bool(expected) and not self.totals.has_mail

    @property
    def judging(self) -> str | None:
        """The policy of the run, in words, if the run has one and its tests have been run."""
        return self.policy.describe() if self.policy.is_on and self.has_run_tests else None

    @property
    def has_run_tests(self) -> bool:
        """Whether tests could send mail; not if pytest only lists something."""
        return self.has_run and not self._only_lists

    @property
    def _only_lists(self) -> bool:
        return any(self.config.getoption(name, False) for name in ("collectonly", "setuponly"))

    @property
    def has_saved(self) -> bool:
        """Whether mail has been written to the directory given for it."""
        run_files = self.recorder.run_files
        return (
            run_files is not None
            and run_files.root == str(self.save)
            and bool(self.totals.directories)
        )

    # -- the run ------------------------------------------------------------------------------

    def start(self) -> None:
        """Choose the directory for the files; the controller sends it to the workers."""
        root = self._root()
        if root is not None:
            self.recorder.run_files = RunFiles(root)

    def _root(self) -> str | Path | None:
        if self._workerinput is not None:
            told = self._workerinput.get(_RUN_FILES)
            return None if told is None else str(told)
        if self.config.option.collectonly:
            return None
        return self._root_to_save() or self._temporary_root()

    def _root_to_save(self) -> Path | None:
        try:
            if self.save is not None:
                RunFiles(self.save).clean()
        except OSError as error:
            self.totals.errors[f"mail is not saved: {error}"] += 1
            return None
        return self.save

    def _temporary_root(self) -> str | None:
        try:
            if self.report is not None:
                self._temporary = files.OwnDirectory("pytest-mailtrap-")
        except OSError as error:
            self.totals.errors[f"the report is not written: {error}"] += 1
        return None if self._temporary is None else self._temporary.path

    def collected(self, tests: Iterable[str]) -> None:
        """These *tests* will be run; under `--last-failed`, pytest does not report which tests it has left out."""
        cache = getattr(self.config, "cache", None)
        if cache is None or not self.config.getoption("lf", False):
            return
        failed = cache.get("cache/lastfailed", None) or {}
        self.has_deselected |= not failed.keys().isdisjoint(tests)

    def crashed(self, test: str) -> None:
        """A worker of pytest-xdist has died in *test*: only what it had written to disk is left."""
        if self.recorder.run_files is None and self.policy.is_on:
            keeping = f"{settings.SAVE.flag} or {settings.REPORT.flag}"
            text = f"a worker died in {test}, and any mail from that test is lost: {keeping} would have kept it"
            self.totals.errors[text] += 1

    def send_to_worker(self, workerinput: dict[str, Any]) -> None:
        """Send a worker what only the controller knows."""
        if self.recorder.run_files is not None:
            workerinput[_RUN_FILES] = self.recorder.run_files.root

    def collect(self, report: pytest.TestReport) -> None:
        """Mark what *report* carries as reported, and add it to the totals unless this is a worker."""
        told: list[tuple[str, Counts]] = getattr(report, "mailtrap", [])
        del self.unreported[: len(told)]
        if self.is_worker:
            return
        for test, counts in told:
            self.totals.add(
                test, counts, location=report.location if test == report.nodeid else None
            )

    def rest(self) -> list[tuple[str, Counts]]:
        """What no report of a test has carried, once all tests are done or the run was aborted."""
        return [
            *self.unreported,
            *self._counted(self.recorder.close(), "interrupted"),
            *self._counted(self.recorder.outside, "passed"),
        ]

    def finish(self) -> None:
        """Write the files, after everything that the tests reported has been counted."""
        if self.is_forked:
            return
        self._count_left_behind()
        self._write_report()
        if self._temporary is not None:
            self._temporary.remove()

    def _counted(
        self, mail_of_test: MailOfTest | None, outcome: Outcome
    ) -> list[tuple[str, Counts]]:
        counts = self.counts(mail_of_test, outcome) if mail_of_test else None
        return [(mail_of_test.test, counts)] if mail_of_test and counts is not None else []

    def _count_left_behind(self) -> None:
        """Count and complete the files of tests that could not report, because their worker of pytest-xdist died."""
        run_files = self.recorder.run_files
        if run_files is None:
            return
        for record in run_files.left_behind(self.totals.directories):
            try:
                opt_outs = opt_outs_of(record) if self.policy.is_on else []
                counts = counts_of(record, judged=judged_of(record), opt_outs=opt_outs, errors=())
                self.totals.add(record["test"], counts)
                if record["outcome"] == "interrupted":
                    self.totals.note_cut_short(record["test"], len(record["messages"]))
                    run_files.finish(record)
            except Exception as error:  # the tests have their results, as in counts()
                text = f"the mail of a worker that died could not be counted: {error!r}"
                self.totals.errors[text] += 1

    def _write_report(self) -> None:
        if self.report is None or self.recorder.run_files is None:
            return
        run_files = self.recorder.run_files
        try:
            self._write(
                self.report, run_files.records(self.totals.directories), root=run_files.root
            )
            self.report_written = True
        except Exception as error:  # a failed report must not cost the results of a run
            self.totals.errors[f"{self.report} could not be written: {error}"] += 1

    # -- a test -------------------------------------------------------------------------------

    def begin(self, item: pytest.Item, marked: MarkerOptions | None) -> str | None:
        """Start recording the test's mail; returns the error text if its marker weakens the policy without a reason."""
        # Some plugins rerun a failed test before its teardown is reported.
        self.end("failed")
        if self.naming is not None:
            self.naming.begin(item)
        mail_of_test = self.recorder.open(item.nodeid, marked)
        self.recorder.watch()
        return mail_of_test.policy.weakening_error(self.policy)

    def captured(self, error: BaseException) -> str | None:
        """What is shown of the test's mail when it fails with *error*; None if nothing is new since the last time."""
        mail_of_test = self.recorder.mail_of_test
        mail_of_test.settle()
        if mail_of_test.shown == mail_of_test.mark():
            return None
        mail_of_test.shown = mail_of_test.mark()
        from pytest_mailtrap._run.captured_mail import captured

        return captured(mail_of_test, error)

    def end(self, outcome: Outcome) -> Counts | None:
        """Finish the test's mail, write it to disk, and return what it adds to the totals."""
        mail_of_test = self.recorder.close()
        counts = None if mail_of_test is None else self.counts(mail_of_test, outcome)
        if mail_of_test is not None and counts is not None:
            self.unreported.append((mail_of_test.test, counts))
        return counts

    def counts(self, mail_of_test: MailOfTest, outcome: Outcome) -> Counts | None:
        """Write the mail of a test to disk, if it is needed, and count it."""
        counts = self._counts_of_mail(mail_of_test, outcome)
        kept = mail_of_test.kept() if mail_of_test.policy.is_on or self.policy.is_on else []
        own_policy = mail_of_test.has_policy and not self.policy.is_on and not self._only_lists
        if counts is None and (mail_of_test.remarks or kept or own_policy):
            counts = nothing_but()
        if counts is not None:
            counts["own_policy"] = own_policy
            counts["kept"] += kept
            counts["remarks"] += mail_of_test.remarks
            counts["hostile"] += mail_of_test.hostile
        return counts

    def _counts_of_mail(self, mail_of_test: MailOfTest, outcome: Outcome) -> Counts | None:
        wanted = self.has_output or mail_of_test.policies()
        told = (
            mail_of_test or mail_of_test.opt_outs or mail_of_test.is_silent or mail_of_test.hostile
        )
        if not (wanted and told):
            return None
        try:
            record = mail_of_test.record(outcome)
            self.recorder.write(mail_of_test, record)
        except Exception as error:  # the test has its result, whatever happens to its mail
            errors = [*mail_of_test.errors, f"mail could not be recorded: {error!r}"]
            return nothing_but(*errors, directory=mail_of_test.directory)
        opt_outs = mail_of_test.opt_outs if self.policy.is_on else []
        judged = 0 if outcome == "interrupted" else mail_of_test.number_judged
        return counts_of(record, judged=judged, opt_outs=opt_outs, errors=mail_of_test.errors)
