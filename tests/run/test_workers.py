"""
What happened in the workers of pytest-xdist is told as if it had happened in one process.

Two runs are made, one for each way to hand out the tests, with everything that tells of mail; the tests look at one output each.
"""

from __future__ import annotations

from importlib.util import find_spec
from types import SimpleNamespace

import pytest
from _policy_outputs import (
    ESCAPED,
    SHOWN,
    captured,
    mail_in_pytest_html,
    properties,
    saved,
    summary,
    warnings,
)

SUITE = r"""
GROUPS = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in "abc"]

@pytest.mark.parametrize("group", GROUPS)
def test_order(mailtrap, group):
    send(mailtrap, mail=MAIL.replace(b"Your order", f"Order {group}".encode()))

def test_fails(mailtrap):
    send(mailtrap, login=True)
    send(mailtrap, mail=MAIL.replace(b"Your order", b"Your bill"))
    assert 'mine' == 'yours'

def test_hostile(mailtrap):
    send(mailtrap, mail=b"Subject: <img src=x onerror=alert(1)>\r\n\r\n")
    send(mailtrap, mail=b"Subject: The other one\r\n\r\n")

def test_large(mailtrap): send(mailtrap, mail=MAIL + b"xxxxxxxx\r\n" * 20_000)
def test_older(mailtrap): send(mailtrap, maximum=ssl.TLSVersion.TLSv1_2)
def test_mixed(mailtrap):
    send(mailtrap)
    for _ in range(4): send(mailtrap, tls=False)
@pytest.mark.mailtrap(policy="none", reason="the printer speaks no TLS")
def test_printer(mailtrap): send(mailtrap, tls=False)
def test_refused(mailtrap):
    for _ in range(2):
        with pytest.raises(ssl.SSLError), smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
            client.starttls(context=ssl.create_default_context())
def test_nothing(mailtrap): pass
"""
OUTCOMES = {
    "test_order[a]": "passed",
    "test_order[b]": "passed",
    "test_order[c]": "passed",
    "test_fails": "failed",
    "test_hostile": "passed",
    "test_large": "passed",
    "test_older": "passed",
    "test_mixed": "passed",
    "test_printer": "passed",
    "test_refused": "passed",
}
INI = 'mailtrap_policy = "testing"\nmailtrap_junit_properties = true'
# In the first run the mail is kept for the report alone.
SAVED = {"load": (), "loadgroup": ("--mailtrap-save=mail",)}
needs_jinja2 = pytest.mark.skipif(not find_spec("jinja2"), reason="the report needs Jinja2")
needs_html = pytest.mark.skipif(not find_spec("pytest_html"), reason="pytest-html is not installed")


@pytest.fixture(scope="module")
def runs():
    """What the runs have left behind, by how the tests were distributed."""
    return {}


@pytest.fixture(params=["load", "loadgroup"])
def left(request, runs, project, pytester, listen, monkeypatch):
    """What a run of two workers has left behind: the run is made for the first test that requests it."""
    dist = request.param
    if dist not in runs:
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.path.parent))
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / "step.md"))
        options = ["-n", "2", f"--dist={dist}", "--junitxml=junit.xml", *SAVED[dist]]
        options += ["--html=pytest.html"] * bool(find_spec("pytest_html"))
        options += ["--mailtrap-report=out/mail.html"] * bool(find_spec("jinja2"))
        result = project(SUITE, *options, ini=INI)
        given = listen() if find_spec("jinja2") else {}
        runs[dist] = SimpleNamespace(result=result, path=pytester.path, given=given)
    return runs[dist]


def test_every_test_ran(left):
    """The control of this file: without it, everything else could also be reported by an interrupted run."""
    left.result.assert_outcomes(passed=10, failed=1)


def test_the_totals_under_xdist(left):
    """The controller adds up what all workers report."""
    assert [line for line in summary(left.result) if not line.startswith("::")] == [
        "15 messages in 9 tests: 9 TLSv1.3, 1 TLSv1.2, 5 in cleartext",
        "policy testing (tls): 14 messages judged",
        "2 connections failed in the handshake:",
        "  client rejected the certificate: unknown CA (2)",
        "1 test violates the policy:",
        "  test_shop.py::test_mixed: #2 was sent in cleartext; #3 was sent in cleartext; #4 was sent in cleartext; 1 more",
        "1 test exempt from the policy:",
        "  test_shop.py::test_printer: the printer speaks no TLS",
    ]


def test_the_mail_crosses_from_the_workers(left):
    """Under the failure there is the same section as in a run of one process."""
    assert captured(left.result)[: len(SHOWN)] == SHOWN


def test_junit_properties_from_the_workers(left):
    """Each test case that got mail has its totals as properties."""
    found = properties(left.path / "junit.xml")
    assert {name.partition("@")[0] for name in found} == {*OUTCOMES, "test_nothing"}
    assert found["test_nothing"] == {}
    assert found["test_mixed"] == {
        "mailtrap.messages": "5",
        "mailtrap.tls": "TLSv1.3, cleartext",
        "mailtrap.signed": "0",
        "mailtrap.encrypted": "0",
        "mailtrap.violations": "4",
    }


@needs_html
def test_pytest_html_gets_the_list_of_messages_of_the_workers(left):
    """The row of a test in pytest-html's file has a table of its messages, escaped."""
    assert mail_in_pytest_html(left.path / "pytest.html") == ESCAPED


def test_workers_tell_github_once(left):
    """Only the controller writes to GitHub: one annotation, and one page."""
    lines = left.result.stdout.lines
    assert len([line for line in lines if line.startswith("::warning")]) == 1
    page = (left.path / "step.md").read_text("utf-8")
    heads = [line for line in page.splitlines() if line.startswith("#")]
    assert heads == [
        "### Mail: 15 messages in 9 tests",
        "#### Policy violations",
        "#### Exempt from the policy",
    ]
    assert left.path.name in left.result.stdout.str()


@needs_jinja2
def test_all_records_with_their_bytes_arrive_from_the_workers(left):
    """There is one report, whichever process ran a test: the record of each test with mail, and its files."""
    # Some versions of pytest-xdist put the group behind the name.
    tests = {name.partition("@")[0]: test for name, test in left.given.items()}
    assert {name: test["outcome"] for name, test in tests.items()} == OUTCOMES
    assert "Subject: Order b" in tests["test_order[b]"]["messages"][0]["content"]
    assert {test["worker"] for test in tests.values()} <= {"gw0", "gw1"}
    left.result.stdout.fnmatch_lines(["report: *mail.html"])
    page = (left.path / "out" / "mail.html").read_text("utf-8")
    assert all(f'"subject":"Order {group}"' in page for group in "abc")
    assert [path.name for path in (left.path / "out").iterdir()] == ["mail.html"]


@pytest.mark.parametrize("left", ["loadgroup"], indirect=True)
def test_what_the_workers_save_is_saved(left):
    """Everything is written, and there is no warning."""
    assert warnings(left.result) == []
    found = saved(left.path / "mail")
    assert {name.partition("@")[0] for name in found} == set(OUTCOMES)
    assert {name for name, files in found.items() if "0001.eml" not in files} == {"test_refused"}
    left.result.stdout.fnmatch_lines(["saved to: *mail"])


@pytest.mark.parametrize("left", ["load"], indirect=True)
def test_what_nobody_asked_for_is_not_saved(left):
    """The negative control: without the option there is no such directory, no mention of it, and no warning."""
    assert warnings(left.result) == []
    assert not (left.path / "mail").exists()
    left.result.stdout.no_fnmatch_line("saved to: *")
