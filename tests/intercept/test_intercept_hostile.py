"""Hostile servers against production settings: the application believes that it is talking to its provider."""

from __future__ import annotations

import smtplib
import socket
import ssl
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest
from _senders import HOST, MAIL, RECIPIENT, SENDER

from pytest_mailtrap import Scenario
from pytest_mailtrap._hostile.scenario import behavior_of
from pytest_mailtrap._server import running_server

if TYPE_CHECKING:
    from pytest_mailtrap import MailTrap

CERTIFICATES = [
    f"certificate-{flaw}"
    for flaw in (
        "not-trusted",
        "self-signed",
        "expired",
        "not-yet-valid",
        "host-mismatch",
        "missing-intermediate",
        "wrong-purpose",
        "partial-wildcard",
    )
]


def starttls(host: str = HOST, *, verify: bool = True) -> None:
    context = ssl.create_default_context() if verify else None
    with smtplib.SMTP(host, 587, timeout=1) as client:
        client.starttls(context=context)
        client.sendmail(SENDER, [RECIPIENT], MAIL)


def with_defaults(host: str = HOST, port: int = 587) -> None:
    with smtplib.SMTP(host, port, timeout=1) as client:
        client.starttls(context=ssl.create_default_context())
        client.sendmail(SENDER, [RECIPIENT], MAIL)


def with_login(host: str = HOST, port: int = 587) -> None:
    with smtplib.SMTP(host, port, timeout=1) as client:
        client.starttls(context=ssl.create_default_context())
        client.login("shop", "its own")


def implicit(host: str = HOST, *, verify: bool = True) -> None:
    context = ssl.create_default_context() if verify else None
    with smtplib.SMTP_SSL(host, 465, timeout=1, context=context) as client:
        client.sendmail(SENDER, [RECIPIENT], MAIL)


def opportunistic() -> None:
    with smtplib.SMTP(HOST, 587, timeout=1) as client:
        client.ehlo()
        if client.has_extn("starttls"):
            client.starttls(context=ssl.create_default_context())
        client.sendmail(SENDER, [RECIPIENT], MAIL)


# -- the fixture --------------------------------------------------------------------------


@pytest.mark.mailtrap(intercept=True)
def test_a_secure_application_withstands_starttls(hostile_mailtrap) -> None:
    """Whatever its provider turns into, the application gives nothing away."""
    hostile_mailtrap.assert_client_refuses(starttls)


@pytest.mark.mailtrap(intercept=[HOST], mode="implicit")
def test_a_secure_application_withstands_implicit_tls(hostile_mailtrap) -> None:
    """The same on port 465, for a host that is intercepted by name."""
    hostile_mailtrap.assert_client_refuses(implicit)


@pytest.mark.mailtrap(intercept=True, scenarios=CERTIFICATES)
def test_who_does_not_verify_is_caught(hostile_mailtrap) -> None:
    """The control: the same application without a context sends its mail to every impostor of its provider."""
    verdict = hostile_mailtrap.judge(lambda: starttls(verify=False))
    assert (verdict.outcome, verdict.channel) == ("leaked", "impostor")
    assert verdict.connection.transport.server_host == HOST


@pytest.mark.mailtrap(intercept=True, mode="implicit", scenarios=CERTIFICATES)
def test_who_does_not_verify_is_caught_on_the_other_port(hostile_mailtrap) -> None:
    """As with STARTTLS."""
    verdict = hostile_mailtrap.judge(lambda: implicit(verify=False))
    assert (verdict.outcome, verdict.channel) == ("leaked", "impostor")


@pytest.mark.mailtrap(intercept=True, scenarios=["starttls-stripped", "starttls-not-supported"])
def test_who_goes_on_without_tls_is_caught(hostile_mailtrap) -> None:
    """The control for the other fault."""
    verdict = hostile_mailtrap.judge(opportunistic)
    assert (verdict.outcome, verdict.channel) == ("leaked", "cleartext")


# -- all in one call ----------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "send"), [("starttls", starttls), ("implicit", implicit)])
def test_the_family_in_a_block(mailtrap: MailTrap, mode: str, send) -> None:
    """The intercepting trap runs all the scenarios; each connection was meant for the provider."""
    with mailtrap.intercept(HOST):
        verdicts = mailtrap.assert_refuses_hostile_servers(send, mode)
    assert len(verdicts) > 15
    meant = {c.transport.server_host for verdict in verdicts for c in verdict.connections}
    assert meant == {HOST}
    assert len(mailtrap) == 0


