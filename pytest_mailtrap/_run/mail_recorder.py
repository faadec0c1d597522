"""
The mail recorder of a process: the observer of all its traps, which assigns every message and connection to the
running test.

It does not import pytest, and it does not decide what happens to a `MailOfTest`.

Rules of this file: no error here may affect a test; a message is written before its sender gets the reply;
only files outlive the test.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pytest_mailtrap._run.files.record import message_file
from pytest_mailtrap._run.mail_of_test import MailOfTest
from pytest_mailtrap._run.policy import FACTORY, MARKER, Policy
from pytest_mailtrap._system import forks

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

# What arrives while no test runs: from a thread between two tests, or from a plugin at the end of the run.
OUTSIDE = "(outside of tests)"


class MailRecorder:
    """
    Holds the mail of the running test, and writes it to disk if there are *run_files*.

    *policy* is the run's.
    """

    def __init__(self, policy: Policy, *, worker: str | None = None) -> None:
        self.policy = policy
        self.worker = worker
        self.run_files: RunFiles | None = None
        self._lock = threading.Lock()
        # Each worker has one, with a directory of its own.
        outside = OUTSIDE if worker is None else f"{OUTSIDE} {worker}"
        self._outside = MailOfTest(outside, policy, worker=worker)
        self._current = self._outside
        self._last = ("", 0)
        self._watch: AbstractContextManager[None] | None = None
        forks.in_forked_processes(self._forked)

    def _forked(self) -> None:
        """The trap's thread, which is not here, may have had the lock."""
        self._lock = threading.Lock()

    # -- called for the tests -------------------------------------------------------------------

    def open(self, test: str, marked: Options | None = None) -> MailOfTest:
        """From now on, mail belongs to *test*, under the run's policy as modified by its marker."""
        policy = self.policy if marked is None else self.policy.with_options(marked, MARKER)
        # Plugins rerun a test before they continue with another.
        rerun = self._last[1] + 1 if self._last[0] == test else 0
        self._last = test, rerun
        mail_of_test = MailOfTest(test, policy, marked=marked, rerun=rerun, worker=self.worker)
        with self._lock:
            self._current = mail_of_test
        return mail_of_test

    @property
    def mail_of_test(self) -> MailOfTest:
        """The mail of the running test; outside of tests, the mail that belongs to no test."""
        with self._lock:
            return self._current

    @property
    def outside(self) -> MailOfTest:
        """The mail that arrived while no test ran."""
        return self._outside

    def close(self) -> MailOfTest | None:
        """The test has ended; its mail is complete. None if no test had begun."""
        with self._lock:
            mail_of_test, self._current = self._current, self._outside
        if mail_of_test is not self._outside and not mail_of_test.owner.is_ours:
            # A process that the test forked and that never ended: it may run the other tests, whose files are its parent's.
            self.run_files = None
        if not self.policy.is_on:
            self.unwatch()  # the next test may not have a trap
        return None if mail_of_test is self._outside else mail_of_test

    def write(self, mail_of_test: MailOfTest, record: TestRecord) -> None:
        """Write a test's record to its directory, if it has one; the record then contains the directory's name."""
        run_files = self._files_of(mail_of_test)
        if run_files is None or not mail_of_test:
            return
        try:
            self._begin(run_files, mail_of_test)
            record["directory"] = mail_of_test.directory
            run_files.finish(record)
        except OSError as error:
            mail_of_test.errors.append(f"facts of mail could not be saved: {error}")

    # -- what stays in the process --------------------------------------------------------------

    def watch(self) -> None:
        """Watch what may keep mail in the process, modules imported meanwhile included, if the test is watched."""
        if not self._is_watched(self.mail_of_test):
            return
        from pytest_mailtrap._kept_mail import watch as kept

        if self._watch is None:
            self._watch = kept.watching(self._keep_in_mind)
            self._watch.__enter__()
        kept.renew()

    def unwatch(self) -> None:
        """Stop watching."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.__exit__(None, None, None)

    def _is_watched(self, mail_of_test: MailOfTest) -> bool:
        return self.policy.is_on or mail_of_test.policy.is_on or mail_of_test.uses_a_trap

    def _keep_in_mind(self, keeper: Keeper, number: int) -> None:
        with self._lock:
            if self._is_watched(self._current):
                self._current.keep(keeper, number)

    # -- called by the traps ---------------------------------------------------------------------

    def starting(self, options: Options) -> None:
        """ValueError if a trap would require less than the run does without giving a reason."""
        __tracebackhide__ = True
        weakening_error = self.policy.with_options(options, FACTORY).weakening_error(self.policy)
        if weakening_error is not None:
            raise ValueError(weakening_error)

    def started(self, server: RunningServer) -> None:
        self.mail_of_test.servers.append(server)
        self.watch()

    def connected(self, connection: Connection, options: Options) -> None:
        with self._lock:
            self._current.connect(connection, options)

    def delivered(self, message: CapturedMessage, options: Options) -> None:
        with self._lock:
            mail_of_test = self._current
            number = mail_of_test.deliver(message, options)
            if (run_files := self._files_of(mail_of_test)) is not None:
                self._keep(run_files, mail_of_test, number, message.raw)

    def used_as_hostile(self, messages: int) -> None:
        mail_of_test = self.mail_of_test
        mail_of_test.has_hostile_servers = True
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
        except Exception as error:  # raised in the trap's thread, it would affect the application
            mail_of_test.errors.append(f"a message could not be saved: {error}")

    def _files_of(self, mail_of_test: MailOfTest) -> RunFiles | None:
        """Where the mail of the test is written; None in a process that the test has forked."""
        return self.run_files if mail_of_test.owner.is_ours else None

    def _begin(self, run_files: RunFiles, mail_of_test: MailOfTest) -> None:
        if not mail_of_test.spooled:
            mail_of_test.directory = run_files.begin(mail_of_test.head())
            mail_of_test.spooled = True
