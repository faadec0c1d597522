"""trust() ends with its test, even if something remembers its variables and restores them later."""

from __future__ import annotations

import os
import smtplib
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_mailtrap import MailTrapFactory
from pytest_mailtrap._intercept import trust as _trust
from pytest_mailtrap._intercept.ca_bundle import Bundle
from pytest_mailtrap._server.certificate_authority import new_ca

VARIABLES = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE")

SEND = """
import smtplib, ssl, sys
with smtplib.SMTP("localhost", int(sys.argv[1]), timeout=10) as client:
    client.starttls(context=ssl.create_default_context())
    client.sendmail("a@example.org", ["b@example.org"], b"Subject: hello\\r\\n\\r\\nhello\\r\\n")
"""

HEAD = f"""
import os, smtplib, ssl, subprocess, sys
from unittest import mock
import pytest

SEND = {SEND!r}
VARIABLES = {VARIABLES!r}
"""
# What comes after the test that was trusted: nothing is left, and a client that verifies refuses a stranger.
AFTER = """
def test_2_nothing_is_left():
    assert [os.environ.get(name) for name in VARIABLES] == [None] * 3

def test_3_a_client_that_verifies_refuses_a_stranger(mailtrap):
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
        with pytest.raises(ssl.SSLCertVerificationError):
            client.starttls(context=ssl.create_default_context())
"""
OUTER_FIXTURE = """
@pytest.fixture(autouse=True)
def settings(monkeypatch):
    monkeypatch.setenv("APP_ENV", "test")
"""


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def changing(change: str) -> str:
    """A test that uses trust() and changes the variables with a monkeypatch that is undone after the trap has ended."""
    return f"""
{OUTER_FIXTURE}
@pytest.mark.mailtrap(trust=True)
def test_1_changes_the_variables(mailtrap, monkeypatch):
    for name in VARIABLES:
        assert "mailtrap-" in os.environ[name]
        {change}
"""


def longer(scope: str) -> str:
    """The same with a MonkeyPatch that is undone at the end of a later test, or of the run."""
    return f"""
@pytest.fixture(scope="{scope}")
def longer():
    with pytest.MonkeyPatch.context() as patch:
        yield patch

@pytest.mark.mailtrap(trust=True)
def test_1_changes_the_variables(mailtrap, longer):
    for name in VARIABLES:
        longer.delenv(name)

def test_1b_is_later(longer):
    assert "SSL_CERT_FILE" not in os.environ
"""


PATCH_DICT = """
@pytest.fixture(autouse=True)
def settings():
    yield
    mock.patch.stopall()

@pytest.mark.mailtrap(trust=True)
def test_1_changes_the_variables(mailtrap):
    mock.patch.dict(os.environ, {"SSL_CERT_FILE": "mine.pem"}).start()
"""
UNDONE_BY_HAND = """
PATCH = pytest.MonkeyPatch()

@pytest.mark.mailtrap(trust=True)
def test_1_changes_the_variables(mailtrap):
    for name in VARIABLES:
        PATCH.setenv(name, "mine.pem")

def test_1b_undoes_it():
    PATCH.undo()
    assert "mailtrap-" in os.environ["SSL_CERT_FILE"]
"""
CASES = {
    "delenv": changing("monkeypatch.delenv(name)"),
    "setenv": changing('monkeypatch.setenv(name, "mine.pem")'),
    "mock.patch.dict": PATCH_DICT,
    "by hand": UNDONE_BY_HAND,
}


def run_in_order(pytester, source, *options):
    pytester.makepyfile(source)
    return pytester.runpytest("-p", "no:randomly", *options)


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_left_for_the_next_test(pytester, case):
    """An undo after the trap has ended restores the trap's variables, yet they are gone for the next test."""
    result = run_in_order(pytester, HEAD + CASES[case] + AFTER)
    assert result.parseoutcomes().keys() == {"passed"}


@pytest.mark.parametrize("case", CASES)
def test_control_the_variables_do_come_back(pytester, monkeypatch, case):
    """The negative control: if nothing resets the variables, the next test sees them, but its client still refuses."""
    monkeypatch.setattr(_trust, "settle", lambda: None)
    result = run_in_order(pytester, HEAD + CASES[case] + AFTER)
    result.stdout.fnmatch_lines(["FAILED *::test_2_nothing_is_left*"])
    assert result.parseoutcomes()["failed"] == 1
    _trust._everybody.settle()