@pytest.mark.parametrize("is_led", [True, False])
def test_defaults_of_the_application_are_its_settings(mailtrap: MailTrap, is_led: bool) -> None:
    """They are kept under interception; the control: without it, the function is passed the trap's host and port."""
    with mailtrap.intercept() if is_led else nullcontext():
        verdicts = mailtrap.assert_refuses_hostile_servers(
            with_defaults, scenarios=["certificate-host-mismatch"]
        )
    meant = {c.transport.server_host for verdict in verdicts for c in verdict.connections}
    assert meant == ({HOST} if is_led else {None})


@pytest.mark.mailtrap(intercept=True)
def test_a_function_without_defaults_is_given_host_and_port(mailtrap: MailTrap) -> None:
    """Even if the trap intercepts: there is no other way to call it."""

    def send(host: str, port: int) -> None:
        with_defaults(host, port)

    verdicts = mailtrap.assert_refuses_hostile_servers(
        send, scenarios=["certificate-host-mismatch"]
    )
    meant = {c.transport.server_host for verdict in verdicts for c in verdict.connections}
    assert meant == {None}


@pytest.mark.mailtrap(intercept=True)
def test_the_family_says_who_gets_the_mail_of_the_careless(mailtrap: MailTrap) -> None:
    """The counterpart, with verification turned off."""
    with pytest.raises(AssertionError, match=r"failed against 7 of \d+ hostile servers") as caught:
        mailtrap.assert_refuses_hostile_servers(lambda: starttls(verify=False))
    assert "certificate-host-mismatch" in str(caught.value)


# -- certificates -------------------------------------------------------------------------


def names_shown(trap: MailTrap, scenario: Scenario, host: str) -> list[str]:
    """The names in the certificate that this scenario shows to a client that asks for *host*."""
    context = ssl.create_default_context(cadata=trap.ca_pem)
    context.check_hostname = False
    with (
        trap._server.running(behavior_of(scenario, trap._server.options)),
        socket.create_connection((host, 465), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=host) as sock,
    ):
        return [value for _, value in sock.getpeercert()["subjectAltName"]]


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize("host", [HOST, "impostor.example", "192.0.2.25", "smtp_relay"])
def test_a_mismatch_is_a_name_that_was_not_asked_for(mailtrap: MailTrap, host: str) -> None:
    """Whatever the host is called; the good server's certificate has exactly that name."""
    mismatch = Scenario(id="mismatch", summary="another host's", certificate="host-mismatch")
    good = Scenario(id="good", summary="the host's")
    [other] = names_shown(mailtrap, mismatch, host)
    assert other != host
    assert other.endswith("impostor.example")
    assert names_shown(mailtrap, good, host) == [host]


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize("host", ["192.0.2.25", "2001:db8::25", "smtp_relay"])
def test_hosts_of_every_kind_are_attacked(mailtrap: MailTrap, host: str) -> None:
    """Addresses, and names that no public CA certifies: refused for the flaw, never for lack of a certificate."""
    verdicts = mailtrap.assert_refuses_hostile_servers(
        lambda: starttls(host), scenarios=["ok", *CERTIFICATES]
    )
    assert [verdict.outcome for verdict in verdicts] == ["delivered", *["refused"] * 8]
    careless = mailtrap.judge_hostile_servers(
        lambda: starttls(host, verify=False), scenarios=["ok", *CERTIFICATES]
    )
    assert [verdict.outcome for verdict in careless] == ["delivered", *["leaked"] * 8]


# -- controls that fail -------------------------------------------------------------------

EARLY = ssl.create_default_context()


def with_early_context() -> None:
    with smtplib.SMTP(HOST, 587, timeout=1) as client:
        client.starttls(context=EARLY)


def with_final_dot() -> None:
    starttls(f"{HOST}.")


def to_another_port() -> None:
    with smtplib.SMTP_SSL(HOST, 587, timeout=1, context=ssl.create_default_context()):
        pass


