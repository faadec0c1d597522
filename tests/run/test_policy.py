"""One line of configuration makes every test that sends mail a proof that it was encrypted."""

from __future__ import annotations

import re

import pytest

from pytest_mailtrap._run.files.run_files import RunFiles

CLEARTEXT = "def test_order(mailtrap):\n    send(mailtrap, tls=False)\n"
ENCRYPTED = "def test_order(mailtrap):\n    send(mailtrap)\n"
ENFORCE = 'mailtrap_policy = "enforce"'


def failure(result):
    """The lines of the one failure, as pytest shows them, up to the next section."""
    # smtplib writes "mail from:" since Python 3.13.
    lines = [line.replace("mail from:", "mail FROM:") for line in result.stdout.lines]
    start = next(n for n, line in enumerate(lines) if line.startswith("____")) + 1
    end = next(n for n in range(start, len(lines)) if lines[n].startswith(("----", "====")))
    # smtplib has changed its spelling with Python 3.13.
    return [line.replace("C: mail from:", "C: mail FROM:") for line in lines[start:end]]


def test_enforce_fails_a_test_that_sends_cleartext(project):
    """The failure names the culprit, the policy, where it was set, and the way out."""
    result = project(CLEARTEXT, ini=ENFORCE)
    result.assert_outcomes(failed=1)
    assert failure(result) == [
        "the message was sent in cleartext",
        "",
        '  #1  no TLS  "Your order" -> bob@example.org',
        "",
        "  #1 on the wire:",
        "      S: 250-STARTTLS",
        "      C: mail FROM:<noreply@example.org> size=78   <-- not inside TLS",
        "      S: 250 OK",
        "",
        "  - expected: TLSv1.2 or newer",
        "  + received: cleartext (STARTTLS was offered, never used)",
        "",
        "Upgrade before sending:",
        "  smtplib  client.starttls(context=ssl.create_default_context())",
        "",
        "Policy enforce: tls (mailtrap_policy in pyproject.toml)",
        'To exempt this test: @pytest.mark.mailtrap(policy="none", reason="...")',
    ]


def test_enforce_passes_a_test_that_encrypts(project):
    """The negative control: the same test over TLS is green."""
    project(ENCRYPTED, ini=ENFORCE).assert_outcomes(passed=1)


def test_enforce_asks_nothing_of_tests_without_mail(project):
    """A policy is about the mail that is sent; a test that sends none is none of its business."""
    project("def test_nothing(mailtrap): pass\ndef test_else(): pass", ini=ENFORCE).assert_outcomes(
        passed=2
    )


def test_many_messages_stay_within_eighteen_lines(project):
    """However many messages there are, the failure keeps to 18 lines of 72 columns and shows a culprit."""
    source = "def test_order(mailtrap):\n    for n in range(30): send(mailtrap, tls=n % 7 != 5)\n"
    lines = failure(project(source, ini=ENFORCE))
    assert lines[0] == "4 of 30 messages were sent in cleartext"
    assert lines[2].startswith("  #6   no TLS")
    assert "  ... and 28 more" in lines
    assert len(lines) <= 18
    assert max(map(len, lines)) <= 72
    assert lines[-1].startswith("To exempt this test: ")


def test_testing_reports_and_fails_nothing(project):
    """The mode "testing" leaves the result alone and tells what would have failed."""
    result = project(CLEARTEXT, ini='mailtrap_policy = "testing"')
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "1 test violates the policy:",
            "  test_shop.py::test_order: #1 was sent in cleartext",
        ]
    )


def test_none_says_nothing(project):
    """The mode "none" is as good as no policy."""
    result = project(CLEARTEXT, ini='mailtrap_policy = "none"')
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*mail*trap ===*")


