"""The real disk, whatever a test has put in place of the functions that reach it."""

from __future__ import annotations

import builtins
import errno
import functools
import gc
import os
import pathlib
import pkgutil
import stat
import subprocess
import sys
from contextlib import ExitStack
from unittest import mock

import pytest

from pytest_mailtrap._system import files
from pytest_mailtrap._system.files import _Disk

POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
# What a mock may replace; each of them fails as soon as it is called.
REPLACED = (
    "builtins.open",
    "io.open",
    "os.open",
    "os.mkdir",
    "os.rmdir",
    "os.unlink",
    "os.remove",
    "os.replace",
    "os.listdir",
    "os.scandir",
    "os.stat",
    "os.lstat",
    "os.getcwd",
    "os.getpid",
    "os.urandom",
    "os.path.join",
    "os.path.exists",
    "os.path.isfile",
    "os.path.realpath",
    "pathlib.Path.open",
    "pathlib.Path.exists",
    "pathlib.Path.mkdir",
    "pathlib.Path.read_bytes",
    "pathlib.Path.write_bytes",
    "tempfile.mkdtemp",
    "tempfile.NamedTemporaryFile",
    "shutil.rmtree",
)


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """A directory, in which temporary files are created as well."""
    monkeypatch.setattr(_Disk, "temporary_directories", (str(tmp_path),))
    return str(tmp_path)


def split(name):
    return name.rpartition(".")


def while_replaced(test):
    """Let everything that reaches the disk fail in the test, and only there: pytest needs it."""

    # Looked up before anything is replaced: an import needs it.
    owners = [(pkgutil.resolve_name(path), name) for path, _, name in map(split, REPLACED)]

    @functools.wraps(test)
    def run(*arguments, **fixtures):
        with ExitStack() as stack:
            for owner, name in owners:
                stack.enter_context(mock.patch.object(owner, name, side_effect=ZeroDivisionError))
            test(*arguments, **fixtures)

    return run


@while_replaced
def test_control_they_fail(disk):
    """The control for the decorator: the test's own functions do not work."""
    for call in (
        lambda: builtins.open(disk),  # noqa: SIM115  # it fails
        lambda: os.stat(disk),
        lambda: pathlib.Path(disk).exists(),
    ):
        with pytest.raises(ZeroDivisionError):
            call()


@while_replaced
def test_writing_and_reading(disk):
    """A file is written, made longer, read, renamed and removed."""
    path, other = files.joined(disk, "a"), files.joined(disk, "b")
    assert files.write(path, b"one") == 3
    files.write(path, b" two", "ab")
    assert files.read(path) == b"one two"
    with files.opened(path, "r", encoding="utf-8") as file:
        assert file.read() == "one two"
    files.write(other, b"x")
    files.move(path, other)
    assert files.read(other) == b"one two"
    assert files.names(disk) == ["b"]
    files.remove(other)
    files.remove(other)
    assert not files.exists(other)


@while_replaced
def test_a_file_is_created_only_once(disk):
    """The mode "xb" finds out which of several processes was first."""
    path = files.joined(disk, "a")
    files.write(path, b"one", "xb")
    with pytest.raises(FileExistsError):
        files.write(path, b"two", "xb")
    assert files.read(path) == b"one"


@while_replaced
def test_directories(disk):
    """Directories are created with those that they are in, and removed with what is in them."""
    inner = files.joined(disk, "a", "b", "c")
    files.make_directories(inner)
    files.make_directories(inner)
    files.write(files.joined(inner, "file"), b"x")
    assert files.is_directory(inner)
    assert not files.is_file(inner)
    with pytest.raises(OSError):
        files.remove_directory(inner)
    files.remove_all(files.joined(disk, "a"))
    assert files.names(disk) == []
    files.make_directories(inner)
    files.remove_directory(inner)
    assert not files.exists(inner)


@while_replaced
def test_a_file_in_place_of_a_directory(disk):
    """It is not taken for one."""
    path = files.joined(disk, "a")
    files.write(path, b"x")
    for wanted in (path, files.joined(path, "b")):
        with pytest.raises(OSError):
            files.make_directories(wanted)
    assert files.read(path) == b"x"


