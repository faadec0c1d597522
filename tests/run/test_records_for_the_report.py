"""--mailtrap-report: the records of all tests, from all workers, reach the process that writes the file."""

from __future__ import annotations

import sys

import pytest

from pytest_mailtrap._system.files import _Disk

pytest.importorskip("jinja2", reason="the report needs Jinja2")

SUITE = """
@pytest.mark.parametrize("group", ["a", "b", "c"])
def test_order(mailtrap, group):
    send(mailtrap, mail=MAIL.replace(b"Your order", f"Order {group}".encode()))

def test_fails(mailtrap):
    send(mailtrap, tls=False)
    assert not mailtrap

def test_nothing(mailtrap): pass
"""
OUTCOMES = {
    "test_order[a]": "passed",
    "test_order[b]": "passed",
    "test_order[c]": "passed",
    "test_fails": "failed",
}


@pytest.fixture
def given(project, listen):
    """Run the project; return what was passed to the report's writer, by test."""

    def run(*options, source=SUITE):
        result = project(source, "--mailtrap-report=out/mail.html", *options)
        return result, listen()

    return run


def page(pytester):
    return (pytester.path / "out" / "mail.html").read_text("utf-8")


def test_all_records_with_their_bytes_arrive(given, pytester):
    """There is one report: the record of each test with mail, and its files."""
    result, tests = given()
    result.assert_outcomes(passed=4, failed=1)
    assert {name: test["outcome"] for name, test in tests.items()} == OUTCOMES
    assert "Subject: Order b" in tests["test_order[b]"]["messages"][0]["content"]
    assert {test["worker"] for test in tests.values()} == {None}
    result.stdout.fnmatch_lines(["report: *mail.html"])
    assert all(f'"subject":"Order {group}"' in page(pytester) for group in "abc")
    assert [path.name for path in (pytester.path / "out").iterdir()] == ["mail.html"]


def test_a_crashed_worker_costs_nobody_his_mail(given, pytester, monkeypatch):
    """The mail of a worker that died is in the same report as that of the others, and no copy of it is left behind."""
    temporary = pytester.mkdir("temporary")
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("TMP", str(temporary))
    source = """
import os
def test_before(mailtrap): send(mailtrap)
def test_dies(mailtrap):
    send(mailtrap)
    os._exit(3)
@pytest.mark.parametrize("n", range(4))
def test_others(mailtrap, n): send(mailtrap)
"""
    result, tests = given("-n", "2", source=source)
    result.assert_outcomes(passed=5, failed=1)
    assert {name: t["outcome"] for name, t in tests.items()} == {
        "test_before": "passed",
        "test_dies": "interrupted",
        **{f"test_others[{n}]": "passed" for n in range(4)},
    }
    assert "Your order" in tests["test_dies"]["messages"][0]["content"]
    assert page(pytester).count('"outcome":"interrupted"') == 1
    result.stdout.fnmatch_lines(["report: *mail.html"])
    assert not list(temporary.rglob("*.eml"))
    assert not list(temporary.rglob("mail.json*"))


def test_an_interrupted_run_has_a_report(given):
    """An interrupted run is reported, too, with everything up to that point."""
    source = "def test_exit(mailtrap):\n    send(mailtrap)\n    pytest.exit('enough')\n"
    _, tests = given(source=source)
    assert tests["test_exit"]["outcome"] == "interrupted"
    assert len(tests["test_exit"]["messages"]) == 1


def test_the_mail_is_kept_only_where_it_is_to_be_saved(given, pytester, monkeypatch):
    """Without --mailtrap-save the files are gone once the report is written; with it the report uses them."""
    temporary = pytester.mkdir("temporary")
    monkeypatch.setattr(_Disk, "temporary_directories", (str(temporary),))
    _, tests = given()
    assert len(tests) == 4
    assert not list(temporary.iterdir())
    _, tests = given("--mailtrap-save=mail")
    assert len(tests) == 4
    assert len(list(pytester.path.glob("mail/*/mail.json"))) == 4


def test_the_order_is_that_of_the_run(given):
    """The writer gets the tests in the order in which they ended."""
    _, tests = given()
    assert list(tests) == list(OUTCOMES)


def test_without_jinja2_it_is_a_usage_error(project, monkeypatch):
    """If a report is requested without its template engine, the error says at once what to install."""
    monkeypatch.setitem(sys.modules, "jinja2", None)
    result = project(SUITE, "--mailtrap-report=mail.html")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --mailtrap-report requires Jinja2: pip install 'pytest-mailtrap[[]report]'"]
    )


def test_without_the_option_jinja2_is_not_needed(project, monkeypatch):
    """The negative control: a run without a report does not need it."""
    monkeypatch.setitem(sys.modules, "jinja2", None)
    project("def test_order(mailtrap): send(mailtrap)").assert_outcomes(passed=1)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ZeroDivisionError("x")])
def test_a_report_that_cannot_be_written_costs_no_result(project, monkeypatch, error):
    """A full disk, or an error in the writer, causes a warning, and the results stay as they are."""

    def write_page(file, blocks):
        file.write("half")
        raise error

    monkeypatch.setattr("pytest_mailtrap._report.page.write_page", write_page)
    result = project("def test_order(mailtrap): send(mailtrap)", "--mailtrap-report=mail.html")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [f"warning: *mail.html could not be written: {error}".replace("[", "[[]")]
    )
    result.stdout.no_fnmatch_line("report: *")
