"""Clients that verify certificates and insist on TLS pass every scenario, in both modes."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from email.message import EmailMessage

import _hostile_clients as clients
import pytest
from _releases import release

aiosmtplib = pytest.importorskip("aiosmtplib")
pytest.importorskip("django")
from django.conf import settings  # noqa: E402  # only where it is installed

if not settings.configured:
    settings.configure()

from django.core import mail  # noqa: E402
from django.test import override_settings  # noqa: E402

from pytest_mailtrap._hostile.scenarios import family  # noqa: E402
from pytest_mailtrap._hostile.trial import is_available  # noqa: E402

implicit = pytest.mark.mailtrap(mode="implicit")
# Django 6.1 prefers MAILERS to the EMAIL_ settings of all versions.
settings_of_all_versions = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::PendingDeprecationWarning"
)


def test_smtplib(hostile_mailtrap):
    """smtplib with a default context, STARTTLS and a login."""
    hostile_mailtrap.assert_client_refuses(clients.secure_starttls(hostile_mailtrap))


@implicit
def test_smtplib_implicit(hostile_mailtrap):
    """smtplib's SMTP_SSL with a default context; `port` is the port of the mode."""
    assert hostile_mailtrap.port == hostile_mailtrap.tls_port
    hostile_mailtrap.assert_client_refuses(clients.secure_implicit(hostile_mailtrap))


def all_refused(trap, send, mode):
    """The whole family in one call: one test for each scenario would run the good server as often as the bad ones."""
    verdicts = trap.assert_refuses_hostile_servers(send, mode)
    assert verdicts[0].outcome == "delivered"
    assert all(verdict.passed for verdict in verdicts)
    bad = [verdict for verdict in verdicts if verdict.scenario.expected == "refuse"]
    assert {verdict.outcome for verdict in bad} == {"refused"}
    chosen = [scenario for scenario in family(mode) if scenario.id != "ok"]
    assert [v.scenario for v in verdicts[1:]] == [s for s in chosen if is_available(s)]


MODES = pytest.mark.parametrize("mode", ["starttls", "implicit"])


@MODES
@pytest.mark.skipif(release("aiosmtplib") < (5, 1, 2), reason="a current release is judged here")
def test_aiosmtplib(mailtrap, mode):
    """aiosmtplib when it insists on TLS; a coroutine function is run in its own event loop."""

    async def send(host, port):
        message = EmailMessage()
        message["From"], message["To"] = "a@example.org", "b@example.org"
        await aiosmtplib.send(
            message,
            hostname=host,
            port=port,
            username=mailtrap.username,
            password=mailtrap.password,
            timeout=clients.TIMEOUT,
            start_tls=mode == "starttls",
            use_tls=mode == "implicit",
        )

    all_refused(mailtrap, send, mode)


@MODES
@settings_of_all_versions
def test_django(mailtrap, mode):
    """Django with EMAIL_USE_TLS and with EMAIL_USE_SSL."""

    def send(host, port):
        with override_settings(
            EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
            EMAIL_HOST=host,
            EMAIL_PORT=port,
            EMAIL_HOST_USER=mailtrap.username,
            EMAIL_HOST_PASSWORD=mailtrap.password,
            EMAIL_TIMEOUT=clients.TIMEOUT,
            EMAIL_USE_TLS=mode == "starttls",
            EMAIL_USE_SSL=mode == "implicit",
        ):
            mail.send_mail("Hi", "Hello", "a@example.org", ["b@example.org"])

    all_refused(mailtrap, send, mode)


@MODES
def test_all_in_one_test(mailtrap, mode):
    """One call runs the whole family and returns its verdicts; the trap's own messages are unaffected."""

    def send(host, port):
        context = ssl.create_default_context()
        with (
            smtplib.SMTP_SSL(host, port, timeout=clients.TIMEOUT, context=context)
            if mode == "implicit"
            else smtplib.SMTP(host, port, timeout=clients.TIMEOUT)
        ) as client:
            if mode == "starttls":
                client.starttls(context=context)
            client.sendmail(*clients.MAIL)

    verdicts = mailtrap.assert_refuses_hostile_servers(send, mode)
    assert verdicts[0].scenario.id == "ok"
    assert verdicts[0].outcome == "delivered"
    assert all(verdict.passed for verdict in verdicts)
    assert {verdict.outcome for verdict in verdicts} == {"delivered", "refused"}
    assert (
        len(verdicts) >= (28 if mode == "starttls" else 19) - 2
    )  # without TLS 1.0 and 1.1 where OpenSSL has none
    assert len(mailtrap) == 0
    assert not mailtrap.connections


def test_awaitable(mailtrap):
    """If a function returns an awaitable, it is awaited."""

    def send(host, port):
        message = EmailMessage()
        message["From"], message["To"] = "a@example.org", "b@example.org"
        return aiosmtplib.send(message, hostname=host, port=port, start_tls=True)

    control, verdict = mailtrap.assert_refuses_hostile_servers(
        send, scenarios=["certificate-expired"]
    )
    assert control.outcome == "delivered"
    assert "certificate has expired" in str(verdict.attempt.error)


def test_aiosmtplib_default_is_found_out(mailtrap):
    """The negative control: by default, aiosmtplib upgrades if it can, and sends in any case."""

    async def send(host, port):
        message = EmailMessage()
        message["From"], message["To"] = "a@example.org", "b@example.org"
        await aiosmtplib.send(message, hostname=host, port=port, timeout=clients.TIMEOUT)

    with pytest.raises(AssertionError) as failure:
        mailtrap.assert_refuses_hostile_servers(
            send, scenarios=["certificate-expired", "starttls-stripped"]
        )
    assert str(failure.value).splitlines()[:4] == [
        "the client failed against 1 of 2 hostile servers",
        "",
        "  envelope and message sent in cleartext:",
        "      starttls-stripped",
    ]


def test_coroutine_function_is_not_mixed_up_with_the_tests_loop(mailtrap):
    """From inside an async test, the call can be made in a thread."""

    async def send(host, port):
        message = EmailMessage()
        message["From"], message["To"] = "a@example.org", "b@example.org"
        await aiosmtplib.send(message, hostname=host, port=port, start_tls=True)

    async def test():
        return await asyncio.to_thread(
            mailtrap.assert_refuses_hostile_servers, send, scenarios=["certificate-self-signed"]
        )

    _, verdict = asyncio.run(test())
    assert verdict.outcome == "refused"
