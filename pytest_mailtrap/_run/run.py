"""
One run of pytest in one process: what is set for it, whose mail it is, and what is written at the end.

Under pytest-xdist the workers keep the ledgers and the controller adds up what the tests' reports carry, and what
a worker says at its end of mail that came outside of tests. Without it, one process is both, by the same code.

Rules of this file: what each hook does; nothing heavy is imported before there is mail; whatever goes wrong
with writing is told at the end and costs no test its result.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mailtrap._run import settings
from pytest_mailtrap._run.counts import Counts, counts_of, judged_of, nothing_but, opt_outs_of
from pytest_mailtrap._run.enforcement import Enforcement
from pytest_mailtrap._run.files.run_files import Spool
from pytest_mailtrap._run.fixture_use import Naming
from pytest_mailtrap._run.mail_recorder import Ledger
from pytest_mailtrap._run.run_settings import (
    check_engine,
    kept_mail_fails,
    mail_expected_by,
    path,
    policy_of_the_run,
    switch,
)
from pytest_mailtrap._run.totals import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_mailtrap._hooks.marker_options import MarkerOptions
    from pytest_mailtrap._run.files.schema import Outcome
    from pytest_mailtrap._run.mail_of_test import Account

# What the controller tells its workers.
_SPOOL = "mailtrap_spool"


class Suite:
    """The run, as this process sees it."""

    def __init__(self, config: pytest.Config, *, is_in_call: Callable[[pytest.Item], bool]) -> None:
        self.config = config
        # What pytest-xdist gives its workers, by which it documents that they can be told.
        self._workerinput: dict[str, Any] | None = getattr(config, "workerinput", None)
        try:
            self._set()
        except ValueError as error:
            raise pytest.UsageError(str(error)) from None
        self.has_run = False
        self.has_deselected = False
        # Why the run fails, whatever its tests did.
        self.failed_by: str | None = None
        self.report_written = False
        self.tally = Tally()
        # Counts that no report has carried yet: not every report of a test that is run again is told to anybody.
        self.untold: list[tuple[str, Counts]] = []
        self.ledger = Ledger(self.policy, worker=(self._workerinput or {}).get("workerid"))
        # Fixtures are watched where it matters to the run who asks for them.
        self.naming = Naming(is_in_call) if self.policy.demands_mail else None
        self.enforcement = Enforcement(
            self.ledger, naming=self.naming, kept_mail_fails=self.kept_mail_fails
        )
        config.add_cleanup(self.ledger.unwatch)
        self._temporary: Path | None = None

    def _set(self) -> None:
        self.policy = policy_of_the_run(self.config)
        self.expected_by = mail_expected_by(self.config)
        self.kept_mail_fails = kept_mail_fails(self.config)
        self.report = path(self.config, settings.REPORT)
        self.save = path(self.config, settings.SAVE)
        self.junit = switch(self.config, settings.JUNIT_PROPERTIES)
        if self.report is not None:
            check_engine()

    @property
    def is_worker(self) -> bool:
        return self._workerinput is not None

    @property
    def has_output(self) -> bool:
        """Whether anybody wants to know of the mail of tests that passed."""
        asked = self.policy.is_on or self.junit or self.expected_by
        return bool(asked or self.ledger.spool is not None)

    @property
    def has_totals(self) -> bool:
        """Whether there is anything to say at the end, and somebody who wants to hear it."""
        asked = self.policy.is_on or self.save is not None or self.report is not None
        policies = self.judging is not None or self.tally.with_policy
        told = policies or self.tally.breaches or self.tally.errors
        return bool(told or (asked and self.tally.lines()))

    @property
    def lines(self) -> list[str]:
        """What is said of the mail at the end; remarks are for everybody."""
        if self.has_totals:
            return self.tally.lines(policy=self.judging, whole=self.has_output)
        return self.tally.remark_lines()

    @property
    def lacks_mail(self) -> bool:
        """Whether mail is expected, and none has come; nothing is expected of a part of the tests."""
        expected = self.expected_by and self.has_run_tests and not self.has_deselected
        return bool(expected) and not self.tally.has_mail

    @property
    def judging(self) -> str | None:
        """The policy of the run, in words, where the run has one and its tests have been run."""
        return self.policy.describe() if self.policy.is_on and self.has_run_tests else None

    @property
    def has_run_tests(self) -> bool:
        """Whether there was a time for tests to send mail: not where pytest only lists something."""
        return self.has_run and not self._only_lists

    @property
    def _only_lists(self) -> bool:
        return any(self.config.getoption(name, False) for name in ("collectonly", "setuponly"))

    @property
    def has_saved(self) -> bool:
        """Whether mail has been written into the directory that it was to be saved in."""
        spool = self.ledger.spool
        return spool is not None and spool.root == self.save and bool(self.tally.directories)

    # -- the run ------------------------------------------------------------------------------

    def start(self) -> None:
        """Find the place for the files, in the process that all others are told it by."""
        root = self._root()
        if root is not None:
            self.ledger.spool = Spool(root)

    def _root(self) -> Path | None:
        if self._workerinput is not None:
            told = self._workerinput.get(_SPOOL)
            return None if told is None else Path(told)
        if self.config.option.collectonly:
            return None
        return self._root_to_save() or self._temporary_root()

    def _root_to_save(self) -> Path | None:
        try:
            if self.save is not None:
                Spool(self.save).clean()
        except OSError as error:
            self.tally.errors[f"no mail is saved: {error}"] += 1
            return None
        return self.save

    def _temporary_root(self) -> Path | None:
        try:
            if self.report is not None:
                self._temporary = Path(tempfile.mkdtemp(prefix="pytest-mailtrap-"))
        except OSError as error:
            self.tally.errors[f"no report is written: {error}"] += 1
        return self._temporary

    def collected(self, tests: Iterable[str]) -> None:
        """These *tests* are to be run; where only those that failed last are, pytest does not say which it has left out."""
        cache = getattr(self.config, "cache", None)
        if cache is None or not self.config.getoption("lf", False):
            return
        failed = cache.get("cache/lastfailed", None) or {}
        self.has_deselected |= not failed.keys().isdisjoint(tests)

    def crashed(self, test: str) -> None:
        """A worker of pytest-xdist has died in *test*: only what it had written is left."""
        if self.ledger.spool is None and self.policy.is_on:
            keeping = f"{settings.SAVE.flag} or {settings.REPORT.flag}"
            text = f"a worker died in {test}, and any mail of it is lost: {keeping} keeps it"
            self.tally.errors[text] += 1

    def tell(self, workerinput: dict[str, Any]) -> None:
        """Tell a worker what only the controller knows."""
        if self.ledger.spool is not None:
            workerinput[_SPOOL] = str(self.ledger.spool.root)

    def hear(self, report: pytest.TestReport) -> None:
        """Take what *report* carries for told, and add it up where the totals are made."""
        told: list[tuple[str, Counts]] = getattr(report, "mailtrap", [])
        del self.untold[: len(told)]
        if self.is_worker:
            return
        for test, counts in told:
            self.tally.add(
                test, counts, location=report.location if test == report.nodeid else None
            )

    def rest(self) -> list[tuple[str, Counts]]:
        """What no report of a test has carried, when all tests are done or the run was broken off."""
        return [
            *self.untold,
            *self._counted(self.ledger.close(), "interrupted"),
            *self._counted(self.ledger.outside, "passed"),
        ]

    def finish(self) -> None:
        """Write what is to be written, when everything has been counted that the tests could tell."""
        self._count_left_behind()
        self._write_report()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _counted(self, account: Account | None, outcome: Outcome) -> list[tuple[str, Counts]]:
        counts = self.counts(account, outcome) if account else None
        return [(account.test, counts)] if account and counts is not None else []

    def _count_left_behind(self) -> None:
        """Count, and complete, what tests have written that could not tell: their worker of pytest-xdist has died."""
        spool = self.ledger.spool
        if spool is None:
            return
        for record in spool.left_behind(self.tally.directories):
            try:
                opt_outs = opt_outs_of(record) if self.policy.is_on else []
                counts = counts_of(record, judged=judged_of(record), opt_outs=opt_outs, errors=())
                self.tally.add(record["test"], counts)
                if record["outcome"] == "interrupted":
                    self.tally.note_cut_short(record["test"], len(record["messages"]))
                    spool.finish(record)
            except Exception as error:  # the tests have their results, as in counts()
                text = f"the mail of a worker that died could not be counted: {error!r}"
                self.tally.errors[text] += 1

    def _write_report(self) -> None:
        if self.report is None or self.ledger.spool is None:
            return
        from pytest_mailtrap._report.writer import write_report

        spool = self.ledger.spool
        try:
            write_report(self.report, spool.records(self.tally.directories), spool=spool.root)
            self.report_written = True
        except Exception as error:  # a report is not worth the results of a run
            self.tally.errors[f"{self.report} could not be written: {error}"] += 1

    # -- a test -------------------------------------------------------------------------------

    def begin(self, item: pytest.Item, marked: MarkerOptions | None) -> str | None:
        """Open the test's account; what is said is against its marker, which weakens the policy without a reason."""
        # Some plugins run a test that has failed again before its teardown is reported.
        self.end("failed")
        if self.naming is not None:
            self.naming.begin(item)
        account = self.ledger.open(item.nodeid, marked)
        self.ledger.watch()
        return account.policy.objection(self.policy)

    def captured(self, error: BaseException) -> str | None:
        """What is shown of the test's mail when it fails by *error*; None where nothing came since it was shown last."""
        account = self.ledger.account
        if account.shown == account.mark():
            return None
        account.shown = account.mark()
        from pytest_mailtrap._run.captured_mail import captured

        return captured(account, error)

    def end(self, outcome: Outcome) -> Counts | None:
        """Close the test's account, write it down, and give what it adds to the totals."""
        account = self.ledger.close()
        counts = None if account is None else self.counts(account, outcome)
        if account is not None and counts is not None:
            self.untold.append((account.test, counts))
        return counts

    def counts(self, account: Account, outcome: Outcome) -> Counts | None:
        """Write an account down, if anybody wants to know, and count it."""
        counts = self._counts_of_mail(account, outcome)
        kept = account.kept() if account.policy.is_on or self.policy.is_on else []
        own_policy = account.has_policy and not self.policy.is_on and not self._only_lists
        if counts is None and (account.remarks or kept or own_policy):
            counts = nothing_but()
        if counts is not None:
            counts["own_policy"] = own_policy
            counts["kept"] += kept
            counts["remarks"] += account.remarks
            counts["hostile"] += account.hostile
        return counts

    def _counts_of_mail(self, account: Account, outcome: Outcome) -> Counts | None:
        wanted = self.has_output or account.policies()
        told = account or account.opt_outs or account.is_silent or account.hostile
        if not (wanted and told):
            return None
        try:
            record = account.record(outcome)
            self.ledger.write(account, record)
        except Exception as error:  # the test has its result, whatever becomes of its mail
            errors = [*account.errors, f"mail could not be recorded: {error!r}"]
            return nothing_but(*errors, directory=account.directory)
        opt_outs = account.opt_outs if self.policy.is_on else []
        judged = 0 if outcome == "interrupted" else account.number_judged
        return counts_of(record, judged=judged, opt_outs=opt_outs, errors=account.errors)
