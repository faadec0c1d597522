"""Mail kept in the process is not judged: an enforced policy fails its test, and every run with a policy reports it."""

from __future__ import annotations

import contextlib

import pytest
from _policy_outputs import captured, failure, summary

from pytest_mailtrap._hostile import trial
from pytest_mailtrap._kept_mail import watch
from pytest_mailtrap._run.mail_recorder import MailRecorder
from pytest_mailtrap._run.policy import Policy

# Who keeps mail says so to whoever watches; here the tests say it themselves, by `keep()`.
KEEPING = """
import contextlib, pytest
from pytest_mailtrap._kept_mail import keeper, watch

DJANGO = keeper.Keeper(
    place="Django's memory backend",
    setting='EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"',
)
FLASK = keeper.Keeper(place="Flask-Mail (suppressed)", setting="MAIL_SUPPRESS_SEND = False")
notes, entered, renewed = [], [], []

@contextlib.contextmanager
def watching(note):
    entered.append(note)
    notes.append(note)
    yield
    notes.remove(note)

def keep(keeper=DJANGO, number=2):
    for note in notes:
        note(keeper, number)

def patch(config):
    patch = pytest.MonkeyPatch()
    patch.setattr(watch, "watching", watching)
    patch.setattr(watch, "renew", lambda: renewed.append(len(notes)))
    config.add_cleanup(patch.undo)
"""
CONFTEST = "import keeping\npytest_configure = keeping.patch\n"
ENFORCE = 'mailtrap_policy = "enforce"'
PLACE = "2 messages stayed in Django's memory backend"
TOLD = [f"{PLACE}: not judged", '  EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"']
REPORT = "mailtrap_kept_mail = 'report'"


@pytest.fixture
def keeping(project, pytester):
    """Run tests that can `keep()` messages in the process."""
    pytester.makepyfile(keeping=KEEPING)
    pytester.makeconftest(CONFTEST)

    def run(source, *options, **keywords):
        return project(f"from keeping import *\n{source}", *options, **keywords)

    return run


KEEPS = "def test_order(): keep()\n"
KEEPS_AND_SENDS = "def test_order(mailtrap):\n    send(mailtrap)\n    keep()\n"


def test_enforce_fails_a_test_whose_mail_was_kept(keeping):
    """This applies to any test: the failure names the place, the setting that sends the mail, and both ways out."""
    result = keeping(KEEPS, ini=ENFORCE)
    result.assert_outcomes(failed=1)
    assert failure(result) == [
        PLACE,
        "",
        "No trap received them, so they were not judged. To send them:",
        '  EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"',
        "",
        "To keep them there on purpose, in this test or in the whole run:",
        '  @pytest.mark.mailtrap(policy="none", reason="...")',
        '  mailtrap_kept_mail = "report"',
        "",
        "Policy enforce: tls (mailtrap_policy in pyproject.toml)",
    ]
    assert summary(result) == ["no message reached a trap: the policy judged nothing", *TOLD]


def test_a_test_that_keeps_nothing_passes(keeping):
    """The negative control."""
    keeping(KEEPS.replace("keep()", "pass"), ini=ENFORCE).assert_outcomes(passed=1)


def test_other_mail_of_the_test_is_no_excuse(keeping):
    """A message that was sent properly does not make up for those that were not sent."""
    result = keeping(KEEPS_AND_SENDS, ini=ENFORCE)
    result.assert_outcomes(failed=1)
    assert failure(result)[0] == PLACE
    assert summary(result) == [
        "1 message in 1 test: 1 TLSv1.3",
        "policy enforce (tls): 1 message judged",
        *TOLD,
    ]


def test_several_places(keeping):
    """Each place is listed with its count and its setting, within 18 lines of 72 columns."""
    source = "def test_order():\n    keep()\n    keep(FLASK, 1)\n    keep(number=1)\n"
    lines = failure(keeping(source, ini=ENFORCE))
    assert lines[:9] == [
        "4 messages stayed in the process",
        "",
        "  3 in Django's memory backend",
        "  1 in Flask-Mail (suppressed)",
        "",
        "No trap received them, so they were not judged. To send them:",
        '  EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"',
        "  MAIL_SUPPRESS_SEND = False",
        "",
    ]
    assert len(lines) <= 18
    assert max(map(len, lines)) <= 72


