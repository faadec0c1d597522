"""
The totals of a run: the counts of each test, added up, and their lines for a terminal.

It sees counts, never mail, and prints nothing.

Rules of this file: pure.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pytest_mailtrap._assertions.kept_mail_text import kept_lines
from pytest_mailtrap._run.counts import CLEARTEXT
from pytest_mailtrap._text.terms import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_mailtrap._assertions.kept_mail_text import Kept
    from pytest_mailtrap._run.counts import Counts

CUT_SHORT = "interrupted (mail counted, not judged)"
_MOST_LINES = 10


class Broken(NamedTuple):
    """How a test violated the policy; *line* counts from 0, as in pytest."""

    texts: list[str]
    enforced: bool
    file: str | None
    line: int | None


@dataclass(slots=True)
class Totals:
    """The sum over all tests; a test that is rerun counts once, with the mail of all its runs."""

    names: set[str] = field(default_factory=set)
    with_policy: set[str] = field(default_factory=set)
    messages: int = 0
    judged: int = 0
    tls: Counter[str] = field(default_factory=Counter)
    signed: int = 0
    encrypted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    breaches: dict[str, Broken] = field(default_factory=dict)
    opt_outs: dict[tuple[str, str], None] = field(default_factory=dict)
    cut_short: Counter[str] = field(default_factory=Counter)
    remarks: dict[tuple[str, str], None] = field(default_factory=dict)
    hostile: int = 0
    stayed: Counter[tuple[str, str]] = field(default_factory=Counter)  # by place and setting
    errors: Counter[str] = field(default_factory=Counter)
    directories: list[str] = field(default_factory=list)

    @property
    def tests(self) -> int:
        """How many tests had messages."""
        return len(self.names)

    @property
    def has_mail(self) -> bool:
        """Whether any message has reached a trap, a hostile one included."""
        return bool(self.messages or self.hostile)

    def add(
        self, test: str, counts: Counts, *, location: tuple[str, int | None, str] | None = None
    ) -> None:
        """Add a run of a test; *location* is where the test is defined, as given by pytest: file, line from 0, name."""
        if counts["messages"]:
            self.names.add(test)
        if counts["own_policy"]:
            self.with_policy.add(test)
        self.messages += counts["messages"]
        self.judged += counts["judged"]
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
        self.remarks.update(dict.fromkeys((test, text) for text in counts["remarks"]))
        self.hostile += counts["hostile"]
        for place, count, setting in counts["kept"]:
            self.stayed[place, setting] += count
        self.errors.update(counts["errors"])
        if counts["directory"] is not None:
            self.directories.append(counts["directory"])

    def note_cut_short(self, test: str, messages: int) -> None:
        """Add a test that never ended: *messages* had arrived by then, and have not been judged."""
        self.cut_short[test] += messages

    def judgment(self, policy: str | None) -> str | None:
        """How much *policy*, the run's in words, or the policies of tests have judged; None if there was none."""
        if policy is None:
            return self._judgment_of_tests() if self.with_policy else None
        if not self.has_mail:
            return "no message reached a trap: the policy judged nothing"
        return f"{policy}: {plural(self.judged, 'message')} judged"

    def _judgment_of_tests(self) -> str:
        """The same for the policies of tests; mail of other tests has not been counted."""
        number = len(self.with_policy)
        theirs = "policy of 1 test" if number == 1 else f"policies of {number} tests"
        if not self.judged:
            return f"the {theirs} judged nothing"
        return f"{theirs}: {plural(self.judged, 'message')} judged"

    def kept(self) -> list[Kept]:
        """What stayed in the process, the place with the most mail first."""
        return [(place, count, setting) for (place, setting), count in self.stayed.most_common()]

    def lines(self, *, policy: str | None = None, whole: bool = True) -> list[str]:
        """
        The totals for a terminal; none if there is nothing to report.

        *policy* is the run's, in words; *whole* is whether all mail of the run has been counted: that line then comes
        first.
        """
        judgment = self.judgment(policy)
        return [
            *(self._mail() if whole else []),
            *([] if judgment is None else [judgment]),
            *kept_lines(self.kept()),
            *self._connections(),
            *_listed(_violating(len(self.breaches)), self._breaches(), "test"),
            *_listed("exempt from the policy", self._opt_outs(), "test"),
            *_listed(CUT_SHORT, self._cut_short(), "test"),
            *self.remark_lines(),
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

    def remark_lines(self) -> list[str]:
        """What does not fail any test, but is worth knowing."""
        return _listed("", [f"{test}: {text}" for test, text in self.remarks], "remark")

    def warnings(self) -> list[str]:
        found = [
            f"warning: {text}" + (f" ({n} times)" if n > 1 else "")
            for text, n in self.errors.most_common()
        ]
        more = len(found) - _MOST_LINES
        return found[:_MOST_LINES] + ([f"warning: ... and {more} more"] if more > 0 else [])


def _violating(count: int) -> str:
    """The phrase for *count* tests whose mail does not meet the policy."""
    return "violates the policy" if count == 1 else "violate the policy"


def _some(texts: Sequence[str]) -> str:
    more = len(texts) - 3
    return "; ".join([*texts[:3], *([f"{more} more"] if more > 0 else [])])


def _listed(what: str, lines: Sequence[str], noun: str, count: int | None = None) -> list[str]:
    if not lines:
        return []
    more = len(lines) - _MOST_LINES
    return [
        f"{plural(len(lines) if count is None else count, noun)} {what}".rstrip() + ":",
        *(f"  {line}" for line in lines[:_MOST_LINES]),
        *([f"  ... and {more} more"] if more > 0 else []),
    ]
