"""A terminal that cannot show every character: such characters are escaped, and everything else stays readable."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import types

import pytest

from pytest_mailtrap._hooks import terminal_encoding
from pytest_mailtrap._hooks.terminal_encoding import encodable

SUBJECT = "Z\N{LATIN SMALL LETTER U WITH DIAERESIS}rich 5 \N{EURO SIGN} \N{GRINNING FACE}"
ESCAPED = r"Z\xfcrich 5 \u20ac \U0001f600"
# The texts that the plugin writes: under a failing test, instead of a skip, for a refused connection, and at the end of the run.
SUITE = f"""
import smtplib
import socket
import unittest

import pytest

MAIL = "Subject: {SUBJECT}\\r\\n\\r\\nHello\\r\\n".encode()


def send(trap):
    with smtplib.SMTP(trap.host, trap.port, timeout=10) as client:
        client.sendmail("a@example.org", ["b@example.org"], MAIL)


def test_fails(mailtrap):
    send(mailtrap)
    assert not mailtrap


@pytest.mark.mailtrap(policy="none", reason="{SUBJECT}")
def test_exempt(mailtrap):
    send(mailtrap)


def test_passes(mailtrap):
    send(mailtrap)


class TestShop(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def trap(self, mailtrap):
        self.trap = mailtrap

    def test_skips(self):
        send(self.trap)
        self.skipTest("{SUBJECT}")


def test_refused():
    with pytest.raises(OSError):
        socket.create_connection(("192.0.2.1", 587))
    assert False, "{SUBJECT}"
"""
# What other plugins find in the reports when they write their files.
READER = """
import pathlib

def pytest_runtest_logreport(report):
    found.extend(content for _, content in report.sections)

def pytest_sessionfinish(session):
    pathlib.Path("sections.txt").write_text("\\n".join(found), encoding="utf-8")

found = []
"""
UNPREPARED = """
from pytest_mailtrap._hooks import terminal_encoding

terminal_encoding.encodable = lambda text, stream=None: text
"""
TERMINALS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "cp437": {"PYTHONIOENCODING": "cp437"},
}
if sys.platform != "win32":
    # Without UTF-8 mode, which the C locale would turn on.
    TERMINALS["C"] = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
def run(pytester):
    """Run the suite in a process of its own, with these variables, and return its output and exit code."""

    def run(variables, *options, conftest=READER, suite=SUITE):
        pytester.makepyfile(test_shop=suite)
        pytester.makeconftest(conftest)
        before = {name: os.environ[name] for name in os.environ if not name.startswith("PYTHONIO")}
        command = ("-m", "pytest", "-p", "no:cacheprovider", "--mailtrap-guard")
        policy = ("-o", "mailtrap_policy=enforce", "-o", "mailtrap_require=tls")
        done = subprocess.run(
            [sys.executable, *command, *policy, *options],
            env={**before, **variables},
            capture_output=True,
            timeout=120,
            check=False,
        )
        output = (done.stdout + done.stderr).decode(variables.get("PYTHONIOENCODING", "ascii"))
        assert done.returncode == pytest.ExitCode.TESTS_FAILED, output
        assert "Error: 'charmap'" not in output
        return output.splitlines()

    return run


@pytest.mark.parametrize(
    ("terminal", "options"),
    [*((terminal, ()) for terminal in TERMINALS), ("cp1252", ("-s",)), ("cp1252", ("-n1",))],
)
def test_each_line_stays_a_line(run, pytester, terminal, options):
    """Sections, verdicts and totals keep their lines, with escapes for what the terminal does not have."""
    if "-n1" in options:
        pytest.importorskip("xdist")
    shown = run(TERMINALS[terminal], "-v", "-rA", *options)
    subject = encodable(SUBJECT, _terminal(TERMINALS[terminal].get("PYTHONIOENCODING", "ascii")))
    assert r"\u20ac" in subject or terminal == "cp1252"
    assert shown.count(f'#1   no TLS  "{subject}" -> b@example.org') == 3
    assert shown.count("    S: 220 localhost pytest-mailtrap") == 3
    assert f"The test skipped afterwards: {subject}" in shown
    assert f"  test_shop.py::test_exempt: {subject}" in shown
    assert "1 connection to a real mail server, refused by the guard" in shown
    # The files of other plugins can have every character.
    assert SUBJECT in (pytester.path / "sections.txt").read_text("utf-8")


def test_pytest_alone_escapes_the_line_breaks(run):
    """The control: without this, a section with such a character is one long line."""
    shown = run(TERMINALS["ascii"], conftest=UNPREPARED)
    assert "    S: 220 localhost pytest-mailtrap" not in shown
    assert [line for line in shown if rf"{ESCAPED}" in line and r"\n    S: 220 localhost" in line]


def test_a_terminal_that_has_every_character(run):
    """The other control: with UTF-8, nothing is escaped."""
    shown = run({"PYTHONIOENCODING": "utf-8"})
    assert shown.count(f'#1   no TLS  "{SUBJECT}" -> b@example.org') == 3
    assert not [line for line in shown if r"\u20ac" in line]


# With the C locale, pytest cannot run a test of that name.
@pytest.mark.parametrize("terminal", ["ascii", "cp437"])
def test_without_a_terminal_reporter(run, monkeypatch, terminal):
    """GitHub's commands are then written by the plugin itself."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-pmailtrap")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    name = "test_\N{CYRILLIC SMALL LETTER ZHE}"
    shown = run(TERMINALS[terminal], "-p", "no:terminal", suite=SUITE.replace("test_passes", name))
    [command] = [line for line in shown if line.startswith("::error ") and r"\u0436" in line]
    assert command.endswith(": #1 was sent in cleartext")


def _terminal(encoding, errors="strict"):
    return types.SimpleNamespace(encoding=encoding, errors=errors)


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (_terminal("utf-8"), SUBJECT),
        (_terminal("ascii"), ESCAPED),
        (
            _terminal("latin-1"),
            "Z\N{LATIN SMALL LETTER U WITH DIAERESIS}rich 5 \\u20ac \\U0001f600",
        ),
        # Here pytest's own writing succeeds: the user has chosen what is shown.
        (_terminal("ascii", "replace"), SUBJECT),
        (_terminal("ascii", "surrogateescape"), ESCAPED),
        (_terminal("utf-8"), "a\\b\n"),
        (_terminal("no-such-codec"), SUBJECT),
        (io.StringIO(), SUBJECT),
        (object(), SUBJECT),
    ],
)
def test_what_a_stream_can_show(stream, expected):
    """Only what the stream's encoding does not have is escaped; line breaks and backslashes never are."""
    assert encodable("a\\b\n" if expected == "a\\b\n" else SUBJECT, stream) == expected
    assert encodable(f"{SUBJECT}\n", stream).endswith("\n")


def test_standard_output_is_meant(monkeypatch):
    """Without a stream, it is the one to which pytest writes."""
    monkeypatch.setattr(sys, "stdout", _terminal("ascii"))
    assert terminal_encoding.encodable(SUBJECT) == ESCAPED
    monkeypatch.setattr(sys, "stdout", _terminal("utf-8"))
    assert terminal_encoding.encodable(SUBJECT) == SUBJECT
