"""
Who connected: the mail client of an error, of a program's result, or of a connection that a trap has just let in.

Whoever has connected waits for the greeting: its stack is looked at in that moment, from the trap's thread. Nothing is
replaced for that, so that tests see the functions of the standard library as they are.

Rules of this file: it finds names, and decides nothing about mail. A wrong name is worse than none: what cannot be told
for sure is `()`. Where two clients are as likely, and a cure shown for the wrong one does no harm, both are named.
It keeps names, no frame, no object and no argument, and never raises.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._callers import client_among, stack_of, tasks_on
from pytest_mailtrap._programs import client_of_program, clients_of_command, program_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import FrameType, TracebackType

__all__ = [
    "client_now",
    "client_of_error",
    "client_of_program",
    "client_of_result",
    "program_of",
]

# More threads than these would cost a connection more than a name is worth.
_MOST_THREADS = 64
_LONGEST_CHAIN = 16
_TRIES = 3
# The frames of the standard library that hold the socket, and the names under which they do.
_HOLDERS = {"socket": ("sock", "self"), "ssl": ("self",), "smtplib": ("self",)}
_WAITS = frozenset({"communicate", "_communicate", "wait", "_wait"})


def client_of_error(error: BaseException | None) -> tuple[str, ...]:
    """The client that raised *error*, or one of those that led to it; of a program's failure, the client that it is."""
    for one in _led_to(error):
        found = client_of_result(one) or client_among(_frames_of(one))
        if found:
            return found
    return ()


def client_of_result(result: object) -> tuple[str, ...]:
    """The client that a `CompletedProcess`, a `Popen`, a `CalledProcessError` or a `TimeoutExpired` is of."""
    if isinstance(result, subprocess.CompletedProcess | subprocess.Popen):
        return clients_of_command(result.args)
    if isinstance(result, subprocess.CalledProcessError | subprocess.TimeoutExpired):
        return clients_of_command(result.cmd)
    return ()


def client_now(peer: tuple[str, int]) -> tuple[str, ...]:
    """The client at *peer*, which has just connected, and whose thread waits for what the caller's says."""
    # Other threads may go on while their stacks are walked, which then seem to end in the middle.
    for _ in range(_TRIES):
        with suppress(Exception):
            if found := _client_now(peer[1]):
                return found
    return _below_python()


def _client_now(port: int) -> tuple[str, ...]:
    own = threading.get_ident()
    frames = sys._current_frames()  # noqa: SLF001  # the documented way to the stacks of all threads
    if len(frames) > _MOST_THREADS:
        return ()
    stacks = [stack_of(frame) for thread, frame in frames.items() if thread != own]
    likely: set[tuple[str, ...]] = set()
    for stack in stacks:
        ports = set(_local_ports(stack))
        if port in ports:
            return client_among(stack) or ()
        # A thread with another socket in its hands may still have tasks that wait for this one.
        likely.update(_waiting_on(stack, is_elsewhere=bool(ports)))
    return likely.pop() if len(likely) == 1 else ()


def _waiting_on(stack: Sequence[FrameType], *, is_elsewhere: bool) -> Iterator[tuple[str, ...]]:
    """The clients that a thread may be waiting for: the one it runs itself, its tasks, and a program that it has started."""
    if not is_elsewhere and (found := client_among(stack)) is not None:
        yield found
    for frames in (stack, *tasks_on(stack)):
        if (args := _awaited_command(frames)) is not None:
            yield clients_of_command(args)
        elif frames is not stack and (found := client_among(frames, is_task=True)) is not None:
            yield found


def _local_ports(stack: Iterable[FrameType]) -> Iterator[int]:
    """The ports of the sockets that the standard library holds on this stack; frames of others are let alone."""
    for frame in stack:
        for name in _HOLDERS.get(frame.f_globals.get("__name__", ""), ()):
            held = frame.f_locals.get(name)
            for sock in (held, getattr(held, "sock", None), getattr(held, "_sock", None)):
                with suppress(Exception):
                    yield sock.getsockname()[1]  # type: ignore[union-attr]  # hence the suppression


def _awaited_command(frames: Iterable[FrameType]) -> Any:
    """The command line of a program whose end is waited for, by `subprocess` or by asyncio's."""
    for frame in frames:
        module = frame.f_globals.get("__name__")
        if frame.f_code.co_name not in _WAITS or module not in ("subprocess", "asyncio.subprocess"):
            continue
        process = frame.f_locals.get("self")
        if module == "asyncio.subprocess":
            process = process._transport.get_extra_info("subprocess")  # type: ignore[union-attr]  # noqa: SLF001
        return getattr(process, "args", None)
    return None


def _below_python() -> tuple[str, ...]:
    """Who is loaded that connects where no stack shows it: libcurl has sockets of its own."""
    return ("pycurl",) if "pycurl" in sys.modules else ()


def _led_to(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and what led to it, the nearest first."""
    for _ in range(_LONGEST_CHAIN):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _frames_of(error: BaseException) -> Iterator[FrameType]:
    """Where it was raised, and from there outwards."""
    frames = []
    at: TracebackType | None = error.__traceback__
    while at is not None:
        frames.append(at.tb_frame)
        at = at.tb_next
    return reversed(frames)
