"""The real clock, which nothing that a test does to time can stop, set or replace."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest
from _stopped_clocks import STOPPED, stopped

from pytest_mailtrap._system import clock


@pytest.mark.parametrize("how", STOPPED)
def test_it_goes_on(how):
    """Its seconds pass, and its date is neither the test's nor earlier than before."""
    before, then = clock.monotonic(), clock.now()
    with stopped(how):
        between, now = clock.monotonic(), clock.now()
    assert before < between < clock.monotonic()
    assert then < now < clock.now()


@pytest.mark.parametrize("how", STOPPED)
def test_the_clocks_are_stopped(how):
    """The control of the test above, and of all that use the same clocks: what a test asks for the time stands still."""
    with stopped(how) as ask:
        assert ask() == ask()


def test_the_date_is_the_machines():
    """It is aware, in UTC, and that of the system's clock."""
    found = clock.now()
    assert found.utcoffset() == timedelta()
    assert abs(found - datetime.now(timezone.utc)) < timedelta(minutes=1)


def test_sleeping(monkeypatch):
    """It sleeps even if a test has replaced the sleep that everybody else uses."""
    monkeypatch.setattr(time, "sleep", pytest.fail)
    before = clock.monotonic()
    clock.sleep(0.001)
    assert clock.monotonic() - before >= 0.001