def test_a_setting_of_several_lines(keeping):
    """Each line of the setting is shown, both below the place where the mail stayed and in the failure."""
    source = """
LONG = type(DJANGO)(place="a backend", setting="from shop import MAILERS\\nsettings.MAILERS = MAILERS")
def test_order(): keep(LONG, 1)
"""
    result = keeping(source, ini=ENFORCE)
    told = ["  from shop import MAILERS", "  settings.MAILERS = MAILERS"]
    assert failure(result)[3:5] == told
    assert summary(result)[1:] == ["1 message stayed in a backend: not judged", *told]


MOCKED = """
from unittest import mock
def deliver(trap):
    with smtplib.SMTP(trap.host, trap.port) as client:
        if not isinstance(client, mock.Mock):
            client.starttls(context=trap.ssl_context)
        client.sendmail(FROM, TO, MAIL)
"""


def test_a_mock_of_smtplib_keeps_mail(project):
    """No declaration is needed: the mock is detected, and the mail passed to it is reported."""
    source = f"""{MOCKED}
def test_order(mailtrap):
    with mock.patch("smtplib.SMTP"):
        deliver(mailtrap)
"""
    result = project(source, ini=ENFORCE)
    result.assert_outcomes(failed=1)
    assert failure(result)[0].startswith("1 message stayed in ")
    assert summary(result)[0] == "no message reached a trap: the policy judged nothing"
    assert summary(result)[1].startswith("1 message stayed in ")


def test_without_the_mock_the_same_test_sends(project):
    """The negative control."""
    result = project(f"{MOCKED}\ndef test_order(mailtrap): deliver(mailtrap)\n", ini=ENFORCE)
    result.assert_outcomes(passed=1)
    assert "stayed in" not in result.stdout.str()


# -- the ways out -----------------------------------------------------------------------------


def test_a_marker_lets_a_test_keep_its_mail(keeping):
    """The mail is still reported at the end of the run."""
    marker = "@pytest.mark.mailtrap(policy='none', reason='tests the outbox')\n"
    result = keeping(marker + KEEPS, ini=ENFORCE)
    result.assert_outcomes(passed=1)
    assert summary(result) == [
        "no message reached a trap: the policy judged nothing",
        *TOLD,
        "1 test exempt from the policy:",
        "  test_shop.py::test_order: tests the outbox",
    ]


@pytest.mark.parametrize(
    ("options", "ini"),
    [
        ((), f"{ENFORCE}\n{REPORT}"),
        (("--mailtrap-kept-mail=report",), ENFORCE),
        ((), ENFORCE.replace("enforce", "testing")),
    ],
    ids=["ini", "flag", "testing"],
)
def test_a_run_may_only_report_it(keeping, options, ini):
    """The test passes, and the end of the run shows the total for all tests."""
    result = keeping(KEEPS + KEEPS.replace("order", "other"), *options, ini=ini)
    result.assert_outcomes(passed=2)
    assert summary(result)[1:] == [TOLD[0].replace("2", "4"), TOLD[1]]


def test_the_command_line_counts_more(keeping):
    """The word `fail` on the command line overrides the ini file."""
    ini = f"{ENFORCE}\n{REPORT}"
    keeping(KEEPS, "--mailtrap-kept-mail=fail", ini=ini).assert_outcomes(failed=1)


@pytest.mark.parametrize("word", ["ignore", ""])
def test_any_other_word_is_a_usage_error(keeping, word):
    """The error lists the two allowed words, with or without a policy."""
    result = keeping(KEEPS, f"--mailtrap-kept-mail={word}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"ERROR: mailtrap_kept_mail: expected one of fail, report, got '{word}'"]
    )


# -- when -------------------------------------------------------------------------------------

FIXTURE = """
@pytest.fixture
def shop():
    {before}
    yield
    {after}

def test_order(shop): pass
"""


@pytest.mark.parametrize(
    ("source", "outcomes"),
    [
        (FIXTURE.format(before="keep()", after="pass"), {"failed": 1}),
        (FIXTURE.format(before="pass", after="keep()"), {"passed": 1, "errors": 1}),
        (FIXTURE.format(before="keep()", after="keep(FLASK)"), {"failed": 1, "errors": 1}),
    ],
    ids=["set-up", "teardown", "both"],
)
def test_mail_of_fixtures(keeping, source, outcomes):
    """What was kept by the end of the call fails the call; what was kept after that fails the teardown."""
    result = keeping(source, ini=ENFORCE)
    result.assert_outcomes(**outcomes)
    assert summary(result)[1].endswith(": not judged")


