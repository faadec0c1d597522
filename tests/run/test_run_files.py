"""--mailtrap-save writes the mail of each test, byte for byte, and what is known about it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from pytest_mailtrap._run.files import schema
from pytest_mailtrap._run.files.run_files import RunFiles, directory_name

BODY = (
    b"From: a@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\n"
    b"..dots \xff and bare\nline ends\r\n"
)
SUITE = rf"""
BODY = {BODY!r}

def test_order(mailtrap):
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
        client.starttls(context=mailtrap.ssl_context)
        client.login(mailtrap.username, mailtrap.password)
        client.mail(FROM); client.rcpt(TO[0]); client.docmd("DATA")
        client.send(BODY.replace(b"..dots", b"...dots") + b".\r\n")
        client.getreply()
    assert mailtrap[0].raw == BODY

def test_fails(mailtrap):
    send(mailtrap)
    assert not mailtrap

def test_nothing(mailtrap): pass
"""


def records(root):
    found = [json.loads(path.read_text("utf-8")) for path in root.glob("*/mail.json")]
    return {record["test"].partition("::")[2]: record for record in found}


def test_messages_are_saved_to_the_byte(project, pytester):
    """The .eml file holds exactly what was sent, whatever its line endings and bytes."""
    project(SUITE, "--mailtrap-save=mail")
    record = records(pytester.path / "mail")["test_order"]
    saved = pytester.path / "mail" / record["directory"] / record["messages"][0]["file"]
    assert saved.read_bytes() == BODY


def test_the_record_holds_the_facts(project, pytester):
    """mail.json records how the test went, what was sent, and how; all keys of the schema are there."""
    project(SUITE, "--mailtrap-save=mail", ini='mailtrap_policy = "testing"')
    found = records(pytester.path / "mail")
    assert set(found) == {"test_order", "test_fails"}
    assert set(found["test_order"]) == set(schema.TestRecord.__annotations__)
    assert found["test_order"]["schema"] == schema.SCHEMA
    assert found["test_order"]["outcome"] == "passed"
    assert found["test_fails"]["outcome"] == "failed"
    assert found["test_order"]["policy"] == {
        "mode": "testing",
        "require": ["tls"],
        "origin": "mailtrap_policy in pyproject.toml",
        "reason": None,
    }
    [message] = found["test_order"]["messages"]
    assert message["subject"] == "Grüße"
    assert message["rcpt_tos"] == ["bob@example.org"]
    assert message["transport"]["tls_version"] == "TLSv1.3"
    assert message["auth"]["mechanism"] == "PLAIN"
    assert message["smime"] is None
    [connection] = found["test_order"]["connections"]
    assert connection["messages"] == [1]
    assert connection["ended_by"] == "quit"
    assert "C: AUTH PLAIN [redacted]" in connection["transcript"]
    assert "C: AUTH PLAIN [redacted]" in message["transcript"]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("", "passed"),
        ("assert 0", "failed"),
        ("pytest.skip('no')", "skipped"),
        ("pytest.xfail('no')", "xfailed"),
    ],
)
def test_how_the_test_went(project, pytester, body, outcome):
    """The record has the outcome that pytest reports."""
    project(f"def test_order(mailtrap):\n    send(mailtrap)\n    {body}\n", "--mailtrap-save=mail")
    assert records(pytester.path / "mail")["test_order"]["outcome"] == outcome


def test_how_it_went_with_fixtures_and_marks(project, pytester):
    """A failing teardown is an error; an expected failure that passes is "xpassed"."""
    source = """
@pytest.fixture
def broken(mailtrap):
    yield
    raise ValueError

@pytest.fixture
def early(mailtrap):
    send(mailtrap)
    raise ValueError