@while_replaced
def test_a_directory_of_its_own(disk):
    """It is new, and its owner removes it with all that is in it."""
    first, second = files.OwnDirectory("mailtrap-"), files.OwnDirectory("mailtrap-")
    assert len({first.path, second.path}) == 2
    files.write(files.joined(first.path, "a"), b"x")
    first.remove()
    first.remove()
    assert [files.joined(disk, name) for name in files.names(disk)] == [second.path]
    second.remove()


@POSIX
@while_replaced
def test_nobody_else_can_read_it(disk):
    """Only the user who runs the tests can read a directory, or a temporary file, which may hold a key."""
    directory = files.OwnDirectory("mailtrap-")
    assert stat.S_IMODE(files.state(directory.path).st_mode) == 0o700
    directory.remove()
    with files.temporary_file(b"key", suffix=".pem") as path:
        assert stat.S_IMODE(files.state(path).st_mode) == 0o600


@while_replaced
def test_it_is_removed_when_it_is_forgotten(disk):
    """A directory that nobody has removed lives no longer than the object."""
    directory = files.OwnDirectory("mailtrap-")
    assert files.exists(directory.path)
    path = directory.path
    del directory
    gc.collect()
    assert not files.exists(path)


def test_a_forked_process_does_not_remove_it(tmp_path, monkeypatch):
    """It belongs to the process that created it, as the process number shows."""
    monkeypatch.setattr(_Disk, "temporary_directories", (str(tmp_path),))
    directory = files.OwnDirectory("mailtrap-")
    with monkeypatch.context() as patch:
        patch.setattr(_Disk, "getpid", lambda: -1)
        assert not directory.is_ours
        # remove() would not do so a second time.
        files._remove_own(directory.path, directory._owner)
        assert files.exists(directory.path)
    assert directory.is_ours
    directory.remove()
    assert not files.exists(directory.path)


@while_replaced
def test_a_temporary_file(disk):
    """It exists within the block only, even if the block fails."""
    with files.temporary_file(b"x", suffix=".pem") as path:
        assert files.read(path) == b"x"
        assert path.endswith(".pem")
    assert files.names(disk) == []
    with pytest.raises(KeyError), files.temporary_file(b"x", suffix=".pem"):
        raise KeyError
    assert files.names(disk) == []


def test_the_next_directory_for_temporary_files(tmp_path, monkeypatch):
    """If one cannot be used, the next one is; if none can be, the error says why."""
    missing = str(tmp_path / "missing")
    monkeypatch.setattr(_Disk, "temporary_directories", (missing, str(tmp_path)))
    with files.temporary_file(b"x", suffix="") as path:
        assert os.path.dirname(path) == str(tmp_path)
    monkeypatch.setattr(_Disk, "temporary_directories", (missing,))
    with (
        pytest.raises(FileNotFoundError, match="missing"),
        files.temporary_file(b"x", suffix=""),
    ):
        pass


def test_a_full_disk_keeps_no_part_of_a_key(tmp_path, monkeypatch):
    """A temporary file that cannot be written completely is removed."""
    monkeypatch.setattr(_Disk, "temporary_directories", (str(tmp_path),))
    opened = _Disk.open

    class Full:
        def __init__(self, *arguments, **keywords):
            self.file = opened(*arguments, **keywords)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, content):
            self.file.write(content[:1])
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_Disk, "open", Full)
    with (
        pytest.raises(OSError, match="No space left"),
        files.temporary_file(b"x", suffix=""),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


WITHOUT_A_DIRECTORY = """
import os, tempfile
directory = tempfile.mkdtemp()
os.chdir(directory)
os.rmdir(directory)
os.environ["TMPDIR"] = "relative"
from pytest_mailtrap._system import files
assert files.working_directory() is None
with files.temporary_file(b"x", suffix="") as path:
    assert os.path.isabs(path)
    print(files.read(path))
"""


@POSIX
def test_a_removed_working_directory(tmp_path):
    """Temporary files do not need it."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_A_DIRECTORY],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path))),
        },
    )
    assert done.stdout == "b'x'\n", done.stderr


def test_no_module_has_them_as_attributes():
    """pyfakefs and freezegun replace what they find in a module: the functions are in a class, which they leave alone."""
    kept = {id(getattr(_Disk, name)) for name in vars(_Disk) if not name.startswith("_")}
    assert id(builtins.open) in kept
    assert not [name for name, value in vars(files).items() if id(value) in kept]
