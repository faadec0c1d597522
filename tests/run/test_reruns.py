"""A test that is rerun is one test, with the mail of all its runs: in the totals, the records and the report."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from _policy_outputs import records, reported, summary

from pytest_mailtrap._run.files.run_files import RunFiles, directory_name
from pytest_mailtrap._run.files.schema import SCHEMA

pytest.importorskip("jinja2", reason="the report needs Jinja2")
needs_reruns = pytest.mark.skipif(
    find_spec("pytest_rerunfailures") is None, reason="pytest-rerunfailures is not installed"
)

SUITE = """
runs = 0
def test_flaky(mailtrap):
    global runs
    runs += 1
    send(mailtrap, tls=runs != 2)
    assert runs == {last}
def test_steady(mailtrap): send(mailtrap)
"""
FLAKY = SUITE.format(last=3)
STEADY = SUITE.format(last=1)
BOTH = ("--mailtrap-save=mail", "--mailtrap-report=mail.html")
TESTING = "--mailtrap-policy=testing"
RERUN = ("-p", "rerunfailures", "--reruns=2")
# Where there is pytest-xdist, the plugin has a server for its workers, which would outlive a run in this process.
ALONE = (*RERUN, "-p", "no:xdist")
WORKER = (*RERUN, "-n", "1")


def runs_of(tests):
    """The number, the outcome and the message count of each run, by test."""
    found = {}
    for test in sorted(tests, key=lambda test: test["rerun"]):
        run = (test["rerun"], test["outcome"], len(test["messages"]))
        found.setdefault(test["test"].partition("::")[2], []).append(run)
    return found


@needs_reruns
@pytest.mark.parametrize("options", [ALONE, WORKER], ids=["one process", "workers"])
def test_all_runs_of_a_test_count_and_it_counts_once(project, pytester, page, options):
    """Terminal, records and report include the mail of each run; cleartext sent in any run is not forgotten."""
    result = project(FLAKY, *options, *BOTH, TESTING, subprocess=options is WORKER)
    assert result.parseoutcomes() == {"passed": 2, "rerun": 2}
    assert summary(result) == [
        "4 messages in 2 tests: 3 TLSv1.3, 1 in cleartext",
        "policy testing (tls): 4 messages judged",
        "1 test violates the policy:",
        "  test_shop.py::test_flaky: rerun 1: #1 was sent in cleartext",
    ]
    assert "\n".join(summary(result)).replace("test_flaky", "test_order") in page
    told = {
        "test_flaky": [(0, "failed", 1), (1, "failed", 1), (2, "passed", 1)],
        "test_steady": [(0, "passed", 1)],
    }
    assert (
        runs_of(records(pytester.path / "mail"))
        == runs_of(reported(pytester.path / "mail.html"))
        == told
    )
    assert [test["rerun"] for test in reported(pytester.path / "mail.html")] == [0, 1, 2, 0]
    name = directory_name("test_shop.py::test_flaky")
    assert [t["directory"] for t in reported(pytester.path / "mail.html")[:3]] == [
        name,
        f"{name}-1",
        f"{name}-2",
    ]
    assert len([*pytester.path.glob("mail/*/0001.eml")]) == 4


@needs_reruns
def test_a_test_that_passes_has_one_run(project, pytester):
    """The negative control: with the same options, a test that does not fail is not rerun."""
    result = project(STEADY, *ALONE, *BOTH, TESTING)
    result.assert_outcomes(passed=2)
    assert summary(result) == [
        "2 messages in 2 tests: 2 TLSv1.3",
        "policy testing (tls): 2 messages judged",
    ]
    told = {"test_flaky": [(0, "passed", 1)], "test_steady": [(0, "passed", 1)]}
    assert (
        runs_of(records(pytester.path / "mail"))
        == runs_of(reported(pytester.path / "mail.html"))
        == told
    )


@needs_reruns
def test_each_run_is_held_to_the_policy(project):
    """A run that sends cleartext fails under "enforce" and is rerun: the test passes, but the violation is listed."""
    source = FLAKY.replace("runs != 2", "runs != 1").replace("assert runs == 3", "pass")
    result = project(source, *ALONE, "--mailtrap-policy=enforce")
    assert result.parseoutcomes() == {"passed": 2, "rerun": 1}
    assert summary(result) == [
        "3 messages in 2 tests: 2 TLSv1.3, 1 in cleartext",
        "policy enforce (tls): 3 messages judged",
        "1 test violates the policy:",
        "  test_shop.py::test_flaky: #1 was sent in cleartext",
    ]


@needs_reruns
def test_the_mail_under_the_failure_says_of_which_run_it_is(project):
    """pytest shows the sections of all runs under the last one: each but the first says which run it belongs to."""
    source = FLAKY.replace("assert runs == 3", "assert not runs")
    lines = project(source, *ALONE).stdout.lines
    heads = [lines[n + 1] for n, line in enumerate(lines) if "- Captured mail " in line]
    assert [head.partition("  ")[0] for head in heads[:3]] == ["#1", "rerun 1:", "rerun 2:"]


@needs_reruns
def test_a_worker_that_crashed_and_the_run_after_it(project, pytester):
    """The test is rerun by another worker, which leaves the mail of the dead one alone."""
    source = """
