"""Other reporters of the run get the mail as well: JUnit XML, pytest-html, GitHub Actions; each only on request."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from _policy_outputs import ESCAPED, mail_in_pytest_html, properties

from pytest_mailtrap._hooks.github import cell, step_summary, workflow_commands
from pytest_mailtrap._run.counts import nothing_but
from pytest_mailtrap._run.totals import Totals

SUITE = """
def test_order(mailtrap):
    send(mailtrap)
    send(mailtrap, tls=False)

def test_nothing(mailtrap): pass
"""
TESTING = 'mailtrap_policy = "testing"\n'


# -- JUnit XML --------------------------------------------------------------------------------


def test_junit_properties(project, pytester):
    """With mailtrap_junit_properties, each test case that got mail has its totals as properties."""
    ini = f"{TESTING}mailtrap_junit_properties = true"
    project(SUITE, "--junitxml=junit.xml", ini=ini)
    assert properties(pytester.path / "junit.xml") == {
        "test_order": {
            "mailtrap.messages": "2",
            "mailtrap.tls": "TLSv1.3, cleartext",
            "mailtrap.signed": "0",
            "mailtrap.encrypted": "0",
            "mailtrap.violations": "1",
        },
        "test_nothing": {},
    }


def test_no_junit_properties_without_the_option(project, pytester):
    """The negative control: they violate the newest JUnit schema, so they are only written on request."""
    project(SUITE, "--junitxml=junit.xml", ini=TESTING)
    assert properties(pytester.path / "junit.xml") == {"test_order": {}, "test_nothing": {}}


def test_junit_properties_alone_print_nothing(project):
    """A run that asks only for the properties gets them, and no summary."""
    result = project(SUITE, "--mailtrap-junit-properties", "--junitxml=junit.xml")
    result.stdout.no_fnmatch_line("*mail trap*")


# -- pytest-html ------------------------------------------------------------------------------

HOSTILE = """
def test_order(mailtrap):
    send(mailtrap, mail=b"Subject: <img src=x onerror=alert(1)>\\r\\n\\r\\n")
    send(mailtrap, mail=b"Subject: The other one\\r\\n\\r\\n")
"""


def test_pytest_html_gets_the_list_of_messages(project, pytester):
    """A test's row in the pytest-html file has a table of its messages, escaped."""
    pytest.importorskip("pytest_html", reason="pytest-html is not installed")
    project(HOSTILE, "--html=report.html")
    assert mail_in_pytest_html(pytester.path / "report.html") == ESCAPED


def test_without_a_file_of_pytest_html_nothing_is_made_for_it(project):
    """The negative control: in a run without --html, the reports have no extras."""
    source = f"""{HOSTILE}
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    assert not getattr(report, "extras", [])
    return report
"""
    project(source).assert_outcomes(passed=1)


def test_a_table_that_cannot_be_made_costs_no_result(project, pytester, monkeypatch):
    """Any error in making the table is only a warning, and the pytest-html file is still written."""
    pytest.importorskip("pytest_html", reason="pytest-html is not installed")

    def fails(account):
        raise ZeroDivisionError

    monkeypatch.setattr("pytest_mailtrap._hooks.integrations._table", fails)
    result = project(HOSTILE, "--html=report.html", "--mailtrap-save=mail")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["warning: mail could not be added to pytest-html's report: ZeroDivisionError()"]
    )
    assert (pytester.path / "report.html").exists()


# -- GitHub Actions ---------------------------------------------------------------------------


@pytest.fixture
def actions(monkeypatch, pytester):
    """Make the run a step of GitHub Actions; returns the path of the step summary."""
    page = pytester.path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.path.parent))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    return page


@pytest.mark.parametrize(("mode", "command"), [("enforce", "error"), ("testing", "warning")])
def test_annotations_stand_at_the_tests(project, pytester, actions, mode, command):
    """A test that sent mail against the policy is annotated at its source line, relative to the checkout."""
    del actions
    result = project(SUITE, ini=f'mailtrap_policy = "{mode}"')
    assert (
        f"::{command} file={pytester.path.name}/test_shop.py,line=4,title=Mail policy"
        "::test_shop.py::test_order: #2 was sent in cleartext"
    ) in result.stdout.lines