def test_mail_of_another_thread(keeping):
    """The mail belongs to the test during which it stayed in the process."""
    source = """
import threading
def test_order():
    thread = threading.Thread(target=keep)
    thread.start()
    thread.join()
def test_else(): pass
"""
    keeping(source, ini=ENFORCE).assert_outcomes(failed=1, passed=1)


@pytest.mark.parametrize("ending", ["assert 'mine' == 'yours'", "pytest.skip('no')"])
def test_what_the_test_says_of_itself_is_kept(keeping, ending):
    """A failure of its own is shown, and a test that skips is not judged for the mail it kept."""
    result = keeping(f"{KEEPS}    {ending}".replace(": keep()", ":\n    keep()"), ini=ENFORCE)
    outcome = "skipped" if "skip" in ending else "failed"
    result.assert_outcomes(**{outcome: 1})
    assert "No trap received them" not in result.stdout.str()
    assert summary(result)[-2:] == TOLD


def test_xfail_takes_it_for_a_failure(keeping):
    """The test fails in the call phase, so xfail covers it."""
    keeping(f"@pytest.mark.xfail(strict=True)\n{KEEPS}", ini=ENFORCE).assert_outcomes(xfailed=1)


def test_a_marker_that_enforces(keeping):
    """If the run has no policy, a single test may still enforce one."""
    marker = "@pytest.mark.mailtrap(policy='enforce')\n"
    result = keeping(marker + KEEPS + KEEPS.replace("order", "other"))
    result.assert_outcomes(failed=1, passed=1)
    assert failure(result)[-1] == "Policy enforce: tls (@pytest.mark.mailtrap)"


# -- who is watched ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ini", "source", "entered", "renewed"),
    [
        (ENFORCE, "def test_a(): pass\ndef test_b(): pass\n", 1, 4),
        ("", "def test_a(mailtrap): pass\ndef test_b(): keep()\n", 1, 2),
        ("", "def test_a(mailtrap): pass\ndef test_b(mailtrap): pass\n", 2, 4),
        ("", "def test_a(): pass\ndef test_b(): pass\n", 0, 0),
    ],
    ids=["policy", "one trap", "two traps", "neither"],
)
def test_who_is_watched(keeping, pytester, ini, source, entered, renewed):
    """With a policy, watch once, renewed at each set-up and call; without one, watch only the tests with a trap."""
    pytester.makeconftest(
        f"{CONFTEST}\n"
        "def pytest_sessionfinish():\n"
        "    print('WATCHED', len(keeping.entered), len(keeping.renewed))\n"
    )
    result = keeping(source, "-s", ini=ini)
    result.stdout.fnmatch_lines([f"*WATCHED {entered} {renewed}"])


def test_it_is_left_at_the_end(monkeypatch):
    """A watch that is entered once is left once, and a note that comes later changes nothing."""
    notes = []

    @contextlib.contextmanager
    def watching(note):
        notes.append(note)
        yield
        notes.clear()

    monkeypatch.setattr(watch, "watching", watching)
    recorder = MailRecorder(Policy(mode="enforce", require=("tls",)))
    recorder.watch()
    recorder.watch()
    assert len(notes) == 1
    notes[0](watch.Keeper(place="a mock", setting="none"), 2)
    assert recorder.kept() == [("a mock", 2, "none")]
    recorder.unwatch()
    recorder.unwatch()
    assert not notes


def test_nobody_is_watched_without_a_policy(monkeypatch):
    """The negative control: a recorder without a policy, whose test has no trap, enters nothing."""
    monkeypatch.setattr(watch, "watching", lambda note: pytest.fail("entered"))
    recorder = MailRecorder(Policy())
    recorder.watch()
    recorder.unwatch()
    assert not recorder.kept()


# -- what is shown ----------------------------------------------------------------------------


@pytest.mark.parametrize("ini", ["", ENFORCE])
def test_a_failing_test_shows_it(keeping, ini):
    """Kept mail is shown below the test's messages, with or without a policy."""
    source = KEEPS_AND_SENDS + "    assert 'mine' == 'yours'\n"
    lines = captured(keeping(source, ini=ini))
    assert lines[1:5] == [
        '#1   TLSv1.3, STARTTLS  "Your order" -> bob@example.org',
        *TOLD,
        "",
    ]
    assert lines[5].startswith("connection 1 of 1")


