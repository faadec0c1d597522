"""Under a failing test stands its mail: each message on a line, and what was said on the connection that decided."""

from __future__ import annotations

import pytest
from _policy_outputs import SHOWN, captured

FAILS = """
def test_order(mailtrap):
    send(mailtrap, login=True)
    send(mailtrap, mail=MAIL.replace(b"Your order", b"Your bill"))
    assert 'mine' == 'yours'
"""


def test_a_failing_test_shows_its_mail_without_any_option(project):
    """Nothing has to be set: the messages, and the transcript of the last connection."""
    assert captured(project(FAILS))[: len(SHOWN)] == SHOWN


def test_a_passing_test_shows_nothing(project):
    """The negative control: the same test without its failing line prints no mail, also with -rA."""
    result = project(FAILS.replace("assert 'mine' == 'yours'", ""), "-rA")
    result.assert_outcomes(passed=1)
    assert not captured(result)


def test_a_skipped_test_shows_nothing(project):
    """Skipping is no failure, also when mail was sent before."""
    result = project(FAILS.replace("assert 'mine' == 'yours'", "pytest.skip('no')"), "-rA")
    result.assert_outcomes(skipped=1)
    assert not captured(result)


def test_a_failing_test_without_mail_shows_nothing(project):
    """No section is added where no trap was connected to."""
    result = project("def test_order(mailtrap): assert not 'mail'")
    result.assert_outcomes(failed=1)
    assert not captured(result)


@pytest.mark.parametrize(("option", "shown"), [("no", False), ("stdout", False), ("all", True)])
def test_show_capture_is_obeyed(project, option, shown):
    """What hides captured output hides captured mail."""
    assert bool(captured(project(FAILS, f"--show-capture={option}"))) is shown


def test_no_secret_is_shown(project):
    """The password stands neither in the section nor anywhere else of the output."""
    source = """
@pytest.mark.mailtrap(credentials=("shop", "hunter2-hunter2"))
def test_order(mailtrap):
    send(mailtrap, login=True)
    pytest.fail("no", pytrace=False)
"""
    result = project(source)
    result.stdout.fnmatch_lines(["    C: AUTH PLAIN [[]redacted]"])
    assert "hunter2" not in result.stdout.str()
    assert "AHNob3AAaHVudGVyMi1odW50ZXIy" not in result.stdout.str()


def test_a_refused_handshake_is_the_connection_that_decides(project):
    """Where a handshake failed, its connection is shown, with the reason, before any that carried mail."""
    source = """
def test_order(mailtrap):
    send(mailtrap)
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
        client.starttls(context=ssl.create_default_context())
"""
    lines = captured(project(source))
    reason = "client rejected the certificate: unknown CA"
    assert f"connection 2 of 2 ({reason}):" in lines
    assert f"    -- {reason}" in lines


def test_cleartext_is_the_connection_that_decides(project):
    """Where some mail came in cleartext, its dialogue is shown."""
    source = """
def test_order(mailtrap):
    send(mailtrap, tls=False)
    send(mailtrap)
    assert not mailtrap
"""
    assert "connection 1 of 2 (#1):" in captured(project(source))


@pytest.mark.parametrize(
    ("source", "when"),
    [
        (
            "@pytest.fixture\ndef user(mailtrap):\n    send(mailtrap)\n    assert not mailtrap\n",
            "setup",
        ),
        (
            "@pytest.fixture\ndef user(mailtrap):\n    yield\n    send(mailtrap)\n    assert not mailtrap\n",
            "teardown",
        ),
    ],
)
def test_mail_of_fixtures_shows_where_they_fail(project, source, when):
    """Also a fixture that fails shows its mail."""
    result = project(f"{source}\ndef test_order(user): pass\n")
    result.stdout.fnmatch_lines([f"*- Captured mail {when} -*", "#1   TLSv1.3*"])


def test_many_messages_and_long_dialogues_are_cut(project):
    """A test that sends hundreds of messages does not flood the terminal."""
    source = """
def test_order(mailtrap):
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
        for _ in range(100):
            client.sendmail(FROM, TO, MAIL)
    assert not mailtrap
"""
    lines = captured(project(source))
    assert "... and 80 more" in lines
    assert len(lines) < 110


def test_hostile_subjects_and_names_are_harmless_in_a_terminal(project):
    """No control character of a message or of EHLO gets to the terminal."""
    source = """
def test_order(mailtrap):
    with smtplib.SMTP(mailtrap.host, mailtrap.port, local_hostname="x\\x1b[31my", timeout=10) as client:
        client.sendmail(FROM, TO, b"Subject: a\\x1b]0;owned\\x07 =?utf-8?q?b=1B[2J=0D=0Ac?=\\r\\n\\r\\n")
    pytest.fail("no", pytrace=False)
"""
    text = project(source, "--color=no").stdout.str()
    assert "owned" in text
    assert "\x1b" not in text
    assert "\x07" not in text


def test_a_fixture_asked_for_in_the_middle_of_the_first_test(project):
    """What the plugin begins with the first mail trap, it begins for the test that runs."""
    result = project(
        """
def test_first(request):
    send(request.getfixturevalue("mailtrap"), tls=False)
    assert not "sent"

def test_second():
    assert not "sent"
"""
    )
    result.assert_outcomes(failed=2)
    text = result.stdout.str()
    first, second = text.index("_ test_first _"), text.index("_ test_second _")
    assert first < text.index("Your order") < second
    assert text.count("Captured mail") == 1
