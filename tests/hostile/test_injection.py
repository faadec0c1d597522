"""Replies forged before TLS: a client that believes them is caught by what it sends, however late it reads them."""

from __future__ import annotations

import _hostile_clients as clients
import pytest

from pytest_mailtrap._hostile.verdict_text import explain_verdict

ID, BASELINE = "response-injection", "response-injection-baseline"


def judge(trap, client, *scenarios):
    _, *verdicts = trap.judge_hostile_servers(client(trap), scenarios=scenarios)
    return verdicts


@pytest.mark.parametrize("client", [clients.keeps_input, clients.reads_late])
def test_believer_is_caught_every_time(mailtrap, client):
    """Whether the client reads its buffer at once or waits for the network first, timing does not affect the result."""
    for _ in range(20):
        [verdict] = judge(mailtrap, client, ID)
        assert verdict.outcome == "forbidden-command"
        assert verdict.failed
        assert (verdict.connection,) == verdict.connections
        assert verdict.connection.transcript[verdict.decisive].text[:4] in ("AUTH", "MAIL")


@pytest.mark.parametrize(
    "client", [clients.bare, clients.secure_starttls, clients.secure_without_login]
)
def test_careful_client_passes_every_time(mailtrap, client):
    """The control: the same clients, if they discard what came before TLS, and smtplib give up at the refused EHLO."""
    for _ in range(5):
        for verdict in judge(mailtrap, client, ID, BASELINE):
            assert verdict.outcome == "refused"
            assert verdict.connections


def test_client_that_goes_on_anyway_is_inconclusive(mailtrap):
    """A client that sends mail after a refused EHLO has not shown that it believed a forged reply."""
    for verdict in judge(mailtrap, clients.ignores_refusals, ID, BASELINE):
        assert verdict.outcome == "inconclusive"
        assert not verdict.failed
        assert not verdict.passed
        assert "inconclusive: the client continues after a refused EHLO" in explain_verdict(verdict)


def test_baseline_is_played_for_those_who_need_it(mailtrap):
    """The baseline is not in the family whose verdicts it explains; it is run only for clients that need it."""
    verdicts = mailtrap.judge_hostile_servers(clients.secure_starttls(mailtrap))
    assert BASELINE not in {verdict.scenario.id for verdict in verdicts}
    assert ID in {verdict.scenario.id for verdict in verdicts}


def test_words(mailtrap):
    """The refused EHLO, the line that shows the client believed the forgery, and what to look for."""
    [verdict] = judge(mailtrap, clients.reads_late, ID)
    assert explain_verdict(verdict).splitlines() == [
        "accepted a reply forged before TLS",
        "",
        "  the server  response-injection (STARTTLS): sends a forged EHLO reply",
        "              after its 220, and refuses EHLO and HELO inside TLS",
        "  the client  raised OSError: not accepted",
        "",
        "  on the wire:",
        "      S: 502 5.5.1 Command not implemented",
        "      C: AUTH PLAIN [redacted]   <-- EHLO was refused inside TLS",
        "      S: 503 Error: send EHLO first",
        "",
        "  - expected: QUIT, as EHLO and HELO are refused inside TLS",
        "  + received: accepted a reply forged before TLS",
        "",
        "Data received before the handshake must be discarded, never used as a",
        "reply inside TLS (RFC 3207, section 4.2): update the mail library.",
        "More: docs/hostile.md",
    ]
