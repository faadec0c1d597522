"""Certificates that copy the name, serial number, or issuer of others, and CAs that exceed their limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _cast import (
    DAY,
    NOW,
    YEAR,
    Authority,
    _key_usage,
    alice,
    assert_accepted,
    assert_refused,
    root,
    stranger,
)
from _forge import signed_by, signed_data, signer_info
from _mail import PART, detached
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from pytest_mailtrap._smime.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Callable


def intermediate(
    issuer: Authority,
    *extensions: tuple[x509.ExtensionType, bool],
    name: str = "Intermediate",
    path_length: int | None = None,
    key: Any = None,
) -> Authority:
    """A CA certificate with more extensions than usual."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    builder = (
        x509.CertificateBuilder(
            issuer.certificate.subject, subject, key.public_key(), x509.random_serial_number()
        )
        .not_valid_before(NOW - YEAR)
        .not_valid_after(NOW + YEAR)
        .add_extension(x509.BasicConstraints(True, path_length), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issuer_key, critical=False)
        .add_extension(_key_usage(True), critical=True)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return Authority(builder.sign(issuer.key, hashes.SHA256()), key)


def through(*path: Authority) -> bytes:
    """Alice's mail, signed with a certificate from the last CA in *path*, which starts below the root."""
    made = path[-1].issue("alice@example.org", not_before=NOW - DAY, not_after=NOW + DAY)
    chain = tuple(one.certificate for one in reversed(path))
    return detached(signed_by(Identity(made.certificate, made.private_key, chain), PART))


def constraints(
    permitted: list[x509.GeneralName] | None, excluded: list[x509.GeneralName] | None = None
) -> tuple[x509.ExtensionType, bool]:
    return x509.NameConstraints(permitted, excluded), True


UNFIT: dict[str, Callable[[], bytes]] = {
    "may only name another domain": lambda: through(
        intermediate(root(), constraints([x509.RFC822Name("example.net")]))
    ),
    "must not name this domain": lambda: through(
        intermediate(root(), constraints(None, [x509.RFC822Name("example.org")]))
    ),
    "may only issue to servers": lambda: through(
        intermediate(root(), (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False))
    ),
    "has an extension nobody knows": lambda: through(
        intermediate(
            root(), (x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\5\0"), True)
        )
    ),
    "must not issue to CAs": lambda: through(
        one := intermediate(root(), path_length=0), intermediate(one, name="Below")
    ),
    "has a weak key": lambda: through(
        intermediate(root(), key=rsa.generate_private_key(65537, 1024))
    ),
}
FIT: dict[str, Callable[[], bytes]] = {
    "plain": lambda: through(intermediate(root())),
    "may name this domain": lambda: through(
        intermediate(root(), constraints([x509.RFC822Name("example.org")]))
    ),
    "must not name another domain": lambda: through(
        intermediate(root(), constraints(None, [x509.RFC822Name("example.net")]))
    ),
    "may issue to CAs": lambda: through(
        one := intermediate(root(), path_length=1), intermediate(one, name="Below")
    ),
    "has an extension that is not critical": lambda: through(
        intermediate(
            root(), (x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\5\0"), False)
        )
    ),
}


@pytest.mark.parametrize("limit", UNFIT)
def test_a_ca_beyond_its_limits_is_refused(limit: str) -> None:
    """The whole path is checked (RFC 5280 section 6.1)."""
    assert_refused(UNFIT[limit](), "path-invalid", "issuer-unknown")


@pytest.mark.parametrize("limit", FIT)
def test_a_ca_within_its_limits_is_accepted(limit: str) -> None:
    """The positive controls."""
    assert_accepted(FIT[limit]())


def twin_of(certificate: x509.Certificate) -> Identity:
    """The same issuer name, serial number, key identifier, and names, but another key and no signature by the CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(
        certificate.issuer, certificate.subject, key.public_key(), certificate.serial_number
    )
    builder = builder.not_valid_before(NOW - YEAR).not_valid_after(NOW + YEAR)
    for extension in certificate.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return Identity(builder.sign(key, hashes.SHA256()), key)


@pytest.mark.parametrize("twin_first", [True, False])
@pytest.mark.parametrize("by_key_identifier", [True, False])
def test_a_twin_certificate_is_refused_beside_the_genuine_one(
    twin_first: bool, by_key_identifier: bool
) -> None:
    """The certificate whose key verifies the signature must be the one whose path is valid."""
    twin = twin_of(alice().certificate)
    certificates = [twin.certificate, alice().certificate][:: 1 if twin_first else -1]

    def by(identity: Identity) -> bytes:
        info = signer_info(identity, PART, by_key_identifier=by_key_identifier)
        return detached(signed_data(info, certificates=certificates))

    assert_refused(by(twin), "path-invalid", "issuer-unknown", "signature-wrong")
    assert_accepted(by(alice()))


@pytest.mark.parametrize("by_key_identifier", [True, False])
def test_a_certificate_nobody_named_is_not_the_signers(by_key_identifier: bool) -> None:
    """Even if its key fits, the certificate must be the one that the signer info names."""
    namesake = stranger().issue("alice@example.org")
    named = namesake.certificate if by_key_identifier else _same_serial(stranger())
    info = signer_info(alice(), PART, named=named, by_key_identifier=by_key_identifier)
    message = detached(signed_data(info, certificates=[alice().certificate]))
    assert_refused(message, "signer-certificate-missing")


def _same_serial(issuer: Authority) -> x509.Certificate:
    """A certificate from another CA with the same serial number as Alice's."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = alice().certificate
    builder = x509.CertificateBuilder(
        issuer.certificate.subject, certificate.subject, key.public_key(), certificate.serial_number
    )
    builder = builder.not_valid_before(NOW - YEAR).not_valid_after(NOW + YEAR)
    return builder.sign(issuer.key, hashes.SHA256())


def test_given_intermediates_are_no_anchors() -> None:
    """They may complete a path, but not end it."""
    message = detached(signed_by(stranger().issue("alice@example.org"), PART))
    assert_refused(message, "issuer-unknown", intermediates=[stranger().certificate])


def test_a_given_intermediate_completes_the_path() -> None:
    """The positive control: the intermediate need not be in the message."""
    between = intermediate(root())
    made = between.issue("alice@example.org", not_before=NOW - DAY, not_after=NOW + DAY)
    message = detached(signed_by(made, PART))
    assert_refused(message, "issuer-unknown")
    assert_accepted(message, intermediates=[between.certificate])