@pytest.mark.parametrize("xfail", ["@pytest.mark.xfail", "@pytest.mark.xfail(strict=True)"])
def test_xfail_takes_a_broken_policy_for_a_failure(project, xfail):
    """A test that is known to send in cleartext can be marked like any other that fails."""
    project(f"{xfail}\n{CLEARTEXT}", ini=ENFORCE).assert_outcomes(xfailed=1)


def test_strict_xfail_fails_when_the_mail_is_encrypted(project):
    """The negative control: xfail sees nothing to excuse where the policy is kept."""
    source = f"@pytest.mark.xfail(strict=True)\n{ENCRYPTED}"
    project(source, ini=ENFORCE).assert_outcomes(failed=1)


def test_a_test_with_a_failure_of_its_own_keeps_it(project):
    """The policy has no say where the test itself fails: its own failure is shown."""
    result = project(f"{CLEARTEXT}    assert 'mine' == 'yours'\n", ini=ENFORCE)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E  *AssertionError: assert 'mine' == 'yours'"])
    result.stdout.no_fnmatch_line("Policy enforce*")


@pytest.mark.parametrize(("tls", "outcomes"), [("False", {"errors": 1}), ("True", {})])
def test_mail_of_finalizers_is_judged_in_teardown(project, tls, outcomes):
    """What is sent after the call is not lost: in cleartext it is an error of the teardown."""
    source = f"""
@pytest.fixture
def goodbye(mailtrap):
    yield
    send(mailtrap, tls={tls})

def test_order(goodbye): pass
"""
    result = project(source, ini=ENFORCE)
    result.assert_outcomes(passed=1, **outcomes)
    if outcomes:
        result.stdout.fnmatch_lines(["*ERROR at teardown*", "the message was sent*"])


def test_what_the_call_was_told_teardown_is_not_told_again(project):
    """One message fails its test once, though the finalizers send another."""
    source = """
@pytest.fixture
def goodbye(mailtrap):
    yield
    send(mailtrap)

def test_order(mailtrap, goodbye): send(mailtrap, tls=False)
"""
    project(source, ini=ENFORCE).assert_outcomes(failed=1)


def test_unittest_test_cases_are_held_to_it(project):
    """unittest.TestCase classes get their mail judged as well."""
    source = """
import unittest

class TestShop(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def trap(self, mailtrap): self.trap = mailtrap
    def test_bad(self): send(self.trap, tls=False)
    def test_good(self): send(self.trap)
"""
    project(source, ini=ENFORCE).assert_outcomes(passed=1, failed=1)


SUBTESTS = """
import unittest

class TestShop(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def trap(self, mailtrap): self.trap = mailtrap

    def test_order(self):
        send(self.trap, tls={tls})
        with self.subTest("first"): {first}
        with self.subTest("second"): {second}
"""


needs_subtests = pytest.mark.skipif(
    pytest.version_tuple < (9,), reason="subtests have reports of their own since pytest 9"
)


@needs_subtests
@pytest.mark.parametrize(("tls", "failed"), [(True, 0), (False, 1)])
def test_a_subtest_that_skips_excuses_no_mail(project, tls, failed):
    """A part of a test that is skipped, or passes, changes nothing for the mail of the whole."""
    source = SUBTESTS.format(tls=tls, first="self.skipTest('no')", second="pass")
    result = project(source, ini=ENFORCE)
    assert result.parseoutcomes().get("failed", 0) == failed
    assert ("Policy enforce" in result.stdout.str()) is bool(failed)


@needs_subtests
def test_subtests_that_fail_show_the_mail(project, pytester):
    """Each has it in its failure, and none twice; the whole test has failed in the record, too."""
    source = SUBTESTS.format(tls=True, first="assert not 1", second="assert not 2")
    result = project(source, "--mailtrap-save=mail", ini=ENFORCE)
    result.stdout.fnmatch_lines(
        ["E  *assert not 1*", "*- Captured mail call -*", "E  *assert not 2*", "*- Captured mail*"]
    )
    assert result.stdout.str().count("- Captured mail call -") == 2
    [record] = RunFiles(pytester.path / "mail").records()
    assert record["outcome"] == "failed"