def test_control_a_bundle_that_keeps_the_ca(pytester, monkeypatch):
    """The negative control for the file: if it kept the CA, the client of a later test would accept a stranger."""
    hold = Bundle.hold
    monkeypatch.setattr(_trust, "settle", lambda: None)
    monkeypatch.setattr(Bundle, "hold", lambda self, cas: hold(self, cas) if cas else None)
    result = run_in_order(pytester, HEAD + CASES["delenv"] + AFTER)
    result.assert_outcomes(passed=1, failed=2)
    _trust._everybody.settle()


@pytest.mark.parametrize("scope", ["module", "session"])
def test_a_longer_lived_monkeypatch(pytester, scope):
    """A module or session MonkeyPatch is undone at the end of a later test, and leaves nothing behind either."""
    pytester.makepyfile(test_a=HEAD + longer(scope))
    pytester.makepyfile(test_b=HEAD + AFTER)
    result = pytester.runpytest("-p", "no:randomly")
    result.assert_outcomes(passed=4)
    assert [os.environ.get(name) for name in VARIABLES] == [None] * 3


def test_control_a_longer_lived_monkeypatch(pytester, monkeypatch):
    """The negative control: the same if nothing resets the variables."""
    monkeypatch.setattr(_trust, "settle", lambda: None)
    pytester.makepyfile(test_a=HEAD + longer("module"))
    pytester.makepyfile(test_b=HEAD + AFTER)
    result = pytester.runpytest("-p", "no:randomly")
    result.stdout.fnmatch_lines(["FAILED test_b.py::test_2_nothing_is_left*"])
    _trust._everybody.settle()


@pytest.mark.parametrize(("trust", "refused"), [(False, True), (True, False)])
def test_between_the_undoing_and_the_next_test(pytester, trust, refused):
    """If the variable is already restored, a program that inherits it refuses a stranger; the control trusts it again."""
    result = run_in_order(
        pytester,
        f"""{HEAD}
@pytest.fixture(autouse=True)
def first(mailtrap_factory):
    yield
    assert "mailtrap-" in os.environ["SSL_CERT_FILE"]
    with mailtrap_factory(trust={trust}) as other:
        program = [sys.executable, "-c", SEND, str(other.port)]
        done = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert ("CERTIFICATE_VERIFY_FAILED" in done.stderr) is {refused}
    assert (len(other) == 0) is {refused}

@pytest.fixture(autouse=True)
def second(first, monkeypatch):
    pass

@pytest.mark.mailtrap(trust=True)
def test_it(mailtrap, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
""",
    )
    result.assert_outcomes(passed=1)


# -- inside one test ----------------------------------------------------------------------


def run_send(trap) -> str:
    """Send from a program that inherits the current variables; returns what it complains about."""
    program = [sys.executable, "-c", SEND, str(trap.port)]
    return subprocess.run(program, capture_output=True, text=True, timeout=60, check=False).stderr


def test_a_path_that_is_kept_trusts_nobody(mailtrap, monkeypatch, lonely_ca):
    """Once the trust is over, the file that the variable named contains only what was trusted before."""
    monkeypatch.setenv("SSL_CERT_FILE", str(lonely_ca))
    with mailtrap.trust():
        kept = os.environ["SSL_CERT_FILE"]
        assert mailtrap.ca_pem in Path(kept).read_text(encoding="ascii")
        assert run_send(mailtrap) == ""
    assert Path(kept).read_text(encoding="ascii") == lonely_ca.read_text(encoding="ascii")
    monkeypatch.setenv("SSL_CERT_FILE", kept)
    assert "CERTIFICATE_VERIFY_FAILED" in run_send(mailtrap)
    assert not _trust.is_trusted(mailtrap.ca_pem)


def test_a_path_of_an_earlier_trust_is_not_what_was_before(mailtrap):
    """If the variable names an old bundle when a trust begins, the value from before that bundle is restored."""
    with mailtrap.trust():
        kept = os.environ["CURL_CA_BUNDLE"]
    os.environ["CURL_CA_BUNDLE"] = kept
    with mailtrap.trust():
        assert run_send(mailtrap) == ""
    assert "CURL_CA_BUNDLE" not in os.environ


