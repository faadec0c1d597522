"""A message that its client has sent completely is never said not to have arrived, however late the trap reads it."""

from __future__ import annotations

import pytest

# The trap's loop does nothing from here on, until somebody lets the trap read what has come.
LATE = """
import socket, threading, types
from contextlib import ExitStack
import pytest

@pytest.fixture(autouse=True)
def kept():
    with ExitStack() as stack:
        yield stack

def late(trap, kept):
    server, may_read = trap._server.server, threading.Event()
    for name in ("settle", "settle_until_quiet"):
        def reading(_, original=getattr(server, name)):
            may_read.set()
            original()
        setattr(server, name, types.MethodType(reading, server))
    client = socket.create_connection(("127.0.0.1", trap.port), timeout=10)
    replies = client.makefile("rb")
    kept.enter_context(client), kept.enter_context(replies)
    replies.readline()
    for command in (b"HELO x", b"MAIL FROM:<a@example.org>", b"RCPT TO:<b@example.org>", b"DATA"):
        client.sendall(command + b"\\r\\n")
        replies.readline()
    trap._server.thread.loop.call_soon_threadsafe(may_read.wait, 60)
    client.sendall(b"Subject: Late\\r\\n\\r\\nHello\\r\\n.\\r\\n")

@pytest.fixture(scope="session")
def shared(mailtrap_factory):
    with mailtrap_factory() as trap:
        yield trap
"""
FAILING = """
def test_it({trap}, kept):
    late({trap}, kept)
    {statement}
"""


def run(pytester, test):
    pytester.makepyfile(LATE + test)
    return pytester.runpytest_inprocess("-p", "no:cacheprovider")


@pytest.mark.parametrize("trap", ["mailtrap", "shared"])
def test_captured_mail_has_it(pytester, trap):
    """The list under a failing test and the transcript below it agree: the message has arrived."""
    result = run(pytester, FAILING.format(trap=trap, statement="assert False"))
    result.stdout.fnmatch_lines(
        [
            '[#]1   no TLS  "Late" -> b@example.org',
            "*C: DATA",
            "*-- message data, 24 bytes",
            "*S: 250 OK",
        ]
    )
    result.stdout.no_fnmatch_line("*no message reached*")


@pytest.mark.parametrize("trap", ["mailtrap", "shared"])
@pytest.mark.parametrize(
    "statement", ["{trap}.assert_sent_over_tls()", "{trap}.wait_for(1, timeout=0)"]
)
def test_an_assertion_counts_it(pytester, trap, statement):
    """An assertion that would find nothing lets the trap read first; then it is about the message that has come."""
    result = run(pytester, FAILING.format(trap=trap, statement=statement.format(trap=trap)))
    if "wait_for" in statement:
        result.assert_outcomes(passed=1)
    else:
        result.stdout.fnmatch_lines(["E  *AssertionError: the message was sent in cleartext"])
        result.stdout.no_fnmatch_line("*no message reached*")


def test_control_a_message_that_is_not_complete(pytester):
    """The control: without the final dot, nothing has arrived, and both texts say so."""
    test = LATE.replace(r"Hello\r\n.\r\n", r"Hello\r\n") + FAILING.format(
        trap="mailtrap", statement="mailtrap.assert_sent_over_tls()"
    )
    pytester.makepyfile(test)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["E  *no message reached the trap", "no message reached a trap"])