SHARED = """
@pytest.fixture(scope="session")
def shared(mailtrap_factory):
    with mailtrap_factory({options}) as trap:
        yield trap
"""


def test_session_wide_traps_are_judged_test_by_test(project):
    """Mail to a trap of all tests is put down to the test that ran, also where the test forgets it by clear()."""
    source = f"""{SHARED.format(options="")}
def test_first(shared): send(shared)
def test_second(shared):
    send(shared, tls=False)
    shared.clear()
    assert not shared
def test_third(shared): send(shared)
"""
    result = project(source, "-v", ini=ENFORCE)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        ["*test_first PASSED*", "*test_second FAILED*", "*test_third PASSED*"]
    )


def test_a_connection_that_outlives_a_test_counts_where_it_carries_mail(project):
    """Each message is the test's in which it was accepted, whoever opened the connection."""
    source = f"""{SHARED.format(options="")}
@pytest.fixture(scope="session")
def client(shared):
    with smtplib.SMTP(shared.host, shared.port, timeout=10) as client:
        yield client

def test_first(client): client.ehlo()
def test_second(client): client.sendmail(FROM, TO, MAIL)
"""
    result = project(source, "-v", ini=ENFORCE)
    result.stdout.fnmatch_lines(["*test_first PASSED*", "*test_second FAILED*"])


# -- which policy holds -----------------------------------------------------------------------

MARKED = "@pytest.mark.mailtrap({})\n"


@pytest.mark.parametrize(
    ("ini", "option", "marker", "outcome"),
    [
        ("enforce", None, None, "failed"),
        ("enforce", "testing", None, "passed"),
        ("none", "enforce", None, "failed"),
        ("none", None, "policy='enforce'", "failed"),
        ("testing", "testing", "policy='enforce'", "failed"),
        ("enforce", None, "policy='testing', reason='a relay on this machine'", "passed"),
        ("enforce", "enforce", "policy='none', reason='a relay on this machine'", "passed"),
        (None, None, "require=['tls']", "failed"),
        ("none", None, "require=['tls']", "passed"),
        ("enforce", None, "require=['tls', 'smime-signed']", "failed"),
    ],
)
def test_the_closest_setting_counts(project, ini, option, marker, outcome):
    """Ini file < command line < marker; a marker that demands something means it, also where the run has no policy."""
    result = project(
        (MARKED.format(marker) if marker else "") + CLEARTEXT,
        *([f"--mailtrap-policy={option}"] if option else []),
        ini=f'mailtrap_policy = "{ini}"' if ini else "",
    )
    result.assert_outcomes(**{outcome: 1})


@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        ("", {"failed": 1}),
        ("policy='none', reason='a relay on this machine'", {"passed": 1}),
        ("policy='enforce', require=['tls>=1.3']", {"failed": 1}),
    ],
)
def test_an_option_of_the_trap_counts_more_than_the_marker(project, options, outcome):
    """A trap of the factory may have a policy of its own."""
    source = f"""{SHARED.format(options=options)}
def test_order(shared): send(shared, tls=False)
"""
    project(source, ini=ENFORCE).assert_outcomes(**outcome)


def test_a_trap_may_demand_more_than_the_rest(project):
    """The policy of a trap is for its own messages alone, and the failure names where it comes from."""
    shared = SHARED.format(options="require=['tls>=1.3']")
    source = f"""{shared}
def test_order(shared, mailtrap):
    send(mailtrap, maximum=ssl.TLSVersion.TLSv1_2)
    send(shared, maximum=ssl.TLSVersion.TLSv1_2)
"""
    lines = failure(project(source, ini=ENFORCE))
    assert lines[0] == "the message was sent over TLS older than TLSv1.3"
    assert lines[2].startswith("  #2  TLSv1.2, STARTTLS  ")
    assert lines[-2:] == [
        "Policy enforce: tls>=1.3 (mailtrap_factory)",
        'To exempt this test: mailtrap_factory(policy="none", reason="...")',
    ]


