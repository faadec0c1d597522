"""One line of configuration makes every test that sends mail prove that the mail was encrypted."""

from __future__ import annotations

import pytest
from _policy_outputs import failure
from _policy_projects import CLEARTEXT, ENCRYPTED, ENFORCE, SHARED

from pytest_mailtrap._run.files.run_files import RunFiles


def test_enforce_fails_a_test_that_sends_cleartext(project):
    """The failure names the culprit, the policy, where it was set, and how to get an exception."""
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
    """A policy applies only to mail that is sent; it does not concern a test that sends none."""
    project("def test_nothing(mailtrap): pass\ndef test_else(): pass", ini=ENFORCE).assert_outcomes(
        passed=2
    )


def test_many_messages_stay_within_eighteen_lines(project):
    """However many messages there are, the failure stays within 18 lines of 72 columns and shows a culprit."""
    source = "def test_order(mailtrap):\n    for n in range(30): send(mailtrap, tls=n % 7 != 5)\n"
    lines = failure(project(source, ini=ENFORCE))
    assert lines[0] == "4 of 30 messages were sent in cleartext"
    assert lines[2].startswith("  #6   no TLS")
    assert "  ... and 28 more" in lines
    assert len(lines) <= 18
    assert max(map(len, lines)) <= 72
    assert lines[-1].startswith("To exempt this test: ")


def test_testing_reports_and_fails_nothing(project):
    """The mode "testing" leaves the result alone and reports what would have failed."""
    result = project(CLEARTEXT, ini='mailtrap_policy = "testing"')
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "1 test violates the policy:",
            "  test_shop.py::test_order: #1 was sent in cleartext",
        ]
    )


def test_none_says_nothing(project):
    """The mode "none" is equivalent to having no policy."""
    result = project(CLEARTEXT, ini='mailtrap_policy = "none"')
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*mail*trap ===*")


@pytest.mark.parametrize("xfail", ["@pytest.mark.xfail", "@pytest.mark.xfail(strict=True)"])
def test_xfail_takes_a_broken_policy_for_a_failure(project, xfail):
    """A test that is known to send in cleartext can be marked like any other that fails."""
    project(f"{xfail}\n{CLEARTEXT}", ini=ENFORCE).assert_outcomes(xfailed=1)


def test_strict_xfail_fails_when_the_mail_is_encrypted(project):
    """The negative control: xfail has nothing to excuse if the mail meets the policy."""
    source = f"@pytest.mark.xfail(strict=True)\n{ENCRYPTED}"
    project(source, ini=ENFORCE).assert_outcomes(failed=1)


def test_a_test_with_a_failure_of_its_own_keeps_it(project):
    """If the test itself fails, the policy does not interfere: the test's own failure is shown."""
    result = project(f"{CLEARTEXT}    assert 'mine' == 'yours'\n", ini=ENFORCE)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E  *AssertionError: assert 'mine' == 'yours'"])
    result.stdout.no_re_match_line("Policy enforce")


@pytest.mark.parametrize(("tls", "outcomes"), [("False", {"errors": 1}), ("True", {})])
def test_mail_of_finalizers_is_judged_in_teardown(project, tls, outcomes):
    """Mail sent after the call is judged, too: cleartext is an error in the teardown."""
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
    """One message fails its test only once, even if the finalizers send another."""
    source = """
@pytest.fixture
def goodbye(mailtrap):
    yield
    send(mailtrap)

def test_order(mailtrap, goodbye): send(mailtrap, tls=False)
"""
    project(source, ini=ENFORCE).assert_outcomes(failed=1)


def test_unittest_test_cases_are_held_to_it(project):
    """The mail of unittest.TestCase classes is judged as well."""
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
    """A subtest that is skipped, or passes, does not change how the mail of the whole test is judged."""
    source = SUBTESTS.format(tls=tls, first="self.skipTest('no')", second="pass")
    result = project(source, ini=ENFORCE)
    assert result.parseoutcomes().get("failed", 0) == failed
    assert ("Policy enforce" in result.stdout.str()) is bool(failed)


@needs_subtests
def test_subtests_that_fail_show_the_mail(project, pytester):
    """Each failure shows its own mail, with nothing shown twice; the record says that the whole test failed."""
    source = SUBTESTS.format(tls=True, first="assert not 1", second="assert not 2")
    result = project(source, "--mailtrap-save=mail", ini=ENFORCE)
    result.stdout.fnmatch_lines(
        ["E  *assert not 1*", "*- Captured mail call -*", "E  *assert not 2*", "*- Captured mail*"]
    )
    assert result.stdout.str().count("- Captured mail call -") == 2
    [record] = RunFiles(pytester.path / "mail").records()
    assert record["outcome"] == "failed"


def test_session_wide_traps_are_judged_test_by_test(project):
    """Mail to a session-wide trap is attributed to the running test, even if that test discards it with clear()."""
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
    """Each message belongs to the test during which it was accepted, no matter which test opened the connection."""
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
