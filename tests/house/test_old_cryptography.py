"""With a cryptography older than 45, everything but S/MIME works, and S/MIME says what it needs."""

from __future__ import annotations

import contextlib
import json
import re
import smtplib
import sys
from pathlib import Path

import cryptography
import pytest
from _optional_parts import needs_smime

import pytest_mailtrap
from pytest_mailtrap._report import blocks
from pytest_mailtrap._smime import availability

ROOT = Path(__file__).parents[2]
OLD = "44.0.3"
# It need not be valid: whoever judges it must first say that nothing can be judged.
SIGNED = (
    b"From: alice@example.org\r\nTo: bob@example.org\r\nSubject: Invoice\r\n"
    b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=x\r\n\r\n'
    b"--x\r\nContent-Type: text/plain\r\n\r\nHello\r\n--x\r\nContent-Type: application/pkcs7-signature\r\n\r\n\r\n--x--\r\n"
)
PART = b"Content-Type: text/plain\r\n\r\nHello\r\n"
SENDS = f"""
import smtplib

def test_invoice(mailtrap):
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
        client.starttls(context=mailtrap.ssl_context)
        client.sendmail("alice@example.org", ["bob@example.org"], {SIGNED!r})
    mailtrap.assert_sent_over_tls()
"""
NOTICE = "not judged: needs cryptography 45"


@pytest.fixture
def old_cryptography(monkeypatch):
    """The version of an old cryptography: the real one if it is old."""
    if availability.missing() is None:
        monkeypatch.setattr(cryptography, "__version__", OLD)
    return cryptography.__version__


@pytest.fixture
def message(mailtrap):
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
        client.sendmail("alice@example.org", ["bob@example.org"], SIGNED)
    [sent] = mailtrap
    return sent


