"""
The files of a run: for each test a directory with the exact bytes of its messages and `mail.json`, its record;
for a test that is run several times, one directory per run.

    DIR/tests-test_shop-py-test_reset-3f2a9c1d/0001.eml
                                               mail.json

A message is written when it is accepted and the record when the test has ended, so that neither stays in memory for long.
Meanwhile `mail.jsonl` holds what has arrived so far: it is all that is left of a test whose process died.

Rules of this file: names are derived from the test alone; nothing is deleted that this file did not write.
"""

from __future__ import annotations

import hashlib
import json
import re
from itertools import chain, count
from typing import TYPE_CHECKING, Any, cast

from pytest_mailtrap._run.files.schema import SCHEMA
from pytest_mailtrap._system import files
from pytest_mailtrap._system.files import joined

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_mailtrap._run.files.schema import (
        ConnectionRecord,
        MessageRecord,
        TestHead,
        TestRecord,
    )

RECORD = "mail.json"
JOURNAL = "mail.jsonl"
_OUR_FILES = re.compile(r"\d{4,}\.eml|mail\.jsonl?(?:\.new)?")
_OUR_DIRECTORIES = re.compile(r"(?:\w[\w-]*-)?[0-9a-f]{10}(?:-\d+)?", re.ASCII)
_BEGINNING = b'{"schema": "pytest-mailtrap/'
_LONGEST_NAME = 56


def directory_name(test: str) -> str:
    """
    The name of a test's first directory: readable, and safe on every file system.

    It contains no dot, so that it is not a Windows device (`con.py` is one); all names differ, even if case is ignored.
    """
    words = re.sub(r"[^A-Za-z0-9_]+", "-", test).strip("-")
    digest = hashlib.sha256(test.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{words[-_LONGEST_NAME:].strip('-')}-{digest}".lstrip("-")


class RunFiles:
    """
    The directory of a run; several processes may write to it, even for the same test.

    The caller handles the OSError if something cannot be written: no test may be affected by it.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = str(root)

    def clean(self) -> None:
        """Remove what earlier runs have left here, and nothing else."""
        files.make_directories(self.root)
        for name in files.names(self.root):
            if _is_ours(self.root, name):
                _empty(joined(self.root, name))

    def begin(self, head: TestHead) -> str:
        """Create a directory for one run of the test, with its journal, and return its name."""
        first = head["directory"]
        names = chain([first], (f"{first}-{number}" for number in count(1)))
        return next(n for n in names if _claim(joined(self.root, n), {**head, "directory": n}))

    def keep(self, name: str, file: str, raw: bytes) -> None:
        """Write a message to the test's directory *name*, completely or not at all."""
        path = joined(self.root, name, file)
        try:
            files.write(path, raw)
        except OSError:
            files.remove(path)
            raise

    def note(self, name: str, message: MessageRecord) -> None:
        """Write what is known about a message to the journal of the test's directory *name*."""
        files.write(joined(self.root, name, JOURNAL), _line(message), "ab")

    def finish(self, record: TestRecord) -> None:
        """Write the test's record; from now on it is complete."""
        directory = joined(self.root, record["directory"])
        files.make_directories(directory)
        new = joined(directory, f"{RECORD}.new")
        files.write(new, json.dumps(record, ensure_ascii=False).encode("utf-8"))
        # In one step: a reader finds all of it or nothing.
        files.move(new, joined(directory, RECORD))
        files.remove(joined(directory, JOURNAL))

    def records(self, first: Iterable[str] = ()) -> Iterator[TestRecord]:
        """
        The records of all tests, one at a time: those in the directories *first*, then the others.

        A test without a record, because its process died, counts as interrupted, with what the journal contains.
        """
        for name in dict.fromkeys([*first, *self._names()]):
            record = self._record(name)
            if record is not None:
                yield record

    def left_behind(self, known: Iterable[str]) -> Iterator[TestRecord]:
        """The records in directories that are not *known*: those of tests whose process died before it could report."""
        for name in sorted(set(self._names()).difference(known)):
            record = self._record(name)
            if record is not None:
                yield record

    def _names(self) -> list[str]:
        return files.names(self.root) if files.is_directory(self.root) else []

    def _record(self, name: str) -> TestRecord | None:
        if not _is_ours(self.root, name):
            return None
        record, journal = joined(self.root, name, RECORD), joined(self.root, name, JOURNAL)
        if files.is_file(record):
            found = json.loads(files.read(record).decode("utf-8"))
            return cast("TestRecord", found) if found["schema"] == SCHEMA else None
        return _recovered(files.read(journal).decode("utf-8").splitlines())


def _line(facts: Mapping[str, Any]) -> bytes:
    """A line of the journal."""
    return json.dumps(facts).encode("ascii") + b"\n"


def _claim(directory: str, head: TestHead) -> bool:
    """Begin the journal in *directory*; False if another run of the test, in any process, has taken it."""
    files.make_directories(directory)
    journal = joined(directory, JOURNAL)
    try:
        files.write(journal, _line(head), "xb")
    except FileExistsError:
        return False
    except OSError:
        files.remove(journal)
        raise
    # The record is written before the journal is deleted: at least one of them always exists.
    if files.exists(joined(directory, RECORD)):
        files.remove(journal)
        return False
    return True


def _recovered(lines: list[str]) -> TestRecord | None:
    """The record from a journal, whose last line may be incomplete."""
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    if not found:
        return None
    head, *messages = found
    rest = {"messages": messages, "connections": _recovered_connections(messages)}
    return cast("TestRecord", {**head, "duration": 0.0, "violations": [], **rest})


def _recovered_connections(messages: list[MessageRecord]) -> list[ConnectionRecord]:
    """The connections of these messages, as far as the messages describe them; the messages get the new indices."""
    places = {place: new for new, place in enumerate({m["connection"]: None for m in messages})}
    found: list[ConnectionRecord] = []
    for message in messages:
        message["connection"] = places[message["connection"]]
        if message["connection"] == len(found):
            found.append(
                {
                    "peer": message["transport"]["peer"],
                    "implicit_tls": message["transport"]["negotiated_by"] == "implicit",
                    "handshake_error": None,
                    "ended_by": None,
                    "transport": message["transport"],
                    "auths": [] if message["auth"] is None else [message["auth"]],
                    "transcript": message["transcript"],
                    "messages": [],
                    "exempt": message["exempt"],
                }
            )
        found[message["connection"]]["messages"].append(message["number"])
    return found


def _is_ours(root: str, name: str) -> bool:
    """Whether a run has created the directory: judged by its name and by the beginning of its record or journal."""
    if not _OUR_DIRECTORIES.fullmatch(name):
        return False
    return any(_begins_with_a_schema(joined(root, name, file)) for file in (RECORD, JOURNAL))


def _begins_with_a_schema(path: str) -> bool:
    if not files.is_file(path):
        return False
    with files.opened(path) as file:
        return bool(file.read(len(_BEGINNING)) == _BEGINNING)


def _empty(directory: str) -> None:
    for name in files.names(directory):
        if _OUR_FILES.fullmatch(name):
            files.remove(joined(directory, name))
    if not files.names(directory):
        files.remove_directory(directory)
