"""Each hostile server catches a careless client, for the right reason, and lets a secure client pass."""

from __future__ import annotations

import dataclasses
import functools

import _hostile_clients as clients
import pytest

from pytest_mailtrap._hostile.scenarios import SCENARIOS
from pytest_mailtrap._hostile.verdict_text import explain_verdict, fact
from pytest_mailtrap._server.tls_certificates import can_speak

ALL = ("password", "envelope", "message")
CERTIFICATES = [
    s.id for s in SCENARIOS if s.id.startswith("certificate-") and s.id != "certificate-weak-key"
]
STRIPPING = [
    "starttls-not-supported",
    "starttls-stripped",
    "starttls-refused",
    "starttls-not-implemented",
    "starttls-wrong-reply",
]


def leak(scenario, client, channel, leaked=ALL):
    return pytest.param(scenario, client, "leaked", leaked, channel, id=scenario)


def other(scenario, client, outcome):
    return pytest.param(scenario, client, outcome, (), None, id=scenario)


STARTTLS = [
    other("ok", lambda _trap: lambda: None, "not-delivered"),
    leak("auth-before-tls", clients.eager_login, "cleartext", ("password",)),
    *[leak(scenario, clients.opportunist, "cleartext") for scenario in STRIPPING],
    leak("ehlo-refused", clients.opportunist, "cleartext", ("envelope", "message")),
    leak(
        "plaintext-after-220",
        clients.with_fallback_on_the_connection,
        "cleartext",
        ("envelope", "message"),
    ),
    leak("handshake-garbage", clients.fallback, "cleartext"),
    leak("handshake-closed", clients.fallback, "cleartext"),
    other("handshake-stalled", clients.impatient_never, "hung"),
    *[leak(scenario, clients.unverified_starttls, "impostor") for scenario in CERTIFICATES],
    leak("certificate-weak-key", clients.lax_starttls, "weak"),
    leak("tls-1.0-only", clients.lax_starttls, "outdated"),
    leak("tls-1.1-only", clients.lax_starttls, "outdated"),
    other("response-injection", clients.keeps_input, "forbidden-command"),
    other("response-injection-baseline", clients.swallowing(clients.secure_starttls), "lost"),
    other("response-injection-fragment", clients.keeps_input, "forbidden-command"),
    other("stale-capabilities", clients.keeps_offers, "forbidden-command"),
    other("auth-never-offered", clients.swallowing(clients.secure_starttls), "lost"),
    other("client-certificate-required", clients.swallowing(clients.secure_starttls), "lost"),
    other("truncated-after-data", clients.swallowing(clients.secure_starttls), "false-success"),
    other("requiretls-not-offered", clients.asks_for_requiretls, "went-without"),
    other(
        "hostile-reply-text",
        clients.logs_what_it_hears(clients.secure_starttls),
        "control-characters",
    ),
]
IMPLICIT = [
    other("ok", lambda _trap: lambda: None, "not-delivered"),
    leak("handshake-closed", clients.fallback_implicit, "cleartext", (*ALL, "command")),
    other("handshake-stalled", clients.impatient_never_implicit, "hung"),
    *[leak(scenario, clients.unverified_implicit, "impostor") for scenario in CERTIFICATES],
    leak("certificate-weak-key", clients.lax_implicit, "weak"),
    leak("tls-1.0-only", clients.lax_implicit, "outdated"),
    leak("tls-1.1-only", clients.lax_implicit, "outdated"),
    other("auth-never-offered", clients.swallowing(clients.secure_implicit), "lost"),
    leak("implicit-plaintext", clients.fallback_implicit, "cleartext", (*ALL, "command")),
    other("client-certificate-required", clients.swallowing(clients.secure_implicit), "lost"),
    other("truncated-after-data", clients.swallowing(clients.secure_implicit), "false-success"),
    other("requiretls-not-offered", clients.asks_for_requiretls_implicit, "went-without"),
    other(
        "hostile-reply-text",
        clients.logs_what_it_hears(clients.secure_implicit),
        "control-characters",
    ),
]


def judge(trap, client, mode, scenario):
    timeout = 1.5 if scenario == "handshake-stalled" else 10
    verdicts = trap.judge_hostile_servers(client(trap), mode, scenarios=[scenario], timeout=timeout)
    assert verdicts[0].scenario.id == "ok"
    return verdicts[-1]


def assert_said_well(verdict):
    """The fact fits in 60 characters, and the whole message in 18 lines of 72 columns."""
    lines = explain_verdict(verdict).splitlines()
    assert len(lines[0]) <= 60
    assert len(lines) <= 18
    assert max(map(len, lines)) <= 72
    cut = [line for line in lines if line.endswith("...")]
    assert bool(cut) == (verdict.scenario.id == "hostile-reply-text")  # it says 8 KiB
    assert verdict.scenario.id in lines[2] or verdict.outcome == "not-delivered"


def require(scenario):
    version = {"tls-1.0-only": "TLSv1", "tls-1.1-only": "TLSv1.1"}.get(scenario)
    if version is not None and not can_speak(version):
        pytest.skip(f"this OpenSSL has no {version}")


