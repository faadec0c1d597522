"""
The ledger of a process: the observer of all its traps, which puts every message and connection down to the test that ran.

It knows no pytest, and what becomes of an account is not its to say.

Rules of this file: no test may suffer from what goes wrong here; a message that is written is written before
its sender hears of it; nothing outlives the test but files.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pytest_mailtrap._run.files.record import message_file
from pytest_mailtrap._run.mail_of_test import MailOfTest
from pytest_mailtrap._run.policy import FACTORY, MARKER, Policy

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pytest_mailtrap._assertions.kept_mail_text import Kept
    from pytest_mailtrap._facts.connection import Connection
    from pytest_mailtrap._kept_mail.watch import Keeper
    from pytest_mailtrap._message.captured_message import CapturedMessage
    from pytest_mailtrap._run.files.run_files import RunFiles
    from pytest_mailtrap._run.files.schema import TestRecord
    from pytest_mailtrap._server.options import Options
    from pytest_mailtrap._server.running_server import RunningServer

# What comes while no test runs: from a thread between two tests, or from a plugin at the end of the run.
OUTSIDE = "(outside of tests)"


class MailRecorder:
    """
    Keeps the mail of the test that runs, and writes it down where there are *run_files*.

    *policy* is the run's.
    """

    def __init__(self, policy: Policy, *, worker: str | None = None) -> None:
        self.policy = policy
        self.worker = worker
        self.run_files: RunFiles | None = None
        self._lock = threading.Lock()
        # Each worker has one, and a directory for it.
        outside = OUTSIDE if worker is None else f"{OUTSIDE} {worker}"
        self._outside = MailOfTest(outside, policy, worker=worker)
        self._current = self._outside
        self._last = ("", 0)
        self._watch: AbstractContextManager[None] | None = None

    # -- what the tests say -------------------------------------------------------------------

    def open(self, test: str, marked: Options | None = None) -> MailOfTest:
        """From now on mail is *test*'s, under the run's policy with what its marker says."""
        policy = self.policy if marked is None else self.policy.with_options(marked, MARKER)
        # Plugins run a test again before they go on to another.
        rerun = self._last[1] + 1 if self._last[0] == test else 0
        self._last = test, rerun
        mail_of_test = MailOfTest(test, policy, marked=marked, rerun=rerun, worker=self.worker)
        with self._lock:
            self._current = mail_of_test
        return mail_of_test

    @property
    def mail_of_test(self) -> MailOfTest:
        """The account of the test that runs, or that of what no test can be blamed for."""
        with self._lock:
            return self._current

    @property
    def outside(self) -> MailOfTest:
        """The account of what came while no test ran."""
        return self._outside

    def close(self) -> MailOfTest | None:
        """The test has ended; its account is complete. None where no test had begun."""
        with self._lock:
            mail_of_test, self._current = self._current, self._outside
        if not self.policy.is_on:
            self.unwatch()  # the next test may have no trap
        return None if mail_of_test is self._outside else mail_of_test

    def write(self, mail_of_test: MailOfTest, record: TestRecord) -> None:
        """Write a test's record into its directory, if there is to be one, whose name is then in the record, too."""
        if self.run_files is None or not mail_of_test:
            return
        try:
            self._begin(self.run_files, mail_of_test)
            record["directory"] = mail_of_test.directory
            self.run_files.finish(record)
        except OSError as error:
            mail_of_test.errors.append(f"facts of mail could not be saved: {error}")

    # -- what stays in the process --------------------------------------------------------------

    def watch(self) -> None:
        """Watch whoever may keep mail in the process, also what was imported since the last time, where the test that runs is watched."""
        if not self._is_watched(self.mail_of_test):
            return
        from pytest_mailtrap._kept_mail import watch as kept

        if self._watch is None:
            self._watch = kept.watching(self._keep_in_mind)
            self._watch.__enter__()
        kept.renew()

    def unwatch(self) -> None:
        """Whoever was watched is no longer."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.__exit__(None, None, None)

    def _is_watched(self, mail_of_test: MailOfTest) -> bool:
        return self.policy.is_on or mail_of_test.policy.is_on or mail_of_test.uses_a_trap

    def _keep_in_mind(self, keeper: Keeper, number: int) -> None:
        with self._lock:
            if self._is_watched(self._current):
                self._current.keep(keeper, number)

    # -- what the traps say ---------------------------------------------------------------------

    def starting(self, options: Options) -> None:
        """ValueError where a trap would demand less than the run does without saying why."""
        weakening_error = self.policy.with_options(options, FACTORY).weakening_error(self.policy)
        if weakening_error is not None:
            raise ValueError(weakening_error)

    def started(self, server: RunningServer) -> None:
        self.mail_of_test.stations.append(server)
        self.watch()

    def connected(self, connection: Connection, options: Options) -> None:
        with self._lock:
            self._current.connect(connection, options)

    def delivered(self, message: CapturedMessage, options: Options) -> None:
        with self._lock:
            mail_of_test = self._current
            number = mail_of_test.deliver(message, options)
            if self.run_files is not None:
                self._keep(self.run_files, mail_of_test, number, message.raw)

    def played(self, messages: int) -> None:
        mail_of_test = self.mail_of_test
        mail_of_test.has_played = True
        mail_of_test.hostile += messages

    def kept(self) -> list[Kept]:
        return self.mail_of_test.kept()

    def remarked(self, text: str) -> None:
        self.mail_of_test.remarks.append(text)

    def _keep(self, run_files: RunFiles, mail_of_test: MailOfTest, number: int, raw: bytes) -> None:
        try:
            self._begin(run_files, mail_of_test)
            run_files.keep(mail_of_test.directory, message_file(number), raw)
            run_files.note(mail_of_test.directory, mail_of_test.message_record(number))
        except Exception as error:  # on the trap's thread the application would feel it
            mail_of_test.errors.append(f"a message could not be saved: {error}")

    def _begin(self, run_files: RunFiles, mail_of_test: MailOfTest) -> None:
        if not mail_of_test.spooled:
            mail_of_test.directory = run_files.begin(mail_of_test.head())
            mail_of_test.spooled = True