import os, pathlib
def test_dies(mailtrap):
    send(mailtrap)
    if not pathlib.Path("died").exists():
        pathlib.Path("died").touch()
        os._exit(3)
"""
    result = project(source, *WORKER, *BOTH, TESTING, subprocess=True)
    assert result.parseoutcomes() == {"passed": 1, "rerun": 1}
    assert summary(result) == [
        "2 messages in 1 test: 2 TLSv1.3",
        "policy testing (tls): 1 message judged",
        "1 test interrupted (mail counted, not judged):",
        "  test_shop.py::test_dies: 1 message",
    ]
    outcomes = sorted(record["outcome"] for record in records(pytester.path / "mail"))
    assert (
        outcomes
        == sorted(t["outcome"] for t in reported(pytester.path / "mail.html"))
        == ["interrupted", "passed"]
    )


def test_a_plugin_that_runs_a_test_again_before_its_teardown(project, pytester):
    """Some plugins rerun a test while its call is being reported: the mail of the first run is still kept separate."""
    pytester.makeconftest(
        """
import pytest
from _policy_outputs import records, reported, summary

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    if call.when == "call" and call.excinfo is not None:
        item.ihook.pytest_runtest_setup(item=item)
        item.ihook.pytest_runtest_call(item=item)
    return (yield)
"""
    )
    source = FLAKY.replace("assert runs == 3", "assert runs == 2")
    result = project(source, *BOTH, TESTING)
    assert summary(result) == [
        "3 messages in 2 tests: 2 TLSv1.3, 1 in cleartext",
        "policy testing (tls): 3 messages judged",
        "1 test violates the policy:",
        "  test_shop.py::test_flaky: rerun 1: #1 was sent in cleartext",
    ]
    told = [(0, "failed", 1), (1, "failed", 1)]
    assert runs_of(records(pytester.path / "mail"))["test_flaky"] == told


@pytest.mark.parametrize(
    ("mail", "totals"),
    [
        (
            "send(shared)",
            [
                "2 messages in 1 test: 1 TLSv1.3, 1 in cleartext",
                "policy testing (tls): 2 messages judged",
            ],
        ),
        (
            "pass",
            ["1 message in 1 test: 1 in cleartext", "policy testing (tls): 1 message judged"],
        ),
    ],
    ids=["mail", "none"],
)
def test_reports_that_nobody_is_shown_cost_no_mail(project, pytester, mail, totals):
    """Some plugins do not log the teardown of a run: its mail is reported with the next run, even if that has none."""
    pytester.makeconftest(
        """
import pytest
from _policy_outputs import records, reported, summary

def pytest_runtest_protocol(item, nextitem):
    for following in (item, nextitem):
        for when, arguments in [("setup", {}), ("call", {}), ("teardown", {"nextitem": following})]:
            hook = getattr(item.ihook, f"pytest_runtest_{when}")
            call = pytest.CallInfo.from_call(lambda: hook(item=item, **arguments), when=when)
            report = item.ihook.pytest_runtest_makereport(item=item, call=call)
            if when != "teardown" or following is nextitem:
                item.ihook.pytest_runtest_logreport(report=report)
    return True
"""
    )
    source = f"""
@pytest.fixture(scope="session")
def shared(mailtrap_factory):
    with mailtrap_factory() as trap:
        yield trap

runs = 0
def test_order(shared):
    global runs
    runs += 1
    if runs == 1:
        send(shared, tls=False)
    else:
        {mail}
"""
    result = project(source, TESTING)  # without files, of which the totals could be made
    assert summary(result) == [
        *totals,
        "1 test violates the policy:",
        "  test_shop.py::test_order: #1 was sent in cleartext",
    ]


def test_runs_of_one_test_at_the_same_time_have_a_directory_each(tmp_path):
    """Two processes that run the same test do not write into each other's directory, whichever ends first."""
    run_files = RunFiles(tmp_path)
    head = {"schema": SCHEMA, "test": "t", "directory": directory_name("t"), "rerun": 0}
    rest = {"outcome": "passed", "policy": None, "messages": [], "connections": []}
    first, second = run_files.begin(head), run_files.begin(head)
    run_files.finish({**head, **rest, "directory": first})
    third = run_files.begin(head)
    assert [second, third] == [f"{first}-1", f"{first}-2"]
    assert [path.name for path in (tmp_path / first).iterdir()] == ["mail.json"]
    assert [path.name for path in (tmp_path / second).iterdir()] == ["mail.jsonl"]
    run_files.clean()
    assert not [*tmp_path.iterdir()]
