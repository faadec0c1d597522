"""Off means off: without an option there is no file, no line and no record, and nothing unneeded is imported."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SUITE = """
def test_order(mailtrap):
    send(mailtrap)
    send(mailtrap, tls=False)

def test_else(): pass
"""
# Everything that is for those who asked for something.
ASKED_FOR = (
    "pytest_mailtrap._run.mail_of_test.MailOfTest.record",
    "pytest_mailtrap._run.mail_of_test.MailOfTest.message_record",
    "pytest_mailtrap._run.captured_mail.captured",
    "pytest_mailtrap._run.files.run_files.RunFiles.begin",
    "pytest_mailtrap._run.files.run_files.RunFiles.keep",
    "pytest_mailtrap._run.totals.Totals.add",
)


@pytest.fixture
def asked(monkeypatch):
    """The names of the functions that were called although they serve only the options."""
    found = set()

    def listening(name, real):
        def listen(*args, **keywords):
            found.add(name)
            return real(*args, **keywords)

        return listen

    for path in ASKED_FOR:
        parts = path.split(".")
        owner = __import__(".".join(parts[:2]), fromlist=["x"])
        for part in parts[2:-1]:
            owner = getattr(owner, part)
        monkeypatch.setattr(owner, parts[-1], listening(path, getattr(owner, parts[-1])))
    return found


def test_without_an_option_nothing_is_made(project, asked):
    """A test that sends mail and passes costs no record, no count, no text and no file."""
    result = project(SUITE)
    result.assert_outcomes(passed=2)
    assert asked == set()
    result.stdout.no_fnmatch_line("*mail trap*")
    result.stdout.no_fnmatch_line("*message*")


@pytest.mark.parametrize(
    ("option", "made"),
    [
        ("--mailtrap-policy=testing", {"record", "message_record", "add"}),
        ("--mailtrap-junit-properties=true", {"record", "message_record", "add"}),
        ("--mailtrap-save=mail", {"record", "message_record", "begin", "keep", "add"}),
    ],
)
def test_with_an_option_it_is_made(project, asked, option, made):
    """The negative control: the same test, with an option set."""
    project(SUITE, option).assert_outcomes(passed=2)
    assert {name.rpartition(".")[2] for name in asked} == made


IMPORTED = """
import sys

def pytest_unconfigure(config):
    heavy = ["jinja2", "pytest_mailtrap._hooks.github", "pytest_mailtrap._report.page", "pytest_mailtrap._assertions.smime_violations",
             "pytest_mailtrap._run.captured_mail", "pytest_mailtrap._run.policy_text", "aiosmtpd", "cryptography", "ssl"]
    print("IMPORTED", *[name for name in heavy if name in sys.modules])
"""


def imported(pytester, source, *options, plugin="mailtrap"):
    pytester.makeconftest(IMPORTED)
    pytester.makepyfile(test_shop=source)
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", plugin, "-s", *options],
        cwd=pytester.path,
        # Other plugins import what they like.
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    [line] = [line for line in result.stdout.splitlines() if line.startswith("IMPORTED")]
    return set(line.split()[1:])


SENDS = """
def test_order(mailtrap):
    import smtplib
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: x\\r\\n\\r\\n")
"""


@pytest.mark.parametrize("options", [(), ("--mailtrap-policy=enforce", "--mailtrap-save=mail")])
def test_a_run_without_mail_imports_nothing(pytester, options):
    """Whatever is set, no server, TLS or page code is loaded before there is mail."""
    empty = "def test_else(): pass\n"
    # pytest imports pdb, which imports asyncio, and so ssl, from Python 3.14 on.
    assert imported(pytester, empty, *options) == imported(pytester, empty, plugin="no:mailtrap")


def test_mail_imports_the_trap_and_no_more(pytester):
    """Without an option, none of S/MIME, the report and the failure texts is loaded."""
    assert imported(pytester, SENDS) == {"aiosmtpd", "cryptography", "ssl"}


def test_what_is_asked_for_is_imported(pytester):
    """The negative control: the report imports its template engine."""
    pytest.importorskip("jinja2", reason="the report needs Jinja2")
    found = imported(pytester, SENDS, "--mailtrap-report=mail.html")
    assert {"jinja2", "pytest_mailtrap._report.page"} <= found
