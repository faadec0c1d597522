"""Tests that replace the file system: certificates, reports and saved mail are on the real disk, in whatever order."""

from __future__ import annotations

import json

import pytest
from _optional_parts import needs_smime

pytest.importorskip("pyfakefs", reason="pyfakefs comes with pytest-mailtrap[test]")

PLUGIN = ("-p", "pyfakefs.pytest_plugin")
HELPERS = """
import builtins, os, smtplib, ssl, sys
from unittest import mock
import pytest

MAIL = b"From: a@example.org\\r\\nTo: b@example.org\\r\\nSubject: Your order\\r\\n\\r\\nHello\\r\\n"

def send(host, port, context):
    with smtplib.SMTP(host, port, timeout=10) as client:
        client.starttls(context=context)
        client.sendmail("a@example.org", ["b@example.org"], MAIL)

def check(mailtrap):
    '''All that needs a file: certificates for known and new hosts, trust, bad certificates.'''
    send(mailtrap.host, mailtrap.port, mailtrap.ssl_context)
    with mailtrap.trust():
        send(mailtrap.host, mailtrap.port, ssl.create_default_context())
    with mailtrap.intercept():
        send("smtp.example.com", 587, ssl.create_default_context())
    assert ssl.create_default_context(cafile=str(mailtrap.ca_file))
    mailtrap.assert_sent_over_tls()
    assert len(mailtrap) == 3

def sending(host, port):
    send(host, port, ssl.create_default_context())
"""
FIRST = {
    "fake file system, then trap": "def test_first(fs, mailtrap): check(mailtrap)",
    "trap, then fake file system": "def test_first(mailtrap, fs): check(mailtrap)",
    "a trap that is not named": "def test_first(fs, request): check(request.getfixturevalue('mailtrap'))",
    "marker": (
        "@pytest.mark.mailtrap(intercept=True)\n"
        "def test_first(fs):\n"
        "    send('smtp.example.com', 587, ssl.create_default_context())\n"
    ),
    "hostile servers": (
        "@pytest.mark.mailtrap(scenarios=['certificate-expired'])\n"
        "def test_first(fs, hostile_mailtrap): hostile_mailtrap.assert_client_refuses(sending)"
    ),
    "factory": (
        "def test_first(fs, mailtrap_factory):\n    with mailtrap_factory() as trap: check(trap)"
    ),
    "mocked open": (
        "def test_first(mailtrap):\n"
        "    with mock.patch('builtins.open', side_effect=ZeroDivisionError): check(mailtrap)"
    ),
    "no working directory": (
        "def test_first(mailtrap, tmp_path):\n"
        "    (tmp_path / 'gone').mkdir()\n"
        "    os.chdir(tmp_path / 'gone')\n"
        "    (tmp_path / 'gone').rmdir()\n"
        "    try: check(mailtrap)\n"
        "    finally: os.chdir(tmp_path)"
    ),
}
AFTERWARDS = """

def test_afterwards(mailtrap):
    check(mailtrap)
    # Nothing has been imported a second time.
    from pytest_mailtrap import CapturedMessage
    assert isinstance(mailtrap[0], CapturedMessage)

def test_fake_once_more(fs, mailtrap):
    check(mailtrap)
    mailtrap[0].save("/message.eml")
    assert open("/message.eml", "rb").read() == MAIL
"""


@pytest.fixture
def run(pytester):
    """Run a test module in a process of its own, in which nothing has been imported yet."""

    def run(source, *options):
        pytester.makepyfile(test_files=HELPERS + source)
        return pytester.runpytest_subprocess("-p", "no:randomly", *PLUGIN, *options, timeout=120)

    return run


@pytest.mark.parametrize("first", FIRST)
def test_first_of_the_run(run, first):
    """Whatever the first test is, it has all certificates that it needs, and the next ones have them as well."""
    run(FIRST[first] + AFTERWARDS).assert_outcomes(passed=3)


def test_control_nothing_is_prepared(run, pytester):
    """The control: what is imported for the first time within the fake file system is lost for the next test."""
    pytester.makeconftest(
        "from pytest_mailtrap._hooks import fake_files, fixtures\n"
        "fake_files.import_all = lambda: None\n"
        "fixtures._prepare_for_fake_files = lambda: None\n"
    )
    assert run(FIRST["a trap that is not named"] + AFTERWARDS).ret != 0


@needs_smime
def test_smime(run):
    """Identities are issued and signatures are judged within the fake file system."""
    source = """
def test_signed(fs, mailtrap):
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

    alice = mailtrap.smime_identity("a@example.org")
    signed = (
        pkcs7.PKCS7SignatureBuilder().set_data(b"Content-Type: text/plain\\r\\n\\r\\nHello\\r\\n")
        .add_signer(alice.certificate, alice.private_key, SHA256())
        .sign(Encoding.SMIME, [pkcs7.PKCS7Options.DetachedSignature])
    )
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
        client.sendmail("a@example.org", ["b@example.org"], b"From: a@example.org\\r\\n" + signed)
    mailtrap.assert_smime_signed(by="a@example.org")
"""
    run(source + AFTERWARDS).assert_outcomes(passed=3)


IN_A_FAKE = """
def test_saved(fs, mailtrap):
    send(mailtrap.host, mailtrap.port, mailtrap.ssl_context)
"""
FOR_THE_WHOLE_RUN = """
@pytest.fixture(scope="session", autouse=True)
def all_of_it(fs_session):
    yield

def test_saved(mailtrap):
    send(mailtrap.host, mailtrap.port, mailtrap.ssl_context)
"""


@pytest.mark.parametrize("source", [IN_A_FAKE, FOR_THE_WHOLE_RUN])
def test_saved_mail_and_report(run, pytester, source):
    """They are written to the real disk, whichever file system the test or the whole run has."""
    pytest.importorskip("jinja2", reason="the report needs Jinja2")
    run(source, "--mailtrap-save=mail", "--mailtrap-report=mail.html").assert_outcomes(passed=1)
    [record] = (pytester.path / "mail").glob("*/mail.json")
    found = json.loads(record.read_text(encoding="utf-8"))
    assert [message["subject"] for message in found["messages"]] == ["Your order"]
    [message] = record.parent.glob("*.eml")
    assert message.read_bytes().endswith(b"Hello\r\n")
    assert "Your order" in (pytester.path / "mail.html").read_text(encoding="utf-8")
