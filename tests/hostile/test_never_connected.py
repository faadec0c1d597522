"""A client that never connected to a hostile server has not refused it."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading

import _hostile_clients as clients
import pytest

from pytest_mailtrap import Rule, Scenario

ALL = ["starttls-stripped", "certificate-host-mismatch", "certificate-expired"]
hostile = pytest.mark.mailtrap(scenarios=["certificate-host-mismatch"])
intercepted = pytest.mark.mailtrap(intercept=True, scenarios=ALL)


class Throttled:
    """An application that sends *limit* mails, and then no more for a while."""

    def __init__(self, send, limit, *, error=None):
        self._send, self._left, self._error = send, limit, error

    def __call__(self):
        if not self._left:
            if self._error is not None:
                raise self._error
            return
        self._left -= 1
        self._send()


class Pool:
    """Keeps its connection and reconnects on the next call if it was lost; *every* sets after how many calls."""

    def __init__(self, trap, context, *, every=1):
        self._trap, self._context, self._every = trap, context, every
        self._client, self._waits = None, 0

    def __call__(self):
        if self._client is None and self._waits:
            self._waits -= 1
            raise smtplib.SMTPServerDisconnected("please run connect() first")
        if self._client is None:
            self._client = smtplib.SMTP(self._trap.host, self._trap.port, timeout=2)
            try:
                self._client.starttls(context=self._context())
            except OSError:
                self.close()
                raise
        try:
            self._client.sendmail(*clients.MAIL)
        except smtplib.SMTPServerDisconnected:
            self.close()
            self._waits = self._every - 1
            raise

    def close(self):
        if self._client is not None:
            self._client.close()
            self._client = None


@pytest.fixture
def pool(request):
    """Makes pools whose connections are closed when the test ends."""

    def make(*args, **how):
        made = Pool(*args, **how)
        request.addfinalizer(made.close)
        return made

    return make


@hostile
@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("error", [None, OSError("too many mails"), smtplib.SMTPException("full")])
def test_throttle(hostile_mailtrap, error, silent):
    """Whether or not the client reports its failure or is allowed to be silent: there was nothing to judge."""
    send = Throttled(clients.secure_starttls(hostile_mailtrap), 1, error=error)
    verdict = hostile_mailtrap.judge(send, may_fail_silently=silent)
    assert verdict.outcome == "never-connected"
    assert verdict.failed
    assert not verdict.passed
    assert verdict.connections == ()


@hostile
@pytest.mark.parametrize("silent", [False, True])
def test_throttle_that_is_reset(hostile_mailtrap, silent):
    """The control: if each scenario's limit leaves room for its mail, the same application is judged, and passes."""
    send = Throttled(clients.secure_starttls(hostile_mailtrap), 2)
    verdict = hostile_mailtrap.judge(send, may_fail_silently=silent)
    assert verdict.outcome == "refused"
    assert len(verdict.connections) == 1


@hostile
def test_careless_pool_is_caught(hostile_mailtrap, pool):
    """Its kept connection fails first; when it reconnects, to the impostor, that is detected."""
    verdict = hostile_mailtrap.judge(pool(hostile_mailtrap, clients.no_context))
    assert (verdict.outcome, verdict.channel) == ("leaked", "impostor")


@hostile
def test_careful_pool_passes(hostile_mailtrap, pool):
    """The control: the same pool, with verification, is also judged by its second attempt."""
    verdict = hostile_mailtrap.judge(pool(hostile_mailtrap, ssl.create_default_context))
    assert verdict.outcome == "refused"
    assert isinstance(verdict.attempt.error, ssl.SSLCertVerificationError)
    assert len(verdict.connections) == 1


@hostile
@pytest.mark.parametrize("context", [clients.no_context, ssl.create_default_context])
def test_pool_that_takes_longer(hostile_mailtrap, pool, context):
    """A pool that reconnects only at the third call was not judged, whether careless or careful."""
    send = pool(hostile_mailtrap, context, every=2)
    assert hostile_mailtrap.judge(send).outcome == "never-connected"


