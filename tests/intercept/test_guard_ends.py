"""The guard ends with the run, however that ends, and leaves alone what others have replaced."""

from __future__ import annotations

import _socket
import signal
import socket
import textwrap

import pytest
from _guarded_runs import run


def functions() -> tuple[object, ...]:
    """The functions that the guard and traps replace."""
    return socket.socket.connect, socket.getaddrinfo, _socket.getaddrinfo


@pytest.mark.parametrize(
    "end", ["assert False", "raise KeyboardInterrupt", "pytest.exit('enough')"]
)
def test_it_falls_with_the_run(pytester: pytest.Pytester, end: str) -> None:
    """Even if a test fails or the user interrupts, nothing stays replaced."""
    before = functions()
    pytester.makepyfile(
        f"""
        import pytest, socket

        @pytest.mark.mailtrap(intercept=True)
        def test_a(mailtrap):
            assert "connect" in vars(socket.socket)
            print("it was replaced")
            {end}
        """
    )
    options = ("-s", "-p", "no:randomly", "--mailtrap-guard")
    result = pytester.runpytest_inprocess(*options, no_reraise_ctrlc=True)
    assert result.ret in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    result.stdout.fnmatch_lines(["*it was replaced"])
    assert functions() == before


OUTLIVED = """
import _socket, socket, sys, threading

import pytest

def no_resolver(*args):
    raise socket.gaierror("there is no resolver")

_socket.getaddrinfo = no_resolver
go_on = threading.Event()

def outcome():
    try:
        socket.create_connection(("smtp.example-provider.com", 587), timeout=5)
    except OSError as error:
        return type(error).__name__

def send_later():
    go_on.wait(20)
    print("what a test began:", outcome())

class Tests:
    @staticmethod
    def pytest_sessionstart():
        threading.Thread(target=send_later, name="queue").start()

assert pytest.main(["-q", "-p", "no:randomly", *sys.argv[1:]], plugins=[Tests]) == 0
print("who ran pytest:", outcome())
go_on.set()
"""


@pytest.mark.parametrize(
    ("flag", "refused"),
    [("--mailtrap-guard", "MailGuardError"), ("--mailtrap-guard=false", "gaierror")],
)
def test_a_thread_that_outlives_the_run_stays_guarded(
    pytester: pytest.Pytester, flag: str, refused: str
) -> None:
    """A queue flushed after pytest ends holds test mail and stays guarded; pytest's caller may send its own."""
    pytester.makepyfile(test_a="def test_a():\n    pass", program=OUTLIVED)
    result = pytester.runpython_c(f"import sys; sys.argv[1:] = ['{flag}']; import program")
    result.stdout.fnmatch_lines(
        ["who ran pytest: gaierror", f"what a test began: {refused}"], consecutive=True
    )
    assert result.stderr.str() == ""


def test_others_that_replace_the_same_function(pytester: pytest.Pytester) -> None:
    """A plugin that allows some hosts and restores the original after each test disables neither guard nor trap."""
    before = functions()
    pytester.makeconftest(
        """
        import socket

        connect = socket.socket.connect

        def allow_this_machine(sock, address):
            assert address[0] in ("127.0.0.1", "::1"), "not allowed"
            return connect(sock, address)

        def pytest_runtest_setup():
            socket.socket.connect = allow_this_machine

        def pytest_runtest_teardown():
            socket.socket.connect = connect
        """
    )
    pytester.makepyfile(
        """
        import smtplib, socket, pytest

        def connect():
            with socket.socket() as sock:
                sock.connect(("192.0.2.25", 25))

        def test_address():
            connect()

        def test_address_once_more():
            connect()

        @pytest.mark.mailtrap(intercept=True)
        def test_trap(mailtrap):
            smtplib.SMTP("smtp.example-provider.com", 25, timeout=10).close()
            assert len(mailtrap.connections) == 1

        @pytest.mark.mailtrap(guard=False)
        def test_it_is_the_other_that_refuses():
            with pytest.raises(AssertionError, match="not allowed"):
                connect()
        """
    )
    result = pytester.runpytest_inprocess("-s", "-p", "no:randomly", "--mailtrap-guard")
    result.assert_outcomes(passed=2, failed=2)
    assert result.stdout.str().count("MailGuardError: the mail guard refused 192.0.2.25:25") == 2
    assert functions() == before


TIMEOUT = """
import signal

def give_up(*_arguments):
    pytest.fail("it took too long")

signal.signal(signal.SIGALRM, give_up)
signal.setitimer(signal.ITIMER_REAL, 0.2)
mailtrap.wait_for(1, timeout=60)
"""


@pytest.mark.parametrize(
    "end",
    [
        "assert False",
        'with smtplib.SMTP("smtp.example.org", 587, timeout=10):\n    raise OSError',
        "mailtrap.intercept().__enter__()\nassert False",
        pytest.param(
            TIMEOUT,
            marks=pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no alarms here"),
        ),
    ],
)
def test_nothing_is_replaced_in_the_test_after_one_that_fails(
    pytester: pytest.Pytester, end: str
) -> None:
    """The test fails by an assertion, during a connection or an interception, or by a timeout as in pytest-timeout."""
    result = run(
        pytester,
        f"""
import _socket, os, ssl

def functions():
    return (
        socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo, socket.gethostbyname,
        _socket.getaddrinfo, _socket.gethostbyname, ssl.SSLContext.load_default_certs,
        os.environ.get("SSL_CERT_FILE"),
    )

BEFORE = functions()

@pytest.mark.mailtrap(intercept=True, guard=True)
def test_fails(mailtrap):
    assert not set(functions()) & set(BEFORE) - {{socket.getaddrinfo}}
{textwrap.indent(end, "    ")}

def test_next():
    assert functions() == BEFORE
""",
    )
    result.assert_outcomes(failed=1, passed=1)
    assert "test_fails" in result.stdout.str().partition("short test summary")[2]