def test_teardown(mailtrap, broken): send(mailtrap)
def test_setup(mailtrap, early): pass
@pytest.mark.xfail
def test_marked(mailtrap): send(mailtrap)
"""
    project(source, "--mailtrap-save=mail")
    found = {name: record["outcome"] for name, record in records(pytester.path / "mail").items()}
    assert found == {"test_teardown": "error", "test_setup": "error", "test_marked": "xpassed"}


@pytest.mark.parametrize(
    ("option", "ini", "place"),
    [("--mailtrap-save=mail", "", "below/mail"), ("--quiet", 'mailtrap_save = "mail"', "mail")],
    ids=["command line", "ini file"],
)
def test_what_a_path_is_relative_to(project, pytester, monkeypatch, option, ini, place):
    """On the command line, to where pytest was called; in the ini file, to the root directory, as in pytest itself."""
    monkeypatch.chdir(pytester.mkdir("below"))
    project("def test_order(mailtrap): send(mailtrap)", option, str(pytester.path), ini=ini)
    assert set(records(pytester.path / place)) == {"test_order"}


def test_an_empty_path_is_a_usage_error(project):
    """It would refer to a directory that already exists."""
    result = project(SUITE, "--mailtrap-save=")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --mailtrap-save on the command line: expected a path, got ''"]
    )


def test_without_the_option_nothing_is_written(project, pytester):
    """The negative control: no file appears."""
    project(SUITE).assert_outcomes(passed=2, failed=1)
    names = {path.name for path in pytester.path.iterdir()} - {"__pycache__"}
    assert names == {"pyproject.toml", "sending.py", "test_shop.py"}


def test_a_second_run_replaces_the_first(project, pytester):
    """The directory holds the last run; files in it that are not ours stay."""
    many = "def test_order(mailtrap):\n    for _ in range(3): send(mailtrap)\ndef test_gone(mailtrap): send(mailtrap)\n"
    project(many, "--mailtrap-save=mail")
    [gone] = [p for p in (pytester.path / "mail").iterdir() if "gone" in p.name]
    (gone / "notes.txt").write_text("mine")
    (pytester.path / "mail" / "more").mkdir()
    project("def test_order(mailtrap): send(mailtrap)\n", "--mailtrap-save=mail")
    files = {
        p.relative_to(pytester.path / "mail").as_posix()
        for p in (pytester.path / "mail").rglob("*.*")
    }
    [order] = [name for name in files if name.endswith("mail.json")]
    assert files == {order, order.replace("mail.json", "0001.eml"), f"{gone.name}/notes.txt"}
    assert (pytester.path / "mail" / "more").is_dir()


@pytest.mark.parametrize("name", ["corpus", "corpus-0123456789"])
def test_the_mail_of_others_is_neither_removed_nor_reported(project, pytester, name):
    """A directory that is not ours stays as it is, even though its files have the same names as ours."""
    theirs = pytester.mkdir("mail") / name
    theirs.mkdir()
    (theirs / "mail.json").write_text('{"spam": true}')
    (theirs / "0001.eml").write_text("Subject: spam")
    project(SUITE, "--mailtrap-save=mail")
    assert (theirs / "mail.json").read_text() == '{"spam": true}'
    assert (theirs / "0001.eml").exists()
    assert len(list(RunFiles(pytester.path / "mail").records())) == 2


def test_collecting_leaves_the_directory_alone(project, pytester):
    """--collect-only runs nothing, so it removes nothing."""
    project(SUITE, "--mailtrap-save=mail")
    before = sorted(pytester.path.joinpath("mail").rglob("*"))
    project(SUITE, "--mailtrap-save=mail", "--collect-only")
    assert sorted(pytester.path.joinpath("mail").rglob("*")) == before


@pytest.mark.parametrize(
    "test",
    [
        "con.py::test_nul",
        "tests/test_shop.py::TestOrder::test_bill[a/b\\c:d*?<>|-\x00\n]",
        "x" * 400,
        "test_größe.py::test_ß",
        "\udcff",
        "   ...",
        "",
    ],
)
def test_names_are_safe_everywhere(test):
    """A directory has a name that Windows accepts: short, plain characters, no device, no dot or blank at its end."""
    name = directory_name(test)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]*", name)
    assert len(name) <= 70
    assert name.lower() not in {"con", "nul", "aux", "prn", "com1", "lpt1"}


def test_names_differ_where_case_does_not_count():
    """Tests whose names differ only in case, or only after the point of truncation, have separate directories."""
    tests = [
        "t.py::test_a",
        "t.py::test_A",
        "t.py::test-a",
        "x" * 100 + "test_a",
        "y" * 100 + "test_a",
    ]
    assert len({directory_name(test).lower() for test in tests}) == len(tests)


# -- runs that do not come to their end -----------------------------------------------------


@pytest.mark.parametrize("how", ["pytest.exit('enough')", "raise KeyboardInterrupt"])
def test_an_interrupted_run_is_written(project, pytester, how):
    """The test during which the run was interrupted has its messages and a record, and so do those before it."""
    source = f"""