@pytest.mark.mailtrap(scenarios=ALL)
def test_pool_in_a_family_meets_every_scenario(mailtrap, pool):
    """In one call with several servers, the pool meets each of them, not just every second one."""
    careless = mailtrap.judge_hostile_servers(pool(mailtrap, clients.no_context))
    assert [verdict.outcome for verdict in careless[1:]] == ["refused", "leaked", "leaked"]
    careful = mailtrap.judge_hostile_servers(pool(mailtrap, ssl.create_default_context))
    assert [verdict.outcome for verdict in careful[1:]] == ["refused"] * 3
    assert all(verdict.connections for verdict in (*careless, *careful))


@hostile
def test_pool_with_a_dead_connection_before_the_control(hostile_mailtrap, pool):
    """A connection left over from an earlier test does not fail the control: a pool that reports it can reconnect."""
    send = pool(hostile_mailtrap, ssl.create_default_context)
    send._waits = 1
    assert hostile_mailtrap.judge(send).outcome == "refused"


@hostile
def test_nothing_at_all_is_no_second_control(hostile_mailtrap):
    """A client that sends nothing and reports no error has failed the control; it is not called a second time."""
    calls = []
    verdict = hostile_mailtrap.judge(lambda: calls.append(1))
    assert verdict.outcome == "not-delivered"
    assert calls == [1]


@intercepted
def test_kept_connection_of_django(hostile_mailtrap):
    """A backend that stays open does not reconnect: nothing is proven, even if it is careless."""
    pytest.importorskip("django")
    from django.conf import settings

    if not settings.configured:
        settings.configure()
    from django.core.mail import EmailMessage
    from django.core.mail.backends.smtp import EmailBackend

    class Careless(EmailBackend):
        @property
        def ssl_context(self):
            return clients.no_context()

    def backend():
        return Careless(alias="default", host="smtp.example.org", port=587, use_tls=True, timeout=2)

    def send(connection):
        connection.send_messages([EmailMessage("Hi", "x", "a@example.org", ["b@example.org"])])

    kept = backend()

    def send_on_the_open_one():
        kept.open()  # does nothing where it is open
        send(kept)

    assert hostile_mailtrap.judge(send_on_the_open_one).outcome == "never-connected"
    kept.connection.close()
    # The control: a new one each time is caught.
    verdict = hostile_mailtrap.judge(lambda: send(backend()))
    assert verdict.outcome == (
        "refused" if hostile_mailtrap.scenario.id == "starttls-stripped" else "leaked"
    )


def failure_of(trap, send):
    with pytest.raises(AssertionError) as caught:
        trap.assert_client_refuses(send)
    lines = str(caught.value).splitlines()
    assert len(lines) <= 18
    assert max(map(len, lines)) <= 72
    return lines


@hostile
def test_words(hostile_mailtrap):
    """The fact, what the client reported, and the likely causes."""
    lines = failure_of(hostile_mailtrap, Throttled(clients.secure_starttls(hostile_mailtrap), 1))
    assert lines == [
        "nothing connected to the hostile server",
        "",
        "  the server  certificate-host-mismatch (STARTTLS): presents a",
        "              certificate for another host, impostor.example",
        "  the client  reported success",
        "",
        "  - expected: a connection to this server on which nothing is sent",
        "  + received: nothing connected to the hostile server",
        "",
        "Each scenario calls send() again: a throttle, deduplication, a pool or",
        "a circuit breaker is the likely cause. Reset it in send().",
        "More: docs/hostile.md",
    ]


def test_words_of_a_family(mailtrap):
    """If nothing else is wrong, the text does not say that the client failed."""
    with pytest.raises(AssertionError) as caught:
        mailtrap.assert_refuses_hostile_servers(
            Throttled(clients.secure_starttls(mailtrap), 1), scenarios=ALL
        )
    assert str(caught.value).splitlines() == [
        "nothing connected to 3 of 3 hostile servers",
        "",
        "  nothing connected to the hostile server:",
        "      starttls-stripped, certificate-host-mismatch, certificate-expired",
        "",
        "Each scenario calls send() again: a throttle, deduplication, a pool or",
        "a circuit breaker is the likely cause. Reset it in send().",
        "More: docs/hostile.md",
    ]


