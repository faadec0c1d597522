"""A run that expects mail fails if none has come: a suite that sends nothing proves nothing."""

from __future__ import annotations

import pytest
from _policy_outputs import summary

EXPECTED = "--mailtrap-expect-mail"
SILENT = "def test_order(mailtrap): pass\ndef test_else(): pass\n"
SENDING = "def test_order(mailtrap): send(mailtrap)\ndef test_else(): pass\n"
WORDS = "no message reached a trap, but {} requires at least one: the run fails"
BY_FLAG = WORDS.format("--mailtrap-expect-mail on the command line")


def test_a_run_without_mail_fails(project):
    """The exit code is 1 even though every test passed, and a line says why."""
    result = project(SILENT, EXPECTED)
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert summary(result) == [BY_FLAG]


def test_a_run_with_mail_passes(project):
    """The negative control, which prints nothing either."""
    result = project(SENDING, EXPECTED)
    assert result.ret == pytest.ExitCode.OK
    assert not summary(result)


@pytest.mark.parametrize("value", ["true", "false"])
def test_the_ini_file_may_say_so(project, value):
    """The line names the file that expects mail, and so does the header."""
    result = project(SILENT, ini=f"mailtrap_expect_mail = {value}")
    assert result.ret == (value == "true")
    where = "mailtrap_expect_mail in pyproject.toml"
    assert (WORDS.format(where) in result.stdout.lines) is (value == "true")
    header = f"mailtrap: mail is expected, set by {where}"
    assert (header in result.stdout.lines) is (value == "true")


@pytest.mark.parametrize("mode", ["enforce", "none"])
def test_the_policy_does_not_matter(project, mode):
    """If a policy is set, its own line is printed as well."""
    result = project(SILENT, EXPECTED, f"--mailtrap-policy={mode}")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    judged = ["no message reached a trap: the policy judged nothing"] * (mode == "enforce")
    assert summary(result) == [*judged, BY_FLAG]


@pytest.mark.parametrize(("source", "code"), [(SILENT, 1), (SENDING, 0)])
def test_the_controller_decides(project, source, code):
    """Under pytest-xdist the mail of all workers counts, and the line is printed once."""
    result = project(source, EXPECTED, "-n", "2")
    assert result.ret == code
    assert summary(result) == [BY_FLAG] * code


CAREFUL = """
def sending(host, port):
    with smtplib.SMTP(host, port, timeout=5) as client:
        client.starttls(context=ssl.create_default_context())
        client.sendmail(FROM, TO, MAIL)
"""
FAMILY = f"""{CAREFUL}
def test_order(mailtrap):
    mailtrap.assert_refuses_hostile_servers(sending, scenarios=["starttls-stripped"])
"""
HOSTILE = f"""{CAREFUL}
@pytest.mark.mailtrap(scenarios=["starttls-stripped"])
def test_order(hostile_mailtrap):
    hostile_mailtrap.assert_client_refuses(lambda: sending("localhost", hostile_mailtrap.port))
"""


@pytest.mark.parametrize("source", [FAMILY, HOSTILE], ids=["family", "fixture"])
def test_the_mail_of_a_control_counts(project, source):
    """A client that was able to send to the good server has sent mail."""
    result = project(source, EXPECTED)
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK


def test_a_hostile_trap_that_nobody_sent_to_does_not_count(project):
    """The negative control: the fixture alone proves nothing."""
    source = """
@pytest.mark.mailtrap(scenarios=["starttls-stripped"])
def test_order(hostile_mailtrap): pass
"""
    assert project(source, EXPECTED).ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    ("source", "options", "code"),
    [
        ("def test_order(): assert not 'mail'", (), pytest.ExitCode.TESTS_FAILED),
        ("def test_order(): raise KeyboardInterrupt", (), pytest.ExitCode.INTERRUPTED),
        ("def test_order(): pytest.exit('now', 3)", (), pytest.ExitCode.INTERNAL_ERROR),
        (SILENT, ("--no-such-option",), pytest.ExitCode.USAGE_ERROR),
        ("", (), pytest.ExitCode.NO_TESTS_COLLECTED),
        ("import no_such_module", (), pytest.ExitCode.INTERRUPTED),
    ],
)
def test_other_exit_codes_stay(project, source, options, code):
    """A run that stopped for another reason keeps its exit code; only failed tests also get the missing-mail line."""
    # A run that is interrupted would take this one with it.
    result = project(source, EXPECTED, *options, subprocess="Interrupt" in source)
    assert result.ret == code
    assert summary(result) == [BY_FLAG] * (code == pytest.ExitCode.TESTS_FAILED)


@pytest.mark.parametrize(
    "options",
    [
        ("--collect-only",),
        ("--setup-only",),
        ("--fixtures",),
        ("-k", "else"),
        ("-m", "not usefixtures"),
        ("--deselect", "test_shop.py::test_order"),
        ("-n", "1", "-k", "else"),
    ],
    ids=" ".join,
)
def test_a_part_of_the_tests_is_exempt(project, options):
    """The mail may belong to the tests that were left out."""
    source = f"@pytest.mark.usefixtures('mailtrap')\n{SILENT}"
    assert project(source, EXPECTED, *options).ret == pytest.ExitCode.OK


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["one process", "workers"])
@pytest.mark.parametrize(("failed", "code"), [(True, 0), (False, 1)])
def test_a_run_of_what_failed_last_is_exempt(project, failed, code, workers):
    """pytest never reports which tests --last-failed leaves out; if none had failed, it leaves out none."""
    source = "import os\ndef test_order(mailtrap): pass\ndef test_else(): assert 'FAILS' not in os.environ\n"
    with pytest.MonkeyPatch.context() as patch:
        if failed:
            patch.setenv("FAILS", "1")
        assert project(source, "-p", "cacheprovider").ret == failed
    result = project(source, EXPECTED, "-p", "cacheprovider", "--last-failed", *workers)
    result.assert_outcomes(passed=1 if failed else 2)
    assert result.ret == code


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["one process", "workers"])
def test_a_failure_that_is_gone_exempts_nothing(project, pytester, workers):
    """pytest remembers a failed test until it runs again, and runs all tests if none of those exists any more."""
    failing = pytester.makepyfile(test_old="def test_old(): assert not 'old'")
    assert project(SILENT, "-p", "cacheprovider").ret == 1
    failing.unlink()
    result = project(SILENT, EXPECTED, "-p", "cacheprovider", "--last-failed", *workers)
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_selection_that_leaves_nothing_out_is_not_exempt(project):
    """The negative control: all tests are selected, and none of them has sent mail."""
    assert project(SILENT, EXPECTED, "-k", "test_").ret == pytest.ExitCode.TESTS_FAILED


def test_without_a_terminal_it_stands_on_stderr(project):
    """A run that fails says why on any stream that is left."""
    result = project(SILENT, EXPECTED, "-p", "no:terminal")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.errlines == [f"mailtrap: {BY_FLAG}"]
    result = project(SENDING, EXPECTED, "-p", "no:terminal")
    assert (result.ret, result.errlines) == (pytest.ExitCode.OK, [])


def test_all_skipped_is_no_mail(project):
    """A suite whose mail tests are all skipped proves just as little."""
    source = "@pytest.mark.skip\ndef test_order(mailtrap): send(mailtrap)\n"
    assert project(source, EXPECTED).ret == pytest.ExitCode.TESTS_FAILED
