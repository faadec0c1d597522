"""The control: a client that cannot send to a good server proves nothing, and the message says why."""

from __future__ import annotations

import contextlib
import functools
import smtplib
import socket
import ssl
import sys

import _hostile_clients as clients
import pytest

EARLY = ssl.create_default_context()
hostile = pytest.mark.mailtrap(scenarios=["certificate-expired"])
implicit = pytest.mark.mailtrap(scenarios=["certificate-expired"], mode="implicit")


def failure_of(trap, send, **how):
    with pytest.raises(AssertionError) as failure:
        trap.assert_client_refuses(send, **how)
    text = str(failure.value)
    assert len(text.splitlines()) <= 18
    assert all(len(line) <= 72 for line in text.splitlines())
    return text


@hostile
def test_nothing_sent_at_all(hostile_mailtrap):
    """A client that does nothing refuses nothing."""
    text = failure_of(hostile_mailtrap, lambda: None)
    assert text.splitlines()[0] == "the control failed: no mail arrived at the good server"
    assert "  the client  reported success" in text
    assert "nothing connected to" in text
    assert "Let send() send one message to the trap:" in text
    assert "reset a throttle, pool, deduplication or circuit breaker" in text


def leaves_in_the_handshake(trap):
    """Without an alert, as the clients of Node and asyncio do, whatever the reason."""
    context = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection((trap.host, trap.port), timeout=5) as sock:
        sock.recv(4096)
        sock.sendall(b"EHLO localhost\r\n")
        sock.recv(4096)
        sock.sendall(b"STARTTLS\r\n")
        sock.recv(4096)
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        sock.sendall(outgoing.read())
        sock.recv(4096)


@hostile
@pytest.mark.parametrize(
    ("error", "is_advised"),
    [
        ("the server does not support PLAIN", False),
        ("unable to verify the first certificate", True),
    ],
)
def test_who_may_have_rejected_the_certificate(hostile_mailtrap, error, is_advised):
    """If the client reported an error, only its text can show whether the certificate was the reason."""

    def send():
        leaves_in_the_handshake(hostile_mailtrap)
        raise RuntimeError(error)

    text = failure_of(hostile_mailtrap, send)
    assert "it may have rejected the certificate" in " ".join(text.split())
    assert ("The CA was trusted at that time" in text) is is_advised


@hostile
def test_error_before_the_first_connection(hostile_mailtrap):
    """An error raised by the application itself is shown."""
    text = failure_of(hostile_mailtrap, lambda: {}["MAIL_HOST"])
    assert "  the client  raised KeyError: 'MAIL_HOST'" in text


@hostile
def test_context_made_too_early(hostile_mailtrap):
    """A context created at import time does not have the CA: it must be created in the call."""

    def send():
        with smtplib.SMTP(hostile_mailtrap.host, hostile_mailtrap.port, timeout=5) as client:
            client.starttls(context=EARLY)
            client.sendmail(*clients.MAIL)

    text = failure_of(hostile_mailtrap, send)
    assert "client rejected the certificate: unknown CA" in text
    assert "it was created before the test" in text
    assert text.endswith("\n  smtplib  context=ssl.create_default_context() in the call")


@hostile
def test_wrong_kind_of_port(hostile_mailtrap):
    """Implicit TLS on the STARTTLS port."""

    def send():
        context = ssl.create_default_context()
        with smtplib.SMTP_SSL("localhost", hostile_mailtrap.port, timeout=5, context=context):
            pass

    text = failure_of(hostile_mailtrap, send)
    assert "client spoke implicit TLS, but this is the STARTTLS port" in text
    assert "@pytest.mark.mailtrap(mode='implicit')" in text


@implicit
def test_wrong_kind_of_port_the_other_way(hostile_mailtrap):
    """STARTTLS on the port for implicit TLS: both sides wait for the other."""

    def send():
        with smtplib.SMTP(hostile_mailtrap.host, hostile_mailtrap.port, timeout=0.3):
            pass

    text = failure_of(hostile_mailtrap, send)
    assert "without a TLS handshake" in text
    assert "@pytest.mark.mailtrap(mode='starttls')" in text


@hostile
def test_wrong_host_name(hostile_mailtrap):
    """A host name that the certificate does not cover."""

    def send():
        with smtplib.SMTP(hostile_mailtrap.host, hostile_mailtrap.port, timeout=5) as client:
            client._host = "mail.example.org"
            client.starttls(context=ssl.create_default_context())
            client.sendmail(*clients.MAIL)

    text = failure_of(hostile_mailtrap, send)
    assert "Hostname mismatch" in text
    assert "The certificate is for localhost, not for mail.example.org:\n" in text
    assert "  connect to  hostile_mailtrap.host, hostile_mailtrap.port\n" in text


