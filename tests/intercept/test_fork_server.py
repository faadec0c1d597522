"""Processes that multiprocessing's fork server starts: they have the trust of the test, not that of an earlier one."""

from __future__ import annotations

import multiprocessing

import pytest

pytestmark = pytest.mark.skipif(
    "forkserver" not in multiprocessing.get_all_start_methods(),
    reason="this system has no fork server",
)

HELPERS = """
import multiprocessing, smtplib, ssl

forkserver = multiprocessing.get_context("forkserver")

def nothing():
    pass

def wait(event):
    event.wait(30)

def send(host, port):
    with smtplib.SMTP(host, port, timeout=10) as client:
        client.starttls(context=ssl.create_default_context())
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: x\\r\\n\\r\\n")

def status(target, *args):
    child = forkserver.Process(target=target, args=args)
    child.start()
    child.join(30)
    return child.exitcode
"""
OLDER = """
import pytest
from helpers import *

def test_another_test_starts_it():
    assert status(nothing) == 0

@pytest.mark.mailtrap(trust=True)
def test_trusted(mailtrap):
    assert status(send, mailtrap.host, mailtrap.port) == 0
    mailtrap.assert_sent_over_tls()

def test_not_trusted(mailtrap):
    assert status(send, mailtrap.host, mailtrap.port) == 1
    assert len(mailtrap) == 0

def test_in_a_block(mailtrap):
    assert status(send, mailtrap.host, mailtrap.port) == 1
    with mailtrap.trust():
        assert status(send, mailtrap.host, mailtrap.port) == 0
    assert status(send, mailtrap.host, mailtrap.port) == 1
    assert len(mailtrap) == 1
"""
IN_USE = """
from helpers import *

def test_it_is_in_use(mailtrap):
    event = forkserver.Event()
    child = forkserver.Process(target=wait, args=(event,))
    child.start()
    with mailtrap.trust():
        assert status(send, mailtrap.host, mailtrap.port) == 1
        event.set()
        child.join(30)
        assert child.exitcode == 0
    with mailtrap.trust():
        assert status(send, mailtrap.host, mailtrap.port) == 0
"""


@pytest.fixture
def run(pytester):
    def run(source):
        pytester.makepyfile(helpers=HELPERS, test_fork_server=source)
        return pytester.runpytest_subprocess("-p", "no:randomly", timeout=120)

    return run


def test_it_is_older_than_the_trust(run):
    """It is started again when the environment changes, in both directions."""
    run(OLDER).assert_outcomes(passed=4)


def test_it_is_in_use(run):
    """It is left alone then: nobody else can report how its processes end."""
    run(IN_USE).assert_outcomes(passed=1)
