"""
The mail of one test: what came while it ran, by which policy it is judged, and the record of it.

Rules of this file: the trap's thread adds, the test's thread reads, each under the lock of the ledger.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from pytest_mailtrap import _record
from pytest_mailtrap._options import HOSTILE
from pytest_mailtrap._record import SCHEMA
from pytest_mailtrap._requirements import Breach, connection_breaches, message_breaches
from pytest_mailtrap._spool import directory_name
from pytest_mailtrap._suite_policy import FACTORY, Policy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from pytest_mailtrap._connection import Connection
    from pytest_mailtrap._message import CapturedMessage
    from pytest_mailtrap._options import Options
    from pytest_mailtrap._record import Outcome, SMIMERecord, TestRecord


class Account:
    """
    What has come into any trap while one test ran.

    *policy* holds for the test; a trap with options of its own may have another.
    *judged* and *judged_connections* are how many have had their verdict, so that each is told once.
    """

    def __init__(self, test: str, policy: Policy, *, worker: str | None = None) -> None:
        self.test = test
        self.directory = directory_name(test)
        self.policy = policy
        self.worker = worker
        self.started = _record.now()
        self.messages: list[CapturedMessage] = []
        self.connections: list[Connection] = []
        self.errors: list[str] = []
        self.spooled = False
        self.judged = 0
        self.judged_connections = 0
        self._began = time.monotonic()
        self._places: dict[int, int] = {}
        self._message_policies: list[Policy] = []
        self._connection_policies: list[Policy] = []

    def __bool__(self) -> bool:
        return bool(self.messages or self.connections)

    def connect(self, connection: Connection, options: Options) -> int:
        """Note a connection, and give its place; one from an earlier test counts here as soon as it carries something."""
        if id(connection) not in self._places:
            self._places[id(connection)] = len(self.connections)
            self.connections.append(connection)
            self._connection_policies.append(self._policy_of(options))
        return self._places[id(connection)]

    def deliver(self, message: CapturedMessage, options: Options) -> int:
        """Note a message, and give its number."""
        self.connect(message.connection, options)
        self.messages.append(message)
        self._message_policies.append(self._policy_of(options))
        return len(self.messages)

    def _policy_of(self, options: Options) -> Policy:
        if options.reason == HOSTILE:
            return Policy(origin=FACTORY, reason=HOSTILE)
        return self.policy.with_options(options, FACTORY)

    @property
    def opt_outs(self) -> list[str]:
        """The reasons for which less is demanded of this test's mail, or of some of it."""
        found = [self.policy, *self._connection_policies]
        return [r for r in dict.fromkeys(p.reason for p in found) if r not in (None, HOSTILE)]

    def policies(self) -> list[Policy]:
        """The policies that some of the mail is under, the test's own first."""
        found = [*self._message_policies, *self._connection_policies]
        return [policy for policy in dict.fromkeys([self.policy, *found]) if policy.is_on]

    def under(self, policy: Policy) -> dict[int, CapturedMessage]:
        """The messages that *policy* holds for, by their numbers."""
        pairs = zip(self.messages, self._message_policies, strict=True)
        return {number: m for number, (m, p) in enumerate(pairs, 1) if p == policy}

    def breaches(
        self, policy: Policy, *, after: int = 0, after_connection: int = 0
    ) -> list[Breach]:
        """What has been sent against *policy*, by requirement; *after* the first few messages and connections."""
        return list(self._breaches(policy, after, after_connection))

    def _breaches(self, policy: Policy, after: int, after_connection: int) -> Iterator[Breach]:
        for requirement in policy.require:
            for number, message in self.under(policy).items():
                if number > after:
                    yield from message_breaches(requirement, number, message)
            pairs = zip(self.connections, self._connection_policies, strict=True)
            for place, (connection, its) in enumerate(pairs):
                if its == policy and place >= after_connection:
                    yield from connection_breaches(requirement, place, connection)

    def head(self) -> dict[str, Any]:  # the part of a record that is known from the start
        return {
            "schema": SCHEMA,
            "test": self.test,
            "directory": self.directory,
            "outcome": "interrupted",
            "worker": self.worker,
            "started": self.started,
            "policy": self.policy.record() if self.policy.origin else None,
        }

    def message_record(
        self, number: int, smime: SMIMERecord | None = None
    ) -> _record.MessageRecord:
        message = self.messages[number - 1]
        return _record.message_record(
            message,
            number=number,
            connection=self._places[id(message.connection)],
            smime=smime,
            exempt=self._exempt(self._message_policies[number - 1]),
        )

    def record(self, outcome: Outcome, duration: float | None = None) -> TestRecord:
        """All that is known of the test's mail by now."""
        broken = [breach for policy in self.policies() for breach in self.breaches(policy)]
        messages = [
            self.message_record(number, self._smime(message))
            for number, message in enumerate(self.messages, 1)
        ]
        carried: list[list[int]] = [[] for _ in self.connections]
        for found in messages:
            carried[found["connection"]].append(found["number"])
        pairs = zip(self.connections, self._connection_policies, carried, strict=True)
        return {
            "schema": SCHEMA,
            "test": self.test,
            "directory": self.directory,
            "outcome": outcome,
            "worker": self.worker,
            "started": self.started,
            "duration": time.monotonic() - self._began if duration is None else duration,
            "policy": self.policy.record() if self.policy.origin else None,
            "violations": [asdict(breach) for breach in broken],  # type: ignore[misc]  # the same members
            "messages": messages,
            "connections": [
                _record.connection_record(c, messages=numbers, exempt=self._exempt(policy))
                for c, policy, numbers in pairs
            ],
        }

    def _smime(self, message: CapturedMessage) -> SMIMERecord | None:
        """What is known of its signatures and encryption; an error here costs these facts, not the test's result."""
        if not _record.has_trace_of_smime(message.raw):
            return None
        try:
            return _record.smime_record(message.smime)
        except Exception as error:  # whatever a hostile certificate can provoke
            self.errors.append(f"the S/MIME facts of a message could not be recorded: {error!r}")
            return None

    def _exempt(self, policy: Policy) -> str | None:
        return None if policy.is_on else policy.reason
