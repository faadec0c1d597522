"""If something cannot be written, a warning says so, the tests keep their results, and everything else is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from _policy_outputs import saved, warnings

from pytest_mailtrap._run.files.run_files import RunFiles
from pytest_mailtrap._system.files import _Disk

pytest.importorskip("jinja2", reason="the report needs Jinja2")

SUITE = """
def test_order(mailtrap): send(mailtrap)
def test_bill(mailtrap): send(mailtrap, mail=MAIL + b"xxxxxxxx\\r\\n" * 20_000)
def test_fails(mailtrap):
    send(mailtrap)
    assert not mailtrap
"""
BOTH = ("--mailtrap-save=mail", "--mailtrap-report=mail.html")


def test_without_obstacles_there_is_no_warning(project, pytester):
    """The negative control of this file: everything is written, and there is no warning."""
    result = project(SUITE, *BOTH)
    result.assert_outcomes(passed=2, failed=1)
    assert warnings(result) == []
    assert saved(pytester.path / "mail") == {
        "test_order": {"0001.eml"},
        "test_bill": {"0001.eml"},
        "test_fails": {"0001.eml"},
    }
    result.stdout.fnmatch_lines(["report: *mail.html", "saved to: *mail"])


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "workers"])
def test_a_directory_that_cannot_be_made(project, pytester, workers):
    """No mail can be saved: there is one warning, and the report is still written."""
    pytester.makefile("", mail="a file stands here")
    result = project(SUITE, *BOTH, *workers)
    result.assert_outcomes(passed=2, failed=1)
    [warning] = warnings(result)
    assert warning.startswith("warning: mail is not saved: ")
    assert repr(str(pytester.path / "mail")) in warning
    result.stdout.no_fnmatch_line("saved to: *")
    assert "test_shop.py::test_fails" in (pytester.path / "mail.html").read_text("utf-8")


def test_a_report_in_a_place_that_cannot_be(project, pytester):
    """No report can be written: there is one warning that names it, and the mail is still saved."""
    pytester.makefile("", below="a file stands here")
    result = project(SUITE, "--mailtrap-save=mail", "--mailtrap-report=below/mail.html")
    result.assert_outcomes(passed=2, failed=1)
    [warning] = warnings(result)
    assert warning.startswith(
        f"warning: {pytester.path / 'below' / 'mail.html'} could not be written: "
    )
    assert len(saved(pytester.path / "mail")) == 3
    result.stdout.no_fnmatch_line("report: *")


def test_no_place_for_temporary_files(project, pytester, monkeypatch):
    """The report needs temporary files: without them there is a warning, and no result is lost."""

    def fails(path, mode=0o777):
        raise OSError(28, "No space left on device")

    # A trap's certificates need no directory: this is the report's.
    monkeypatch.setattr(_Disk, "mkdir", fails)
    result = project(SUITE, "--mailtrap-report=mail.html")
    result.assert_outcomes(passed=2, failed=1)
    assert warnings(result) == [
        "warning: the report is not written: [Errno 28] No space left on device"
    ]
    assert not (pytester.path / "mail.html").exists()


@pytest.fixture
def limit():
    """Limit the size of files for this process and its workers: writes beyond it fail as they would on a full disk."""
    resource = pytest.importorskip("resource", reason="Windows has no limit for the size of files")
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "workers"])
def test_a_message_that_does_not_fit(project, pytester, limit, workers):
    """A write fails halfway: no partial message is left, its facts are saved, and so is the mail of other tests."""
    limit(100_000)
    result = project(SUITE, "--mailtrap-save=mail", *workers)
    result.assert_outcomes(passed=2, failed=1)
    [warning] = warnings(result)
    assert warning.startswith("warning: a message could not be saved: ")
    assert "File too large" in warning
    assert saved(pytester.path / "mail") == {
        "test_order": {"0001.eml"},
        "test_bill": set(),
        "test_fails": {"0001.eml"},
    }
    result.stdout.fnmatch_lines(["saved to: *mail"])


def test_a_report_that_does_not_fit(project, pytester, limit):
    """A write fails halfway: neither a partial report nor any other file is left in its place."""
    limit(20_000)
    result = project(SUITE, "--mailtrap-report=out/mail.html")
    result.assert_outcomes(passed=2, failed=1)
    assert any("mail.html could not be written: " in warning for warning in warnings(result))
    assert list((pytester.path / "out").iterdir()) == []


def test_a_disk_that_is_full_from_some_time_on(project, pytester, monkeypatch):
    """Many errors of one kind take one line; what was written before them stays."""
    keep = RunFiles.keep

    def full(self, name, file, raw):
        if file > "0002.eml":
            raise OSError(28, "No space left on device")
        keep(self, name, file, raw)

    monkeypatch.setattr(RunFiles, "keep", full)
    source = "def test_order(mailtrap):\n    for _ in range(20): send(mailtrap)\n"
    result = project(source, "--mailtrap-save=mail")
    result.assert_outcomes(passed=1)
    assert warnings(result) == [
        "warning: a message could not be saved: [Errno 28] No space left on device (18 times)"
    ]
    assert saved(pytester.path / "mail") == {"test_order": {"0001.eml", "0002.eml"}}


def test_many_different_errors_do_not_flood_the_terminal(project, monkeypatch):
    """Ten are shown, with the number of those left out."""

    def fails(self, name, file, raw):
        raise OSError(5, "Input/output error", file)

    monkeypatch.setattr(RunFiles, "keep", fails)
    source = "def test_order(mailtrap):\n    for _ in range(30): send(mailtrap)\n"
    lines = warnings(project(source, "--mailtrap-save=mail"))
    assert len(lines) == 11
    assert lines[-1] == "warning: ... and 20 more"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_step_summary_on_a_full_disk(project, monkeypatch):
    """The step summary of GitHub Actions cannot be written: there is a warning, and the results stay as they are."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/dev/full")
    result = project(SUITE, "--mailtrap-policy=testing")
    result.assert_outcomes(passed=2, failed=1)
    assert warnings(result) == [
        "warning: the step summary could not be written: [Errno 28] No space left on device"
    ]


