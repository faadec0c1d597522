"""
Mints S/MIME end-entity certificates: correct ones by default, wrong ones on request.

Rules of this file:

- A certificate is correct unless the caller asks for the opposite: emailProtection, an address in the subjectAltName
(RFC 8550 section 3), the key usage that its key supports.
- The common name never contains an address: a verifier that looked there would be wrong.
- Every wrong certificate is wrong only in the way requested, so that a negative control has exactly one reason to fail.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, TypeAlias, TypeVar, get_args

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pytest_mailtrap._mime.addresses import a_label
from pytest_mailtrap._smime.certificates.addresses import SMTP_UTF8_MAILBOX
from pytest_mailtrap._smime.cms import ber
from pytest_mailtrap._smime.identity import Identity
from pytest_mailtrap._smime.issue.keywords import KeyName

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

# For all functions here, comprehensions included: an error is a mistake in the user's call.
__tracebackhide__ = True

SigningKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_UTF8_STRING = 0x0C

_T = TypeVar("_T")

DEFAULT_COMMON_NAME = "pytest-mailtrap S/MIME identity"

_KEYS: dict[KeyName, Callable[[], SigningKey]] = {
    "ec-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ec-p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ec-p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "rsa-2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa-3072": lambda: rsa.generate_private_key(65537, 3072),
    "rsa-4096": lambda: rsa.generate_private_key(65537, 4096),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    # Deliberately too weak: it must be possible to mint what a verifier has to refuse.
    "rsa-1024": lambda: rsa.generate_private_key(65537, 1024),  # noqa: S505
}

_PURPOSES = {
    "emailProtection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "clientAuth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "serverAuth": ExtendedKeyUsageOID.SERVER_AUTH,
    "codeSigning": ExtendedKeyUsageOID.CODE_SIGNING,
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
}

# RFC 5280's names, and the ones cryptography gives them.
_KEY_USAGES = {
    "digitalSignature": "digital_signature",
    "nonRepudiation": "content_commitment",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign",
    "cRLSign": "crl_sign",
}


def mint_identity(
    ca_certificate: x509.Certificate,
    ca_key: CertificateIssuerPrivateKeyTypes,
    address: str | None,
    *addresses: str,
    key: KeyName = "ec-p256",
    not_before: datetime.datetime | None = None,
    not_after: datetime.datetime | None = None,
    purposes: Collection[str] = ("emailProtection",),
    key_usage: Collection[str] | None = None,
    common_name: str | None = None,
    self_signed: bool = False,
    other_ca: bool = False,
) -> Identity:
    """
    Generate a key and a certificate for *address*, issued by the given CA.

    *address* is None for a certificate without an address.
    The validity period is the CA's unless *not_before* or *not_after* (aware datetimes) say otherwise.
    An empty *purposes* or *key_usage* omits that extension; *key_usage* None is what suits the key.
    With *self_signed*, only the validity period is taken from the CA.
    With *other_ca*, an untrusted CA issues the certificate, and is discarded.
    """
    if other_ca and self_signed:
        raise ValueError("self_signed and other_ca are mutually exclusive")
    if other_ca:
        ca_certificate, ca_key = _stranger(ca_certificate)
    mailboxes = [one for one in (address, *addresses) if one is not None]
    names = [_general_name(mailbox) for mailbox in mailboxes]
    private_key = _generate(key)
    start, end = _validity(ca_certificate, not_before, not_after)
    subject = _subject(common_name)
    builder = (
        x509.CertificateBuilder(subject_name=subject, public_key=private_key.public_key())
        .issuer_name(subject if self_signed else ca_certificate.subject)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    for extension, critical in _extensions(private_key, names, purposes, key_usage):
        builder = builder.add_extension(extension, critical)
    issuer_key: CertificateIssuerPrivateKeyTypes = private_key if self_signed else ca_key
    if not self_signed:
        builder = builder.add_extension(_authority_key_identifier(ca_certificate), critical=False)
    return Identity(builder.sign(issuer_key, signature_hash(issuer_key)), private_key)


def _stranger(like: x509.Certificate) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A CA whose only flaw is that it is a different one."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _subject("A CA that nobody trusts")
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(like.not_valid_before_utc)
        .not_valid_after(like.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_key_usage(["keyCertSign", "cRLSign"]), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate, key


def signature_hash(key: CertificateIssuerPrivateKeyTypes) -> hashes.SHA256 | None:
    """The hash with which *key* signs a certificate; EdDSA has its own."""
    if isinstance(key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)):
        return None
    return hashes.SHA256()


def _generate(key: KeyName) -> SigningKey:
    if key not in _KEYS:
        raise ValueError(f"key must be one of {', '.join(get_args(KeyName))}, got {key!r}")
    return _KEYS[key]()


def _subject(common_name: str | None) -> x509.Name:
    if common_name is not None and "@" in common_name:
        raise ValueError(f"common_name must not be an address, got {common_name!r}")
    name = DEFAULT_COMMON_NAME if common_name is None else common_name
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _validity(
    ca_certificate: x509.Certificate,
    not_before: datetime.datetime | None,
    not_after: datetime.datetime | None,
) -> tuple[datetime.datetime, datetime.datetime]:
    for name, value in (("not_before", not_before), ("not_after", not_after)):
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{name} must be an aware datetime, got {value!r}")
    day = datetime.timedelta(days=1)
    start, end = ca_certificate.not_valid_before_utc, ca_certificate.not_valid_after_utc
    if not_before is None:
        not_before = min(start, not_after - day) if not_after else start
    if not_after is None:
        not_after = max(end, not_before + day)
    if not_after < not_before:
        raise ValueError(f"not_after must not precede not_before, got {not_after} and {not_before}")
    return not_before, not_after


def _extensions(
    key: SigningKey,
    names: list[x509.GeneralName],
    purposes: Collection[str],
    key_usage: Collection[str] | None,
) -> list[tuple[x509.ExtensionType, bool]]:
    """Every extension that does not depend on the issuer, with its criticality."""
    public_key = key.public_key()
    usages = _default_key_usage(key) if key_usage is None else key_usage
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.SubjectKeyIdentifier.from_public_key(public_key), False),
    ]
    if names:
        extensions.append((x509.SubjectAlternativeName(names), False))
    if usages:
        extensions.append((_key_usage(usages), True))
    if purposes:
        oids = [_chosen("purposes", purpose, _PURPOSES) for purpose in purposes]
        extensions.append((x509.ExtendedKeyUsage(oids), False))
    return extensions


def _default_key_usage(key: SigningKey) -> tuple[str, ...]:
    """RFC 8551 requires digitalSignature; the rest is how a key of this type is used in encryption."""
    if isinstance(key, rsa.RSAPrivateKey):
        return ("digitalSignature", "keyEncipherment")
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return ("digitalSignature", "keyAgreement")
    return ("digitalSignature",)


def _key_usage(usages: Collection[str]) -> x509.KeyUsage:
    asked = {_chosen("key_usage", usage, _KEY_USAGES) for usage in usages}
    return x509.KeyUsage(
        digital_signature="digital_signature" in asked,
        content_commitment="content_commitment" in asked,
        key_encipherment="key_encipherment" in asked,
        data_encipherment="data_encipherment" in asked,
        key_agreement="key_agreement" in asked,
        key_cert_sign="key_cert_sign" in asked,
        crl_sign="crl_sign" in asked,
        encipher_only=False,
        decipher_only=False,
    )


def _authority_key_identifier(ca_certificate: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """The CA's own key identifier if it has one: path building may compare the two."""
    make = x509.AuthorityKeyIdentifier
    try:
        found = ca_certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        # cryptography can identify any key that can issue a certificate.
        return make.from_issuer_public_key(ca_certificate.public_key())  # type: ignore[arg-type]
    return make.from_issuer_subject_key_identifier(found.value)


def _general_name(address: str) -> x509.GeneralName:
    """
    The address as it appears in a certificate (RFC 8550 section 3, RFC 9598 section 3).

    The domain is written in A-labels; a local part outside ASCII needs an SmtpUTF8Mailbox.
    """
    local, at, domain = address.rpartition("@")
    labels = [label if label.isascii() else a_label(label) for label in domain.split(".")]
    blank = any(one in address for one in " \t\r\n\0")
    if blank or not (at and local and all(labels)):
        raise ValueError(f"address must look like 'alice@example.org', got {address!r}")
    domain = ".".join(filter(None, labels))
    if local.isascii():
        return x509.RFC822Name(f"{local}@{domain}")
    return x509.OtherName(SMTP_UTF8_MAILBOX, ber.encode(_UTF8_STRING, f"{local}@{domain}".encode()))


def _chosen(parameter: str, value: str, table: dict[str, _T]) -> _T:
    if value not in table:
        raise ValueError(f"{parameter} must be one or more of {', '.join(table)}, got {value!r}")
    return table[value]
