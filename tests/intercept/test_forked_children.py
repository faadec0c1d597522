"""Forked children inherit interception and the guard, and their process learns what they do."""

from __future__ import annotations

import multiprocessing
import socket
import sys
from typing import TYPE_CHECKING

import pytest
from _guarded_runs import HOST as GUARDED_HOST
from _guarded_runs import SEND
from _senders import ADDRESS, HOST, smtplib_implicit, smtplib_starttls

from pytest_mailtrap import MailGuardError
from pytest_mailtrap._intercept.guard import Guard
from pytest_mailtrap._intercept.socket_functions import guarding

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_mailtrap import MailTrap

pytestmark = [
    pytest.mark.skipif(
        sys.platform != "linux", reason="elsewhere a process with threads cannot be forked"
    ),
    # From Python 3.12 on.
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]


def in_a_fork(work: Callable[..., object], *arguments: object) -> None:
    child = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    child.start()
    child.join(60)
    assert child.exitcode == 0


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize(
    ("send", "port"), [(smtplib_starttls, 587), (smtplib_implicit, 465)], ids=["587", "465"]
)
@pytest.mark.parametrize("host", [HOST, ADDRESS])
def test_the_trap_knows_what_a_child_requested(
    mailtrap: MailTrap, send: Callable[[str], None], port: int, host: str
) -> None:
    """The child's mail arrives with a certificate for the host, which it verifies, and with host and port."""
    in_a_fork(send, host)
    [message] = mailtrap
    assert (message.transport.server_host, message.transport.requested_port) == (host, port)


@pytest.mark.mailtrap(intercept=True)
def test_the_parent_and_its_children(mailtrap: MailTrap) -> None:
    """Many connections of children, one after another, and of their parent in between."""
    for number in range(15):
        in_a_fork(_connect, f"child-{number}.example")
        _connect(f"parent-{number}.example")
    assert sorted(c.transport.server_host for c in mailtrap.connections) == sorted(
        f"{who}-{number}.example" for number in range(15) for who in ("child", "parent")
    )


def _connect(host: str) -> None:
    with socket.create_connection((host, 587), timeout=10) as sock:
        assert sock.recv(3) == b"220"


def test_a_guard_learns_what_it_refused_in_a_child() -> None:
    """With host, port and place, for the test that is running now."""
    guard = Guard("t.py::test_first")
    with guarding(guard):
        in_a_fork(_refused)
        guard.test = "t.py::test_second"
        [attempt] = guard.take("t.py::test_second")
    guard.close()
    assert (attempt.host, attempt.port, attempt.test) == (HOST, 25, "t.py::test_second")
    assert attempt.place is not None
    assert attempt.place.endswith("in _refused")


def _refused() -> None:
    with pytest.raises(MailGuardError), socket.socket() as sock:
        sock.connect((HOST, 25))


def test_it_fails_the_test(pytester: pytest.Pytester) -> None:
    """A child's refusal fails the test like one in the test's own process, and nothing is left open at the end."""
    pytester.makepyfile(
        shop=SEND,
        test_shop="""
import os
import pytest
from shop import send_and_hide

def in_a_child(reading, writing):
    if (child := os.fork()) == 0:
        os.read(reading, 1)
        send_and_hide()
        os._exit(0)
    return child

@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)

@pytest.fixture(scope="session")
def worker():
    reading, writing = os.pipe()
    yield in_a_child(reading, writing), writing
    os.close(reading)
    os.close(writing)

def test_own(pipe):
    child = in_a_child(*pipe)
    os.write(pipe[1], b"x")
    os.waitpid(child, 0)

def test_starts_it(worker):
    pass

def test_uses_it(worker):
    child, writing = worker
    os.write(writing, b"x")
    os.waitpid(child, 0)

def test_next():
    pass
""",
    )
    result = pytester.run(
        sys.executable,
        *("-X", "dev", "-W", "error", "-W", "ignore::DeprecationWarning", "-m", "pytest"),
        *("-p", "no:randomly", "-p", "no:cacheprovider", "--mailtrap-guard"),
    )
    result.assert_outcomes(failed=2, passed=2)
    result.stdout.fnmatch_lines(
        [
            "1 connection to a real mail server, refused by the guard",
            f"  {GUARDED_HOST}:587",
            "      at shop.py:6 in send",
            "  while test_shop.py::test_own ran",
            "  while test_shop.py::test_uses_it ran",
        ],
    )
    assert "Warning" not in result.stdout.str() + result.stderr.str()


def test_what_a_child_tries_after_its_test(pytester: pytest.Pytester) -> None:
    """Between the tests, it belongs to the test that has started the child, and fails the run."""
    pytester.makepyfile(
        shop=SEND,
        conftest="""
import os

started = []

def pytest_runtest_logfinish(nodeid):
    while started:
        child, writing = started.pop()
        os.write(writing, b"x")
        os.waitpid(child, 0)
        os.close(writing)
""",
        test_shop="""
import os
from conftest import started
from shop import send_and_hide

def test_first():
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.read(reading, 1)
        send_and_hide()
        os._exit(0)
    os.close(reading)
    started.append((child, writing))

def test_next():
    pass
""",
    )
    result = pytester.runpytest_subprocess(
        "-p", "no:randomly", "--mailtrap-guard", "-W", "ignore::DeprecationWarning"
    )
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["*= mail guard =*", f"  {GUARDED_HOST}:587", "  while test_shop.py::test_first ran"]
    )