@hostile
def test_cleartext_although_tls_was_offered(hostile_mailtrap):
    """A client without any TLS fails at the good server."""

    def send():
        with smtplib.SMTP(hostile_mailtrap.host, hostile_mailtrap.port, timeout=5) as client:
            client.sendmail(*clients.MAIL)

    text = failure_of(hostile_mailtrap, send)
    assert text.splitlines()[0] == "the control failed: envelope and message sent in cleartext"
    assert "<-- not inside TLS" in text


@hostile
def test_wrong_credentials(hostile_mailtrap):
    """A login with other credentials."""

    def send():
        with smtplib.SMTP(hostile_mailtrap.host, hostile_mailtrap.port, timeout=5) as client:
            client.starttls(context=ssl.create_default_context())
            client.login("me", "sesame")

    text = failure_of(hostile_mailtrap, send)
    assert "hostile_mailtrap.username, hostile_mailtrap.password" in text
    assert "sesame" not in text


@hostile
def test_client_that_hangs_at_the_good_server(hostile_mailtrap):
    """The deadline applies there as well; the message says how to give a slow client more time."""
    text = failure_of(hostile_mailtrap, lambda: __import__("time").sleep(1), timeout=0.1)
    assert "the client  did not return within" in text
    assert "\nIf it was only slow, allow more seconds per attempt: timeout=60\n" in text


@hostile
def test_client_that_fails_at_once_is_not_told_of_time(hostile_mailtrap):
    """The control for the test above: more seconds would not help this client."""
    assert "timeout=60" not in failure_of(hostile_mailtrap, lambda: None)


@hostile
def test_program_whose_output_is_in_its_error(hostile_mailtrap):
    """The message about a failing program shows its error output."""
    import subprocess

    text = failure_of(
        hostile_mailtrap,
        lambda: subprocess.run([sys.executable, "-c", "raise SystemExit(3)"], check=True),
    )
    assert " exited with status 3\n" in text
    assert "raise SystemExit" not in text


@hostile
def test_the_control_is_made_each_time(hostile_mailtrap):
    """A client that could send once, but no longer can, is not considered safe."""
    state = {"works": True}
    secure = clients.secure_starttls(hostile_mailtrap)

    def send():
        if not state["works"]:
            raise OSError("the queue is full")
        secure()

    hostile_mailtrap.assert_client_refuses(send)
    state["works"] = False
    assert "the control failed" in failure_of(hostile_mailtrap, send)


def test_one_call_has_its_control(mailtrap):
    """When all scenarios run in one call, the control comes first, and the call ends there if it fails."""
    with pytest.raises(AssertionError) as failure:
        mailtrap.assert_refuses_hostile_servers(lambda _host, _port: None)
    assert (
        str(failure.value).splitlines()[0]
        == "the control failed: no mail arrived at the good server"
    )
    [verdict] = mailtrap.judge_hostile_servers(lambda: None, scenarios=["certificate-expired"])
    assert (verdict.scenario.id, verdict.outcome) == ("ok", "not-delivered")


@pytest.mark.parametrize(("mode", "port"), [("starttls", "port"), ("implicit", "tls_port")])
def test_one_call_names_the_trap_that_the_test_has(mailtrap, mode, port):
    """Unlike the hostile servers, the test's own fixture is named mailtrap, and has both ports."""
    with pytest.raises(AssertionError) as failure:
        mailtrap.assert_refuses_hostile_servers(lambda: None, mode)
    assert f"  host, port  mailtrap.host, mailtrap.{port}" in str(failure.value).splitlines()
    assert "hostile_mailtrap" not in str(failure.value)


@hostile
def test_the_fixture_is_named_in_its_own_failure(hostile_mailtrap):
    """The counterpart: here it is hostile_mailtrap, whose port is the one for its mode."""
    text = failure_of(hostile_mailtrap, lambda: None)
    assert "  host, port  hostile_mailtrap.host, hostile_mailtrap.port" in text.splitlines()


def deliver(host, port):
    with smtplib.SMTP(host, port, timeout=clients.TIMEOUT) as client:
        client.starttls(context=ssl.create_default_context())
        client.sendmail(*clients.MAIL)


class Method:
    def send(self, host, port=25, *, retries=1):
        deliver(host, port)


TAKES_AN_ADDRESS = {
    "positional": lambda h, p: deliver(h, p),
    "by name only": lambda *, port, host: deliver(host, port),
    "the other way round": lambda port, host: deliver(host, port),
    "anything": lambda *address: deliver(*address),
    "any names": lambda **address: deliver(address["host"], address["port"]),
    "a wrapper": lambda *arguments, **keywords: deliver(*arguments, **keywords),
    "a method": Method().send,
    "a partial": functools.partial(deliver),
}


@pytest.mark.parametrize("send", TAKES_AN_ADDRESS.values(), ids=TAKES_AN_ADDRESS)
def test_send_is_given_host_and_port(mailtrap, send):
    """They are passed by position or by name, as the parameters of `send` require."""
    verdicts = mailtrap.assert_refuses_hostile_servers(send, scenarios=["certificate-expired"])
    assert [verdict.outcome for verdict in verdicts] == ["delivered", "refused"]