USES = {
    "smime_identity": lambda trap, message: trap.smime_identity("alice@example.org"),
    "smime": lambda trap, message: message.smime,
    "inspect_smime": lambda trap, message: message.inspect_smime(trust="any"),
    "decrypt": lambda trap, message: message.decrypt(None),
    "message.assert_smime_signed": lambda trap, message: message.assert_smime_signed(),
    "message.assert_smime_encrypted": lambda trap, message: message.assert_smime_encrypted(),
    "mailtrap.assert_smime_signed": lambda trap, message: trap.assert_smime_signed(),
    "mailtrap.assert_smime_encrypted": lambda trap, message: trap.assert_smime_encrypted(),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_each_use_says_what_it_needs(use, mailtrap, message, old_cryptography):
    """One sentence, which names the package, the version that is needed and the one that is there, and the extra."""
    with pytest.raises(ImportError) as error:
        use(mailtrap, message)
    assert str(error.value) == (
        f"S/MIME needs cryptography 45 or newer, and {old_cryptography} is installed: "
        "pip install 'pytest-mailtrap[smime]'"
    )
    assert error.value.name == "cryptography"


@needs_smime
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_control_a_newer_one_has_no_need(use, mailtrap, message):
    """The control: with the cryptography that is needed, no use raises ImportError."""
    # The message is neither validly signed nor encrypted, and None is nobody's identity.
    with contextlib.suppress(AssertionError, TypeError):
        use(mailtrap, message)


MODULE = """
import pytest

def test_the_module():
    from pytest_mailtrap import smime
    for name in ("inspect", "inspect_cms", "Identity", "Problem"):
        with pytest.raises(ImportError, match="needs cryptography 45"):
            getattr(smime, name)
    with pytest.raises(ImportError, match="needs cryptography 45"):
        from pytest_mailtrap.smime import inspect
    with pytest.raises(AttributeError, match="has no attribute 'inspekt'"):
        smime.inspekt
"""


@pytest.fixture
def anew(monkeypatch):
    """Let the module be imported anew."""
    monkeypatch.delitem(sys.modules, "pytest_mailtrap.smime", raising=False)
    monkeypatch.delattr(pytest_mailtrap, "smime", raising=False)


def test_each_name_of_the_module_says_what_it_needs(pytester, old_cryptography, anew):
    """The module itself can be imported, and only a name of S/MIME that exists asks for cryptography."""
    pytester.makepyfile(MODULE)
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


@needs_smime
def test_control_each_name_of_the_module(pytester, anew):
    """The control: with a newer cryptography there is nothing to ask for."""
    pytester.makepyfile(MODULE)
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("*DID NOT RAISE*ImportError*")


def recorded(pytester, *options):
    """The record of the one message of a run."""
    pytester.makepyfile(SENDS)
    result = pytester.runpytest_inprocess(
        "--mailtrap-save=mail", "--mailtrap-policy=enforce", *options
    )
    result.assert_outcomes(passed=1)
    [path] = Path("mail").rglob("mail.json")
    [message] = json.loads(path.read_text(encoding="utf-8"))["messages"]
    return message


def test_the_files_say_that_it_was_not_judged(pytester, old_cryptography):
    """The test passes, and the reason stands where the verdict would."""
    message = recorded(pytester)
    assert (message["smime"], message["smime_notice"]) == (None, NOTICE)


@needs_smime
def test_control_the_files_have_the_verdict(pytester):
    """The control: with a newer cryptography, there is a verdict and no notice."""
    message = recorded(pytester)
    assert message["smime"]["problems"]
    assert message["smime_notice"] is None


def test_the_report_says_that_it_was_not_judged(pytester, old_cryptography):
    """The page has the reason in the message's data."""
    pytest.importorskip("jinja2", reason="the report needs Jinja2")
    recorded(pytester, "--mailtrap-report=mail.html")
    assert NOTICE in Path("mail.html").read_text(encoding="utf-8")


@needs_smime
@pytest.mark.parametrize("is_old", [True, False])
def test_the_report_of_a_run_that_had_another_one(is_old, mailtrap, monkeypatch):
    """Layers that a newer one has recorded are shown as recorded; what is inside the signature is left closed."""
    from _signers import cryptography_signs_opaque

    raw = cryptography_signs_opaque(mailtrap.smime_identity("alice@example.org"), PART)
    if is_old:
        monkeypatch.setattr(cryptography, "__version__", OLD)
    message = {"file": "0001.eml", "smime": {"layers": [{"kind": "signed"}]}}
    shown = blocks._contents(raw, message, blocks.Budget())
    assert ("opened" in shown) == (not is_old)
    assert shown["source"].encode("latin-1") == raw


@needs_smime
def test_the_files_say_that_judging_failed(pytester, monkeypatch):
    """An error in judging is a warning of the run, and the reason why there is no verdict; the test passes."""

    def fail(_raw, _settings):
        raise ZeroDivisionError("broken")

    monkeypatch.setattr("pytest_mailtrap._smime.inspection.inspect_with", fail)
    message = recorded(pytester)
    assert (message["smime"], message["smime_notice"]) == (None, "not judged: ZeroDivisionError")


@pytest.mark.parametrize("requirement", ["smime-signed", "smime-encrypted"])
def test_a_run_that_requires_it_is_a_usage_error(pytester, requirement, old_cryptography):
    """Nothing passes that was not judged."""
    pytester.makepyfile(SENDS)
    result = pytester.runpytest_inprocess(
        "--mailtrap-policy=enforce", f"--mailtrap-require={requirement}"
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(f"*requirement '{requirement}': S/MIME needs cryptography 45 *")


def test_a_marker_that_requires_it_is_an_error(pytester, old_cryptography):
    """The same, if only one test requires it."""
    marker = "import pytest\n@pytest.mark.mailtrap(require=['smime-signed'])"
    pytester.makepyfile(SENDS.replace("\ndef test", f"\n{marker}\ndef test"))
    result = pytester.runpytest_inprocess("--mailtrap-policy=enforce")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("*requirement 'smime-signed': S/MIME needs cryptography 45 *")


def bounds(pyproject):
    """The lower bound of cryptography of the package, and that of the extra."""
    [base] = re.findall(r'^  "cryptography>=(\d+)",$', pyproject, re.MULTILINE)
    [extra] = re.findall(r'^smime = \["cryptography>=(\d+)"\]$', pyproject, re.MULTILINE)
    return int(base), int(extra)


def test_the_extra_brings_what_is_asked_for():
    """The bound of the extra is the one that the sentence names, and that of the package is lower."""
    base, extra = bounds((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert extra == availability.MINIMUM
    assert base < extra
