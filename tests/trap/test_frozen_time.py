"""Tests that freeze time: the trap's waits, delays and deadlines end, and the mail has the date of the test."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import threading
import time
from unittest import mock

import pytest
from _stopped_clocks import DATED, FROZEN, STOPPED, stopped
from _trap_talk import SECONDS, Talk, send
from _waits import RUNNERS, wait


@pytest.fixture(params=STOPPED)
def frozen(request):
    """A stopped clock, for the whole test, fixtures and teardown included."""
    with stopped(request.param):
        yield request.param


def test_a_connection_that_is_still_open(frozen, mailtrap_factory):
    """The trap stops nevertheless, as it does when the clock runs."""
    with mailtrap_factory() as trap:
        clients = [Talk(trap.port), Talk(trap.port)]
        send(trap)
        trap.assert_sent_over_tls()
    assert [client.reply() for client in clients] == ["", ""]
    for client in clients:
        client.close()


def test_nothing_arrived(frozen, mailtrap):
    """The assertion waits for clients that are busy, and then says why there is no message."""
    with Talk(mailtrap.port), pytest.raises(AssertionError, match="no message reached the trap"):
        mailtrap.assert_sent_over_tls()


def test_a_delay(frozen, mailtrap):
    """It ends, and the command is answered."""
    mailtrap.delay("MAIL", 0.01)
    send(mailtrap)
    assert len(mailtrap) == 1


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_wait_times_out(frozen, mailtrap, runner):
    """Each way of waiting has its end, even in an event loop whose own clock stands still."""
    with pytest.raises(AssertionError, match=r"no message arrived within 0\.01 s"):
        wait(runner, mailtrap, timeout=0.01)


def test_hostile_servers(frozen, mailtrap):
    """They are judged as usual: the client is given up after its timeout, and late mail is waited for."""
    threads = []

    def try_to_send():
        with contextlib.suppress(smtplib.SMTPException):
            send(mailtrap)

    def send_later():
        threads.append(threading.Thread(target=try_to_send))
        threads[-1].start()

    verdicts = mailtrap.judge_hostile_servers(
        send_later, scenarios=["starttls-stripped"], may_fail_silently=True
    )
    for thread in threads:
        thread.join()
    assert [verdict.outcome for verdict in verdicts] == ["delivered", "refused"]


@pytest.mark.parametrize("how", DATED)
def test_mail_has_the_date_of_the_test(mailtrap, how):
    """received_at can be compared with the Date that the application writes, and with the certificates that it uses."""
    with stopped(how):
        send(mailtrap)
    assert mailtrap[0].received_at == FROZEN
    send(mailtrap)
    assert mailtrap[1].received_at > FROZEN


@pytest.mark.parametrize("name", ["time", "monotonic", "sleep", "perf_counter"])
def test_the_trap_does_not_use_up_the_times_of_a_mock(mailtrap, caplog, name):
    """A mock with a list of times is for the code under test: the trap's thread does not ask it."""
    caplog.set_level(0)
    threads = set()
    real = getattr(time, name)

    def counting(*args):
        threads.add(threading.current_thread().name)
        return real(*args)

    with mock.patch(f"time.{name}", counting):
        with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=SECONDS) as client:
            client.starttls(context=mailtrap.ssl_context)
            client.login(mailtrap.username, mailtrap.password)
            client.sendmail("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\n")
        counting(0) if name == "sleep" else counting()
    assert threads == {threading.current_thread().name}


def test_asyncio_sleep_is_replaced(mailtrap, monkeypatch):
    """An application whose pauses are mocked does not keep the trap from seeing its clients."""
    monkeypatch.setattr(asyncio, "sleep", pytest.fail)
    with Talk(mailtrap.port):
        assert len(mailtrap.connections) == 1
    send(mailtrap)
    mailtrap.assert_sent_over_tls()


CONFTEST = {
    "freezegun": "import freezegun; freezegun.freeze_time('2020-01-01').start()",
    "time-machine": "import time_machine; time_machine.travel('2020-01-01', tick=False).start()",
    "mock": "from unittest import mock; mock.patch('time.monotonic', return_value=1.0).start()",
}
FROZEN_FROM_THE_BEGINNING = """
import asyncio, smtplib, pytest

def test_all_of_it(mailtrap):
    client = smtplib.SMTP(mailtrap.host, mailtrap.port)
    client.starttls(context=mailtrap.ssl_context)
    mailtrap.delay("MAIL", 0.01)
    client.sendmail("a@example.org", ["b@example.org"], b"Subject: x\\r\\n\\r\\n")
    mailtrap.assert_sent_over_tls()
    for wait in (mailtrap.wait_for, lambda *a, **k: asyncio.run(mailtrap.wait_for_async(*a, **k))):
        with pytest.raises(AssertionError, match="1 of 2 messages arrived"):
            wait(2, timeout=0.01)
    mailtrap.client = client
"""


@pytest.mark.parametrize("how", CONFTEST)
def test_frozen_before_anything_is_imported(pytester, how):
    """A conftest that freezes time comes before all that the trap imports, but after the plugin."""
    if how != "mock":
        pytest.importorskip(how.replace("-", "_"), reason="it comes with pytest-mailtrap[test]")
    pytester.makeconftest(CONFTEST[how])
    pytester.makepyfile(FROZEN_FROM_THE_BEGINNING)
    result = pytester.runpytest_subprocess("-W", "error", timeout=60)
    result.assert_outcomes(passed=1)
