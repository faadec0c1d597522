"""
The real disk, whatever a test has put in place of `open`, `os`, `pathlib` and `tempfile`.

pyfakefs replaces these modules, and functions of them, wherever a module has one as an attribute; a mock replaces an attribute of
`builtins`, `os` or `pathlib.Path`. So the functions below all of these are kept here, in a class, which neither of them looks into.

Rules of this file: pytest imports it together with the plugin, before a conftest can replace anything; a path is an absolute
string, since a path of pathlib uses the test's `os`, and a test may have removed the working directory.
"""

from __future__ import annotations

import io
import os
import stat
import weakref
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _temporary_directories() -> tuple[str, ...]:
    """Where temporary files may be, the best place first: where `tempfile` looks for one."""
    named = [os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")]
    usual = (r"~\AppData\Local\Temp", r"%SYSTEMROOT%\Temp", r"c:\temp", r"c:\tmp")
    if os.name == "nt":
        named += [os.path.expandvars(os.path.expanduser(one)) for one in usual]
    else:
        named += ["/tmp", "/var/tmp", "/usr/tmp"]  # noqa: S108  # a name there is random, and never one that exists
    found = []
    for one in filter(None, named):
        with suppress(OSError):  # there is no working directory that it could be relative to
            found.append(os.path.abspath(one))
    return tuple(dict.fromkeys(found))


class _Disk:
    """The functions that a test cannot replace, and where temporary files may be."""

    open: ClassVar[Callable[..., IO[Any]]] = staticmethod(io.open)
    low_level_open = staticmethod(os.open)
    mkdir = staticmethod(os.mkdir)
    rmdir = staticmethod(os.rmdir)
    unlink = staticmethod(os.unlink)
    replace = staticmethod(os.replace)
    listdir = staticmethod(os.listdir)
    stat = staticmethod(os.stat)
    lstat = staticmethod(os.lstat)
    getcwd = staticmethod(os.getcwd)
    getpid = staticmethod(os.getpid)
    urandom = staticmethod(os.urandom)
    join: ClassVar[Callable[..., str]] = staticmethod(os.path.join)
    split: ClassVar[Callable[..., tuple[str, str]]] = staticmethod(os.path.split)
    realpath: ClassVar[Callable[..., str]] = staticmethod(os.path.realpath)
    temporary_directories = _temporary_directories()


def process() -> int:
    """The number of this process."""
    return _Disk.getpid()


# -- paths ----------------------------------------------------------------------------------


def joined(directory: str, *names: str) -> str:
    """The path of what is called *names* in *directory*."""
    return _Disk.join(directory, *names)


def split(path: str) -> tuple[str, str]:
    """The directory that a path is in, and its last name."""
    return _Disk.split(path)


def resolved(path: str) -> str:
    """The path without symbolic links."""
    return _Disk.realpath(path)


def working_directory() -> str | None:
    """The working directory; None if it has been removed."""
    try:
        return _Disk.getcwd()
    except OSError:
        return None


# -- what is there --------------------------------------------------------------------------


def state(path: str) -> os.stat_result | None:
    """What the system says about a file or directory; None if there is none."""
    try:
        return _Disk.stat(path)
    except (OSError, ValueError):
        return None


def exists(path: str) -> bool:
    return state(path) is not None


def is_file(path: str) -> bool:
    """Whether there is a regular file."""
    found = state(path)
    return found is not None and stat.S_ISREG(found.st_mode)


def is_directory(path: str) -> bool:
    found = state(path)
    return found is not None and stat.S_ISDIR(found.st_mode)


def names(directory: str) -> list[str]:
    """The names in a directory, sorted."""
    return sorted(_Disk.listdir(directory))


# -- reading and writing --------------------------------------------------------------------


def opened(path: str, mode: str = "rb", **text: Any) -> IO[Any]:  # as open() does, by the mode
    """What the builtin `open()` returns; *text* are its keywords for text."""
    return _Disk.open(path, mode, **text)


def read(path: str) -> bytes:
    with opened(path) as file:
        content: bytes = file.read()
        return content


def write(path: str, content: bytes, mode: str = "wb") -> int:
    """Write to a file, which *mode* creates ("xb"), replaces ("wb") or makes longer ("ab"); returns how many bytes."""
    with opened(path, mode) as file:
        return file.write(content)


def move(path: str, new: str) -> None:
    """Rename a file; another file of that name is replaced, in one step."""
    _Disk.replace(path, new)


def make_directories(path: str) -> None:
    """Create a directory and those that it is in, as far as they do not exist."""
    if is_directory(path):
        return
    parent, _ = split(path)
    if parent != path:
        make_directories(parent)
    try:
        _Disk.mkdir(path)
    except FileExistsError:
        if not is_directory(path):
            raise


def remove(path: str) -> None:
    """Remove a file, if there is one."""
    with suppress(FileNotFoundError):
        _Disk.unlink(path)


def remove_directory(path: str) -> None:
    """Remove an empty directory."""
    _Disk.rmdir(path)


def remove_all(directory: str) -> None:
    """Remove a directory with all that is in it; what cannot be removed stays."""
    with suppress(OSError):
        for name in names(directory):
            path = joined(directory, name)
            if stat.S_ISDIR(_Disk.lstat(path).st_mode):
                remove_all(path)
            else:
                with suppress(OSError):
                    _Disk.unlink(path)
        _Disk.rmdir(directory)


# -- temporary files ------------------------------------------------------------------------


class Ownership:
    """Tells the process that something was created in from those that were forked since."""

    def __init__(self) -> None:
        self._process = process()

    @property
    def is_ours(self) -> bool:
        return self._process == process()


class OwnDirectory:
    """
    A new directory for temporary files, which nobody else can read.

    It is removed by `remove()`, or at the end of the process; a process forked from this one never removes it.
    """

    def __init__(self, prefix: str) -> None:
        self.path = _created(prefix, "", lambda path: _Disk.mkdir(path, 0o700))
        self._owner = Ownership()
        self._remove = weakref.finalize(self, _remove_own, self.path, self._owner)

    @property
    def is_ours(self) -> bool:
        """Whether this process has created it."""
        return self._owner.is_ours

    def remove(self) -> None:
        self._remove()


def _remove_own(directory: str, owner: Ownership) -> None:
    if owner.is_ours:
        remove_all(directory)


@contextmanager
def temporary_file(content: bytes, *, suffix: str) -> Iterator[str]:
    """The path of a file with *content*, which nobody else can read, and which exists within the block only."""
    path = _created("mailtrap-", suffix, lambda path: _write_private(path, content))
    try:
        yield path
    finally:
        remove(path)


def _created(prefix: str, suffix: str, create: Callable[[str], None]) -> str:
    """The path of what *create* was able to create in one of the directories for temporary files."""
    problem = OSError("there is no directory for temporary files")
    for directory in _Disk.temporary_directories:
        path = joined(directory, f"{prefix}{_Disk.urandom(8).hex()}{suffix}")
        try:
            create(path)
        except OSError as error:
            problem = error
        else:
            return path
    raise problem


def _write_private(path: str, content: bytes) -> None:
    with _Disk.open(path, "xb", opener=_private) as file:
        try:
            file.write(content)
            file.flush()
        except OSError:
            _Disk.unlink(path)
            raise


def _private(path: str, flags: int) -> int:
    return _Disk.low_level_open(path, flags, 0o600)
