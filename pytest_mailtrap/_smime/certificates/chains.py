"""
Paths that `cryptography.x509.verification` cannot judge.

It refuses CAs with Ed25519, Ed448, ML-DSA and DSA keys, algorithms that were allowed by name, and names
that are equal by RFC 5280 section 7.1 but not byte by byte.
Only paths with such a link are searched for here, with fewer features but no less rigor:
name constraints and unknown critical extensions are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import ExtensionOID

from pytest_mailtrap._smime.certificates.known import EXTENSION_ERRORS, MAIL_PURPOSES
from pytest_mailtrap._smime.certificates.names import comparable, name_text
from pytest_mailtrap._smime.problems import Problem, problem

if TYPE_CHECKING:
    import datetime

    from pytest_mailtrap._smime.certificates.known import KnownCertificate

MAX_STEPS = 100
MAX_LENGTH = 8

_UNDERSTOOD = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    }
)

Chain = tuple["KnownCertificate", ...]


def find(
    leaf: KnownCertificate,
    pool: Chain,
    anchors: Chain,
    at: datetime.datetime,
    allow: frozenset[str],
) -> Chain | None:
    """A path from *leaf* to one of *anchors* that the library cannot judge, or None."""
    pending: list[Chain] = [(leaf,)]
    for _ in range(MAX_STEPS):
        if not pending:
            break
        chain = pending.pop()
        for issuer in _issuers(chain[-1], (*pool, *anchors)):
            if issuer in chain or not _may_issue(issuer, chain, at, allow):
                continue
            longer = (*chain, issuer)
            if issuer in anchors and _is_ours(longer) and _readable(leaf):
                return longer
            if len(longer) < MAX_LENGTH:
                pending.append(longer)
    return None


def _issuers(child: KnownCertificate, pool: Chain) -> list[KnownCertificate]:
    issuer = comparable(child.issuer)
    named = (item for item in pool if comparable(item.subject) == issuer)
    return list({item.der: item for item in named}.values())


def _is_ours(chain: Chain) -> bool:
    """Whether the library could not have judged this path: if it could, its verdict counts."""
    return any(_unknown_to_library(item, chain[at + 1]) for at, item in enumerate(chain[:-1]))


def _unknown_to_library(child: KnownCertificate, issuer: KnownCertificate) -> bool:
    if child.issuer != issuer.subject:
        return True  # it compares names byte by byte
    key = issuer.public_key
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size < 2048 or _digest(child) in ("sha1", "md5")
    return not isinstance(key, ec.EllipticCurvePublicKey) or _digest(child) == "sha1"


def _digest(child: KnownCertificate) -> str | None:
    try:
        algorithm = child.certificate.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        return "unknown"
    return None if algorithm is None else algorithm.name


def _may_issue(
    issuer: KnownCertificate, below: Chain, at: datetime.datetime, allow: frozenset[str]
) -> bool:
    certificate = issuer.certificate
    in_time = certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc
    intermediates = sum(item.subject != item.issuer for item in below[1:])
    return (
        in_time
        and _strong(issuer, below[-1], allow)
        and _readable(issuer)
        and _is_ca(certificate, intermediates)
        and _signed_by(below[-1], issuer)
    )


def _strong(issuer: KnownCertificate, child: KnownCertificate, allow: frozenset[str]) -> bool:
    key = issuer.public_key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < 2048 and "short-rsa" not in allow:
        return False
    if isinstance(key, dsa.DSAPublicKey) and "dsa" not in allow:
        return False
    digest = _digest(child)
    known = digest in (None, *allow) or (digest or "").startswith(("sha2", "sha3", "sha5"))
    return known and (digest is not None or _signs_without_digest(key))


def _signs_without_digest(key: object) -> bool:
    if isinstance(key, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)):
        return True
    return type(key).__name__.startswith("MLDSA")


def _readable(item: KnownCertificate) -> bool:
    """Whether all critical extensions are understood, and there are no name constraints."""
    try:
        extensions = list(item.certificate.extensions)
    except EXTENSION_ERRORS:
        return False
    constrained = any(one.oid == ExtensionOID.NAME_CONSTRAINTS for one in extensions)
    return not constrained and all(one.oid in _UNDERSTOOD for one in extensions if one.critical)


def _is_ca(certificate: x509.Certificate, intermediates_below: int) -> bool:
    """RFC 5280 section 4.2.1: basicConstraints and pathLen, keyCertSign, extended key usage."""
    values = {type(one.value): one.value for one in certificate.extensions}
    basic = values.get(x509.BasicConstraints)
    usage, extended = values.get(x509.KeyUsage), values.get(x509.ExtendedKeyUsage)
    if not isinstance(basic, x509.BasicConstraints) or not basic.ca:
        return False
    if basic.path_length is not None and intermediates_below > basic.path_length:
        return False
    if isinstance(usage, x509.KeyUsage) and not usage.key_cert_sign:
        return False
    return not isinstance(extended, x509.ExtendedKeyUsage) or any(
        use in extended for use in MAIL_PURPOSES
    )


def _signed_by(child: KnownCertificate, issuer: KnownCertificate) -> bool:
    # Not verify_directly_issued_by(): it compares names byte by byte and does not support DSA.
    key: Any = issuer.public_key  # Any: the key classes share no base class
    certificate = child.certificate
    try:
        key.verify(
            certificate.signature, certificate.tbs_certificate_bytes, *_ways(key, certificate)
        )
    except (InvalidSignature, ValueError, TypeError, AttributeError, UnsupportedAlgorithm):
        return False
    return comparable(child.issuer) == comparable(issuer.subject)


def _ways(key: object, certificate: x509.Certificate) -> tuple[Any, ...]:  # Any: as above
    if isinstance(key, rsa.RSAPublicKey):
        # For MD5, the library knows the hash, but no longer that the padding is that of PKCS#1.
        scheme = certificate.signature_algorithm_parameters or padding.PKCS1v15()
        return scheme, certificate.signature_hash_algorithm
    if isinstance(key, ec.EllipticCurvePublicKey):
        return (certificate.signature_algorithm_parameters,)
    if isinstance(key, dsa.DSAPublicKey):
        return (certificate.signature_hash_algorithm,)
    return ()


def explain(leaf: KnownCertificate, pool: Chain, anchors: Chain, why: str) -> Problem:
    """Why there is no path: follow the names upwards until they lead nowhere."""
    if leaf.subject == leaf.issuer and _signed_by(leaf, leaf):
        return problem("self-signed")
    seen = [leaf]
    while seen[-1] not in anchors:
        issuers = [item for item in _issuers(seen[-1], (*anchors, *pool)) if item not in seen]
        if not issuers or len(seen) > MAX_LENGTH:
            return problem("issuer-unknown", ascii(name_text(seen[-1].issuer)[:200]))
        seen.append(issuers[0])
    return problem("path-invalid", why[:200])
