"""The table of fixes: it is pure, so these tests check its shape; that its lines are right was tried on the clients."""

from __future__ import annotations

import pytest

from pytest_mailtrap._clients.fixes import CAUSES, CLIENTS, GENERIC, fix_rows, lines_of

every_cause = pytest.mark.parametrize("cause", CAUSES)
every_client = pytest.mark.parametrize("client", CLIENTS)


@every_cause
def test_rows_fit_into_a_failure(cause):
    """No line is longer than a failure's limit, with all clients side by side and the longest name of a trap."""
    rows = [row.replace("{trap}", "hostile_mailtrap") for row in fix_rows(cause, CLIENTS)]
    assert rows
    assert max(map(len, rows)) <= 72


def test_the_width_is_measured():
    """The negative control: with a longer name substituted for the trap's placeholder, the longest row would not fit."""
    filled = [row.replace("{trap}", "x" * 60) for row in fix_rows("trust", CLIENTS)]
    assert max(map(len, filled)) > 72


@every_client
def test_every_client_can_be_made_safe(client):
    """Each has at least one fix for using TLS, and one for verifying."""
    assert lines_of(client, "upgrade") or lines_of(client, "implicit")
    assert lines_of(client, "verify")


@every_client
def test_every_client_can_be_brought_to_the_trap(client):
    """Each has a fix for trusting the trap, and one for logging in to it."""
    assert lines_of(client, "trust")
    assert lines_of(client, "login")


@every_client
def test_a_client_has_no_cause_that_nobody_knows(client):
    """Every cause in the table is a known one: a misspelled cause would never be shown."""
    from pytest_mailtrap._clients.fixes import _FIXES

    assert set(_FIXES[client]) <= set(CAUSES)


def test_the_generic_ones_are_aligned():
    """The names are in one column, the fixes in the next."""
    assert fix_rows("upgrade", GENERIC) == [
        "  smtplib     client.starttls(context=ssl.create_default_context())",
        "  Django      EMAIL_USE_TLS = True",
        "  aiosmtplib  start_tls=True",
    ]


def test_further_lines_stand_under_the_first():
    """A row may have several lines; the column is as wide as the names that are shown."""
    assert fix_rows("report", ("curl", "PHPMailer")) == [
        "  curl       subprocess.run(..., check=True)",
        "  PHPMailer  new PHPMailer(true), which throws,",
        "             and subprocess.run(..., check=True)",
    ]


@pytest.mark.parametrize(
    ("cause", "clients"),
    [
        ("nonsense", CLIENTS),
        ("verify", ()),
        ("verify", ("telnet",)),
        ("implicit", ("logging",)),
    ],
)
def test_no_fix_is_invented(cause, clients):
    """There is no fix for an unknown cause, no client, an unknown client, or a client without a fix for the cause."""
    assert fix_rows(cause, clients) == []


def test_a_client_without_a_fix_leaves_no_gap():
    """The other clients are shown as if that one had not been requested."""
    assert fix_rows("implicit", ("logging", "curl")) == ["  curl  smtps://"]
