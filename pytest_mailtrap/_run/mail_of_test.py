"""
The mail of one test: what arrived while it ran, and which policy applies to each message and connection.

`_assertions.requirements` decides what violates a policy, `_run.files.record` what is written about mail.

Rules of this file: the trap's thread adds each item in one step; the test's thread reads.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pytest_mailtrap._assertions.requirements import (
    Breach,
    connection_breaches,
    message_breaches,
    silence_breach,
)
from pytest_mailtrap._run.files import record
from pytest_mailtrap._run.files.run_files import directory_name
from pytest_mailtrap._run.files.schema import SCHEMA
from pytest_mailtrap._run.policy import FACTORY, Policy
from pytest_mailtrap._smime import availability
from pytest_mailtrap._smime.traces import has_trace
from pytest_mailtrap._system import clock, files

if TYPE_CHECKING:
    from pytest_mailtrap._assertions.kept_mail_text import Kept
    from pytest_mailtrap._facts.connection import Connection
    from pytest_mailtrap._facts.connection_facts import BaseConnection
    from pytest_mailtrap._kept_mail.watch import Keeper
    from pytest_mailtrap._message.captured_message import CapturedMessage
    from pytest_mailtrap._run.files.schema import (
        MessageRecord,
        Outcome,
        SMIMERecord,
        TestHead,
        TestRecord,
    )
    from pytest_mailtrap._server.options import Options
    from pytest_mailtrap._server.running_server import RunningServer


class Mark(NamedTuple):
    """A position: how many messages, how many connections, how often mail has stayed in the process."""

    messages: int = 0
    connections: int = 0
    kept: int = 0


_BEGINNING = Mark()


class MailOfTest:
    """
    What any trap received while one test ran.

    *rerun* is 0 for the first run of the test, and is incremented whenever a plugin runs it again.
    *policy* applies to the test, including what its marker says (*marked*); a trap with other options may have another.
    *owner* is the process that runs the test; another one that it forks has a copy of this object.
    *judged* is the mark up to which mail has its verdict (the last verdict begins at *judged_from*), *shown* the mark up
    to which mail has been shown: everything is reported only once.
    *servers* are the servers started for the test, *hostile* is how many messages hostile servers received,
    *has_hostile_servers* is whether there were any such servers; *is_silent* is whether the test was supposed to send mail but, at the end of its call,
    had sent none.
    """

    def __init__(
        self,
        test: str,
        policy: Policy,
        *,
        marked: Options | None = None,
        rerun: int = 0,
        worker: str | None = None,
    ) -> None:
        self.test = test
        self.policy = policy
        self.rerun = rerun
        self.worker = worker
        self.started = record.now()
        self.errors: list[str] = []
        self.spooled = False
        self.owner = files.Ownership()
        self.judged = self.judged_from = self.shown = _BEGINNING
        self.servers: list[RunningServer] = []
        self.remarks: list[str] = []
        self.hostile = 0
        self.has_hostile_servers = False
        self.is_silent = False
        self._marked = _demands(marked)
        self._began = clock.monotonic()
        self._messages: list[tuple[CapturedMessage, Policy]] = []
        self._connections: list[tuple[Connection, Policy]] = []
        self._places: dict[int, int] = {}
        self._kept: list[tuple[Keeper, int]] = []

    def __bool__(self) -> bool:
        return bool(self._connections)

    @cached_property
    def directory(self) -> str:
        """Where its files are, under the directory of the run; `RunFiles` may choose another."""
        return directory_name(self.test)

    # -- from the trap's thread ---------------------------------------------------------------

    def connect(self, connection: Connection, options: Options) -> None:
        """Record a connection; one from an earlier test counts here as soon as it carries something."""
        if id(connection) not in self._places:
            self._places[id(connection)] = len(self._connections)
            self._connections.append((connection, self._policy_of(options)))

    def deliver(self, message: CapturedMessage, options: Options) -> int:
        """Record a message, and return its number."""
        self.connect(message.connection, options)
        self._messages.append((message, self._policy_of(options)))
        return len(self._messages)

    def _policy_of(self, options: Options) -> Policy:
        if _demands(options) == self._marked:
            return self.policy
        return self.policy.with_options(options, FACTORY)

    def keep(self, keeper: Keeper, number: int) -> None:
        """Record that *number* messages have stayed in the process; called from any thread."""
        self._kept.append((keeper, number))

    # -- what arrived -------------------------------------------------------------------------

    def settle(self) -> None:
        """Let the traps read what clients have already sent: what is shown of the mail must not change meanwhile."""
        open_ones = [connection for connection, _ in self._connections if connection.is_open]
        for settle in dict.fromkeys(
            [
                *(server.server.settle for server in self.servers),
                *(connection.settle for connection in open_ones),
            ]
        ):
            settle()

    @property
    def messages(self) -> list[CapturedMessage]:
        return [message for message, _ in self._messages]

    @property
    def connections(self) -> list[Connection]:
        return [connection for connection, _ in self._connections]

    @property
    def has_mail(self) -> bool:
        """Whether any mail has arrived, or was deliberately sent to hostile servers."""
        return bool(self._messages) or self.has_hostile_servers

    @property
    def uses_a_trap(self) -> bool:
        """Whether a trap was started for it, or received a connection from it."""
        return bool(self.servers or self._connections)

    def kept(self, *, start: Mark = _BEGINNING, end: Mark | None = None) -> list[Kept]:
        """What has stayed in the process, by place."""
        end = self.mark() if end is None else end
        counts: Counter[tuple[str, str]] = Counter()
        for keeper, number in self._kept[start.kept : end.kept]:
            counts[keeper.place, keeper.setting] += number
        return [(place, count, setting) for (place, setting), count in counts.items()]

    def place(self, connection: BaseConnection) -> int:
        """The index of *connection* among those of the test."""
        return self._places[id(connection)]

    def mark(self) -> Mark:
        return Mark(len(self._messages), len(self._connections), len(self._kept))

    # -- what is required of it ---------------------------------------------------------------

    @property
    def opt_outs(self) -> list[str]:
        """The reasons why less is required of this test's mail, or of some of it."""
        reasons = [self.policy.reason, *(policy.reason for _, policy in self._connections)]
        return [reason for reason in dict.fromkeys(reasons) if reason is not None]

    def policies(self) -> list[Policy]:
        """The policies that apply to some of the mail, the test's own first."""
        found = [policy for _, policy in [*self._messages, *self._connections]]
        return [policy for policy in dict.fromkeys([self.policy, *found]) if policy.is_on]

    @property
    def has_policy(self) -> bool:
        """Whether a policy is on for the test, for some of its mail, or for a trap that it started."""
        of_traps = (self._policy_of(server.options) for server in self.servers)
        return bool(self.policies()) or any(policy.is_on for policy in of_traps)

    @property
    def number_judged(self) -> int:
        """How many of its messages a policy has requirements for."""
        return sum(bool(policy.is_on and policy.require) for _, policy in self._messages)

    def under(self, policy: Policy) -> dict[int, CapturedMessage]:
        """The messages that *policy* applies to, by number."""
        return {n: message for n, (message, its) in enumerate(self._messages, 1) if its == policy}

    def breaches(
        self, policy: Policy, *, start: Mark = _BEGINNING, end: Mark | None = None
    ) -> list[Breach]:
        """What violates *policy*, by requirement; from mark *start* to mark *end*."""
        end = self.mark() if end is None else end
        messages = list(enumerate(self._messages, 1))[start.messages : end.messages]
        connections = list(enumerate(self._connections))[start.connections : end.connections]
        found: list[Breach] = []
        for requirement in policy.require:
            for number, (message, its) in messages:
                if its == policy:
                    found += message_breaches(requirement, number, message)
            for place, (connection, its) in connections:
                if its == policy:
                    found += connection_breaches(requirement, place, connection)
        return found

    def silence(self) -> list[Breach]:
        """The breach that no mail was sent, if the test's policy requires some."""
        return [silence_breach()] if self.is_silent else []

    # -- the record ---------------------------------------------------------------------------

    def head(self) -> TestHead:
        return {
            "schema": SCHEMA,
            "test": self.test,
            "directory": self.directory,
            "rerun": self.rerun,
            "outcome": "interrupted",
            "worker": self.worker,
            "started": self.started,
            "policy": self.policy.record() if self.policy.origin else None,
        }

    def message_record(
        self, number: int, smime: SMIMERecord | None = None, smime_notice: str | None = None
    ) -> MessageRecord:
        message, policy = self._messages[number - 1]
        return record.message_record(
            message,
            number=number,
            connection=self.place(message.connection),
            smime=smime,
            smime_notice=smime_notice,
            exempt=_exempt(policy),
        )

    def record(self, outcome: Outcome) -> TestRecord:
        """All that is known about the test's mail so far."""
        messages = [
            self.message_record(number, *self._smime(message))
            for number, message in enumerate(self.messages, 1)
        ]
        carried: dict[int, list[int]] = {}
        for found in messages:
            carried.setdefault(found["connection"], []).append(found["number"])
        connections = [
            record.connection_record(
                connection, messages=carried.get(place, ()), exempt=_exempt(policy)
            )
            for place, (connection, policy) in enumerate(self._connections)
        ]
        return {
            **self.head(),
            "outcome": outcome,
            "duration": clock.monotonic() - self._began,
            "violations": [
                asdict(breach)  # type: ignore[misc]  # the same members
                for policy in self.policies()
                for breach in [
                    *self.breaches(policy),
                    *(self.silence() if policy == self.policy else []),
                ]
            ],
            "messages": messages,
            "connections": connections,
        }

    def _smime(self, message: CapturedMessage) -> tuple[SMIMERecord | None, str | None]:
        """
        What is known about its signatures and encryption, and why nothing is known if there may be some.

        An error loses these facts, not the test's result.
        """
        if not has_trace(message.raw):
            return None, None
        if (missing := availability.missing()) is not None:
            return None, f"not judged: {missing}"
        try:
            return record.smime_record(message.smime), None
        except Exception as error:  # anything that a hostile certificate can provoke
            self.errors.append(f"the S/MIME facts of a message could not be recorded: {error!r}")
            return None, f"not judged: {type(error).__name__}"


def _exempt(policy: Policy) -> str | None:
    return None if policy.is_on else policy.reason


def _demands(options: Options | None) -> tuple[object, ...]:
    if options is None:
        return (None,) * 4
    return options.policy, options.require, options.require_only, options.reason
