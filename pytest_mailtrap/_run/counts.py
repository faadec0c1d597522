"""
What one run of one test adds to the totals of the run.

It sees records, never mail.

Rules of this file: pure; counts are data that JSON can hold, since they cross from worker to controller.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_mailtrap._assertions.kept_mail_text import Kept
    from pytest_mailtrap._run.files.schema import TestRecord

CLEARTEXT = "cleartext"


class Counts(TypedDict):
    """What one run of one test adds to the totals."""

    directory: str | None  # where its files are; None if nothing arrived
    messages: int
    judged: int  # of these, those that a policy has requirements for
    own_policy: (
        bool  # whether the test, or one of its traps, had a policy although the run had none
    )
    tls: dict[str, int]  # by TLS version, or "cleartext"
    signed: int
    encrypted: int
    refused: dict[str, int]  # failed handshakes, by reason
    policy: str | None  # the mode of the test's policy
    breaches: list[str]
    opt_outs: list[str]
    remarks: list[str]
    hostile: int  # messages received by hostile servers, and by the correct one before them
    kept: list[Kept]  # mail that stayed in the process
    errors: list[str]


def counts_of(
    record: TestRecord, *, judged: int, opt_outs: Iterable[str], errors: Iterable[str]
) -> Counts:
    """The counts of a test that has a record."""
    messages, connections = record["messages"], record["connections"]
    smime = [m["smime"] for m in messages if m["smime"] is not None]
    again = f"rerun {record['rerun']}: " if record["rerun"] else ""
    refused = Counter(c["handshake_error"] for c in connections if c["handshake_error"])
    return {
        "directory": record["directory"] if record["connections"] else None,
        "messages": len(messages),
        "judged": judged,
        "own_policy": False,
        "tls": dict(Counter(m["transport"]["tls_version"] or CLEARTEXT for m in messages)),
        "signed": sum(facts["signed"] for facts in smime),
        "encrypted": sum(facts["encrypted"] for facts in smime),
        "refused": dict(refused),
        "policy": record["policy"]["mode"] if record["policy"] else None,
        "breaches": [
            f"{again}{_culprit(found['message'], found['connection'])}{found['text']}"
            for found in record["violations"]
        ],
        "opt_outs": list(opt_outs),
        "remarks": [],
        "hostile": 0,
        "kept": [],
        "errors": list(errors),
    }


def judged_of(record: TestRecord) -> int:
    """How many messages its policy has judged, from the record alone; a test that never ended has no verdict."""
    policy = record["policy"]
    if record["outcome"] == "interrupted" or policy is None or not policy["require"]:
        return 0
    return sum(message["exempt"] is None for message in record["messages"])


def opt_outs_of(record: TestRecord) -> list[str]:
    """The reasons why less is required of a test's mail, from its record alone."""
    own = [record["policy"]["reason"]] if record["policy"] else []
    reasons = [*own, *(found["exempt"] for found in record["connections"])]
    return [reason for reason in dict.fromkeys(reasons) if reason is not None]


def nothing_but(*errors: str, directory: str | None = None) -> Counts:
    """What a test adds if its mail could not be counted."""
    return {
        "directory": directory,
        "messages": 0,
        "judged": 0,
        "own_policy": False,
        "tls": {},
        "signed": 0,
        "encrypted": 0,
        "refused": {},
        "policy": None,
        "breaches": [],
        "opt_outs": [],
        "remarks": [],
        "hostile": 0,
        "kept": [],
        "errors": [*errors],
    }


def is_empty(counts: Counts) -> bool:
    """Whether a test has nothing to report: no mail, no refused client and no breach."""
    return not (counts["messages"] or counts["refused"] or counts["breaches"])


def _culprit(message: int | None, connection: int | None) -> str:
    """Which message or connection it was, as a prefix; nothing if it is the test itself."""
    if message is not None:
        return f"#{message} "
    return "" if connection is None else f"connection {connection + 1}: "
