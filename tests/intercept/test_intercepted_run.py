"""A run that intercepts all mail, and a marker that does so for one test."""

from __future__ import annotations

import pytest
from _guarded_runs import HOST, run

INTERCEPTED = """
import ssl

def test_arrives(mailtrap):
    with smtplib.SMTP("smtp.example-provider.com", 587, timeout=5) as client:
        client.starttls(context=ssl.create_default_context())
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: Hi\\r\\n\\r\\n")
    assert len(mailtrap) == 1
"""


@pytest.mark.parametrize(
    ("ini", "flags", "marker", "arrives"),
    [
        ("true", (), "", True),
        (HOST, (), "", True),
        (f"smtp.elsewhere.example\n  {HOST}", (), "", True),
        ("smtp.elsewhere.example", (), "", False),
        ("", ("--mailtrap-intercept",), "", True),
        ("", (f"--mailtrap-intercept=smtp.elsewhere.example,{HOST.upper()}.",), "", True),
        ("smtp.elsewhere.example", ("--mailtrap-intercept",), "", True),
        (f"smtp.elsewhere.example {HOST}", (), "", True),
        ("true", ("--mailtrap-intercept=false", "--mailtrap-guard"), "", False),
        ("true", (), "@pytest.mark.mailtrap(intercept=False)", False),
        ("true", (), '@pytest.mark.mailtrap(intercept=["smtp.elsewhere.example"])', False),
        ("smtp.elsewhere.example", (), "@pytest.mark.mailtrap(intercept=True)", True),
        ("true", (), "@pytest.mark.mailtrap(starttls='offer')", True),
    ],
)
def test_a_run_that_intercepts(
    pytester: pytest.Pytester, ini: str, flags: tuple[str, ...], marker: str, arrives: bool
) -> None:
    """Every test with the fixture is intercepted unless its marker says otherwise; the guard handles everything else."""
    if ini:
        pytester.makeini(f"[pytest]\nmailtrap_intercept = {ini}\n")
    result = run(pytester, INTERCEPTED.replace("def test", f"{marker}\ndef test"), *flags)
    result.assert_outcomes(passed=int(arrives), failed=int(not arrives))
    if not arrives:
        result.stdout.fnmatch_lines([f"E * the mail guard refused {HOST}:587"])


CONNECT = f'smtplib.SMTP("{HOST}", 587, timeout=5).close()'


@pytest.mark.parametrize(
    ("marker", "body", "outcome"),
    [
        ("intercept=True", CONNECT, {"passed": 2}),
        (f"intercept=['{HOST}']", CONNECT, {"passed": 2}),
        ("trust=True", "assert 'mailtrap-' in os.environ['SSL_CERT_FILE']", {"passed": 2}),
        ("intercept=False", CONNECT, {"failed": 2}),
        ("starttls='require'", CONNECT, {"failed": 2}),
    ],
)
def test_a_marker_without_the_fixture(
    pytester: pytest.Pytester, marker: str, body: str, outcome: dict[str, int]
) -> None:
    """A marker takes effect even without the fixture: without a trap, the test's mail would leave."""
    test = f"""
import os, unittest
pytestmark = pytest.mark.mailtrap({marker})

def test_function():
    {body}

class TestOfOldKind(unittest.TestCase):
    def test_method(self):
        {body}
"""
    run(pytester, test, "--mailtrap-guard").assert_outcomes(**outcome)


def test_a_marker_of_one_parameter_is_of_no_other(pytester: pytest.Pytester) -> None:
    """The marked parameter has the trap, and the same test with another parameter does not."""
    test = f"""
MARKED = pytest.param(1, marks=pytest.mark.mailtrap(intercept=True))

@pytest.mark.parametrize("n", [MARKED, 2])
def test_a(n, request):
    assert ("mailtrap" in request.node.fixturenames) is (n == 1)
    {CONNECT}
"""
    result = run(pytester, test, "--mailtrap-guard", "-p", "no:randomly")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["E *MailGuardError: the mail guard refused*"])


def test_tests_without_the_fixture_are_guarded(pytester: pytest.Pytester) -> None:
    """When a run intercepts, mail from a test without a trap must not leave."""
    result = run(pytester, "def test_a():\n    send_and_hide()", "--mailtrap-intercept")
    result.assert_outcomes(failed=1)
