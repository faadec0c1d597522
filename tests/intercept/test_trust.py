"""Clients with default settings trust the trap for as long as trust() lasts, and no longer."""

from __future__ import annotations

import os
import smtplib
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

VARIABLES = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE")

SEND = """
import smtplib, ssl, sys
with smtplib.SMTP("localhost", int(sys.argv[1]), timeout=10) as client:
    client.starttls(context=ssl.create_default_context())
    client.sendmail("a@example.org", ["b@example.org"], b"Subject: hello\\r\\n\\r\\nhello\\r\\n")
"""


def send(mailtrap, context=None):
    with smtplib.SMTP("localhost", mailtrap.port, timeout=10) as client:
        client.starttls(context=context or ssl.create_default_context())
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: hello\r\n\r\nhello\r\n")


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_default_context_verifies_and_accepts_the_trap(mailtrap):
    """A context made by ssl.create_default_context() during trust() accepts the trap's certificate."""
    with mailtrap.trust():
        send(mailtrap)
    [message] = mailtrap
    assert message.transport.encrypted
    assert message.transport.sni == "localhost"


def test_without_trust_the_default_context_refuses(mailtrap):
    """The negative control: the same client without trust() refuses, for the right reason."""
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        send(mailtrap)
    assert mailtrap.connections[0].handshake_error == "client rejected the certificate: unknown CA"


def test_after_trust_the_default_context_refuses_again(mailtrap):
    """trust() leaves nothing behind in the process."""
    loads = ssl.SSLContext.load_default_certs
    with mailtrap.trust():
        assert ssl.SSLContext.load_default_certs is not loads
    assert ssl.SSLContext.load_default_certs is loads
    assert [os.environ.get(name) for name in VARIABLES] == [None] * 3
    with pytest.raises(ssl.SSLCertVerificationError):
        send(mailtrap)


def test_everything_is_undone_when_the_block_fails(mailtrap, monkeypatch, tmp_path):
    """Even after an exception, the variables have their old values, set or unset."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "mine.pem"))
    with pytest.raises(ZeroDivisionError), mailtrap.trust():
        _ = 1 / int(os.environ["SSL_CERT_FILE"] == str(tmp_path / "mine.pem"))
    assert os.environ["SSL_CERT_FILE"] == str(tmp_path / "mine.pem")
    assert "CURL_CA_BUNDLE" not in os.environ


def test_the_environment_is_not_needed_in_this_process(mailtrap, monkeypatch):
    """Even if OpenSSL ignores the variable, contexts in this process trust the CA."""
    with mailtrap.trust():
        for name in VARIABLES:
            monkeypatch.delenv(name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_default_certs()
        send(mailtrap, context)
    assert len(mailtrap) == 1


def test_a_context_that_loads_no_defaults_is_not_touched(mailtrap):
    """A client that asks for other CAs gets only those, and refuses the trap."""
    with mailtrap.trust():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        assert context.get_ca_certs() == []
        with pytest.raises(ssl.SSLCertVerificationError):
            send(mailtrap, context)


@pytest.mark.parametrize("name", VARIABLES)
def test_bundle_holds_what_was_trusted_before_and_the_ca(mailtrap, monkeypatch, tmp_path, name):
    """Each variable names a file that contains what it named before, with the CA at the end."""
    other = tmp_path / "corporate.pem"
    other.write_text("corporate CA\n", encoding="ascii")
    monkeypatch.setenv(name, str(other))
    with mailtrap.trust():
        held = Path(os.environ[name]).read_text(encoding="ascii")
    assert held == "corporate CA\n" + mailtrap.ca_pem


def test_bundle_holds_the_cas_of_the_system(mailtrap):
    """If a variable is unset, its bundle contains the system's CAs and the trap's CA."""
    system = ssl.create_default_context().get_ca_certs(binary_form=True)
    with mailtrap.trust():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cafile=os.environ["SSL_CERT_FILE"])
    trusted = context.get_ca_certs(binary_form=True)
    assert ssl.PEM_cert_to_DER_cert(mailtrap.ca_pem) in trusted
    assert set(system) <= set(trusted)


@pytest.mark.parametrize("value", ["", "/nonexistent/ca.pem"])
def test_variables_without_a_readable_file(mailtrap, monkeypatch, value):
    """An empty variable counts as unset; one that names no readable file adds nothing. Both are restored."""
    monkeypatch.setenv("SSL_CERT_FILE", value)
    with mailtrap.trust():
        send(mailtrap)
    assert os.environ["SSL_CERT_FILE"] == value
    assert len(mailtrap) == 1


def test_subprocess_trusts_the_trap(mailtrap):
    """A Python program started in the meantime verifies and accepts the trap."""
    with mailtrap.trust():
        subprocess.run([sys.executable, "-c", SEND, str(mailtrap.port)], check=True, timeout=60)
    assert mailtrap[0].transport.encrypted


def test_subprocess_without_trust_refuses(mailtrap):
    """The negative control: the same program without trust()."""
    done = subprocess.run(
        [sys.executable, "-c", SEND, str(mailtrap.port)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "CERTIFICATE_VERIFY_FAILED" in done.stderr
    assert len(mailtrap) == 0


def test_nested_trust_of_one_trap(mailtrap):
    """trust() can be nested; it ends with the outermost block."""
    with mailtrap.trust():
        with mailtrap.trust():
            pass
        send(mailtrap)
    assert len(mailtrap) == 1
    assert "SSL_CERT_FILE" not in os.environ


def test_trusts_of_two_cas_end_in_any_order(mailtrap):
    """Two CAs can be trusted side by side, and the one that was trusted first may end first."""
    from pytest_mailtrap import MailTrapFactory
    from pytest_mailtrap._server.certificate_authority import new_ca

    factory = MailTrapFactory(new_ca())
    try:
        with factory() as other:
            first, second = mailtrap.trust(), other.trust()
            first.__enter__()
            second.__enter__()
            send(mailtrap)
            send(other)
            first.__exit__(None, None, None)
            send(other)
            with pytest.raises(ssl.SSLCertVerificationError):
                send(mailtrap)
            second.__exit__(None, None, None)
    finally:
        factory.close()
    assert (len(mailtrap), len(other)) == (1, 2)
    assert "SSL_CERT_FILE" not in os.environ


def test_what_the_test_sets_itself_stays(mailtrap, monkeypatch):
    """A variable that the test has set in the meantime keeps the test's value."""
    with mailtrap.trust():
        monkeypatch.setenv("CURL_CA_BUNDLE", "mine.pem")
    assert os.environ["CURL_CA_BUNDLE"] == "mine.pem"


@pytest.mark.mailtrap(trust=True)
def test_marker(mailtrap):
    """@pytest.mark.mailtrap(trust=True) is trust() around the test."""
    send(mailtrap)
    assert len(mailtrap) == 1


def test_factory(mailtrap_factory):
    """mailtrap_factory(trust=True) trusts for as long as the trap runs."""
    with mailtrap_factory(trust=True) as trap:
        send(trap)
    assert len(trap) == 1
    assert "SSL_CERT_FILE" not in os.environ


def test_wrong_value_is_named(mailtrap_factory):
    """An option of the wrong type raises an error that says what is allowed."""
    with pytest.raises(TypeError, match="trust must be True or False, got 'yes'"):
        mailtrap_factory(trust="yes")
