"""
Which client connected: the mail client of an error, of a program's result, or of a connection that a trap has just accepted.

A client that has connected waits for the greeting; at that moment the trap's thread inspects its stack. Nothing is
patched for that, so tests see the unchanged functions of the standard library.

Rules of this file: it finds names, and decides nothing about mail. A wrong name is worse than none: if the client is not
certain, the answer is `()`. If two clients are equally likely, and a fix shown for the wrong one does no harm, both are named.
It keeps names, but no frames, objects or arguments, and never raises. Of the local variables of frames, it reads only the program that
`subprocess` waits for and asyncio's loop: before CPython 3.13, a frame keeps what has been read from it.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._clients.callers import caller_on, stack_of, tasks_on
from pytest_mailtrap._clients.programs import client_of_program, clients_of_command, program_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from types import FrameType, TracebackType

__all__ = [
    "client_now",
    "client_of_error",
    "client_of_program",
    "client_of_result",
    "program_of",
]

# With more threads, the time per connection would be out of proportion.
_MOST_THREADS = 64
_LONGEST_CHAIN = 16
_TRIES = 3


def client_of_error(error: BaseException | None) -> tuple[str, ...]:
    """The client that raised *error* or an error that led to it; if a program failed, that program as a client."""
    for one in _led_to(error):
        if found := client_of_result(one):
            return found
        caller = caller_on(_frames_of(one))
        if caller is not None and caller.is_whole and caller.clients:
            return caller.clients
    return ()


def client_of_result(result: object) -> tuple[str, ...]:
    """The client that was run, from a `CompletedProcess`, a `Popen`, a `CalledProcessError` or a `TimeoutExpired`."""
    if isinstance(result, subprocess.CompletedProcess | subprocess.Popen):
        return clients_of_command(result.args)
    if isinstance(result, subprocess.CalledProcessError | subprocess.TimeoutExpired):
        return clients_of_command(result.cmd)
    return ()


def client_now(*, beside: Callable[[], int] = lambda: 0) -> tuple[str, ...]:
    """
    The client that has just connected, and whose thread waits for the caller's greeting.

    *beside* returns how many other clients have connected by now and have not been greeted yet.
    If the stacks show fewer clients than have connected, there is no telling which of them this is.
    """
    # Other threads may continue while their stacks are walked; then a stack may seem to end in the middle.
    for _ in range(_TRIES):
        with suppress(Exception), _without_garbage_collection():
            if found := _client_now(beside):
                return found
    return _below_python()


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """
    Pause the garbage collector: under CPython 3.11, walking the stack of another thread could crash the interpreter.

    There, `f_back` allocates a frame object. If that starts a collection, and a finalizer releases the GIL, the other
    thread can leave the function before the object refers to its frame. Before 3.11, nothing is allocated, and since 3.12,
    no collection starts in the middle of an allocation.
    """
    if sys.version_info[:2] != (3, 11) or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _client_now(beside: Callable[[], int]) -> tuple[str, ...]:
    frames = sys._current_frames()  # noqa: SLF001  # the documented way to get the stacks of all threads
    # Otherwise this frame would refer to itself, and keep all other frames alive with it.
    del frames[threading.get_ident()]
    if len(frames) > _MOST_THREADS:
        return ()
    stacks = list(map(stack_of, frames.values()))
    sure = [found for stack in stacks for found in _connecting(stack)]
    found = sure or [found for stack in stacks for found in _connecting_in_part(stack)]
    return found[0] if len(set(found)) == 1 and len(found) > beside() else ()


def _connecting(stack: Sequence[FrameType]) -> Iterator[tuple[str, ...]]:
    """The clients that connect on a thread, in its tasks, or as programs that it waits for."""
    tasks = list(tasks_on(stack))
    for frames in (stack, *tasks):
        caller = caller_on(frames)
        if caller is not None and caller.connects and caller.is_whole:
            yield caller.clients
        elif (args := _awaited_command(frames)) is not None:
            yield clients_of_command(args)


def _connecting_in_part(stack: Iterable[FrameType]) -> Iterator[tuple[str, ...]]:
    """
    The clients of tasks that show only the library's own frames: the application may have wrapped a library's coroutine in a task.

    Before Python 3.12, `asyncio.wait_for()` creates such a task in the middle of a call, too; then the waiting task is whole.
    """
    for frames in tasks_on(stack):
        caller = caller_on(frames)
        if caller is not None and caller.connects:
            yield caller.clients


def _awaited_command(frames: Iterable[FrameType]) -> Any:
    """The command line of a program that `subprocess` or `asyncio.subprocess` is starting or waiting for."""
    for frame in frames:
        find = _COMMANDS.get((frame.f_globals.get("__name__"), frame.f_code.co_name))
        if find is not None:
            return find(frame.f_locals)
    return None


def _of_process(names: Mapping[str, Any]) -> Any:
    return names["self"].args


def _of_transport(names: Mapping[str, Any]) -> Any:
    return names["self"]._transport.get_extra_info("subprocess").args  # noqa: SLF001  # asyncio's Process has no public attribute for it


def _of_call(names: Mapping[str, Any]) -> Any:
    positional = names["popenargs"]
    return positional[0] if positional else names["kwargs"]["args"]


# Where to find the command line in the functions that start a program or wait for it.
_COMMANDS: dict[tuple[object, str], Callable[[Mapping[str, Any]], Any]] = {
    **{("subprocess", name): _of_process for name in ("communicate", "wait")},
    **{("subprocess", name): _of_call for name in ("run", "call")},
    ("subprocess", "__init__"): lambda names: names["args"],
    **{("asyncio.subprocess", name): _of_transport for name in ("communicate", "wait")},
    ("asyncio.subprocess", "create_subprocess_exec"): lambda names: [
        names["program"],
        *names["args"],
    ],
    ("asyncio.subprocess", "create_subprocess_shell"): lambda names: names["cmd"],
}


def _below_python() -> tuple[str, ...]:
    """A loaded client that no stack shows: libcurl has its own sockets."""
    return ("pycurl",) if "pycurl" in sys.modules else ()


def _led_to(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those that led to it, the nearest first; for a group, each of its errors."""
    waiting = [error] if error is not None else []
    for _ in range(_LONGEST_CHAIN):
        if not waiting:
            return
        yield (one := waiting.pop(0))
        waiting += getattr(one, "exceptions", ())
        if (before := one.__cause__ or one.__context__) is not None:
            waiting.append(before)


def _frames_of(error: BaseException) -> Iterator[FrameType]:
    """The frames of the traceback, from where the error was raised outwards."""
    frames = []
    at: TracebackType | None = error.__traceback__
    while at is not None:
        frames.append(at.tb_frame)
        at = at.tb_next
    return reversed(frames)