@pytest.mark.parametrize(("ini", "trap"), [("", "mailtrap"), (ENFORCE, "mailtrap"), (ENFORCE, "")])
def test_a_failing_test_without_connections_shows_it(keeping, ini, trap):
    """Nothing reached a trap, and the kept mail is shown as the reason."""
    source = f"def test_order({trap}):\n    keep()\n    assert 'mine' == 'yours'\n"
    assert captured(keeping(source, ini=ini))[:4] == [
        "------------------------------ Captured mail call ------------------------------",
        "no message reached a trap",
        *TOLD,
    ]


def test_where_it_is_the_failure_the_setting_is_told_once(keeping):
    """The failure names the setting that sends the mail; the section below it shows only where the mail stayed."""
    result = keeping(KEEPS, ini=ENFORCE)
    assert captured(result)[1:3] == ["no message reached a trap", TOLD[0]]
    assert result.stdout.str().count(TOLD[1]) == 2, "in the failure, and at the end of the run"


def test_without_policy_and_trap_it_is_nobodys_business(keeping):
    """The negative control: a test of something else fails as it always has, and the run reports nothing."""
    result = keeping("def test_order():\n    keep()\n    assert 'mine' == 'yours'\n")
    assert not captured(result)
    assert not summary(result)
    assert "stayed in" not in result.stdout.str()


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("mailtrap.assert_sent_over_tls()", "no message reached the trap"),
        ("mailtrap.wait_for(1, timeout=0)", "no message arrived within 0 s"),
    ],
)
def test_nothing_connected_says_where_the_mail_is(keeping, line, first):
    """The place is shown instead of the advice to send to the trap."""
    source = "def test_order(mailtrap):\n    {}\n    {}\n"
    text = "\n".join(
        line.removeprefix("E").strip() for line in keeping(source.format("keep()", line)).outlines
    )
    assert first in text
    assert "\n".join(line.strip() for line in TOLD) in text
    assert "mailtrap.host, mailtrap.port" not in text
    control = keeping(source.format("pass", line)).stdout.str()
    assert first in control
    assert "stayed in" not in control
    assert "mailtrap.host, mailtrap.port" in control


def test_the_requirement_that_there_be_mail(keeping):
    """The failure of a test that must send mail but kept it says where it is, even if kept mail is only reported."""
    ini = f'{ENFORCE}\nmailtrap_require = ["tls", "mail"]\n{REPORT}'
    lines = failure(keeping("def test_order(mailtrap): keep()", ini=ini))
    assert lines == [
        "no message reached the trap",
        "",
        "  nothing connected to localhost:PORT (STARTTLS) or",
        "  localhost:PORT (implicit TLS)",
        "",
        *TOLD,
        "",
        "Policy enforce: mail (mailtrap_require in pyproject.toml)",
        'To exempt this test: @pytest.mark.mailtrap(policy="none", reason="...")',
    ]


def test_workers_tell_the_controller(keeping):
    """Under pytest-xdist the failure and the total are the same."""
    result = keeping(KEEPS + KEEPS.replace("order", "other"), "-n", "2", ini=ENFORCE)
    result.assert_outcomes(failed=2)
    assert summary(result)[1:] == [TOLD[0].replace("2", "4"), TOLD[1]]


def test_the_page_of_the_step_has_it(keeping, pytester, monkeypatch):
    """GitHub's step summary names the places, with the settings."""
    page = pytester.path / "step.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    keeping(KEEPS, ini=ENFORCE)
    text = page.read_text("utf-8")
    assert "| not judged | what sends it |" in text
    assert "| 2 messages stayed in Django&#39;s memory backend | EMAIL&#95;BACKEND = " in text


def test_a_control_without_a_connection_says_where_the_mail_is(keeping, monkeypatch):
    """If the application in a hostile scenario keeps its mail, the failure does not advise sending it to the trap."""
    monkeypatch.setattr(trial, "_LATE_SECONDS", 0.05)  # nothing is late here
    source = """
@pytest.mark.mailtrap(scenarios=["certificate-expired"])
def test_order(hostile_mailtrap):
    hostile_mailtrap.assert_client_refuses({})
"""
    result = keeping(source.format("keep"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *the control failed: no mail arrived at the good server",
            *(f"E *{line}" for line in TOLD),
        ]
    )
    result.stdout.no_fnmatch_line("*Let send() send one message to the trap*")
    # The control: one that keeps nothing is told so.
    result = keeping(source.format("lambda: None"))
    result.stdout.fnmatch_lines(["E *Let send() send one message to the trap:"])
