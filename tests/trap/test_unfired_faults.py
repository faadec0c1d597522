"""A fault that never happened is reported at the end of the test."""

from __future__ import annotations

SEND = """
import smtplib
import pytest

def send(trap):
    with smtplib.SMTP(trap.host, trap.port, timeout=10) as client:
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: Hi\\r\\n\\r\\n")
"""


def test_text(pytester):
    """Every fault that did not happen is listed, with how often its command arrived."""
    pytester.makepyfile(
        SEND
        + """
def test_faults(mailtrap):
    mailtrap.reply("RCPT", 451, nth=2)
    mailtrap.disconnect("STARTTLS")
    mailtrap.delay("MAIL", 0.01)
    send(mailtrap)
"""
    )
    result = pytester.runpytest("-q", "--show-capture=no")
    result.assert_outcomes(failed=1)
    lines = [
        line for line in result.outlines if line.startswith(("2 of", "  ", "Without", "whether"))
    ]
    assert lines == [
        "2 of 3 scripted faults never happened",
        "  reply('RCPT', 451, nth=2)  RCPT arrived once",
        "  disconnect('STARTTLS')     no matching STARTTLS arrived",
        "Without the fault, the test does not test what it claims to: check",
        "whether the client gets that far.",
    ]


def test_faults_that_happened_are_not_reported(pytester):
    """The control: the same kind of fault, and a client that triggers it."""
    pytester.makepyfile(
        SEND
        + """
def test_faults(mailtrap):
    mailtrap.reply("RCPT", 451)
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(mailtrap)
"""
    )
    pytester.runpytest("-q").assert_outcomes(passed=1)


def test_test_that_failed_is_not_judged(pytester):
    """A test that fails by itself shows only its own failure."""
    pytester.makepyfile(
        SEND
        + """
def test_faults(mailtrap):
    mailtrap.reply("RCPT", 451)
    assert len(mailtrap) == 1
"""
    )
    result = pytester.runpytest("-q")
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*scripted faults*")


def test_expected_failure(pytester):
    """xfail treats an unfired fault like any other failure."""
    pytester.makepyfile(
        SEND
        + """
@pytest.mark.xfail(reason="not there yet", strict=True)
def test_faults(mailtrap):
    mailtrap.reply("RCPT", 451)
"""
    )
    pytester.runpytest("-q").assert_outcomes(xfailed=1)
