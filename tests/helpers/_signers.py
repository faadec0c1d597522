"""Applications that sign and encrypt, each with another library, as its manual says."""

from __future__ import annotations

import subprocess
from email import policy
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    PKCS7EnvelopeBuilder,
    PKCS7Options,
    PKCS7SignatureBuilder,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_mailtrap._smime.identity import Identity

HEADER = b"From: alice@example.org\r\nTo: bob@example.org\r\nSubject: Invoice\r\n"


def plain_part(file_name: str = "minutes.pdf") -> EmailMessage:
    """The part to be signed: text in quoted-printable and an attachment."""
    part = EmailMessage(policy=policy.SMTP)
    part.set_content("Grüße from Köln\n\nFrom now on  \n.dots\n", cte="quoted-printable")
    part.add_attachment(b"%PDF" * 40, maintype="application", subtype="pdf", filename=file_name)
    return part


def crlf(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def cryptography_signs(
    identity: Identity, part: bytes, *options: PKCS7Options, detached: bool = True
) -> bytes:
    """PKCS7SignatureBuilder, as a whole message in multipart/signed."""
    builder = PKCS7SignatureBuilder().set_data(part)
    # The types of the builder name RSA and EC keys, which is what it can sign with.
    key: Any = identity.private_key
    builder = builder.add_signer(identity.certificate, key, hashes.SHA256())
    for certificate in identity.chain:
        builder = builder.add_certificate(certificate)
    chosen = [*options, PKCS7Options.DetachedSignature] if detached else list(options)
    return HEADER + crlf(builder.sign(Encoding.SMIME, chosen))


def cryptography_signs_opaque(identity: Identity, part: bytes) -> bytes:
    """The same builder for application/pkcs7-mime, with a MIME wrapper that the application writes itself."""
    key: Any = identity.private_key
    builder = PKCS7SignatureBuilder().set_data(part)
    builder = builder.add_signer(identity.certificate, key, hashes.SHA256())
    message = EmailMessage(policy=policy.SMTP)
    message.set_content(
        builder.sign(Encoding.DER, [PKCS7Options.Binary]),
        maintype="application",
        subtype="pkcs7-mime",
        params={"smime-type": "signed-data", "name": "smime.p7m"},
    )
    return HEADER + message.as_bytes()


def cryptography_encrypts(part: bytes, *recipients: Identity) -> bytes:
    """PKCS7EnvelopeBuilder, as a whole message."""
    builder = PKCS7EnvelopeBuilder().set_data(part)
    builder = builder.set_content_encryption_algorithm(algorithms.AES256)
    for recipient in recipients:
        builder = builder.add_recipient(recipient.certificate)
    return HEADER + crlf(builder.encrypt(Encoding.SMIME, [PKCS7Options.Binary]))


def openssl(folder: Path, command: str, text: bytes) -> bytes:
    (folder / "in").write_bytes(text)
    full = ["openssl", "cms", "-in", "in", *command.split()]
    return subprocess.run(full, cwd=folder, capture_output=True, check=True).stdout


def openssl_signs(identity: Identity, part: bytes, folder: Path, options: str = "") -> bytes:
    """The `openssl cms -sign` command."""
    identity.write(folder)
    made = openssl(folder, f"-sign -signer certificate.pem -inkey key.pem {options}", part)
    return HEADER + crlf(made)


def openssl_encrypts(recipient: Identity, part: bytes, folder: Path, options: str = "") -> bytes:
    """The `openssl cms -encrypt` command."""
    recipient.write(folder)
    # OpenSSL 3.6 refuses two ciphers; older versions take the last.
    cipher = "" if "-aes" in options else "-aes256"
    return HEADER + crlf(openssl(folder, f"-encrypt {cipher} {options} certificate.pem", part))


def m2crypto_signs(smime: Any, identity: Identity, part: bytes, folder: Path) -> bytes:
    """M2Crypto's SMIME class: text in, text out."""
    from M2Crypto import BIO  # type: ignore[import-not-found]  # it need not be installed

    files = identity.write(folder)
    signer = smime.SMIME()
    signer.load_key(str(files.private_key), str(files.certificate))
    signature = signer.sign(BIO.MemoryBuffer(part), smime.PKCS7_DETACHED, algo="sha256")
    out = BIO.MemoryBuffer()
    signer.write(out, signature, BIO.MemoryBuffer(part))
    return HEADER + crlf(out.read())


def m2crypto_encrypts(smime: Any, recipient: Identity, part: bytes) -> bytes:
    """The same class with a stack of certificates."""
    from M2Crypto import BIO, X509

    sealer = smime.SMIME()
    stack = X509.X509_Stack()
    stack.push(X509.load_cert_string(recipient.certificate_pem))
    sealer.set_x509_stack(stack)
    sealer.set_cipher(smime.Cipher("aes_256_cbc"))
    out = BIO.MemoryBuffer()
    sealer.write(out, sealer.encrypt(BIO.MemoryBuffer(part)))
    return HEADER + crlf(out.read())
