"""What `send()` reports to its caller, by an error, a value or a program's exit, and how that is shown."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import subprocess
import sys
import unittest.mock
from types import SimpleNamespace

import pytest

from pytest_mailtrap._hostile.redaction import Redactor
from pytest_mailtrap._hostile.reported_failure import is_failure, words_of_error, words_of_result


class Result:
    """Like the results of mail libraries: its truth value says whether the mail was sent."""

    def __init__(self, sent: bool) -> None:
        self._sent = sent

    def __bool__(self) -> bool:
        return self._sent


class EmptyResult(list):
    """Like Django's QuerySet: a collection that defines its own truth value, but the same one as any collection."""

    def __bool__(self) -> bool:
        return len(self) > 0


class Lazy:
    """Reports its result through a property that cannot be read."""

    @property
    def ok(self) -> bool:
        raise OSError("no connection")

    returncode = ok


class Array:
    """Like numpy's arrays: its truth value is ambiguous, and raises an error."""

    def __bool__(self) -> bool:
        raise ValueError("the truth value of an array is ambiguous")


class Status(enum.Enum):
    """The truth value of an enum member is not that of its value."""

    FAILED = 0


def ended(status):
    return subprocess.CompletedProcess(["curl"], status)


@pytest.mark.parametrize(
    "result",
    [
        False,
        Result(sent=False),
        SimpleNamespace(ok=False),
        SimpleNamespace(success=False),
        SimpleNamespace(returncode=67),
        SimpleNamespace(returncode=-9),
        ended(67),
    ],
    ids=lambda result: type(result).__name__,
)
def test_what_is_a_failure(result):
    """The result itself says that it failed."""
    assert is_failure(result)


@pytest.mark.parametrize(
    "result",
    [
        None,
        True,
        0,
        1,
        6,
        -1,
        0.0,
        decimal.Decimal(0),
        "",
        b"",
        {},
        [],
        (),
        set(),
        collections.deque(),
        Result(sent=True),
        SimpleNamespace(ok=None),
        SimpleNamespace(ok=0),
        SimpleNamespace(success=""),
        SimpleNamespace(returncode=0),
        SimpleNamespace(returncode=None),
        SimpleNamespace(returncode=True),
        SimpleNamespace(ok=True, success=True),
        ended(0),
        Lazy(),
        Array(),
        Status.FAILED,
        range(0),
        collections.ChainMap(),
        datetime.timedelta(0),
        NotImplemented,
        EmptyResult(),
        unittest.mock.MagicMock(),
        unittest.mock.Mock(),
        ConnectionError("returned, not raised"),
    ],
    ids=lambda result: type(result).__name__,
)
def test_what_tells_nothing(result):
    """A result that does not say that it failed reports nothing, and never causes an error in the judge."""
    assert not is_failure(result)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (None, "reported success"),
        (True, "reported success: send() returned True"),
        (False, "reported a failure: send() returned False"),
        (6, "reported success: send() returned 6, which may be a count or a status"),
        (0, "reported success: send() returned 0, which may be a count or a status"),
        ({}, "reported success: send() returned {}"),
        (SimpleNamespace(ok=False), "reported a failure: send() returned namespace(ok=False)"),
        (
            SimpleNamespace(returncode=69),
            "reported a failure: send() returned namespace(returncode=69), whose returncode is 69",
        ),
        (ended(0), "reported success: curl exited with status 0"),
        (ended(67), "reported a failure: curl exited with status 67"),
        (ended(-9), "reported a failure: curl was ended by signal 9"),
        (
            (ended(67), "x"),
            "reported success: send() returned (the result of curl, 'x')",
        ),
        (
            {"curl": ended(67)},
            "reported success: send() returned a dict",
        ),
        (
            subprocess.CompletedProcess(["/usr/bin/curl"], 67, b"", b"curl: denied\r\n\n"),
            "reported a failure: curl exited with status 67: curl: denied",
        ),
        (
            subprocess.CompletedProcess(["php"], 1, "Mailer Error\n", ""),
            "reported a failure: php exited with status 1: Mailer Error",
        ),
    ],
    ids=repr,
)
def test_words_of_a_result(result, words):
    """The returned value is shown; for a program, its last output instead of its arguments."""
    assert words_of_result(result) == words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError("no route"), "raised OSError: no route"),
        (ValueError(), "raised ValueError"),
        (SystemExit(3), "raised SystemExit: 3"),
        (
            subprocess.CalledProcessError(67, ["curl", "--user", "shop:secret"], b"", b"denied\n"),
            "curl exited with status 67: denied",
        ),
        (
            subprocess.TimeoutExpired("curl --user shop:secret", 20.0, None, b"* waiting\n"),
            "curl did not end within 20 s: * waiting",
        ),
        (OSError("a\x1b[2Jb"), r"raised OSError: a\x1b[2Jb"),
    ],
    ids=repr,
)
def test_words_of_an_error(error, words):
    """An error is shown by its text, a program by its exit, and never by its arguments."""
    assert words_of_error(error) == words


def test_nothing_is_shortened_before_it_is_redacted():
    """A password that truncating the line would cut in two is still found."""
    password = "correct horse battery staple"
    redact = Redactor({"shop": password})
    for length in range(100, 170):
        said = "x" * length + password
        assert "correct" not in words_of_result([said], redact)
        program = subprocess.CalledProcessError(1, ["curl"], None, said)
        assert "correct" not in words_of_error(program, redact)
    assert "correct" in words_of_result(["x" * 100 + password])  # the control


def test_object_that_cannot_be_shown():
    """An error in the object's repr must not propagate."""

    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    assert words_of_result(Broken()) == "reported success: send() returned a Broken"


def test_real_program(tmp_path):
    """The control for the made-up results: what subprocess really returns."""
    script = "import sys; print('first'); print('last words', file=sys.stderr); sys.exit(3)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert words_of_result(done).endswith(" exited with status 3: last words")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        done.check_returncode()
    assert words_of_error(caught.value).endswith(" exited with status 3: last words")
    assert "import sys" not in words_of_error(caught.value)


def test_program_that_nobody_waited_for():
    """It has not exited, and its result is unknown; its arguments are not shown."""
    program = subprocess.Popen([sys.executable, "-c", "input()", "secret"], stdin=subprocess.PIPE)
    try:
        told = words_of_result(program)
    finally:
        program.communicate(b"\n")
    assert told.endswith(" was started but not waited for")
    assert told.startswith("reported success: python")
    # The control: one that was waited for tells how it ended.
    assert words_of_result(program).endswith(" exited with status 0")
