"""The cast of the tests: a CA that is trusted, one that is not, and people with certificates from either."""

from __future__ import annotations

import datetime
import functools
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pytest_mailtrap import smime
from pytest_mailtrap._smime.identity import Identity
from pytest_mailtrap._smime.issue.minting import mint_identity

UTC = datetime.timezone.utc
NOW = datetime.datetime.now(UTC).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
YEAR = 365 * DAY


@dataclass(frozen=True)
class Authority:
    """A CA: what it issues with, and what a test trusts."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def issue(self, address: str | None, *more: str, **how: Any) -> Identity:
        return mint_identity(self.certificate, self.key, address, *more, **how)


def authority(
    name: str,
    *,
    issuer: Authority | Identity | None = None,
    ca: bool = True,
    cert_sign: bool = True,
    not_after: datetime.datetime = NOW + 10 * YEAR,
) -> Authority:
    """A root or, with *issuer*, an intermediate; setting *ca* or *cert_sign* to False makes it unfit to issue."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer: Any = key
    parent = subject
    authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    if issuer is not None:
        parent = issuer.certificate.subject
        signer = issuer.key if isinstance(issuer, Authority) else issuer.private_key
        authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    certificate = (
        x509.CertificateBuilder(parent, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(NOW - 10 * YEAR)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(authority_key, critical=False)
        .add_extension(_key_usage(cert_sign), critical=True)
        .sign(signer, hashes.SHA256())
    )
    return Authority(certificate, key)


def _key_usage(cert_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=cert_sign,
        crl_sign=cert_sign,
        encipher_only=False,
        decipher_only=False,
    )


def certificate_with(
    issuer: Authority, *names: x509.GeneralName, subject: x509.Name | None = None
) -> Identity:
    """An S/MIME certificate with these names, however strange, even those that mint_identity() would refuse."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder(
            issuer.certificate.subject,
            subject or x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Somebody")]),
            key.public_key(),
            x509.random_serial_number(),
        )
        .not_valid_before(NOW - YEAR)
        .not_valid_after(NOW + YEAR)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()),
            critical=False,
        )
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Identity(builder.sign(issuer.key, hashes.SHA256()), key)


@functools.cache
def root() -> Authority:
    return authority("Trusted root")


@functools.cache
def stranger() -> Authority:
    return authority("Unknown root")


@functools.cache
def person(address: str, key: str = "ec-p256") -> Identity:
    """A person with a certificate from the trusted CA."""
    return root().issue(address, key=key)


@functools.cache
def dsa_key() -> dsa.DSAPrivateKey:
    """Cached because it takes half a second to make; it can be shared, since the certificate names the owner."""
    return dsa.generate_private_key(2048)


def alice(key: str = "ec-p256") -> Identity:
    return person("alice@example.org", key)


def mallory(key: str = "ec-p256") -> Identity:
    return person("mallory@example.net", key)


def bob() -> Identity:
    return person("bob@example.org", "rsa-2048")


def inspect(message: bytes, **how: Any) -> smime.SMIMEFacts:
    """What the verifier reports when it trusts the root."""
    return smime.inspect(message, **{"trust": [root().certificate], **how})


def codes(facts: smime.SMIMEFacts) -> set[str]:
    return {problem.code for problem in (*facts.problems, *facts.errant)}


def warnings(facts: smime.SMIMEFacts) -> set[str]:
    return {warning.code for warning in facts.warnings}


def assert_refused(message: bytes, *reasons: str, **how: Any) -> None:
    """Not signed, and one of the *reasons* is among the problems."""
    facts = inspect(message, **how)
    assert not facts.signed
    assert codes(facts) & set(reasons), f"expected one of {reasons}, got {sorted(codes(facts))}"


def assert_accepted(message: bytes, **how: Any) -> smime.SMIMEFacts:
    """Signed, without any problems: what a positive control must be."""
    facts = inspect(message, **how)
    assert facts.signed, [str(problem) for problem in facts.problems]
    assert not codes(facts)
    return facts
