"""
Whose call it was: from the frames of a stack to the mail client.

Rules of this file: a wrong name is worse than none. Nothing is imported, no frame is kept, and of all objects on the
stack only asyncio's tasks are looked at.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

# Where libraries lead to SMTP, and how the table of cures calls them.
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
# These speak the protocol for somebody else, who is the client; only where that is the application itself, they are.
_PROTOCOLS = ("smtplib", "aiosmtplib")
_SKIP, _APPLICATION, _UNKNOWN = "skip", "application", "unknown"

_HERE = str(Path(__file__).parent)
_STANDARD = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib")})
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_DEEPEST = 200
_MOST_TASKS = 100


def client_on(frame: FrameType | None) -> tuple[str, ...]:
    """The client that made the call which *frame* is in."""
    return client_among(islice(_outwards(frame), _DEEPEST))


def client_among(frames: Iterable[FrameType]) -> tuple[str, ...]:
    """The client that these *frames* are of, the innermost of them first."""
    protocol = ""
    for frame in frames:
        kind = _kind(frame.f_code.co_filename, frame.f_globals.get("__name__"))
        if kind in _PROTOCOLS:
            protocol = protocol or kind
        elif kind == "logging":
            if protocol:  # other handlers of the same file connect, too
                return (kind,)
        elif kind != _SKIP:
            return _decided(kind, protocol)
    return ()


def _decided(kind: str, protocol: str) -> tuple[str, ...]:
    if kind == _APPLICATION:
        return (protocol,) if protocol else ()
    # Twisted connects on its reactor, far from the code that speaks SMTP.
    speaks = kind != "Twisted" or "twisted.mail.smtp" in sys.modules
    return (kind,) if kind != _UNKNOWN and speaks else ()


@lru_cache(maxsize=4096)
def _kind(file: str, module: object) -> str:
    """Whose code that is: of a library by its name, or one of the words above."""
    name = module if isinstance(module, str) else ""
    if file.startswith(("<", _HERE)):
        return _SKIP
    if not _INSTALLED.isdisjoint(re.split(r"[/\\]", file)):
        return _library(name) or _UNKNOWN
    if file.startswith(_STANDARD):
        return {"smtplib": "smtplib", "logging.handlers": "logging"}.get(name, _SKIP)
    # Whether a module of that name outside of site-packages is the library or the application's own, nobody can tell.
    return _UNKNOWN if name.partition(".")[0] in _PACKAGES else _APPLICATION


def _library(module: str) -> str | None:
    return next(
        (name for known, name in LIBRARIES.items() if f"{module}.".startswith(f"{known}.")), None
    )


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    """The stack, innermost first; at the bottom of a task, first those who wait for it."""
    while frame is not None:
        yield frame
        if frame.f_code.co_name == "_run" and frame.f_globals.get("__name__") == "asyncio.events":
            yield from _waiting_for_the_task()
        frame = frame.f_back


def _waiting_for_the_task() -> Iterator[FrameType]:
    """Before Python 3.12, `asyncio.wait_for()` runs a coroutine in a task of its own."""
    if sys.version_info >= (3, 12):
        return
    from asyncio import all_tasks, current_task

    task, tasks = current_task(), all_tasks()
    for other in tasks if len(tasks) <= _MOST_TASKS else ():
        frames = list(_suspended(other.get_coro()))
        if frames and _waits_for(frames[-1], task):
            yield from reversed(frames)
            return


def _suspended(coroutine: Any) -> Iterator[FrameType]:
    """The frames of a coroutine and of those that it awaits."""
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        yield frame
        coroutine = coroutine.cr_await


def _waits_for(frame: FrameType, task: object) -> bool:
    return frame.f_code.co_name == "wait_for" and frame.f_locals.get("fut") is task
