"""The watch over connections: what it leaves, what it keeps, and what it must not disturb."""

from __future__ import annotations

import gc
import smtplib
import socket
import subprocess
import sys
import weakref

import pytest
from _named_clients import connected

from pytest_mailtrap import _clients
from pytest_mailtrap._clients import Watch, client_at, reset
from pytest_mailtrap._patch import Patch


@pytest.fixture(autouse=True)
def watch():
    """What the trap's own start does; notes of another test would be taken for this one's."""
    with Watch():
        reset()
        yield


def depth():
    """How many patches of ours lie above each other on `connect()`."""
    found, count = socket.socket.connect, 0
    while (found := getattr(found, "__wrapped__", None)) is not None:
        count += 1
    return count


def test_watches_may_end_in_any_order(mailtrap):
    """It is watched until the last of them ends."""
    first, second = Watch(), Watch()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=5):
        pass
    second.__exit__(None, None, None)
    assert connected(mailtrap) == {("smtplib",)}


def test_a_watch_leaves_nothing_behind():
    """In a process of its own: everything is as it was, and nothing is noted afterwards."""
    code = """if True:
        import socket, subprocess
        from pytest_mailtrap._clients import Watch
        def now():
            return socket.socket.connect, socket.socket.connect_ex, subprocess.Popen.__init__
        before = now()
        with Watch():
            assert not set(before) & set(now())
        assert now() == before
    """
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_watches_below_another_patch_do_not_pile_up():
    """What could not be taken away, since something lies above it, is used again."""
    above = []
    deepest = []
    try:
        for _ in range(5):
            with Watch():
                above.append(
                    Patch(socket.socket, "connect", lambda original: lambda *args: original(*args))
                )
                deepest.append(depth())
            above.pop().undo()
        assert len(set(deepest)) == 1
    finally:
        while above:
            above.pop().undo()


def test_nothing_of_the_application_is_kept_alive(mailtrap):
    """A frame would keep its locals."""

    class Local:
        pass

    def send():
        local = Local()
        with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=5):
            return weakref.ref(local)

    gc.disable()
    try:
        assert send()() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "address", [("127.0.0.1", 1), ("localhost", 587), ("::1",), "nonsense", None]
)
def test_an_odd_address_is_the_affair_of_the_socket(address):
    """The watch adds no error, and hides none."""
    raised = []
    for connect in (socket.socket.connect, vars(socket.socket)["connect"].__wrapped__):
        with socket.socket() as sock:
            sock.settimeout(0.2)
            with pytest.raises((OSError, TypeError)) as caught:
                connect(sock, address)
        raised.append((caught.type, str(caught.value)))
    assert raised[0] == raised[1]


def test_old_notes_are_forgotten(mailtrap, monkeypatch):
    """A port is used again at some time, and by somebody else."""
    monkeypatch.setattr(_clients, "_MOST_NOTES", 2)
    for _ in range(4):
        smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=5).close()
    assert [client_at(one.peer) for one in mailtrap.connections] == [(), (), *[("smtplib",)] * 2]
