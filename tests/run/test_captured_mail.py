"""A failing test's report shows its mail: one line per message, and the transcript of the decisive connection."""

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
    """Nothing has to be configured: the messages are shown, with the transcript of the last connection."""
    assert captured(project(FAILS))[: len(SHOWN)] == SHOWN


def test_a_passing_test_shows_nothing(project):
    """The negative control: the same test without its failing line prints no mail, even with -rA."""
    result = project(FAILS.replace("assert 'mine' == 'yours'", ""), "-rA")
    result.assert_outcomes(passed=1)
    assert not captured(result)


def test_a_skipped_test_shows_nothing(project):
    """A skip is not a failure, even if mail was sent before it."""
    result = project(FAILS.replace("assert 'mine' == 'yours'", "pytest.skip('no')"), "-rA")
    result.assert_outcomes(skipped=1)
    assert not captured(result)


def test_a_failing_test_without_mail_shows_nothing(project):
    """No section is added if nothing connected to a trap."""
    result = project("def test_order(mailtrap): assert not 'mail'")
    result.assert_outcomes(failed=1)
    assert not captured(result)


@pytest.mark.parametrize(("option", "shown"), [("no", False), ("stdout", False), ("all", True)])
def test_show_capture_is_obeyed(project, option, shown):
    """An option that hides captured output also hides captured mail."""
    assert bool(captured(project(FAILS, f"--show-capture={option}"))) is shown


def test_no_secret_is_shown(project):
    """The password appears neither in the section nor anywhere else in the output."""
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
    """If a handshake failed, its connection is shown, with the reason, in preference to any that carried mail."""
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
    """If some mail came in cleartext, the dialogue of that connection is shown."""
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
    """A failing fixture shows its mail, too."""
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
    """No control character from a message or from EHLO reaches the terminal."""
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
    """Whatever the plugin starts with the first mail trap is started for the test that is running."""
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
