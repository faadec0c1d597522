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
from pytest_mailtrap._run.mail_of_test import Account
from pytest_mailtrap._run.policy import FACTORY, MARKER, Policy

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pytest_mailtrap._assertions.kept_mail_text import Kept
    from pytest_mailtrap._facts.connection import Connection
    from pytest_mailtrap._kept_mail.watch import Keeper
    from pytest_mailtrap._message.captured_message import CapturedMessage
    from pytest_mailtrap._run.files.run_files import Spool
    from pytest_mailtrap._run.files.schema import TestRecord
    from pytest_mailtrap._server.options import Options
    from pytest_mailtrap._server.running_server import Station

# What comes while no test runs: from a thread between two tests, or from a plugin at the end of the run.
OUTSIDE = "(outside of tests)"


class Ledger:
    """
    Keeps the account of the test that runs, and writes it down where there is a *spool*.

    *policy* is the run's.
    """

    def __init__(self, policy: Policy, *, worker: str | None = None) -> None:
        self.policy = policy
        self.worker = worker
        self.spool: Spool | None = None
        self._lock = threading.Lock()
        # Each worker has one, and a directory for it.
        outside = OUTSIDE if worker is None else f"{OUTSIDE} {worker}"
        self._outside = Account(outside, policy, worker=worker)
        self._current = self._outside
        self._last = ("", 0)
        self._watch: AbstractContextManager[None] | None = None

    # -- what the tests say -------------------------------------------------------------------

    def open(self, test: str, marked: Options | None = None) -> Account:
        """From now on mail is *test*'s, under the run's policy with what its marker says."""
        policy = self.policy if marked is None else self.policy.with_options(marked, MARKER)
        # Plugins run a test again before they go on to another.
        rerun = self._last[1] + 1 if self._last[0] == test else 0
        self._last = test, rerun
        account = Account(test, policy, marked=marked, rerun=rerun, worker=self.worker)
        with self._lock:
            self._current = account
        return account

    @property
    def account(self) -> Account:
        """The account of the test that runs, or that of what no test can be blamed for."""
        with self._lock:
            return self._current

    @property
    def outside(self) -> Account:
        """The account of what came while no test ran."""
        return self._outside

    def close(self) -> Account | None:
        """The test has ended; its account is complete. None where no test had begun."""
        with self._lock:
            account, self._current = self._current, self._outside
        if not self.policy.is_on:
            self.unwatch()  # the next test may have no trap
        return None if account is self._outside else account

    def write(self, account: Account, record: TestRecord) -> None:
        """Write a test's record into its directory, if there is to be one, whose name is then in the record, too."""
        if self.spool is None or not account:
            return
        try:
            self._begin(self.spool, account)
            record["directory"] = account.directory
            self.spool.finish(record)
        except OSError as error:
            account.errors.append(f"facts of mail could not be saved: {error}")

    # -- what stays in the process --------------------------------------------------------------

    def watch(self) -> None:
        """Watch whoever may keep mail in the process, also what was imported since the last time, where the test that runs is watched."""
        if not self._is_watched(self.account):
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

    def _is_watched(self, account: Account) -> bool:
        return self.policy.is_on or account.policy.is_on or account.uses_a_trap

    def _keep_in_mind(self, keeper: Keeper, number: int) -> None:
        with self._lock:
            if self._is_watched(self._current):
                self._current.keep(keeper, number)

    # -- what the traps say ---------------------------------------------------------------------

    def starting(self, options: Options) -> None:
        """ValueError where a trap would demand less than the run does without saying why."""
        objection = self.policy.with_options(options, FACTORY).objection(self.policy)
        if objection is not None:
            raise ValueError(objection)

    def started(self, station: Station) -> None:
        self.account.stations.append(station)
        self.watch()

    def connected(self, connection: Connection, options: Options) -> None:
        with self._lock:
            self._current.connect(connection, options)

    def delivered(self, message: CapturedMessage, options: Options) -> None:
        with self._lock:
            account = self._current
            number = account.deliver(message, options)
            if self.spool is not None:
                self._keep(self.spool, account, number, message.raw)

    def played(self, messages: int) -> None:
        account = self.account
        account.has_played = True
        account.hostile += messages

    def kept(self) -> list[Kept]:
        return self.account.kept()

    def remarked(self, text: str) -> None:
        self.account.remarks.append(text)

    def _keep(self, spool: Spool, account: Account, number: int, raw: bytes) -> None:
        try:
            self._begin(spool, account)
            spool.keep(account.directory, message_file(number), raw)
            spool.note(account.directory, account.message_record(number))
        except Exception as error:  # on the trap's thread the application would feel it
            account.errors.append(f"a message could not be saved: {error}")

    def _begin(self, spool: Spool, account: Account) -> None:
        if not account.spooled:
            account.directory = spool.begin(account.head())
            account.spooled = True