@pytest.mark.parametrize(("scenario", "client", "outcome", "leaked", "channel"), STARTTLS)
def test_careless_client_is_caught(mailtrap, scenario, client, outcome, leaked, channel):
    """Over STARTTLS: the message names what leaked, and how."""
    require(scenario)
    verdict = judge(mailtrap, client, "starttls", scenario)
    assert (verdict.outcome, verdict.leaked, verdict.channel) == (outcome, leaked, channel)
    assert verdict.failed
    assert_said_well(verdict)


@pytest.mark.parametrize(("scenario", "client", "outcome", "leaked", "channel"), IMPLICIT)
def test_careless_client_is_caught_implicit(mailtrap, scenario, client, outcome, leaked, channel):
    """Over implicit TLS: the same."""
    require(scenario)
    verdict = judge(mailtrap, client, "implicit", scenario)
    assert (verdict.outcome, verdict.leaked, verdict.channel) == (outcome, leaked, channel)
    assert verdict.failed
    assert_said_well(verdict)


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_every_scenario_has_its_careless_client(mode):
    """The tables above are complete."""
    table = STARTTLS if mode == "starttls" else IMPLICIT
    assert [row.id for row in table] == [s.id for s in SCENARIOS if mode in s.modes]


@pytest.mark.parametrize(
    ("scenario", "secure"),
    [
        ("auth-before-tls", clients.secure_starttls),
        ("response-injection", clients.bare),
        ("response-injection-fragment", clients.bare),
        ("stale-capabilities", clients.bare),
        ("auth-never-offered", clients.secure_without_login),
        ("certificate-cn-only", None),
        ("requiretls-not-offered", functools.partial(clients.asks_for_requiretls, insists=True)),
    ],
)
def test_its_secure_twin_passes(mailtrap, scenario, secure, monkeypatch):
    """The same client without its fault is not accused."""
    if secure is None:
        import ssl

        secure = clients.secure_starttls
        make = ssl.create_default_context

        def strict():
            context = make()
            context.hostname_checks_common_name = False
            return context

        monkeypatch.setattr(ssl, "create_default_context", strict)
    verdict = judge(mailtrap, secure, "starttls", scenario)
    refusing = ("certificate-cn-only", "requiretls-not-offered", "response-injection")
    assert verdict.outcome == ("refused" if scenario in refusing else "delivered")
    assert verdict.passed


@pytest.mark.parametrize(
    "scenario", ["stale-capabilities", "response-injection-fragment", "auth-never-offered"]
)
def test_auth_that_is_always_sent_proves_nothing(mailtrap, scenario):
    """A client that always sends AUTH is not accused of trusting a forged offer: the result is inconclusive."""
    verdict = judge(mailtrap, clients.always_auth, "starttls", scenario)
    assert verdict.outcome == "inconclusive"
    assert not verdict.failed
    assert not verdict.passed


def test_scenario_for_requiretls_needs_a_client_that_uses_it(mailtrap):
    """An application that never asks for REQUIRETLS is not credited with insisting on it."""
    verdict = judge(mailtrap, clients.secure_starttls, "starttls", "requiretls-not-offered")
    assert verdict.outcome == "needs-unused"
    assert verdict.failed


@pytest.mark.parametrize(
    ("scenario", "made", "said", "unsaid"),
    [
        (
            "certificate-host-mismatch",
            clients.overlooks_the_name,
            "The client verifies the certificate, but not its host name. Fix this:\n  smtplib  context=",
            "Let the client verify",
        ),
        (
            "certificate-host-mismatch",
            clients.unverified_starttls,
            "Let the client verify the server's certificate:\n  smtplib  context=",
            "The client verifies",
        ),
        (
            "certificate-wrong-purpose",
            clients.unverified_starttls,
            "Let the client verify the server's certificate:\n  smtplib  context=",
            "extended key usage",
        ),
    ],
)
def test_fix_fits_what_is_overlooked(mailtrap, scenario, made, said, unsaid):
    """A client that rejects a stranger's certificate is not advised to verify: the fix names what it overlooks."""
    text = explain_verdict(judge(mailtrap, made, "starttls", scenario))
    assert said in text
    assert unsaid not in text


def test_fix_for_what_a_tls_library_overlooks(mailtrap):
    """GnuTLS does not check the key purpose, as msmtp shows: no option of the client would help."""
    verdict = judge(mailtrap, clients.unverified_starttls, "starttls", "certificate-wrong-purpose")
    assert verdict.trusts_anybody
    text = explain_verdict(dataclasses.replace(verdict, trusts_anybody=False))
    assert "its TLS library decides that.\nMore: docs/hostile.md" in text
    assert "context=" not in text


@pytest.mark.parametrize(
    ("leaked", "words"),
    [
        (ALL, "password, envelope and message sent in cleartext"),
        (("password", "login", "envelope"), "password and envelope sent in cleartext"),
        (("login", "envelope"), "AUTH and envelope sent in cleartext"),
        (("login",), "AUTH sent in cleartext"),
        (("login", "command"), "AUTH sent in cleartext"),
        (("command",), "commands sent in cleartext"),
    ],
)
def test_what_is_implied_is_not_listed(mailtrap, leaked, words):
    """AUTH is listed only if there was no password, and commands only if nothing else leaked."""
    verdict = judge(mailtrap, clients.opportunist, "starttls", "starttls-stripped")
    assert fact(dataclasses.replace(verdict, leaked=leaked)) == words
