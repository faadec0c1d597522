"""Applications that send in the background: what they do after `send()` has returned is judged, too."""

from __future__ import annotations

import contextlib
import queue
import smtplib
import socket
import ssl
import threading
import time
from types import SimpleNamespace

import _hostile_clients as clients
import pytest

from pytest_mailtrap._hostile import trial
from pytest_mailtrap._hostile.background import Background

PAUSE = 0.4  # more than the trap gives a client that is idle, and less than it waits for late mail


@pytest.fixture
def worker():
    """A thread that runs the jobs in its queue, as in many applications; yields the function that adds a job."""
    jobs: queue.Queue = queue.Queue()

    def work():
        while (job := jobs.get()) is not None:
            with contextlib.suppress(Exception):
                job()

    thread = threading.Thread(target=work)
    thread.start()
    yield jobs.put
    jobs.put(None)
    thread.join()


def looks_for_starttls_later(trap):
    """Is busy for a while between EHLO and the next command."""
    with smtplib.SMTP(trap.host, trap.port, timeout=5) as client:
        client.ehlo()
        time.sleep(PAUSE)
        if client.has_extn("starttls"):
            client.starttls(context=ssl.create_default_context())
        client.sendmail(*clients.MAIL)


def tries_again_without_verification(trap):
    """Verifies the certificate on the first attempt, but not on the second."""
    for context in (ssl.create_default_context(), clients.no_context()):
        try:
            with smtplib.SMTP(trap.host, trap.port, timeout=5) as client:
                client.starttls(context=context)
                client.sendmail(*clients.MAIL)
                return
        except OSError:
            time.sleep(PAUSE)


@pytest.mark.parametrize(
    ("scenario", "client", "leak"),
    [
        ("starttls-stripped", looks_for_starttls_later, "cleartext"),
        ("certificate-expired", tries_again_without_verification, "impostor"),
    ],
)
def test_what_a_worker_does_later_is_seen(mailtrap, patience, worker, scenario, client, leak):
    """Whether it continues after a pause or reconnects after one."""
    assert patience > 2 * PAUSE
    _, verdict = mailtrap.judge_hostile_servers(
        lambda: worker(lambda: client(mailtrap)), scenarios=[scenario], may_fail_silently=True
    )
    assert (verdict.outcome, verdict.channel) == ("leaked", leak)


def test_without_patience_it_is_not(mailtrap, worker):
    """The negative control: only the waiting reveals the leak."""
    _, verdict = mailtrap.judge_hostile_servers(
        lambda: worker(lambda: tries_again_without_verification(mailtrap)),
        scenarios=["certificate-expired"],
        may_fail_silently=True,
    )
    assert verdict.outcome != "leaked"


def test_a_careful_worker_passes(mailtrap, patience, worker, monkeypatch):
    """It sends EHLO late, as if looking up its own host name took time: it must not be reported as having left before."""
    fqdn = socket.getfqdn

    def slow(*arguments):
        time.sleep(0.1)
        return fqdn(*arguments)

    monkeypatch.setattr(socket, "getfqdn", slow)
    careful = clients.secure_without_login(mailtrap)
    verdicts = mailtrap.assert_refuses_hostile_servers(
        lambda: worker(careful), scenarios=["starttls-refused"], may_fail_silently=True
    )
    assert [verdict.outcome for verdict in verdicts] == ["delivered", "refused"]


@pytest.mark.mailtrap(scenarios=["certificate-expired"])
def test_a_thread_for_each_message(hostile_mailtrap, patience):
    """A thread that starts sending late is waited for."""
    careless, threads = clients.unverified_starttls(hostile_mailtrap), []

    def late():
        time.sleep(0.15)
        careless()

    def send():
        threads.append(threading.Thread(target=late))
        threads[-1].start()

    verdict = hostile_mailtrap.judge(send, may_fail_silently=True)
    for thread in threads:
        thread.join()
    assert (verdict.outcome, verdict.channel) == ("leaked", "impostor")


