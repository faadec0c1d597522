"""A pytest-xdist worker that dies costs no mail: the totals, the records and the report agree about it."""

from __future__ import annotations

import json

import pytest
from _policy_outputs import records, reported, summary

from pytest_mailtrap._run.counts import opt_outs_of
from pytest_mailtrap._run.files.run_files import RunFiles, directory_name

pytest.importorskip("jinja2", reason="the report needs Jinja2")

SUITE = """
import os
def test_before(mailtrap): send(mailtrap)
def test_dies(mailtrap):
    send(mailtrap)
    send(mailtrap, tls=False)
    {death}
def test_after(mailtrap): send(mailtrap)
"""
DIES = SUITE.format(death="os._exit(3)")
LIVES = SUITE.format(death="os.getpid()")
BOTH = ("--mailtrap-save=mail", "--mailtrap-report=mail.html")
TESTING = "--mailtrap-policy=testing"


def run(project, source, *options):
    return project(source, "-n", "1", *options)


def outcomes_and_sizes(tests):
    return {t["test"].partition("::")[2]: (t["outcome"], len(t["messages"])) for t in tests}


def test_all_three_tell_the_same_of_a_crash(project, pytester, monkeypatch, page):
    """The dead worker's mail is in the totals, in a mail.json and on the page; a line says which test it belongs to."""
    step = pytester.path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    result = run(project, DIES, *BOTH, TESTING)
    result.assert_outcomes(passed=2, failed=1)
    assert summary(result) == [
        "4 messages in 3 tests: 3 TLSv1.3, 1 in cleartext",
        "policy testing (tls): 2 messages judged",
        "1 test interrupted (mail counted, not judged):",
        "  test_shop.py::test_dies: 2 messages",
    ]
    assert "\n".join(summary(result)[2:]).replace("test_dies", "test_order") in page
    told = {
        "test_before": ("passed", 1),
        "test_dies": ("interrupted", 2),
        "test_after": ("passed", 1),
    }
    assert outcomes_and_sizes(records(pytester.path / "mail")) == told
    assert outcomes_and_sizes(reported(pytester.path / "mail.html")) == told
    assert not list(pytester.path.glob("mail/*/mail.jsonl"))
    assert "### Mail: 4 messages in 3 tests" in step.read_text("utf-8")
    assert "#### Interrupted (mail counted, not judged)" in step.read_text("utf-8")
    assert "&#58;&#58;test&#95;dies | 2 messages |" in step.read_text("utf-8")


def test_a_worker_that_lives_is_cut_short_by_nothing(project, pytester):
    """The negative control: the same tests without the crash have the same totals, and no such line."""
    result = run(project, LIVES, *BOTH, TESTING)
    result.assert_outcomes(passed=3)
    assert summary(result) == [
        "4 messages in 3 tests: 3 TLSv1.3, 1 in cleartext",
        "policy testing (tls): 4 messages judged",
        "1 test violates the policy:",
        "  test_shop.py::test_dies: #2 was sent in cleartext",
    ]
    told = {
        name: ("passed", n) for name, n in [("test_before", 1), ("test_dies", 2), ("test_after", 1)]
    }
    assert (
        outcomes_and_sizes(records(pytester.path / "mail"))
        == outcomes_and_sizes(reported(pytester.path / "mail.html"))
        == told
    )


@pytest.mark.parametrize("policy", [(TESTING,), ()], ids=["policy", "no policy"])
def test_mail_that_nobody_kept_is_said_to_be_missing(project, policy):
    """Without files the mail is lost with its worker: a run with a policy reports this, and how to keep the mail."""
    lines = summary(run(project, DIES, *policy))
    warning = (
        "warning: a worker died in test_shop.py::test_dies, and any mail from that test is lost: "
        "--mailtrap-save or --mailtrap-report would have kept it"
    )
    told = ["2 messages in 2 tests: 2 TLSv1.3", "policy testing (tls): 2 messages judged", warning]
    assert lines == told * len(policy)


def test_a_test_that_ended_before_the_crash_is_not_cut_short(project, pytester):
    """If the record was complete and only the test's report was lost, the record is counted as it is."""
    pytester.makeconftest(
        """
import os, pytest

class Death:
    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report):
        if "test_dies" in report.nodeid and report.when == "teardown":
            os._exit(3)

def pytest_configure(config):
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(Death())
"""
    )
    result = run(project, LIVES, *BOTH, TESTING)
    assert summary(result) == [
        "4 messages in 3 tests: 3 TLSv1.3, 1 in cleartext",
        "policy testing (tls): 4 messages judged",
        "1 test violates the policy:",
        "  test_shop.py::test_dies: #2 was sent in cleartext",
    ]
    assert outcomes_and_sizes(records(pytester.path / "mail"))["test_dies"] == ("passed", 2)


JOURNAL = {
    "schema": "pytest-mailtrap/1",
    "test": "test_shop.py::test_dies",
    "directory": directory_name("test_shop.py::test_dies"),
    "rerun": 0,
    "outcome": "interrupted",
    "policy": {"mode": "none", "require": [], "origin": "the marker", "reason": "an old relay"},
}


@pytest.mark.parametrize(("policy", "reasons"), [(JOURNAL["policy"], ["an old relay"]), (None, [])])
def test_exceptions_of_a_dead_worker_are_known(tmp_path, policy, reasons):
    """The reason given for weaker requirements is among what the dead worker left behind."""
    directory = tmp_path / JOURNAL["directory"]
    directory.mkdir()
    (directory / "mail.jsonl").write_text(json.dumps(JOURNAL | {"policy": policy}))
    [record] = RunFiles(tmp_path).left_behind([])
    assert opt_outs_of(record) == reasons
    assert not [*RunFiles(tmp_path).left_behind([JOURNAL["directory"]])]


def test_what_cannot_be_counted_is_a_warning(project, pytester):
    """A malformed journal does not affect any other test."""
    senseless = {key: JOURNAL[key] for key in ("schema", "test", "directory")}
    source = f"""
import pathlib
def test_order(mailtrap):
    send(mailtrap)
    directory = pathlib.Path("mail", {JOURNAL["directory"]!r})
    directory.mkdir()
    (directory / "mail.jsonl").write_text({json.dumps(senseless)!r})
"""
    result = project(source, "--mailtrap-save=mail")
    result.assert_outcomes(passed=1)
    totals, warning = summary(result)
    assert totals == "1 message in 1 test: 1 TLSv1.3"
    assert warning.startswith("warning: the mail of a worker that died could not be counted: Key")
    assert outcomes_and_sizes(records(pytester.path / "mail")) == {"test_order": ("passed", 1)}