def test_the_step_has_a_page(project, actions):
    """The totals are appended to the step's summary, as Markdown."""
    actions.write_text("# Before\n\n")
    project(SUITE, ini=TESTING)
    assert actions.read_text() == (
        "# Before\n\n"
        "### Mail: 2 messages in 1 test\n\n"
        "policy testing (tls)&#58; 2 messages judged\n\n"
        "| mail | number |\n|---|---|\n| TLSv1.3 | 1 |\n| cleartext | 1 |\n\n"
        "#### Policy violations\n\n"
        "| test | what |\n|---|---|\n"
        "| test&#95;shop.py&#58;&#58;test&#95;order | &#35;2 was sent in cleartext |\n\n"
    )


def test_github_is_told_nothing_where_nothing_is_set(project, actions):
    """The negative control: without a policy, the same run writes no summary page and no annotations."""
    result = project(SUITE)
    assert not actions.exists()
    result.stdout.no_fnmatch_line("::*")


def test_other_ci_gets_no_workflow_commands(project):
    """The negative control: outside GitHub Actions, no command is printed."""
    project(SUITE, ini='mailtrap_policy = "enforce"').stdout.no_fnmatch_line("::*")


def tally_of(test, *, breach="b", reason=None, file="t.py"):
    totals = Totals()
    counts = {**nothing_but(), "breaches": [breach], "policy": "enforce"}
    totals.add(test, {**counts, "opt_outs": [reason] if reason else []}, location=(file, 0, ""))
    return totals


def test_workflow_commands_are_escaped():
    """A test's parameters cannot start a command of their own, and a file name cannot end a property."""
    totals = tally_of("t[100%\r\n::stop-commands::x]", breach="a\nb", file="a,b:c.py")
    [command] = workflow_commands(totals, root=Path("/root"), workspace=None)
    assert command == (
        "::error file=/root/a%2Cb%3Ac.py,line=1,title=Mail policy"
        "::t[100%25%0D%0A::stop-commands::x]: a%0Ab"
    )


def test_github_shows_ten_annotations():
    """No more annotations are printed than GitHub shows."""
    totals = Totals()
    for number in range(30):
        totals.breaches.update(tally_of(f"t{number}").breaches)
    assert len(workflow_commands(totals, root=Path(), workspace=None)) == 10


@pytest.mark.parametrize(
    "text",
    [
        "a|b",
        "a\nb",
        "`code`",
        "<b>x</b>",
        "![x](http://y)",
        "[x](y)",
        "**b**",
        "a\\|b",
        "https://x",
        "@me",
        "\x1b[31m",
    ],
)
def test_markdown_is_escaped(text):
    """Nothing in a reason or in a test's name is interpreted as Markdown or HTML."""
    written = cell(text)
    assert not re.search(r"[|\n`<>\[\]*!\\@\x1b]|://", re.sub(r"&#\d+;", "", written))
    page = step_summary(tally_of(text, reason=text))
    assert page.count("\n") == step_summary(tally_of("a", reason="a")).count("\n")


def test_a_page_stays_below_the_limit():
    """GitHub rejects a summary page over 1 MiB, so long lists and long texts are truncated."""
    totals = Totals()
    for number in range(5000):
        totals.breaches.update(tally_of(f"t{number}" + "&" * 5000, breach="<" * 5000).breaches)
    page = step_summary(totals)
    assert len(page.encode()) < 1024 * 1024
    assert "and 4900 more" in page


@pytest.mark.parametrize("whole", [True, False])
def test_the_page_counts_only_what_was_counted(whole):
    """If only individual tests have policies, mail from other tests is not in any total."""
    counts = {
        **nothing_but(),
        "messages": 2,
        "judged": 2,
        "tls": {"TLSv1.3": 2},
        "own_policy": True,
    }
    totals = Totals()
    totals.add("t", counts)
    page = step_summary(totals, whole=whole)
    assert "policy of 1 test&#58; 2 messages judged\n" in page
    assert ("2 messages in 1 test" in page, "TLSv1.3" in page) == (whole, whole)


def test_the_page_says_that_nothing_was_judged():
    """Even a step without mail has a summary page if the run has a policy."""
    page = step_summary(Totals(), policy="policy enforce (tls)")
    assert "no message reached a trap&#58; the policy judged nothing\n" in page
    assert "judged" not in step_summary(Totals())