# -- messages that nobody can make sense of ---------------------------------------------------

ODD = [
    b"",
    b"\x00\x00\x00\r\n",
    b"no header at all\r\nbut lines\r\n",
    b": no name\r\n\r\nbody",
    b"Subject: =?x-nothing?q?=ZZ?= =?utf-8?b?%%%?=\r\nDate: yesterday\r\nMessage-ID: <<>\r\n\r\n",
    b"Subject: \xff\xfe\xed\xa0\x80\r\nFrom: \xe9@\xe9\r\n\r\n\xff",
    b"To: " + b"a@example.org,\r\n " * 9000 + b"\r\n\r\n",
    b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n" * 200,
    b"Content-Type: multipart/signed; protocol=application/pkcs7-signature; boundary=b\r\n\r\n--b\r\n\r\n--b--\r\n",
    b"Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\nMIIBAAAA\r\n",
    b"Content-Type: text/html; charset=nothing\r\nContent-Transfer-Encoding: base64\r\n\r\n====",
    b"Content-Type: message/rfc822\r\n\r\n" * 50,
]


def test_messages_that_cannot_be_parsed(project, pytester):
    """They cost no result and no warning: they are saved byte for byte and reported, and so is the mail after them."""
    pytester.makepyfile(odd=f"ODD = {ODD!r}")
    source = """
from odd import ODD
def test_order(mailtrap):
    for mail in ODD:
        send(mailtrap, mail=mail)
def test_after(mailtrap): send(mailtrap)
"""
    result = project(source, *BOTH, "--mailtrap-policy=testing", "--mailtrap-require=tls")
    result.assert_outcomes(passed=2)
    assert warnings(result) == []
    found = {r["test"].partition("::")[2]: r for r in RunFiles(pytester.path / "mail").records()}
    assert set(found) == {"test_order", "test_after"}
    directory = pytester.path / "mail" / found["test_order"]["directory"]
    bodies = [(directory / m["file"]).read_bytes() for m in found["test_order"]["messages"]]
    assert len(bodies) == len(ODD)
    assert all(mail.split(b"\r\n")[0] in body for mail, body in zip(ODD, bodies, strict=True))
    data = (pytester.path / "mail.html").read_text("utf-8")
    assert "test_shop.py::test_order" in data
    assert "test_shop.py::test_after" in data


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("_run.files.record.message_record", "warning: a message could not be saved: broken"),
        (
            "_run.files.record.connection_record",
            "warning: mail could not be recorded: ZeroDivisionError('broken')",
        ),
    ],
)
def test_an_error_of_our_own_costs_no_result(project, pytester, monkeypatch, place, words):
    """Any error in handling the facts of one test becomes a warning, and those of the other tests are written."""
    module, name = place.rsplit(".", 1)
    real = getattr(__import__(f"pytest_mailtrap.{module}", fromlist=["x"]), name)

    def fails(thing, **keywords):
        if thing.transport.ehlo == "odd.example.org":
            raise ZeroDivisionError("broken")
        return real(thing, **keywords)

    monkeypatch.setattr(f"pytest_mailtrap.{place}", fails)
    source = f"""{SUITE}
def test_odd(mailtrap):
    with smtplib.SMTP(mailtrap.host, mailtrap.port, "odd.example.org", timeout=10) as client:
        client.sendmail(FROM, TO, MAIL)
"""
    result = project(source, "--mailtrap-save=mail")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines([words])
    assert set(saved(pytester.path / "mail")) == {"test_order", "test_bill", "test_fails"}
    assert len([*pytester.path.glob("mail/*/0001.eml")]) == 4
