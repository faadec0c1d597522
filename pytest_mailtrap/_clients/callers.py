"""
Which client made a call: from the frames of a stack to the mail client.

Rules of this file: a wrong name is worse than none. Nothing is imported, no frame is kept, and asyncio's tasks are the only
objects on the stack that are inspected.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

# The modules through which libraries use SMTP, and the names of these libraries in the table of fixes.
LIBRARIES: dict[str, str] = {
    "aiosmtplib": "aiosmtplib",
    "apprise": "Apprise",
    "django.core.mail": "Django",
    "emails": "emails",
    "fastapi_mail": "FastAPI-Mail",
    "flask_mail": "Flask-Mail",
    "flask_mailman": "Flask-Mailman",
    "logbook": "Logbook",
    "notifiers": "notifiers",
    "redmail": "redmail",
    "twisted": "Twisted",
    "yagmail": "yagmail",
}
_PACKAGES = frozenset(module.partition(".")[0] for module in LIBRARIES)
# These speak SMTP on behalf of another library, which is the client; if the application calls them directly, they are the client.
_PROTOCOLS = ("smtplib", "aiosmtplib")
_SKIP, _APPLICATION, _UNKNOWN = "skip", "application", "unknown"

_HERE = str(Path(__file__).parents[1])
_STANDARD = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib")})
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_LOOPS = "asyncio.base_events"
_DEEPEST = 200
_MOST_TASKS = 100


def stack_of(frame: FrameType | None) -> list[FrameType]:
    """The stack whose innermost frame is *frame*, from there outwards."""
    found: list[FrameType] = []
    while frame is not None and len(found) < _DEEPEST:
        found.append(frame)
        frame = frame.f_back
    return found


class Caller(NamedTuple):
    """
    The client whose call a stack shows.

    *connects* says that the connection is being made.
    *is_whole* says that the stack reaches the application, or the library that it calls, and does not end before.
    """

    clients: tuple[str, ...]
    connects: bool
    is_whole: bool


def caller_on(frames: Iterable[FrameType]) -> Caller | None:
    """The caller that these *frames* show, the innermost frame first; None if none of them speaks SMTP."""
    protocol, connects = "", False
    for frame in frames:
        kind = _kind(frame.f_code.co_filename, frame.f_globals.get("__name__"))
        if kind in _PROTOCOLS:
            protocol = protocol or kind
            connects = connects or frame.f_code.co_name == "connect"
        elif kind == "logging":
            if protocol:  # other handlers in the same file connect, too
                return Caller((kind,), connects, is_whole=True)
        elif kind != _SKIP:
            found = _decided(kind, protocol)
            return None if found is None else Caller(found, connects, is_whole=True)
    return Caller((protocol,), connects, is_whole=False) if protocol else None


def _decided(kind: str, protocol: str) -> tuple[str, ...] | None:
    # Twisted connects in its reactor, apart from the code that speaks SMTP.
    if kind == "Twisted" and "twisted.mail.smtp" not in sys.modules:
        kind = _UNKNOWN
    if kind not in (_APPLICATION, _UNKNOWN):
        return (kind,)
    if not protocol:
        return None
    return (protocol,) if kind == _APPLICATION else ()


@lru_cache(maxsize=4096)
def _kind(file: str, module: object) -> str:
    """Whose code it is: the name of a library, or one of the words above."""
    name = module if isinstance(module, str) else ""
    if file.startswith(("<", _HERE)):
        return _SKIP
    if not _INSTALLED.isdisjoint(re.split(r"[/\\]", file)):
        return _library(name) or _UNKNOWN
    if file.startswith(_STANDARD):
        return {"smtplib": "smtplib", "logging.handlers": "logging"}.get(name, _SKIP)
    # Outside of site-packages, a module of that name may be the library or the application's own.
    return _UNKNOWN if name.partition(".")[0] in _PACKAGES else _APPLICATION


def _library(module: str) -> str | None:
    return next(
        (name for known, name in LIBRARIES.items() if f"{module}.".startswith(f"{known}.")), None
    )


def tasks_on(stack: Iterable[FrameType]) -> Iterator[list[FrameType]]:
    """The frames of each task of the event loop that a thread runs, the innermost frame first."""
    for frame in stack:
        if frame.f_code.co_name == "run_forever" and frame.f_globals["__name__"] == _LOOPS:
            from asyncio import all_tasks

            tasks = all_tasks(frame.f_locals["self"])
            for task in tasks if len(tasks) <= _MOST_TASKS else ():
                yield list(_suspended(task.get_coro()))[::-1]
            return


def _suspended(coroutine: Any) -> Iterator[FrameType]:
    """The frames of a coroutine and of the coroutines that it awaits."""
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        yield frame
        coroutine = coroutine.cr_await
