"""--mailtrap-report in real runs: the file that pytest leaves behind, with mail that a real client sent."""

from __future__ import annotations

import base64
import json
import os
import re
import threading

import pytest
from _run import Run

from pytest_mailtrap._system.files import _Disk

SUITE = """
import smtplib
import pytest

MAIL = b"From: shop@example.org\\r\\nTo: bob@example.org\\r\\nSubject: Order {}\\r\\n\\r\\nHello\\r\\n"

@pytest.mark.mailtrap(credentials=("shop", "correct-horse-battery"))
@pytest.mark.parametrize("number", range(3))
def test_order(mailtrap, number):
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
        client.starttls(context=mailtrap.ssl_context)
        client.login(mailtrap.username, mailtrap.password)
        client.sendmail("shop@example.org", ["bob@example.org"], MAIL.replace(b"{}", b"%d" % number))

def test_fails(mailtrap):
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
        client.sendmail("shop@example.org", ["bob@example.org"], MAIL)
    mailtrap.assert_sent_over_tls()

def test_without_mail():
    pass
"""
QUIET = ("-p", "no:randomly", "-p", "no:cacheprovider")
_BLOCK = re.compile(
    r'<script type="application/json" id="(\w+)" data-kind="(\w+)">(.*?)</script>', re.DOTALL
)


def blocks(path, kind):
    """The data in the report, by id."""
    found = _BLOCK.findall(path.read_text("utf-8"))
    return {id_: json.loads(data) for id_, kind_, data in found if kind_ == kind}


@pytest.fixture
def suite(pytester, monkeypatch):
    """Run the suite above with options; it must leave no temporary file behind."""
    temporary = pytester.mkdir("temporary")
    # For this process, and for those of workers.
    monkeypatch.setattr(_Disk, "temporary_directories", (str(temporary),))
    monkeypatch.setenv("TMPDIR", str(temporary))
    pytester.makepyfile(test_shop=SUITE)

    def run(*options):
        runner = pytester.runpytest_subprocess if "-n" in options else pytester.runpytest_inprocess
        return runner(*QUIET, *options)

    yield run
    assert list(temporary.glob("pytest-mailtrap-*")) == []


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["one process", "workers"])
def test_a_run_leaves_one_report_of_all_its_mail(suite, pytester, options):
    """Every test with mail is in the report with its outcome, from all processes, and the bytes of its mail."""
    result = suite("--mailtrap-report=out/mail.html", *options)
    result.assert_outcomes(passed=4, failed=1)
    path = pytester.path / "out" / "mail.html"
    result.stdout.fnmatch_lines([f"report: {path}"])
    result.stdout.no_fnmatch_line("*warning:*")
    tests = {test["test"]: test for test in blocks(path, "test").values()}
    assert {name.partition("::")[2]: test["outcome"] for name, test in tests.items()} == {
        "test_order[0]": "passed",
        "test_order[1]": "passed",
        "test_order[2]": "passed",
        "test_fails": "failed",
    }
    [row] = tests["test_shop.py::test_order[1]"]["messages"]
    assert row["subject"] == "Order 1"
    message = blocks(path, "message")[row["id"]]
    assert message["source"].endswith("Subject: Order 1\r\n\r\nHello\r\n")
    assert message["message"]["transport"]["tls_version"] == "TLSv1.3"
    assert [path.name for path in path.parent.iterdir()] == ["mail.html"]


def test_the_password_is_not_in_the_report(suite, pytester):
    """The password appears neither in plain text nor as AUTH sent it; that there was a login does appear."""
    suite("--mailtrap-report=mail.html")
    text = (pytester.path / "mail.html").read_text("utf-8")
    blob = base64.b64encode(b"\0shop\0correct-horse-battery").decode()
    assert "correct-horse-battery" not in text
    assert blob not in text
    assert "C: AUTH PLAIN [redacted]" in text


def test_without_the_option_nothing_is_written(suite, pytester):
    """Off means off: no file, no line."""
    result = suite()
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.no_fnmatch_line("report:*")
    assert [p.name for p in pytester.path.rglob("*") if p.suffix in (".html", ".eml")] == []


def test_a_path_that_cannot_be_written_costs_no_result(suite, pytester):
    """If the path is a directory, there is a warning, and the test results are unaffected."""
    (pytester.path / "mail.html").mkdir()
    result = suite("--mailtrap-report=mail.html")
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(["warning: *mail.html could not be written: *"])
    result.stdout.no_fnmatch_line("report:*")
    assert list((pytester.path / "mail.html").iterdir()) == []
    assert list(pytester.path.glob(".mail.html*")) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_is_no_file_is_written_into(tmp_path):
    """A pipe, or /dev/stdout, is written to, not replaced by a file of that name."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    run = Run(tmp_path)
    run.test("test_order", b"Subject: Order\r\n\r\nHello\r\n")
    run.path = pipe
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    run.write()
    reader.join(10)
    assert pipe.is_fifo()
    assert read[0].startswith(b"<!doctype html>")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pipe", "spool"]