def probes(trap, probe):
    """Sends once, and after that only checks whether the server is up."""
    secure, calls = clients.secure_starttls(trap), []

    def send():
        calls.append(1)
        if len(calls) == 1:
            secure()
            return
        with contextlib.closing(
            socket.create_connection((trap.host, trap.port), timeout=5)
        ) as sock:
            assert sock.recv(4) == b"220 "
            for command in probe:
                sock.sendall(command.encode() + b"\r\n")
                sock.recv(512)
        raise ConnectionRefusedError("the circuit is open")

    return send


@pytest.mark.parametrize(
    ("scenario", "probe", "outcome"),
    [
        ("certificate-expired", (), "never-connected"),
        ("certificate-expired", ("NOOP",), "never-connected"),
        ("certificate-expired", ("EHLO probe",), "never-connected"),
        ("certificate-expired", ("EHLO probe", "STARTTLS"), "refused"),
        ("starttls-stripped", (), "never-connected"),
        ("starttls-stripped", ("NOOP",), "never-connected"),
        ("starttls-stripped", ("EHLO probe",), "refused"),
        ("ehlo-refused", ("EHLO probe",), "refused"),
        ("starttls-refused", ("EHLO probe",), "never-connected"),
        ("response-injection", ("EHLO probe",), "never-connected"),
    ],
)
def test_probe_has_refused_nothing(mailtrap, scenario, probe, outcome):
    """A client that stops before the hostile part has not refused it; the control cases are those that reach it."""
    _, verdict = mailtrap.judge_hostile_servers(probes(mailtrap, probe), scenarios=[scenario])
    assert verdict.outcome == outcome
    assert verdict.connections


def test_probe_of_the_implicit_port(mailtrap):
    """On that port, the ClientHello is what counts."""
    secure, calls = clients.secure_implicit(mailtrap), []

    def send():
        calls.append(1)
        if len(calls) == 1:
            secure()
            return
        socket.create_connection((mailtrap.host, mailtrap.tls_port), timeout=5).close()
        raise ConnectionRefusedError("the circuit is open")

    _, verdict = mailtrap.judge_hostile_servers(send, "implicit", scenarios=["certificate-expired"])
    assert verdict.outcome == "never-connected"


def test_server_that_is_hostile_from_the_start_is_met_at_once(mailtrap):
    """A custom scenario that turns every client away has been met by any client that connected."""
    busy = Scenario(
        id="busy",
        summary="has no time",
        rules=[Rule(command="CONNECT", code=421, text="4.3.2 Busy", times=None)],
    )
    verdicts = mailtrap.judge_hostile_servers(clients.secure_starttls(mailtrap), scenarios=[busy])
    assert verdicts[1].outcome == "refused"


def test_words_for_a_probe(mailtrap):
    """The client did connect: the text says what it did not do."""
    with pytest.raises(AssertionError) as caught:
        mailtrap.assert_refuses_hostile_servers(probes(mailtrap, ()), scenarios=ALL)
    assert str(caught.value).splitlines() == [
        "the client failed against 3 of 3 hostile servers",
        "",
        "  disconnected before the server could be hostile:",
        "      starttls-stripped, certificate-host-mismatch, certificate-expired",
        "",
        "A probe or a circuit breaker that only checks whether the server is up",
        "proves nothing. Let send() try to send a message each time.",
        "More: docs/hostile.md",
    ]


@hostile
def test_hanging_without_a_connection(hostile_mailtrap):
    """A client that does not return is reported as hung, and is not called a second time."""
    calls = []
    forever = threading.Event()

    def send():
        calls.append(1)
        if len(calls) > 1:
            forever.wait()
        clients.secure_starttls(hostile_mailtrap)()

    assert hostile_mailtrap.judge(send, timeout=0.5).outcome == "hung"
    assert calls == [1, 1]
    forever.set()
