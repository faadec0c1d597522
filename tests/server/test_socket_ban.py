"""A plugin that forbids sockets, as pytest-socket does: the failure says what to allow, and other tests are not affected."""

from __future__ import annotations

import pytest

# What pytest-socket does for --disable-socket: its class takes the place of socket.socket for one test.
BAN = """
import socket
import pytest

class SocketBlockedError(RuntimeError):
    pass

SocketBlockedError.__module__ = "{module}"

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    class GuardedSocket(socket.socket):
        def __new__(cls, *args, **keywords):
            raise SocketBlockedError("A test tried to use socket.socket.")
    item.before = socket.socket
    if item.get_closest_marker("allow_hosts") is None:
        socket.socket = GuardedSocket

@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item):
    socket.socket = item.before
"""
TESTS = """
import smtplib
import pytest

def test_blocked(mailtrap): pass
def test_blocked_factory(mailtrap_factory):
    with mailtrap_factory(): pass

@pytest.mark.allow_hosts(["127.0.0.1", "::1"])
def test_allowed(mailtrap):
    smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10).close()
    assert len(mailtrap.connections) == 1

def test_blocked_again(mailtrap): pass
"""
SENTENCE = (
    "pytest-socket does not allow the mail trap to open sockets: allow them with "
    '--allow-hosts=127.0.0.1,::1, or with @pytest.mark.allow_hosts(["127.0.0.1", "::1"])'
)


@pytest.fixture
def run(pytester):
    def run(module):
        pytester.makeconftest(BAN.format(module=module))
        pytester.makepyfile(TESTS)
        options = (
            "-p",
            "no:randomly",
            "-p",
            "no:cacheprovider",
            "-W",
            "ignore:Unknown pytest.mark.allow_hosts",
        )
        return pytester.runpytest_subprocess(*options)  # fmt: skip

    return run


def test_the_sentence(run):
    """Each test that may not open sockets fails with it; one that may has its trap, in spite of the one before."""
    result = run("pytest_socket")
    result.assert_outcomes(passed=1, errors=2, failed=1)
    shown = [line for line in result.outlines if line.endswith(f"TrapError: {SENTENCE}")]
    assert len(shown) == 3


def test_control_another_error(run):
    """The control: an error that is not of this plugin is shown as it is."""
    result = run("another_plugin")
    result.assert_outcomes(passed=1, errors=2, failed=1)
    result.stdout.no_fnmatch_line("*pytest-socket*")
    result.stdout.fnmatch_lines(["*SocketBlockedError: A test tried to use socket.socket."])