@pytest.mark.parametrize(
    ("requirement", "first", "numbers"),
    [
        ("tls>=1.3", "send(mailtrap)", ["#2", "#3"]),
        ("auth", "send(mailtrap)", ["#2", "#3"]),
        ("verified-client-certificate", "send(mailtrap)", ["#2", "#3"]),
        ("smime-signed", "send(mailtrap)", ["#2", "#3"]),
        ("smime-encrypted", "send(mailtrap)", ["#2", "#3"]),
        ("tls>=1.3", "pass", ["#1", "#2"]),
    ],
)
def test_a_message_has_one_number(project, requirement, first, numbers):
    """A failure under the policy of one trap calls messages as the mail below it does, and as the totals do."""
    source = f"""{SHARED.format(options=f"require=[{requirement!r}, 'tls']")}
def test_order(shared, mailtrap):
    {first}
    send(shared, maximum=ssl.TLSVersion.TLSv1_2, mail=MAIL.replace(b"Your order", b"Second"))
    send(shared, maximum=ssl.TLSVersion.TLSv1_2, mail=MAIL.replace(b"Your order", b"Third"))
"""
    result = project(source, ini=ENFORCE)
    result.assert_outcomes(failed=1)
    assert list(dict.fromkeys(re.findall(r"#\d+", "\n".join(failure(result))))) == numbers
    shown = [line for line in result.stdout.lines if '"Second"' in line or '"Third"' in line]
    assert [line.split()[0] for line in shown] == numbers * 2  # in the failure, and below it
    assert f"  test_shop.py::test_order: {numbers[0]} " in result.stdout.str()


@pytest.mark.parametrize(
    ("options", "way_out"),
    [
        ("policy='none'", ""),
        ("policy='testing'", ""),
        ("require_only=['smime-signed']", "also require tls, or "),
    ],
)
def test_a_marker_that_weakens_needs_a_reason(project, options, way_out):
    """Nobody gets out of the policy without saying why; the error says what is weaker than what."""
    result = project(f"@pytest.mark.mailtrap({options})\n{ENCRYPTED}", ini=ENFORCE)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            (
                "@pytest.mark.mailtrap: policy * is weaker than policy enforce (tls), "
                f'set by mailtrap_policy in pyproject.toml: {way_out}give a reason with reason="..."'
            )
        ]
    )


@pytest.mark.parametrize(
    "options",
    [
        "policy='enforce'",
        "require=['tls>=1.3']",
        "require=['auth-over-tls']",
        "require_only=['tls>=1.3']",
        "require_only=['tls', 'auth-over-tls']",
        "starttls='offer'",
    ],
)
def test_a_marker_that_does_not_weaken_needs_none(project, options):
    """The negative control: as much or more needs no reason."""
    project(f"@pytest.mark.mailtrap({options})\n{ENCRYPTED}", ini=ENFORCE).assert_outcomes(passed=1)


def test_a_trap_that_weakens_needs_a_reason(project):
    """The same for options of the factory: the trap does not start."""
    shared = SHARED.format(options="policy='none'")
    source = f"{shared}\ndef test_order(shared): send(shared)\n"
    result = project(source, ini=ENFORCE)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["E  *ValueError: policy none is weaker than policy enforce (tls)*"]
    )


CARELESS = """
def sending(port):
    with smtplib.SMTP("localhost", port, timeout=5) as client:
        client.ehlo()
        if client.has_extn("starttls"):
            client.starttls(context=ssl.create_default_context())
        client.sendmail(FROM, TO, MAIL)
"""
STRIPPED = """
@pytest.mark.mailtrap(scenarios=["starttls-stripped"])
def test_refuses(hostile_mailtrap):
    {}(lambda: sending(hostile_mailtrap.port))
"""
FAMILY = """
def test_refuses(mailtrap):
    verdicts = mailtrap.judge_hostile_servers(
        lambda host, port: sending(port), scenarios=["starttls-stripped"]
    )
    assert [verdict.failed for verdict in verdicts] == [False, True]
"""


