"""
Certificates that a client must not accept, each with exactly one flaw.

Rules of this file: every maker gets the CA that the client trusts and the names of the server, and returns PEM; what has expired
or is not yet valid is so by the real clock, since a TLS library reads that one even if the test has stopped its own.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pytest_mailtrap._server.certificate_authority import issue, new_ca
from pytest_mailtrap._system import clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_mailtrap._server.certificate_flaws import CertificateMaker

Names = tuple[str, ...]
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_EC = trustme.KeyType.ECDSA
_SUBJECT = "pytest-mailtrap"
# More than a day, so that neither a time zone nor a slightly wrong clock makes it valid.
_YESTERDAY, _TOMORROW = -timedelta(days=1, hours=1), timedelta(days=1, hours=1)
_MONTH = timedelta(days=30)
_IMPOSTORS = ("impostor.example", "another-impostor.example")


def pem_of(certificate: str | CertificateMaker, ca: trustme.CA, names: Names) -> bytes:
    """Key, certificate and chain as PEM; *certificate* is the name of its flaw, or the function that makes it."""
    maker = _MAKERS[certificate] if isinstance(certificate, str) else certificate
    return maker(ca, names)


def _good(ca: trustme.CA, names: Names) -> bytes:
    return _pem(issue(ca, names))


def _not_trusted(ca: trustme.CA, names: Names) -> bytes:
    return _pem(issue(new_ca(), names))


def _expired(ca: trustme.CA, names: Names) -> bytes:
    now = clock.now()
    return _pem(issue(ca, names, not_before=now - _MONTH, not_after=now + _YESTERDAY))


def _not_yet_valid(ca: trustme.CA, names: Names) -> bytes:
    now = clock.now()
    return _pem(issue(ca, names, not_before=now + _TOMORROW, not_after=now + _MONTH))


def _host_mismatch(ca: trustme.CA, names: Names) -> bytes:
    # A test that intercepts impostor.example may ask for that very name.
    return _pem(issue(ca, tuple(name for name in _IMPOSTORS if name not in names)[:1]))


def _missing_intermediate(ca: trustme.CA, names: Names) -> bytes:
    leaf = issue(ca.create_child_ca(key_type=_EC), names)
    return leaf.private_key_pem.bytes() + leaf.cert_chain_pems[0].bytes()


def _self_signed(ca: trustme.CA, names: Names) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return _issue(key, names, issuer=_name(_SUBJECT), signer=key, authority=None)


def _wrong_purpose(ca: trustme.CA, names: Names) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return _issued_by(ca, key, names, purpose=ExtendedKeyUsageOID.CLIENT_AUTH)


def _cn_only(ca: trustme.CA, names: Names) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return _issued_by(ca, key, (), common_name=names[0])


def _partial_wildcard(ca: trustme.CA, names: Names) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    first, dot, rest = names[0].partition(".")
    return _issued_by(ca, key, (f"{first[:1]}*{dot}{rest}",))


def _weak_key(ca: trustme.CA, names: Names) -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  # that is its flaw
    return _issued_by(ca, key, names)


_MAKERS: dict[str, Callable[[trustme.CA, Names], bytes]] = {
    "good": _good,
    "not-trusted": _not_trusted,
    "self-signed": _self_signed,
    "expired": _expired,
    "not-yet-valid": _not_yet_valid,
    "host-mismatch": _host_mismatch,
    "missing-intermediate": _missing_intermediate,
    "wrong-purpose": _wrong_purpose,
    "cn-only": _cn_only,
    "partial-wildcard": _partial_wildcard,
    "weak-key": _weak_key,
}


def _pem(leaf: trustme.LeafCert) -> bytes:
    return leaf.private_key_and_cert_chain_pem.bytes()


def _issued_by(ca: trustme.CA, key: Key, names: Names, **rest: Any) -> bytes:  # _issue's keywords
    """A certificate that trustme cannot issue, from the same CA."""
    issuer = x509.load_pem_x509_certificate(ca.cert_pem.bytes())
    signer = load_pem_private_key(ca.private_key_pem.bytes(), password=None)
    authority = _key_identifier(issuer)
    return _issue(key, names, issuer=issuer.subject, signer=signer, authority=authority, **rest)


def _key_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())  # type: ignore[arg-type]  # a CA's
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _issue(
    key: Key,
    names: Names,
    *,
    issuer: x509.Name,
    signer: Any,  # whatever kind of key the CA has
    authority: x509.AuthorityKeyIdentifier | None,
    purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    common_name: str | None = None,
) -> bytes:
    now = clock.now()
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(common_name or _SUBJECT))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _MONTH)
        .not_valid_after(now + _MONTH)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    )
    if authority is not None:
        builder = builder.add_extension(authority, critical=False)
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
        )
    certificate = builder.sign(signer, _digest(signer))
    return key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    ) + certificate.public_bytes(Encoding.PEM)


def _digest(signer: Any) -> hashes.SHA256 | None:
    """The digest to sign with; an Ed25519 or Ed448 key has its own."""
    return (
        hashes.SHA256()
        if isinstance(signer, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
        else None
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(name: str) -> x509.GeneralName:
    import ipaddress

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
