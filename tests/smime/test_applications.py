"""Applications that sign, encrypt, and send with popular libraries; and the accident that breaks signatures."""

from __future__ import annotations

import asyncio
import email
import email.policy
import smtplib
import subprocess
from shutil import which
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_mailtrap import MailTrap
    from pytest_mailtrap.smime import Identity

HEAD = b"From: alice@example.org\r\nTo: bob@example.org\r\nSubject: Invoice\r\n"
PART = (
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Content-Disposition: attachment;\r\n filename=invoice-4711.txt\r\n\r\nInvoice 4711\r\n"
)


@pytest.fixture
def signed(mailtrap: MailTrap) -> bytes:
    """A message signed by Alice, as `PKCS7SignatureBuilder` makes it."""
    alice = mailtrap.smime_identity("alice@example.org")
    builder = pkcs7.PKCS7SignatureBuilder().set_data(PART)
    builder = builder.add_signer(alice.certificate, alice.private_key, SHA256())
    return HEAD + builder.sign(Encoding.SMIME, [pkcs7.PKCS7Options.DetachedSignature])


def test_smtplib(mailtrap: MailTrap, signed: bytes) -> None:
    """`sendmail(bytes)` sends what was signed."""
    with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
        client.starttls(context=mailtrap.ssl_context)
        client.sendmail("alice@example.org", ["bob@example.org"], signed)

    mailtrap.assert_smime_signed(by="alice@example.org")


def test_aiosmtplib(mailtrap: MailTrap, signed: bytes) -> None:
    """aiosmtplib sends bytes as they are."""
    aiosmtplib = pytest.importorskip("aiosmtplib")
    asyncio.run(
        aiosmtplib.send(
            signed,
            sender="alice@example.org",
            recipients=["bob@example.org"],
            hostname=mailtrap.host,
            port=mailtrap.port,
            start_tls=True,
            tls_context=mailtrap.ssl_context,
        )
    )

    mailtrap.assert_smime_signed(by="alice@example.org")


@pytest.mark.filterwarnings("ignore")  # Django 6.1 prefers MAILERS to EMAIL_ settings
def test_django(mailtrap: MailTrap, signed: bytes) -> None:
    """A Django message whose `message()` returns the signed bytes is sent as it was signed."""
    pytest.importorskip("django")
    from django.conf import settings
    from django.core.mail import EmailMessage
    from django.test import override_settings

    class Signed(EmailMessage):
        def message(self, **_: object) -> Signed:
            return self

        def as_bytes(self, **_: object) -> bytes:
            return signed

    if not settings.configured:
        settings.configure()
    message = Signed(from_email="alice@example.org", to=["bob@example.org"])
    smtp = {"EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "EMAIL_USE_TLS": True}
    with (
        mailtrap.trust(),
        override_settings(**smtp, EMAIL_HOST=mailtrap.host, EMAIL_PORT=mailtrap.port),
    ):
        message.send()

    mailtrap.assert_sent_over_tls()
    mailtrap.assert_smime_signed(by="alice@example.org")


def test_send_message_refolds(mailtrap: MailTrap, signed: bytes) -> None:
    """
    Parsed and serialised again by Python's `email` package, the same message is no longer signed.

    The failure names the accident, and the fix: send the bytes.
    """
    parsed = email.message_from_bytes(
        signed.replace(b"filename=invoice", b"filename=preliminary-invoice-of-the-northern-region"),
        policy=email.policy.default,
    )
    with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
        client.starttls(context=mailtrap.ssl_context)
        client.send_message(parsed)

    with pytest.raises(AssertionError, match="content changed after signing"):
        mailtrap.assert_smime_signed()


@pytest.mark.skipif(which("openssl") is None, reason="the openssl program is not installed")
def test_openssl_cms(mailtrap: MailTrap, tmp_path: Path) -> None:
    """Messages signed and encrypted by `openssl cms` are recognized as such."""
    alice = mailtrap.smime_identity("alice@example.org", key="rsa-2048")
    bob = mailtrap.smime_identity("bob@example.org", key="rsa-2048")
    openssl_send(mailtrap, sign_with_openssl(alice, tmp_path))
    [message] = mailtrap
    message.assert_smime_signed(by="alice@example.org")

    mailtrap.clear()
    openssl_send(mailtrap, encrypt_with_openssl(sign_with_openssl(alice, tmp_path), bob, tmp_path))
    mailtrap.assert_smime_encrypted(identities=[bob])
    mailtrap.assert_smime_signed(by="alice@example.org", identities=[bob])


def openssl_send(mailtrap: MailTrap, entity: bytes) -> None:
    mail = HEAD + entity.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    with smtplib.SMTP_SSL(mailtrap.host, mailtrap.tls_port, context=mailtrap.ssl_context) as client:
        client.sendmail("alice@example.org", ["bob@example.org"], mail)


def sign_with_openssl(signer: Identity, folder: Path) -> bytes:
    files = signer.write(folder)
    return openssl(
        PART, "-sign", "-signer", str(files.certificate), "-inkey", str(files.private_key)
    )


def encrypt_with_openssl(entity: bytes, reader: Identity, folder: Path) -> bytes:
    certificate = folder / "bob.pem"
    certificate.write_bytes(reader.certificate_pem)
    return openssl(entity, "-encrypt", "-aes-256-cbc", str(certificate))


def openssl(data: bytes, *arguments: str) -> bytes:
    done = subprocess.run(
        ["openssl", "cms", *arguments], input=data, capture_output=True, check=True, timeout=30
    )
    return done.stdout