def test_what_a_hostile_server_gets_fails_by_its_own_verdict_alone(project):
    """A careless client fails its test once, by the words of the hostile trap, which the policy does not repeat."""
    result = project(
        CARELESS + STRIPPED.format("hostile_mailtrap.assert_client_refuses"), ini=ENFORCE
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E  *AssertionError: envelope and message sent in cleartext*"])
    result.stdout.no_fnmatch_line("*Policy enforce:*")
    result.stdout.no_fnmatch_line("*message* in * test*")


@pytest.mark.parametrize("source", [STRIPPED.format("assert hostile_mailtrap.judge"), FAMILY])
def test_hostile_servers_are_under_no_policy(project, source):
    """Mail that was let out to a server that is bad on purpose is nobody's exception, and in no total."""
    result = project(CARELESS + source, "-rA", ini=ENFORCE)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*exempt*")
    result.stdout.no_fnmatch_line("*message* in * test*")


def test_the_same_mail_to_a_good_server_is_under_the_policy(project):
    """The negative control: what is not sent to a hostile server is judged, in a test that has one beside it."""
    source = f"""{CARELESS}
@pytest.mark.mailtrap(scenarios=["starttls-stripped"])
def test_refuses(hostile_mailtrap, mailtrap):
    hostile_mailtrap.judge(lambda: sending(hostile_mailtrap.port))
    send(mailtrap, tls=False)
"""
    assert failure(project(source, ini=ENFORCE))[-2].startswith("Policy enforce: tls")


# -- what may be set --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ini", "words"),
    [
        (
            'mailtrap_policy = "enforced"',
            "mailtrap_policy: expected one of none, testing, enforce, got 'enforced'",
        ),
        (
            'mailtrap_policy = "enforce"\nmailtrap_require = ["tls>1.3"]',
            (
                "mailtrap_require: unknown requirement 'tls>1.3' (did you mean 'tls>=1.3'?), expected some of "
                "tls, tls>=1.2, tls>=1.3, auth, auth-over-tls, verified-client-certificate, smime-signed, smime-encrypted, mail"
            ),
        ),
        (
            'mailtrap_require = "tls"',
            (
                "mailtrap_require in pyproject.toml has no effect without mailtrap_policy = testing or enforce, "
                "or mailtrap_policy = none to keep it for other runs"
            ),
        ),
        (
            'mailtrap_require = "tlsx"',
            "mailtrap_require: unknown requirement 'tlsx' (did you mean 'tls'?), expected some of tls, *",
        ),
        (
            'mailtrap_policy = "none"\nmailtrap_require = "tlsx"',
            "mailtrap_require: unknown requirement 'tlsx' (did you mean 'tls'?), expected some of tls, *",
        ),
        (
            'mailtrap_junit_properties = "maybe"',
            "mailtrap_junit_properties: invalid truth value 'maybe'",
        ),
    ],
)
def test_wrong_settings_are_usage_errors(project, ini, words):
    """A setting that cannot be meant stops the run at once, and says what is allowed."""
    result = project(ENCRYPTED, ini=ini)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {words.replace('[', '[[]')}"])


