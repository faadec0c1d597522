"""How `send()` is called, and how its outcome is interpreted."""

from __future__ import annotations

import contextvars
import gc
import smtplib
import ssl
import sys
import threading
import time
import weakref
from decimal import Decimal
from types import SimpleNamespace

import _hostile_clients as clients
import pytest

from pytest_mailtrap._hostile.send_call import attempt

hostile = pytest.mark.mailtrap(scenarios=["certificate-expired"])


def tried(send, timeout=10.0):
    return attempt(send, timeout=timeout, cut=lambda: None)


@pytest.mark.parametrize(
    ("send", "reported"),
    [
        (lambda: None, False),
        (lambda: 1, False),
        (lambda: False, True),
        (lambda: 1 / 0, True),
        (lambda: sys.exit(), False),
        (lambda: sys.exit(0), False),
        (lambda: sys.exit(1), True),
        (lambda: sys.exit("could not send"), True),
        (lambda: SimpleNamespace(returncode=0), False),
        (lambda: SimpleNamespace(returncode=67), True),
    ],
)
@pytest.mark.parametrize("timeout", [10.0, None])
def test_what_tells_the_caller(send, reported, timeout):
    """An error, False, or the exit status of a program; in a separate thread and in the caller's."""
    how = tried(send, timeout)
    assert how.reported is reported
    assert not how.hung


@pytest.mark.parametrize("timeout", [10.0, None])
def test_what_is_not_the_applications_goes_through(timeout):
    """pytest's own outcomes and KeyboardInterrupt do not count as refusals."""

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tried(interrupted, timeout)
    with pytest.raises(pytest.fail.Exception, match="not now"):
        tried(lambda: pytest.fail("not now"), timeout)


def test_call_that_hangs_is_left_behind():
    """Whatever the call is waiting for, the deadline holds, and its connections are cut."""
    forever, cuts = threading.Event(), []
    started = time.monotonic()
    how = attempt(forever.wait, timeout=0.05, cut=lambda: cuts.append(1))
    assert how.hung
    assert cuts == [1]
    assert time.monotonic() - started < 10
    forever.set()


def test_thread_of_the_call():
    """A deadline needs a thread; timeout=None is for code that is bound to the thread of its test."""
    threads = []
    tried(lambda: threads.append(threading.current_thread()))
    tried(lambda: threads.append(threading.current_thread()), None)
    assert threads[0] is not threading.current_thread()
    assert threads[1] is threading.current_thread()


def test_context_variables_are_seen():
    """The application context of a web framework is available in the other thread, too."""
    variable = contextvars.ContextVar("variable")
    variable.set("here")
    seen = []
    tried(lambda: seen.append(variable.get()))
    assert seen == ["here"]


@hostile
def test_send_must_be_a_function(hostile_mailtrap):
    """It is called twice; its result could not be."""
    with pytest.raises(
        TypeError, match="send must be a function, which is called several times: pass the function"
    ):
        hostile_mailtrap.assert_client_refuses(None)


@hostile
@pytest.mark.parametrize(
    "timeout", [0, -1, float("inf"), float("nan"), 1e12, True, "5", Decimal("0.5")]
)
def test_timeout_must_be_positive(hostile_mailtrap, timeout):
    """None means that there is no deadline; infinity and timeouts too long for a thread are rejected."""
    with pytest.raises(ValueError, match="timeout must be a positive number of seconds") as caught:
        hostile_mailtrap.assert_client_refuses(lambda: None, timeout=timeout)
    assert str(caught.value).endswith(f"or None, got {timeout!r}")


@hostile
def test_in_the_tests_own_thread(hostile_mailtrap):
    """timeout=None produces verdicts as well."""
    hostile_mailtrap.assert_client_refuses(clients.secure_starttls(hostile_mailtrap), timeout=None)
    assert (
        hostile_mailtrap.judge(clients.unverified_starttls(hostile_mailtrap), timeout=None).outcome
        == "leaked"
    )


@hostile
def test_silence_may_be_allowed(hostile_mailtrap):
    """A handler that swallows errors loses mail, but that may be intended."""
    send = clients.swallowing(clients.secure_starttls)(hostile_mailtrap)
    assert hostile_mailtrap.judge(send).outcome == "lost"
    hostile_mailtrap.assert_client_refuses(send, may_fail_silently=True)


@hostile
def test_allowed_silence_excuses_no_leak(hostile_mailtrap):
    """The negative control: a client that fails silently, but sends everything to the impostor, is caught."""
    send = clients.swallowing(clients.unverified_starttls)(hostile_mailtrap)
    with pytest.raises(AssertionError, match="password, envelope and message sent to an impostor"):
        hostile_mailtrap.assert_client_refuses(send, may_fail_silently=True)