@hostile
@pytest.mark.parametrize("name", ["positional", "by name only", "a method"])
def test_the_fixture_gives_them_where_they_are_needed(hostile_mailtrap, name):
    """One function thus works for both assertions; a function that can be called without them keeps its own defaults."""
    hostile_mailtrap.assert_client_refuses(TAKES_AN_ADDRESS[name])
    own = (hostile_mailtrap.host, hostile_mailtrap.port)

    def send(host=own[0], port=own[1], subject="Hi"):
        assert (host, port, subject) == (*own, "Hi")
        deliver(host, port)

    def send_a_reminder(address="b@example.org", subject="Hi"):
        assert (address, subject) == ("b@example.org", "Hi")
        deliver(*own)

    hostile_mailtrap.assert_client_refuses(send)
    hostile_mailtrap.assert_client_refuses(send_a_reminder)


@pytest.mark.parametrize(
    "send", [lambda host: None, lambda host, port, user: None, lambda *, timeout: None]
)
def test_send_that_takes_something_else_is_an_error(mailtrap, send):
    """The error is in the test, not in the application."""
    with pytest.raises(TypeError, match="send must take host and port, or no arguments"):
        mailtrap.assert_refuses_hostile_servers(send)


def test_one_call_leaves_scenarios_out(mailtrap):
    """The argument has the same form as in the marker, and requires a reason."""
    names = ["certificate-expired", "tls-1.0-only"]
    given = {"scenarios": names, "skip_scenarios": {"tls-1.0-only": "legacy relay, #12"}}
    verdicts = mailtrap.assert_refuses_hostile_servers(deliver, **given)
    assert [verdict.scenario.id for verdict in verdicts] == ["ok", "certificate-expired"]
    given["skip_scenarios"] = {"tls-1.0-only": ""}
    with pytest.raises(ValueError, match=r"'tls-1\.0-only' needs a reason"):
        mailtrap.assert_refuses_hostile_servers(deliver, **given)


def deliver_implicit(host, port):
    context = ssl.create_default_context()
    with smtplib.SMTP_SSL(host, port, timeout=5, context=context) as client:
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: Hi\r\n\r\n")


def played(verdicts):
    return [(verdict.scenario.id, verdict.mode) for verdict in verdicts]


@pytest.mark.parametrize("call", ["assert_refuses_hostile_servers", "judge_hostile_servers"])
@pytest.mark.mailtrap(
    mode="implicit",
    scenarios=["certificate-expired", "handshake-closed"],
    skip_scenarios={"handshake-closed": "flaky relay, #13"},
)
def test_one_call_plays_what_the_marker_says(mailtrap, call):
    """Like the fixture, it uses the marker's mode, its scenarios, and those that it skips."""
    verdicts = getattr(mailtrap, call)(deliver_implicit)
    assert played(verdicts) == [("ok", "implicit"), ("certificate-expired", "implicit")]


@pytest.mark.mailtrap(
    mode="implicit",
    scenarios=["certificate-expired"],
    skip_scenarios={"certificate-expired": "flaky relay, #13"},
)
def test_what_one_call_is_given_counts_more_than_the_marker(mailtrap):
    """Each argument overrides the marker separately; the others are still taken from the marker."""
    verdicts = mailtrap.assert_refuses_hostile_servers(deliver, "starttls", skip_scenarios={})
    assert played(verdicts) == [("ok", "starttls"), ("certificate-expired", "starttls")]
    verdicts = mailtrap.judge_hostile_servers(deliver_implicit, scenarios=["handshake-closed"])
    assert played(verdicts) == [("ok", "implicit"), ("handshake-closed", "implicit")]


@pytest.mark.mailtrap(scenarios=["starttls-stripped"])
def test_a_scenario_of_the_marker_that_the_mode_of_the_call_has_not(mailtrap):
    """A scenario that does not exist in the mode of the call is an error, rather than a test of nothing."""
    with pytest.raises(ValueError, match="does not exist in mode 'implicit'"):
        mailtrap.assert_refuses_hostile_servers(deliver_implicit, "implicit")


@pytest.mark.mailtrap(mode="implicit", scenarios=["certificate-expired"])
def test_the_marker_says_nothing_to_other_traps(mailtrap, mailtrap_factory):
    """The marker applies to the test's own trap, not to traps from the factory."""
    with mailtrap_factory() as trap:
        [control, verdict] = trap.judge_hostile_servers(deliver, scenarios=["handshake-closed"])
    assert (control.mode, verdict.mode) == ("starttls", "starttls")


@pytest.mark.mailtrap(mode="implicit", scenarios=["ok"])
def test_one_call_of_a_hostile_trap_has_its_mode(hostile_mailtrap):
    """The same trap should not run in two modes."""
    verdicts = hostile_mailtrap.judge_hostile_servers(
        deliver_implicit, scenarios=["handshake-closed"]
    )
    assert played(verdicts) == [("ok", "implicit"), ("handshake-closed", "implicit")]