SETTINGS = """
mailtrap_policy = "testing"
mailtrap_require = ["tls", "smime-signed"]
mailtrap_save = "mail"
mailtrap_junit_properties = true
mailtrap_guard = false
"""


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", f"[tool.pytest.ini_options]\n{SETTINGS}"),
        ("pytest.ini", "[pytest]" + SETTINGS.translate(dict.fromkeys(map(ord, '"[]')))),
        pytest.param(
            "pytest.toml",
            f"[pytest]\n{SETTINGS}",
            marks=pytest.mark.skipif(
                pytest.version_tuple < (9,), reason="pytest reads this file since version 9"
            ),
        ),
    ],
)
def test_settings_are_written_as_they_come(project, pytester, file, text):
    """A text, a list, a path and a switch, in each file that pytest reads, with and without types."""
    result = project(CLEARTEXT, "--junitxml=junit.xml")
    assert "mailtrap:" not in result.stdout.str()
    (pytester.path / "pyproject.toml").unlink()
    (pytester.path / file).write_text(text)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--junitxml=junit.xml")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            (
                f"mailtrap: policy testing (tls, smime-signed), set by mailtrap_policy in {file} "
                f"and mailtrap_require in {file}"
            ),
            "saved to: *mail",
        ]
    )
    assert "mailtrap.messages" in (pytester.path / "junit.xml").read_text()


def test_an_unknown_requirement_in_a_marker_fails_its_test(project):
    """A misspelt requirement in a marker demands nothing in silence otherwise."""
    result = project(f"@pytest.mark.mailtrap(require=['smime'])\n{ENCRYPTED}")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["@pytest.mark.mailtrap: unknown requirement 'smime'*expected some of*"]
    )


def test_requirements_are_read_from_lists_and_lines(project):
    """Commas, list items, blanks and case do not matter."""
    result = project(
        ENCRYPTED, "--mailtrap-policy=enforce", "--mailtrap-require", " TLS >= 1.3, auth-over-tls "
    )
    result.stdout.fnmatch_lines(
        [
            (
                "mailtrap: policy enforce (tls>=1.3, auth-over-tls), set by --mailtrap-policy on the command line "
                "and --mailtrap-require on the command line"
            )
        ]
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("words", ["tls >= 1.3  auth", "tls>=1.3, auth", "auth\n    tls>=1.3"])
def test_blanks_part_requirements_too(project, pytester, words):
    """An ini file has no lists: one line with blanks is what many write first."""
    pytester.makeini(f"[pytest]\nmailtrap_policy = testing\nmailtrap_require = {words}\n")
    result = project(ENCRYPTED, "-c", "tox.ini")
    [header] = [line for line in result.stdout.lines if line.startswith("mailtrap: policy")]
    named = header.partition("(")[2].partition(")")[0]
    assert set(named.split(", ")) == {"tls>=1.3", "auth"}


@pytest.mark.parametrize("order", [("auth", "tls"), ("tls", "auth")])
def test_requirements_of_several_flags_add_up(project, order):
    """The last flag alone would drop what the first one requires, in silence."""
    flags = [f"--mailtrap-require={name}" for name in order]
    result = project(ENCRYPTED, "--mailtrap-policy=enforce", *flags)
    result.assert_outcomes(failed=1)
    assert failure(result)[0] == "the message was sent without authentication"


def test_a_flag_that_requires_nothing_is_a_usage_error(project):
    """As where a variable of a CI job is empty: nothing would be looked at."""
    result = project(CLEARTEXT, "--mailtrap-policy=enforce", "--mailtrap-require=")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: mailtrap_require: unknown requirement '', expected *"])


def test_requirements_wait_for_a_run_with_a_policy(project):
    """With the mode none the ini file says what is required once, and the command line when."""
    ini = 'mailtrap_policy = "none"\nmailtrap_require = "auth"'
    project(ENCRYPTED, ini=ini).assert_outcomes(passed=1)
    project(ENCRYPTED, "--mailtrap-policy=enforce", ini=ini).assert_outcomes(failed=1)


def test_a_bare_switch_that_takes_the_path_to_the_tests_is_a_usage_error(project):
    """`--mailtrap-junit-properties tests/` would take the path for its value."""
    result = project("def test_order(): pass", "--mailtrap-junit-properties", "test_shop.py")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*took the path 'test_shop.py' as its value*"])