@hostile
def test_connection_that_is_kept_does_not_carry_over(hostile_mailtrap):
    """A client that reuses its connection to the good server, and makes no new one to the hostile one, has not refused it."""
    kept = []

    def send():
        if not kept:
            kept.append(smtplib.SMTP(hostile_mailtrap.host, hostile_mailtrap.port, timeout=2))
            kept[0].starttls(context=ssl.create_default_context())
        kept[0].sendmail(*clients.MAIL)

    verdict = hostile_mailtrap.judge(send)
    kept[0].close()
    assert verdict.outcome == "never-connected"
    assert isinstance(verdict.attempt.error, smtplib.SMTPServerDisconnected)


@hostile
def test_session_of_the_good_server_opens_no_door(hostile_mailtrap):
    """A TLS session that the client kept from the control is not resumed: the certificate is verified again."""
    context, sessions = ssl.create_default_context(), []

    def send():
        with smtplib.SMTP(hostile_mailtrap.host, hostile_mailtrap.port, timeout=2) as client:
            client.ehlo()
            client.docmd("STARTTLS")
            session = sessions[-1] if sessions else None
            client.sock = context.wrap_socket(
                client.sock, server_hostname="localhost", session=session
            )
            client.file = None
            client.ehlo()
            client.sendmail(*clients.MAIL)
            sessions.append(client.sock.session)

    verdict = hostile_mailtrap.judge(send)
    assert sessions
    assert verdict.outcome == "refused"
    assert "certificate has expired" in str(verdict.attempt.error)


@pytest.mark.parametrize("propagates", [True, False])
@pytest.mark.mailtrap(scenarios=["hostile-reply-text"])
def test_a_logger_that_does_not_propagate_is_watched(hostile_mailtrap, monkeypatch, propagates):
    """Frameworks configure such loggers: the root logger never sees what they write to a file."""
    monkeypatch.setattr(clients.log, "propagate", propagates)
    handlers = [*clients.log.handlers]
    verdict = hostile_mailtrap.judge(
        clients.logs_what_it_hears(clients.secure_starttls)(hostile_mailtrap)
    )
    assert verdict.outcome == "control-characters"
    assert clients.log.handlers == handlers


@pytest.mark.mailtrap(scenarios=["hostile-reply-text"])
def test_a_server_that_refused_the_sender_takes_no_message(hostile_mailtrap):
    """A client that overlooks the refusal does not get a reply that its mail was accepted (RFC 5321, section 3.3)."""
    verdict = hostile_mailtrap.judge(clients.swallowing(clients.bare)(hostile_mailtrap))
    assert verdict.outcome == "lost"
    replies = [line.text for line in verdict.connections[0].transcript if line.speaker == "S"]
    assert "503 Error: need MAIL command" in replies


@pytest.mark.mailtrap(scenarios=["certificate-expired", "hostile-reply-text"])
def test_colours_of_the_applications_own_are_its_own(hostile_mailtrap):
    """The log is searched only for what the server sent: an application may use escape sequences itself."""
    secure = clients.secure_starttls(hostile_mailtrap)

    def send():
        clients.log.warning("\x1b[31mred\x1b[0m\r\n")
        try:
            secure()
        except smtplib.SMTPException as error:
            clients.log.warning("refused: %r", error)
            raise

    hostile_mailtrap.assert_client_refuses(send)


@pytest.mark.parametrize("count", [0, 375, 100_000])
def test_objects_set_aside_are_given_back(monkeypatch, count):
    """A collection during the call examines only the call's own objects, and what the application froze stays frozen."""
    asked = []
    monkeypatch.setattr(gc, "get_freeze_count", lambda: count)
    monkeypatch.setattr(gc, "freeze", lambda: asked.append("freeze"))
    monkeypatch.setattr(gc, "unfreeze", lambda: asked.append("unfreeze"))
    tried(lambda: asked.append("send"))
    assert asked == (["send"] if count == 100_000 else ["freeze", "send", "unfreeze"])


def test_circles_that_a_coroutine_leaves_are_taken_away():
    """Transports in asyncio form reference cycles: they are collected at the end of the call, not in a later test."""

    class Transport:
        def __init__(self):
            self.protocol = self

    left = []
    before = gc.get_freeze_count()

    async def send():
        transport = Transport()
        left.append(weakref.ref(transport))
        raise OSError

    tried(send)
    assert left[0]() is None
    assert gc.get_freeze_count() <= before