def nowhere() -> None:
    raise ValueError("there is no mailer")


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize(
    ("send", "evidence", "advice"),
    [
        (
            with_early_context,
            "client rejected the certificate: unknown CA",
            "smtplib  context=ssl.create_default_context() in the call",
        ),
        (with_final_dot, "client rejected the certificate: bad certificate", "(no trailing dot)"),
        (
            to_another_port,
            "client spoke implicit TLS",
            "Use the port that fits: 587 (or 25, 2525) for STARTTLS",
        ),
        (nowhere, "nothing connected to localhost", "of an intercepted host"),
        (with_login, "535 5.7.8", '@pytest.mark.mailtrap(credentials=("user", "password"))'),
        (implicit, "+ received: the implicit TLS port, for smtp.", "mode='implicit'"),
    ],
)
def test_a_control_that_fails_is_explained(
    mailtrap: MailTrap, send, evidence: str, advice: str
) -> None:
    """The advice fits the evidence, and never suggests configuring the trap's own host and port."""
    with pytest.raises(AssertionError, match="the control failed: ") as caught:
        mailtrap.assert_refuses_hostile_servers(send)
    text = str(caught.value)
    assert evidence in text
    assert advice in text
    assert "mailtrap.port" not in text
    assert "mailtrap.username" not in text
    assert "mailtrap.host" not in text
    assert len(text.splitlines()) <= 18
    assert max(map(len, text.splitlines())) <= 72


@pytest.mark.parametrize(("mode", "send"), [("starttls", implicit), ("implicit", starttls)])
def test_a_family_for_the_other_port_proves_nothing(mailtrap: MailTrap, mode: str, send) -> None:
    """An application on 465 withstands every attack on STARTTLS, and vice versa: that proves nothing."""
    with mailtrap.intercept():
        [control] = mailtrap.judge_hostile_servers(send, mode)
    assert (control.outcome, control.failed) == ("other-mode", True)


def test_without_interception_the_early_context_is_explained_as_ever(mailtrap: MailTrap) -> None:
    """The control: if a client connects to the trap itself under another name, the text names the trap's host."""

    def send() -> None:
        with smtplib.SMTP("localhost", mailtrap.port, timeout=1) as client:
            client._host = HOST
            client.starttls(context=ssl.create_default_context())

    with pytest.raises(
        AssertionError, match=r"not for smtp\.example-provider\.com:\n  connect to  mailtrap\.host"
    ):
        mailtrap.assert_refuses_hostile_servers(send)


# -- the message of the trap itself -------------------------------------------------------


@pytest.mark.mailtrap(intercept=True)
def test_a_name_that_the_certificate_has_not_is_no_matter_of_trust(mailtrap: MailTrap) -> None:
    """The CA was accepted: the text does not suggest trusting it."""
    with pytest.raises(ssl.SSLCertVerificationError):
        starttls(f"{HOST}.")
    with pytest.raises(AssertionError, match="no message reached the trap") as caught:
        mailtrap.assert_sent_over_tls()
    assert "make the two match (no trailing dot)" in str(caught.value)
    assert "ca_file" not in str(caught.value)


@pytest.mark.mailtrap(intercept=True)
def test_a_context_made_before_the_test_is_told_how_to_move(mailtrap: MailTrap) -> None:
    """Unknown CA although it was trusted: the context is the cause, and the message says what to do with it."""
    with pytest.raises(ssl.SSLCertVerificationError):
        with_early_context()
    with pytest.raises(AssertionError, match="no message reached the trap") as caught:
        mailtrap.assert_sent_over_tls()
    text = str(caught.value)
    assert "client rejected the certificate: unknown CA" in text
    assert "it was created before the test" in text
    assert text.endswith("\n  smtplib  context=ssl.create_default_context() in the call")


@pytest.mark.parametrize("is_led", [True, False])
def test_credentials_are_told_to_the_trap(mailtrap: MailTrap, is_led: bool) -> None:
    """The application keeps its production credentials; the control: if configured for the trap, it uses the trap's."""
    where = () if is_led else (mailtrap.host, mailtrap.port)
    with mailtrap.intercept(), pytest.raises(smtplib.SMTPAuthenticationError):
        with_login(*where)
    with pytest.raises(AssertionError, match="no message reached the trap") as caught:
        mailtrap.assert_sent_over_tls()
    assert ("give it the application's:" in str(caught.value)) is is_led
    assert ("mailtrap.username, mailtrap.password" in str(caught.value)) is not is_led


@pytest.mark.mailtrap(intercept=True)
def test_the_certificate_is_chosen_in_one_place(
    mailtrap: MailTrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control for all of these: if the certificate is not for the host, the good server fails, too."""
    monkeypatch.setattr(
        running_server, "certificate_host", lambda *_args, **_kw: "smtp.impostor.example"
    )
    with pytest.raises(AssertionError, match="the control failed: no mail arrived"):
        mailtrap.assert_refuses_hostile_servers(starttls)