def test_a_helper_that_ends_is_not_taken_for_the_sender(mailtrap, patience, worker):
    """The control showed which thread sends: the worker, not the thread that `send()` starts beside it."""

    def late():
        time.sleep(0.1)
        looks_for_starttls_later(mailtrap)

    def send():
        worker(late)
        threading.Thread(target=lambda: time.sleep(0.02)).start()

    _, verdict = mailtrap.judge_hostile_servers(
        send, scenarios=["starttls-stripped"], may_fail_silently=True
    )
    assert verdict.outcome == "leaked"


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_a_worker_that_waits_for_the_server_hangs(mailtrap, patience, worker, monkeypatch, mode):
    """The worker has no timeout: that nothing was sent by the deadline does not count as a refusal."""
    monkeypatch.setattr(trial, "_LATE_SECONDS", 0.5)
    make = clients.secure_without_login if mode == "starttls" else clients.secure_implicit
    careful = make(mailtrap)
    _, verdict = mailtrap.judge_hostile_servers(
        lambda: worker(careful), mode, scenarios=["handshake-stalled"], may_fail_silently=True
    )
    assert verdict.outcome == "hung"
    assert verdict.attempt.told == "was still waiting for the server 0.5 s after send() returned"


@pytest.fixture
def endless(monkeypatch):
    """Wait for late mail almost indefinitely; the test fails soon if the trial keeps waiting."""
    looks = []

    def sleep(seconds):
        looks.append(seconds)
        assert sum(looks) < 1.5, "it waits for mail that is not to come"
        time.sleep(seconds)

    monkeypatch.setattr(trial, "_LATE_SECONDS", 60)
    monkeypatch.setattr(trial, "clock", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))


@pytest.mark.mailtrap(scenarios=["certificate-expired"])
def test_a_thread_that_has_ended_is_not_waited_for(hostile_mailtrap, endless):
    """It cannot send anything more: judging such an application takes no longer than necessary."""
    careful = clients.swallowing(clients.secure_without_login)(hostile_mailtrap)

    def late():
        time.sleep(0.15)
        careful()

    verdict = hostile_mailtrap.judge(
        lambda: threading.Thread(target=late).start(), may_fail_silently=True
    )
    assert verdict.outcome == "refused"


@pytest.mark.mailtrap(scenarios=["certificate-expired"])
def test_a_worker_is_waited_for_till_the_end(hostile_mailtrap, endless, worker):
    """The negative control: nobody can know what the worker will do next."""
    careful = clients.secure_without_login(hostile_mailtrap)
    with pytest.raises(AssertionError, match="mail that is not to come"):
        hostile_mailtrap.judge(lambda: worker(careful), may_fail_silently=True)


@pytest.mark.parametrize("scenario", ["auth-before-tls", "stale-capabilities"])
def test_a_connection_that_is_kept_for_the_next_message_is_not_waited_for(
    mailtrap, endless, scenario
):
    """Its mail has arrived; that the connection stays open does not mean that more is coming."""
    kept = []

    def send():
        kept.append(smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=5))
        kept[-1].starttls(context=ssl.create_default_context())
        kept[-1].sendmail(*clients.MAIL)

    _, verdict = mailtrap.judge_hostile_servers(send, scenarios=[scenario])
    for client in kept:
        client.close()
    assert verdict.outcome == "delivered"


def test_threads_that_were_there_before_are_not_the_calls_own(worker):
    """Nor are the trap's threads; of the new threads, all must have ended."""
    background = Background()
    assert (background.is_at_work, background.is_done) == (False, False)
    resume = threading.Event()
    threads = [threading.Thread(target=resume.wait, name=name) for name in ("mailtrap-x", "y")]
    threads[0].start()
    assert not background.is_at_work
    threads[1].start()
    assert (background.is_at_work, background.is_done) == (True, False)
    resume.set()
    for thread in threads:
        thread.join()
    assert (background.is_at_work, background.is_done) == (False, True)
