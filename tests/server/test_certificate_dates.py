"""The throwaway certificates are valid at any date to which a test may freeze its clock; expired ones are expired for OpenSSL."""

from __future__ import annotations

import smtplib
import ssl
from datetime import datetime, timezone

import pytest
from _optional_parts import needs_smime
from _trap_talk import send
from cryptography import x509

from pytest_mailtrap._facts.certificates import validity
from pytest_mailtrap._system import clock

time_machine = pytest.importorskip(
    "time_machine", reason="time-machine comes with pytest-mailtrap[test]"
)

DATES = ["1970-01-01", "1999-12-31", "2049-12-31", "2050-01-01", "2099-12-31"]


@pytest.fixture(params=DATES)
def date(request):
    """A date at which the clock of the test stands still."""
    found = datetime.fromisoformat(request.param).replace(tzinfo=timezone.utc)
    with time_machine.travel(found, tick=False):
        yield found


def is_valid(certificate, date):
    first, last = validity(certificate)
    naive = date.replace(tzinfo=None)
    return first.replace(tzinfo=None) <= naive <= last.replace(tzinfo=None)


def test_tls(mailtrap, date):
    """The CA and the certificate of a host are valid then, and OpenSSL, which has the real clock, accepts them."""
    ca = x509.load_pem_x509_certificate(mailtrap.ca_pem.encode())
    host = x509.load_der_x509_certificate(
        ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("localhost", mailtrap.tls_port)))
    )
    for certificate in (ca, host):
        assert is_valid(certificate, date)
        assert is_valid(certificate, clock.now())
    send(mailtrap)
    mailtrap.assert_sent_over_tls()


@needs_smime
def test_smime(mailtrap, date):
    """A message that is signed then is judged at that date, and is valid."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

    alice = mailtrap.smime_identity("a@example.org")
    assert is_valid(alice.certificate, date)
    signed = (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(b"Content-Type: text/plain\r\n\r\nHello\r\n")
        .add_signer(alice.certificate, alice.private_key, SHA256())
        .sign(Encoding.SMIME, [pkcs7.PKCS7Options.DetachedSignature])
    )
    send(mailtrap, b"From: a@example.org\r\nTo: b@example.org\r\n" + signed)
    mailtrap.assert_smime_signed(by="a@example.org")


@pytest.mark.parametrize("scenario", ["certificate-expired", "certificate-not-yet-valid"])
def test_bad_dates(mailtrap, date, scenario):
    """The control: a certificate that is bad because of its dates is so by the real clock."""

    def application(host, port):
        context = ssl.create_default_context(cadata=mailtrap.ca_pem)
        with smtplib.SMTP(host, port, timeout=10) as client:
            client.starttls(context=context)
            client.sendmail("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\n")

    _, verdict = mailtrap.judge_hostile_servers(application, scenarios=[scenario])
    assert verdict.outcome == "refused"
