"""
What a call of the application's `send()` reported to its caller: an error, a return value, or a program's exit status.

Rules of this file: it knows nothing about mail; an ambiguous result is shown, not interpreted; a program's arguments are
never shown.
"""

from __future__ import annotations

import datetime
import numbers
import re
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._text.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Redact = Callable[[str], str]

# Both have the program's name and output; their own text has its arguments, which may include passwords.
PROGRAM_ERRORS = (subprocess.CalledProcessError, subprocess.TimeoutExpired)
_LONGEST = 160
_SHOWS_ARGUMENTS = re.compile(
    r"CompletedProcess\(args=|<Popen: returncode:|CalledProcessError\(|TimeoutExpired\("
)
# Attributes of a mail library's result, for results without a truth value of their own.
_SUCCESS = ("ok", "success")


def is_failure(result: Any) -> bool:
    """
    Whether *result* means that nothing was sent.

    It does if it is False, is false by its own `__bool__`, has an `ok` or `success` that is False, or a `returncode`
    other than 0.
    None, numbers and empty collections mean nothing.
    """
    if isinstance(result, bool):
        return not result
    if result is None or isinstance(result, numbers.Number):
        return False
    return _is_false(result) or _has_failed(result) or bool(_status(result))


def _is_false(result: Any) -> bool:
    """
    Whether it is false by its own `__bool__`.

    An empty collection and a zero timedelta are false, too, but say nothing about mail.
    """
    own = getattr(type(result), "__bool__", None)
    if own is None or isinstance(result, datetime.timedelta) or result is NotImplemented:
        return False
    with suppress(Exception):  # arrays have no truth value
        is_empty = hasattr(type(result), "__len__") and len(result) == 0
        return not is_empty and own(result) is False
    return False


def _has_failed(result: Any) -> bool:
    for name in _SUCCESS:
        with suppress(Exception):  # a property of the application
            if getattr(result, name, None) is False:
                return True
    return False


def _status(result: Any) -> int | None:
    """The exit status of a program that has ended."""
    try:
        status = getattr(result, "returncode", None)
    except Exception:  # a property of the application
        return None
    return status if isinstance(status, int) and not isinstance(status, bool) else None


def words_of_result(result: Any, redact: Redact = str) -> str:
    """What *result* reported, in words; *redact* removes secrets before anything is shortened."""
    if result is None:
        return "reported success"
    how = "a failure" if is_failure(result) else "success"
    if (ended := _words_of_program(result, redact)) is not None:
        return f"reported {how}: {ended}"
    status = _status(result)
    more = "" if status is None else f", whose returncode is {status}"
    if is_ambiguous(result):
        more = ", which may be a count or a status"
    return f"reported {how}: send() returned {_short(redact(_value(result)), result)}{more}"


def is_ambiguous(result: Any) -> bool:
    """Whether *result* may be the status of a program or a count of messages."""
    return isinstance(result, numbers.Number) and not isinstance(result, bool)


def _words_of_program(result: Any, redact: Redact) -> str | None:
    """If *result* is that of a program: how it ended, or that it was not waited for; else None."""
    if isinstance(result, subprocess.Popen) and result.returncode is None:
        return f"{redact(_program_name(result) or 'a program')} was started but not waited for"
    status = _status(result)
    program = None if status is None else _program_name(result)
    if status is None or program is None:
        return None
    return _ended(program, status, result, redact)


def _value(result: Any) -> str:
    """*result* as Python shows it, without the arguments of a program in it."""
    if isinstance(result, tuple | list) and any(map(is_program, result)):
        return f"({', '.join(map(_value, result))})"
    if is_program(result):
        return f"the result of {_program_name(result) or 'a program'}"
    text = _or_nothing(repr, result)
    return "" if _SHOWS_ARGUMENTS.search(text) else text


def is_program(value: Any) -> bool:
    """Whether *value* is the result of a program, or the error of a failed one."""
    return isinstance(value, (subprocess.CompletedProcess, subprocess.Popen, *PROGRAM_ERRORS))


def words_of_error(error: BaseException, redact: Redact = str) -> str:
    """What *error* reported, in words; for a program, its exit status and its last line, without its arguments."""
    name = type(error).__name__
    program = _program_name(error) or "a program"
    if isinstance(error, subprocess.CalledProcessError):
        return _ended(program, error.returncode, error, redact)
    if isinstance(error, subprocess.TimeoutExpired):
        said = _last_words(error, redact)
        return f"{program} did not end within {round(error.timeout, 1):g} s{said}"
    reason = getattr(error, "verify_message", "") or _or_nothing(str, error)
    text = _shown(redact(reason))
    return f"raised {name}: {text}" if text else f"raised {name}"


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """*error* and the errors that Python shows with it."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, *getattr(one, "exceptions", ())]
        if not one.__suppress_context__:
            waiting.append(one.__context__)


def own_texts(error: BaseException) -> Iterator[str]:
    """The texts that may be shown of *error* and its chain: their own, and those of their arguments and notes."""
    for one in chain(error):
        for value in (one, *one.args, getattr(one, "cmd", None), *getattr(one, "__notes__", ())):
            yield _or_nothing(str, value)
            yield _or_nothing(repr, value)


def _or_nothing(show: Callable[[object], str], value: object) -> str:
    try:
        return show(value)
    except Exception:  # an object of the application that cannot be shown
        return ""


def _ended(program: str, status: int, said: Any, redact: Redact) -> str:
    how = f"was ended by signal {-status}" if status < 0 else f"exited with status {status}"
    return f"{redact(program)} {how}{_last_words(said, redact)}"


def _last_words(said: Any, redact: Redact) -> str:
    """The last line that a program wrote to stderr, else to stdout."""
    for name in ("stderr", "stdout"):
        text = getattr(said, name, None)
        if isinstance(text, bytes):
            text = text.decode("utf-8", "backslashreplace")
        lines = [line.strip() for line in text.splitlines()] if isinstance(text, str) else []
        if lines := [line for line in lines if line]:
            return f": {_shown(redact(lines[-1]))[:_LONGEST]}"
    return ""


def _program_name(said: Any) -> str | None:
    from pytest_mailtrap._clients.identification import program_of

    given = getattr(said, "cmd", None)
    if given is None and not isinstance(said, BaseException):
        given = getattr(said, "args", None)
    return None if given is None else program_of(given)


def _short(text: str, value: object) -> str:
    text = _shown(text) or f"a {type(value).__name__}"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _shown(text: str) -> str:
    return printable(text.encode("utf-8", "backslashreplace"))