def test_before(mailtrap): send(mailtrap)
def test_breaks(mailtrap):
    send(mailtrap)
    {how}
def test_never(mailtrap): send(mailtrap)
"""
    result = project(
        source,
        "--mailtrap-save=mail",
        ini='mailtrap_policy = "testing"',
        no_reraise_ctrlc=True,
    )
    assert result.ret == pytest.ExitCode.INTERRUPTED
    found = records(pytester.path / "mail")
    assert {name: record["outcome"] for name, record in found.items()} == {
        "test_before": "passed",
        "test_breaks": "interrupted",
    }
    directory = pytester.path / "mail" / found["test_breaks"]["directory"]
    assert sorted(p.name for p in directory.iterdir()) == ["0001.eml", "mail.json"]
    result.stdout.fnmatch_lines(["2 messages in 2 tests: 2 TLSv1.3"])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_in_the_middle_of_a_test(project, pytester):
    """Ctrl-C while a test hangs: what it had sent by then is saved."""
    pytester.makepyfile(sending="")
    # What is started in the background inherits that SIGINT is ignored: not in this test.
    source = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)
def test_hangs(mailtrap):
    send(mailtrap)
    open("sent", "x").close()
    time.sleep(60)
"""
    project(source, "--collect-only")
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--mailtrap-save=mail"],
        cwd=pytester.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(pytester.path)},
    )
    with process:
        try:
            deadline = time.monotonic() + 60
            # Not before send() is over: smtplib makes of a Ctrl-C between a message and its 250 an error of its own.
            while not (pytester.path / "sent").exists():
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert b"KeyboardInterrupt" in output
    record = records(pytester.path / "mail")["test_hangs"]
    assert record["outcome"] == "interrupted"
    assert [message["file"] for message in record["messages"]] == ["0001.eml"]


def test_a_crashed_worker_leaves_its_mail(project, pytester):
    """If a worker of pytest-xdist dies, the mail of its test is saved, as interrupted, and so is that of the others."""
    source = """
import os
def test_before(mailtrap): send(mailtrap)
def test_dies(mailtrap):
    send(mailtrap)
    os._exit(3)
def test_after(mailtrap): send(mailtrap)
"""
    result = project(source, "-n", "1", "--mailtrap-save=mail")
    result.assert_outcomes(passed=2, failed=1)
    found = {r["test"].partition("::")[2]: r for r in RunFiles(pytester.path / "mail").records()}
    assert {name: record["outcome"] for name, record in found.items()} == {
        "test_before": "passed",
        "test_dies": "interrupted",
        "test_after": "passed",
    }
    died = found["test_dies"]
    assert set(died) == set(schema.TestRecord.__annotations__)
    assert died["messages"][0]["subject"] == "Your order"
    assert died["connections"][died["messages"][0]["connection"]]["messages"] == [1]


def test_a_journal_that_is_cut_off_gives_what_it_has(tmp_path):
    """A process may die in the middle of a line: the complete part of its journal is still read."""
    journal = tmp_path / "test-0123456789" / "mail.jsonl"
    journal.parent.mkdir()
    journal.write_text(
        '{"schema": "pytest-mailtrap/1", "test": "t", "directory": "test-0123456789"}\n{"numb'
    )
    [record] = RunFiles(tmp_path).records()
    assert record["test"] == "t"
    assert record["messages"] == []
