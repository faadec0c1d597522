"""Whether a certificate was issued by another: `verify_directly_issued_by()`, which cryptography has from version 40 on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

if TYPE_CHECKING:
    from cryptography import x509


def assert_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    """It names its issuer, and has a signature by the issuer's key; cryptography raises InvalidSignature if not."""
    assert certificate.issuer == issuer.subject
    key, digest = issuer.public_key(), certificate.signature_hash_algorithm
    signed = (certificate.signature, certificate.tbs_certificate_bytes)
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(*signed, ec.ECDSA(digest))
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(*signed, PKCS1v15(), digest)
    else:
        assert isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey)
        key.verify(*signed)
