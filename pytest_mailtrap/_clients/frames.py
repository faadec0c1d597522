"""
The user's own code on a stack or in a traceback, without libraries, the standard library and this package.

Rules of this file: it reads frames and keeps none of them.
"""

from __future__ import annotations

import inspect
import sysconfig
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from pytest_mailtrap._system import files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType

_HERE = str(Path(__file__).parents[1])
_LIBRARIES = tuple(
    {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)


def is_users(code: CodeType) -> bool:
    """Whether *code* is the user's, and not that of a library."""
    return not code.co_filename.startswith((_HERE, "<", *_LIBRARIES))


def raised_here(error: BaseException) -> bool:
    """Whether *error* was raised in this package."""
    entries = [*_entries(error.__traceback__)]
    return bool(entries) and entries[-1].tb_frame.f_code.co_filename.startswith(_HERE)


def spoken(code: CodeType, line: int) -> str:
    """A line of code in a readable form: "app/mailer.py:12 in send"."""
    return f"{_relative(code.co_filename)}:{line} in {code.co_name}"


def users_traceback(error: BaseException) -> TracebackType | None:
    """A new traceback: the part of the error's own that goes through the user's code; None if there is none."""
    own = [entry for entry in _entries(error.__traceback__) if is_users(entry.tb_frame.f_code)]
    made: TracebackType | None = None
    for entry in reversed(own):
        made = TracebackType(made, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return made


def users_places(error: BaseException) -> tuple[str, ...]:
    """The lines of the user's code that an error passed through, the outermost first."""
    return tuple(
        spoken(entry.tb_frame.f_code, entry.tb_lineno) for entry in _entries(users_traceback(error))
    )


def users_source(error: BaseException) -> str:
    """The source of the user's functions that an error passed through, as pytest shows it."""
    found = []
    for entry in _entries(users_traceback(error)):
        try:
            found.append(inspect.getsource(entry.tb_frame.f_code))
        except (OSError, TypeError):  # there is no source, as with exec()
            continue
    return "\n".join(found)


def _entries(traceback: TracebackType | None) -> Iterable[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _relative(file: str) -> str:
    directory = files.working_directory()
    return file if directory is None else file.removeprefix(files.joined(directory, ""))
