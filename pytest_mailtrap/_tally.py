"""
The totals of a run: the counts of each test, added up, and their lines for a terminal.

It sees records, never mail, and prints nothing.

Rules of this file: pure; the counts of a test are data that JSON can hold, since they cross from worker to controller.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from pytest_mailtrap._terms import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_mailtrap._schema import TestRecord

CLEARTEXT = "cleartext"
CUT_SHORT = "cut short (mail counted, not judged)"
_MOST_LINES = 10


class Counts(TypedDict):
    """What one run of one test adds to the totals."""

    directory: str | None  # where its files are; None where nothing came
    messages: int
    tls: dict[str, int]  # by version, or "cleartext"
    signed: int
    encrypted: int
    refused: dict[str, int]  # failed handshakes, by what went wrong
    policy: str | None  # the mode of the test's policy
    breaches: list[str]
    opt_outs: list[str]
    errors: list[str]


def counts_of(record: TestRecord, *, opt_outs: Iterable[str], errors: Iterable[str]) -> Counts:
    messages, connections = record["messages"], record["connections"]
    smime = [m["smime"] for m in messages if m["smime"] is not None]
    again = f"rerun {record['rerun']}: " if record["rerun"] else ""
    refused = Counter(c["handshake_error"] for c in connections if c["handshake_error"])
    return {
        "directory": record["directory"] if record["connections"] else None,
        "messages": len(messages),
        "tls": dict(Counter(m["transport"]["tls_version"] or CLEARTEXT for m in messages)),
        "signed": sum(facts["signed"] for facts in smime),
        "encrypted": sum(facts["encrypted"] for facts in smime),
        "refused": dict(refused),
        "policy": record["policy"]["mode"] if record["policy"] else None,
        "breaches": [
            f"{again}{_culprit(found['message'], found['connection'])} {found['text']}"
            for found in record["violations"]
        ],
        "opt_outs": list(opt_outs),
        "errors": list(errors),
    }


def opt_outs_of(record: TestRecord) -> list[str]:
    """The reasons for which less is demanded of a test's mail, where its record is all that is left of it."""
    own = [record["policy"]["reason"]] if record["policy"] else []
    reasons = [*own, *(found["exempt"] for found in record["connections"])]
    return [reason for reason in dict.fromkeys(reasons) if reason is not None]


def nothing_but(*errors: str, directory: str | None = None) -> Counts:
    """What a test adds whose mail could not be counted."""
    return {
        "directory": directory,
        "messages": 0,
        "tls": {},
        "signed": 0,
        "encrypted": 0,
        "refused": {},
        "policy": None,
        "breaches": [],
        "opt_outs": [],
        "errors": [*errors],
    }


def _culprit(message: int | None, connection: int | None) -> str:
    return f"#{message}" if message is not None else f"connection {(connection or 0) + 1}:"


class Broken(NamedTuple):
    """What a test sent against the policy; *line* counts from 0, as pytest does."""

    texts: list[str]
    enforced: bool
    file: str | None
    line: int | None


@dataclass(slots=True)
class Tally:
    """The sum over all tests; one that is run again is one test, with the mail of all its runs."""

    names: set[str] = field(default_factory=set)
    messages: int = 0
    tls: Counter[str] = field(default_factory=Counter)
    signed: int = 0
    encrypted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    breaches: dict[str, Broken] = field(default_factory=dict)
    opt_outs: dict[tuple[str, str], None] = field(default_factory=dict)
    cut_short: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    directories: list[str] = field(default_factory=list)

    @property
    def tests(self) -> int:
        """How many tests had messages."""
        return len(self.names)

    def add(
        self, test: str, counts: Counts, *, location: tuple[str, int | None, str] | None = None
    ) -> None:
        """Add a run of a test; *location* is where it stands, as pytest tells it: file, line from 0, name."""
        if counts["messages"]:
            self.names.add(test)
        self.messages += counts["messages"]
        self.tls.update(counts["tls"])
        self.signed += counts["signed"]
        self.encrypted += counts["encrypted"]
        self.refused.update(counts["refused"])
        if counts["breaches"]:
            file, line, _ = location or (None, None, None)
            known = self.breaches.setdefault(
                test, Broken([], counts["policy"] == "enforce", file, line)
            )
            known.texts.extend(counts["breaches"])
        self.opt_outs.update(dict.fromkeys((test, reason) for reason in counts["opt_outs"]))
        self.errors.update(counts["errors"])
        if counts["directory"] is not None:
            self.directories.append(counts["directory"])

    def note_cut_short(self, test: str, messages: int) -> None:
        """Tell of a test that never ended: *messages* had come by then, and nobody has judged them."""
        self.cut_short[test] += messages

    def lines(self) -> list[str]:
        """The totals for a terminal; none where there is nothing to say."""
        return [
            *self._mail(),
            *self._connections(),
            *_listed("against the policy", self._breaches(), "test"),
            *_listed("excepted from the policy", self._opt_outs(), "test"),
            *_listed(CUT_SHORT, self._cut_short(), "test"),
            *self.warnings(),
        ]

    def _mail(self) -> list[str]:
        if not self.messages:
            return []
        versions = sorted(set(self.tls) - {CLEARTEXT}, reverse=True)
        hows = [f"{self.tls[version]} {version}" for version in versions]
        if bare := self.tls[CLEARTEXT]:
            hows.append(f"{bare} in cleartext")
        smime = [("S/MIME signed", self.signed), ("S/MIME encrypted", self.encrypted)]
        extra = [f"{count} {what}" for what, count in smime if count]
        return [
            f"{plural(self.messages, 'message')} in {plural(self.tests, 'test')}: {', '.join(hows + extra)}"
        ]

    def _connections(self) -> list[str]:
        reasons = [
            f"{words} ({count})" if count > 1 else words
            for words, count in self.refused.most_common()
        ]
        return _listed("failed in the handshake", reasons, "connection", self.refused.total())

    def _breaches(self) -> list[str]:
        return [f"{test}: {_some(broken.texts)}" for test, broken in self.breaches.items()]

    def _opt_outs(self) -> list[str]:
        return [f"{test}: {reason}" for test, reason in self.opt_outs]

    def _cut_short(self) -> list[str]:
        return [f"{test}: {plural(n, 'message')}" for test, n in self.cut_short.items()]

    def warnings(self) -> list[str]:
        found = [
            f"warning: {text}" + (f" ({n} times)" if n > 1 else "")
            for text, n in self.errors.most_common()
        ]
        more = len(found) - _MOST_LINES
        return found[:_MOST_LINES] + ([f"warning: ... and {more} more"] if more > 0 else [])


def _some(texts: Sequence[str]) -> str:
    more = len(texts) - 3
    return "; ".join([*texts[:3], *([f"{more} more"] if more > 0 else [])])


def _listed(what: str, lines: Sequence[str], noun: str, count: int | None = None) -> list[str]:
    if not lines:
        return []
    more = len(lines) - _MOST_LINES
    return [
        f"{plural(len(lines) if count is None else count, noun)} {what}:",
        *(f"  {line}" for line in lines[:_MOST_LINES]),
        *([f"  ... and {more} more"] if more > 0 else []),
    ]
