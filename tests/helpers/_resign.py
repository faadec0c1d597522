"""Certificates that no library would make: fields replaced, and signed again by the CA."""

from __future__ import annotations

from typing import Any

from _der import null, oid, sequence, tlv
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from pytest_mailtrap._smime.cms import ber

_SIGNATURE, _KEY = 2, 6  # among the fields of a TBSCertificate with its version
SHA1_WITH_RSA = sequence(oid("1.2.840.113549.1.1.5"), null())
SHA256_WITH_RSA = sequence(oid("1.2.840.113549.1.1.11"), null())
MD5_WITH_RSA = sequence(oid("1.2.840.113549.1.1.4"), null())
_HASHES: dict[bytes, hashes.HashAlgorithm] = {
    SHA1_WITH_RSA: hashes.SHA1(),
    MD5_WITH_RSA: hashes.MD5(),
}


def resigned(
    certificate: x509.Certificate,
    issuer_key: Any,
    *,
    key_algorithm: bytes | None = None,
    signature_algorithm: bytes | None = None,
) -> x509.Certificate:
    """
    The same certificate with other AlgorithmIdentifiers.

    *key_algorithm* is that of the subject's key, *signature_algorithm* that of the issuer's signature.
    """
    fields = [one.raw for one in ber.read_exactly(certificate.tbs_certificate_bytes)]
    if key_algorithm is not None:
        _, bits = ber.read_exactly(fields[_KEY])
        fields[_KEY] = sequence(key_algorithm, bits.raw)
    if signature_algorithm is not None:
        fields[_SIGNATURE] = signature_algorithm
    made = sequence(*fields)
    value = _sign(issuer_key, made, fields[_SIGNATURE])
    return x509.load_der_x509_certificate(
        sequence(made, fields[_SIGNATURE], tlv(0x03, b"\0" + value))
    )


def _sign(key: Any, made: bytes, algorithm: bytes) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(made)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(made, ec.ECDSA(hashes.SHA256()))
    assert isinstance(key, rsa.RSAPrivateKey)
    return key.sign(made, padding.PKCS1v15(), _HASHES.get(algorithm, hashes.SHA256()))