def test_a_variable_that_changes_between_two_trusts(mailtrap, tmp_path):
    """Each trust adds to what the variable names when it begins; the test's own value is there at the end."""
    mine = tmp_path / "mine.pem"
    mine.write_text("my CA\n", encoding="ascii")
    patch = pytest.MonkeyPatch()
    with mailtrap.trust():
        before = os.environ["CURL_CA_BUNDLE"]
        patch.setenv("CURL_CA_BUNDLE", str(mine))
        with mailtrap.trust():
            held = Path(os.environ["CURL_CA_BUNDLE"]).read_text(encoding="ascii")
            assert held == "my CA\n" + mailtrap.ca_pem
    assert os.environ["CURL_CA_BUNDLE"] == str(mine)
    patch.undo()
    assert os.environ["CURL_CA_BUNDLE"] == before
    _trust.settle()
    assert "CURL_CA_BUNDLE" not in os.environ


def test_the_end_of_an_inner_trust_leaves_the_tests_own_value(mailtrap, monkeypatch):
    """A value that the test sets during two trusts is not touched when the inner one ends."""
    with mailtrap.trust():
        with mailtrap.trust():
            monkeypatch.setenv("CURL_CA_BUNDLE", "mine.pem")
        assert os.environ["CURL_CA_BUNDLE"] == "mine.pem"
        _trust.settle()
        assert os.environ["CURL_CA_BUNDLE"] == "mine.pem"


def test_an_undoing_during_the_trust_keeps_it(mailtrap, monkeypatch):
    """An undo during the trust restores the trust's variables, and settling does not change that."""
    with mailtrap.trust():
        with monkeypatch.context() as patch:
            patch.delenv("SSL_CERT_FILE")
        _trust.settle()
        assert run_send(mailtrap) == ""


def test_overlapping_trusts_share_a_file_that_is_right_at_every_moment(mailtrap):
    """The file holds exactly those CAs that are trusted, in whatever order the trusts end; a later trust rereads its source."""
    factory = MailTrapFactory(new_ca())

    def held():
        found = Path(os.environ["SSL_CERT_FILE"]).read_text(encoding="ascii")
        return [trap for trap in (mailtrap, other) if trap.ca_pem in found]

    try:
        with factory() as other:
            first, second, third = mailtrap.trust(), other.trust(), mailtrap.trust()
            first.__enter__()
            assert held() == [mailtrap]
            second.__enter__()
            assert held() == [mailtrap, other]
            first.__exit__(None, None, None)
            assert held() == [other]
            third.__enter__()
            assert held() == [mailtrap, other]
            second.__exit__(None, None, None)
            assert held() == [mailtrap]
            third.__exit__(None, None, None)
    finally:
        factory.close()
    assert "SSL_CERT_FILE" not in os.environ


def test_a_source_that_has_changed_is_read_again(mailtrap, monkeypatch, tmp_path):
    """The file that a variable names may have changed by the next trust."""
    mine = tmp_path / "mine.pem"
    monkeypatch.setenv("CURL_CA_BUNDLE", str(mine))
    for content in ("my CA\n", "another CA\n"):
        mine.write_text(content, encoding="ascii")
        with mailtrap.trust():
            held = Path(os.environ["CURL_CA_BUNDLE"]).read_text(encoding="ascii")
            assert held == content + mailtrap.ca_pem


def test_a_directory_that_is_gone(monkeypatch):
    """Closing a factory removes its bundles; their paths are still recognized and lead back to the original value."""
    factory = MailTrapFactory(new_ca())
    with factory() as trap:
        with trap.trust():
            kept = os.environ["SSL_CERT_FILE"]
            factory._certificates.close()
        assert "SSL_CERT_FILE" not in os.environ
    factory.close()
    assert not Path(kept).exists()
    monkeypatch.setenv("SSL_CERT_FILE", kept)
    _trust.settle()
    assert "SSL_CERT_FILE" not in os.environ


def test_a_verifying_client_in_this_process(mailtrap, monkeypatch):
    """A context made with a path that was kept refuses the trap; during the trust it accepts it."""
    with mailtrap.trust():
        kept = os.environ["SSL_CERT_FILE"]
        context = ssl.create_default_context(cafile=kept)
        with smtplib.SMTP("localhost", mailtrap.port, timeout=10) as client:
            client.starttls(context=context)
    context = ssl.create_default_context(cafile=kept)
    with (
        smtplib.SMTP("localhost", mailtrap.port, timeout=10) as client,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        client.starttls(context=context)
