"""A test that skips after sending mail is judged by that mail: skipping does not evade the policy."""

from __future__ import annotations

import pytest
from _policy_outputs import summary

from pytest_mailtrap._run.files.run_files import RunFiles

ENFORCE = 'mailtrap_policy = "enforce"'
WAYS = {
    "pytest": 'def test_order(mailtrap):\n    send(mailtrap, tls={tls})\n    pytest.skip("no relay")\n',
    "SkipTest": """
import unittest
def test_order(mailtrap):
    send(mailtrap, tls={tls})
    raise unittest.SkipTest("no relay")
""",
    "fixture": """
@pytest.fixture
def relay(mailtrap):
    send(mailtrap, tls={tls})
    pytest.skip("no relay")

def test_order(relay): pass
""",
    "finalizer": """
@pytest.fixture
def relay(mailtrap):
    yield
    send(mailtrap, tls={tls})
    pytest.skip("no relay")

def test_order(relay): pytest.skip("first")
""",
    "TestCase": """
import unittest
class TestShop(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def trap(self, mailtrap): self.trap = mailtrap
    def test_order(self):
        send(self.trap, tls={tls})
        self.skipTest("no relay")
""",
}


@pytest.mark.parametrize("way", WAYS)
def test_cleartext_before_a_skip_fails(project, way):
    """The failure comes from the policy, and says that the test skipped, and why."""
    result = project(WAYS[way].format(tls=False), ini=ENFORCE)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    outcomes = result.parseoutcomes()
    assert outcomes.get("failed", 0) + outcomes.get("errors", 0) == 1
    result.stdout.fnmatch_lines(
        [
            "the message was sent in cleartext",
            "The test skipped afterwards: no relay",
            "Policy enforce: tls (mailtrap_policy in pyproject.toml)",
            "To exempt this test: @pytest.mark.mailtrap(policy=*",
            "*- Captured mail *",
        ]
    )
    assert summary(result)[-1].endswith("::test_order: #1 was sent in cleartext")


@pytest.mark.parametrize("way", WAYS)
def test_encrypted_mail_before_a_skip_stays_skipped(project, way):
    """The negative control: the same tests over TLS are simply skipped."""
    result = project(WAYS[way].format(tls=True), ini=ENFORCE)
    assert result.ret == pytest.ExitCode.OK
    assert set(result.parseoutcomes()) == {"skipped"}
    result.stdout.no_re_match_line(".*Policy enforce")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("policy", ["testing", "none"])
def test_a_policy_that_is_not_enforced_leaves_skips_alone(project, way, policy):
    """The control for the mode."""
    result = project(WAYS[way].format(tls=False), f"--mailtrap-policy={policy}")
    assert set(result.parseoutcomes()) == {"skipped"}


def test_an_exception_from_the_policy_leaves_a_skip_alone(project):
    """Mail that a marker exempts is exempt in a test that skips, too."""
    marker = "@pytest.mark.mailtrap(policy='none', reason='an old relay')\n"
    project(marker + WAYS["pytest"].format(tls=False), ini=ENFORCE).assert_outcomes(skipped=1)


def test_the_record_says_failed(project, pytester):
    """The record of the test has the same outcome as its report."""
    project(WAYS["TestCase"].format(tls=False), "--mailtrap-save=mail", ini=ENFORCE)
    [record] = RunFiles(pytester.path / "mail").records()
    assert (record["outcome"], len(record["violations"])) == ("failed", 1)


@pytest.mark.parametrize("ending", ['pytest.skip("no relay")', 'pytest.xfail("known")'])
def test_xfail_keeps_its_own(project, ending):
    """A test that is known to fail stays xfailed, whether it calls pytest.xfail() or has the marker."""
    mark = "@pytest.mark.xfail\n" if "skip" in ending else ""
    source = WAYS["pytest"].format(tls=False).replace('pytest.skip("no relay")', ending)
    project(mark + source, ini=ENFORCE).assert_outcomes(xfailed=1)


def test_a_failure_of_its_own_is_kept(project):
    """A unittest.TestCase that fails by itself still shows its own failure."""
    source = WAYS["TestCase"].format(tls=False).replace('skipTest("no relay")', 'fail("mine")')
    result = project(source, ini=ENFORCE)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E  *AssertionError: mine"])
    result.stdout.no_re_match_line(".*Policy enforce")


@pytest.mark.skipif(
    pytest.version_tuple < (9,), reason="subtests have reports of their own since pytest 9"
)
@pytest.mark.parametrize(("tls", "failed"), [(False, 1), (True, 0)])
@pytest.mark.parametrize("kind", ["unittest", "fixture"])
def test_mail_of_a_subtest_that_skips_is_judged(project, kind, tls, failed):
    """Mail that a subtest sent before it skipped can fail the whole test."""
    in_unittest = WAYS["TestCase"].replace(
        'send(self.trap, tls={tls})\n        self.skipTest("no relay")',
        'with self.subTest("part"):\n            send(self.trap, tls={tls})\n            self.skipTest("no")',
    )
    by_fixture = """
def test_order(mailtrap, subtests):
    with subtests.test("part"):
        send(mailtrap, tls={tls})
        pytest.skip("no")
"""
    source = in_unittest if kind == "unittest" else by_fixture
    result = project(source.format(tls=tls), ini=ENFORCE)
    assert result.parseoutcomes().get("failed", 0) == failed
    assert ("Policy enforce" in result.stdout.str()) is bool(failed)


def test_workers_fail_such_tests_too(project):
    """Under pytest-xdist, the failure is passed on to the controller."""
    source = WAYS["TestCase"].format(tls=False) + WAYS["pytest"].format(tls=False)
    result = project(source, "-n", "1", ini=ENFORCE)
    result.assert_outcomes(failed=2)
    assert result.stdout.str().count("The test skipped afterwards: no relay") == 2
