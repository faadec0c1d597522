"""Forked processes: they leave the trap of their parent alone, and can have traps of their own."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

HELPERS = """
import os, pathlib, smtplib, socket, sys, traceback
import pytest

def send(trap):
    with smtplib.SMTP(trap.host, trap.port, timeout=10) as client:
        client.starttls(context=trap.ssl_context)
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: x\\r\\n\\r\\n")

def forked(work):
    '''Run *work* in a forked process that ends when it returns or fails, and return the exit status.'''
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    try:
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
"""
LEAVING = """
from helpers import *

PARENT = os.getpid()

def leave():
    # What this process prints would be taken for the output of the run.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    {how}

def test_a_child_leaves(mailtrap):
    send(mailtrap)
    child = os.fork()
    if not child:
        leave()
    os.waitpid(child, 0)
    send(mailtrap)
    assert len(mailtrap) == 2
    assert mailtrap.ca_file.exists()

def test_the_next_one(mailtrap):
    with open("runs.txt", "a") as file:
        print("parent" if os.getpid() == PARENT else "child", file=file)
    send(mailtrap)
    mailtrap.assert_sent_over_tls()
    assert len(mailtrap) == 1
"""
WAYS = [
    "sys.exit(0)",
    "raise SystemExit(3)",
    "raise ValueError",
    "assert False",
    "pytest.fail('x')",
]


@pytest.fixture
def run(pytester):
    """Run a test module of its own in a process that may fork."""

    def run(source, *options):
        pytester.makepyfile(helpers=HELPERS, test_forks=source)
        return pytester.runpytest_subprocess("-p", "no:randomly", *options, timeout=60)

    return run


@pytest.mark.parametrize("how", WAYS)
def test_a_child_leaves(run, pytester, how):
    """
    What ends its test ends neither the trap of the parent nor its files.

    pytest goes on in the child, as it always does, and the next test has a trap there, too.
    """
    result = run(LEAVING.format(how=how))
    result.assert_outcomes(passed=2)
    assert (pytester.path / "runs.txt").read_text().split() == ["child", "parent"]


def test_a_child_leaves_at_once(run, pytester):
    """The control of the test above: a child that does not return to pytest runs no other test."""
    result = run(LEAVING.format(how="os._exit(0)"))
    result.assert_outcomes(passed=2)
    assert (pytester.path / "runs.txt").read_text().split() == ["parent"]


IN_THE_CHILD = """
from helpers import *

def test_its_own_trap(mailtrap, mailtrap_factory):
    send(mailtrap)

    def work():
        with mailtrap_factory() as trap:
            send(trap)
            trap.assert_sent_over_tls()
            assert len(trap.wait_for(1)) == 1
            assert len(trap.connections) == 1
        # A copy of what the parent had when it forked.
        assert len(mailtrap) == 1
        assert len(mailtrap.connections) == 1

    assert forked(work) == 0
    assert len(mailtrap) == 1
    send(mailtrap)
    assert len(mailtrap) == 2

def test_sending_to_the_parent(mailtrap):
    assert forked(lambda: send(mailtrap)) == 0
    assert len(mailtrap) == 1
    assert forked(lambda: 1 / 0) != 0

def test_it_does_not_wait_in_vain(mailtrap):
    '''No mail arrives in the child's copy of the trap.'''
    import asyncio
    from pytest_mailtrap._smtp.loop_thread import LoopError

    def work():
        with pytest.raises(LoopError, match="forked process"):
            asyncio.run(mailtrap.wait_for_async(1))

    assert forked(work) == 0
"""


def test_a_trap_in_the_child(run):
    """A factory works in a forked process; the parent's trap is a copy there, and gets nothing."""
    run(IN_THE_CHILD).assert_outcomes(passed=3)


OUTLIVED = """
from helpers import *

def test_connections_end(mailtrap_factory):
    with mailtrap_factory() as trap:
        client = socket.create_connection(("127.0.0.1", trap.port), timeout=10)
        assert client.recv(100).startswith(b"220")
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(writing)
            os.read(reading, 1)  # until the parent is done
            os._exit(0)
        os.close(reading)
        client.sendall(b"QUIT\\r\\n")
        with client, client.makefile("rb") as replies:
            assert replies.read().startswith(b"221")  # and then the end
        port = trap.port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)
    os.close(writing)
    os.waitpid(child, 0)
"""


def test_a_child_outlives_connections_and_traps(run):
    """Its copies of the sockets keep neither a client's connection nor a port open."""
    run(OUTLIVED).assert_outcomes(passed=1)
