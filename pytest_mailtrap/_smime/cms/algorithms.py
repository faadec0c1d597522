"""The algorithms by their object identifiers; the tables say what is supported."""

from __future__ import annotations

from typing import NamedTuple

from cryptography.hazmat.primitives import hashes

HASHES: dict[str, hashes.HashAlgorithm] = {
    "1.2.840.113549.2.5": hashes.MD5(),  # noqa: S303 (recognized in order to be refused)
    "1.3.14.3.2.26": hashes.SHA1(),  # noqa: S303 (recognized in order to be refused)
    "2.16.840.1.101.3.4.2.4": hashes.SHA224(),
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
    "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
    "2.16.840.1.101.3.4.2.5": hashes.SHA512_224(),
    "2.16.840.1.101.3.4.2.6": hashes.SHA512_256(),
    "2.16.840.1.101.3.4.2.7": hashes.SHA3_224(),
    "2.16.840.1.101.3.4.2.8": hashes.SHA3_256(),
    "2.16.840.1.101.3.4.2.9": hashes.SHA3_384(),
    "2.16.840.1.101.3.4.2.10": hashes.SHA3_512(),
}

# Digests of content; RSA and ECDSA signatures are never made with the last two.
DIGESTS: dict[str, hashes.HashAlgorithm] = {
    **HASHES,
    "2.16.840.1.101.3.4.2.11": hashes.SHAKE128(32),
    "2.16.840.1.101.3.4.2.12": hashes.SHAKE256(64),
}

_MD5, _SHA1 = "1.2.840.113549.2.5", "1.3.14.3.2.26"
_NIST = "2.16.840.1.101.3.4.2."


class SignatureAlgorithm(NamedTuple):
    """
    A signature algorithm: the *scheme*, and the OID of its hash.

    *digest* is None when the identifier leaves the hash to the digest algorithm.
    """

    scheme: str
    digest: str | None = None


RSA, PSS, ECDSA, DSA, EDDSA, MLDSA = "rsa", "rsa-pss", "ecdsa", "dsa", "eddsa", "ml-dsa"

SIGNATURES: dict[str, SignatureAlgorithm] = {
    "1.2.840.113549.1.1.1": SignatureAlgorithm(RSA),
    "1.2.840.113549.1.1.4": SignatureAlgorithm(RSA, _MD5),
    "1.2.840.113549.1.1.5": SignatureAlgorithm(RSA, _SHA1),
    "1.3.14.3.2.29": SignatureAlgorithm(RSA, _SHA1),
    "1.2.840.113549.1.1.14": SignatureAlgorithm(RSA, _NIST + "4"),
    "1.2.840.113549.1.1.11": SignatureAlgorithm(RSA, _NIST + "1"),
    "1.2.840.113549.1.1.12": SignatureAlgorithm(RSA, _NIST + "2"),
    "1.2.840.113549.1.1.13": SignatureAlgorithm(RSA, _NIST + "3"),
    "1.2.840.113549.1.1.15": SignatureAlgorithm(RSA, _NIST + "5"),
    "1.2.840.113549.1.1.16": SignatureAlgorithm(RSA, _NIST + "6"),
    "2.16.840.1.101.3.4.3.13": SignatureAlgorithm(RSA, _NIST + "7"),
    "2.16.840.1.101.3.4.3.14": SignatureAlgorithm(RSA, _NIST + "8"),
    "2.16.840.1.101.3.4.3.15": SignatureAlgorithm(RSA, _NIST + "9"),
    "2.16.840.1.101.3.4.3.16": SignatureAlgorithm(RSA, _NIST + "10"),
    "1.2.840.113549.1.1.10": SignatureAlgorithm(PSS),
    "1.2.840.10045.2.1": SignatureAlgorithm(ECDSA),
    "1.2.840.10045.4.1": SignatureAlgorithm(ECDSA, _SHA1),
    "1.2.840.10045.4.3.1": SignatureAlgorithm(ECDSA, _NIST + "4"),
    "1.2.840.10045.4.3.2": SignatureAlgorithm(ECDSA, _NIST + "1"),
    "1.2.840.10045.4.3.3": SignatureAlgorithm(ECDSA, _NIST + "2"),
    "1.2.840.10045.4.3.4": SignatureAlgorithm(ECDSA, _NIST + "3"),
    "2.16.840.1.101.3.4.3.9": SignatureAlgorithm(ECDSA, _NIST + "7"),
    "2.16.840.1.101.3.4.3.10": SignatureAlgorithm(ECDSA, _NIST + "8"),
    "2.16.840.1.101.3.4.3.11": SignatureAlgorithm(ECDSA, _NIST + "9"),
    "2.16.840.1.101.3.4.3.12": SignatureAlgorithm(ECDSA, _NIST + "10"),
    "1.2.840.10040.4.1": SignatureAlgorithm(DSA),
    "1.2.840.10040.4.3": SignatureAlgorithm(DSA, _SHA1),
    "2.16.840.1.101.3.4.3.1": SignatureAlgorithm(DSA, _NIST + "4"),
    "2.16.840.1.101.3.4.3.2": SignatureAlgorithm(DSA, _NIST + "1"),
    "2.16.840.1.101.3.4.3.3": SignatureAlgorithm(DSA, _NIST + "2"),
    "2.16.840.1.101.3.4.3.4": SignatureAlgorithm(DSA, _NIST + "3"),
    "1.3.101.112": SignatureAlgorithm(EDDSA),
    "1.3.101.113": SignatureAlgorithm(EDDSA),
    "2.16.840.1.101.3.4.3.17": SignatureAlgorithm(MLDSA),
    "2.16.840.1.101.3.4.3.18": SignatureAlgorithm(MLDSA),
    "2.16.840.1.101.3.4.3.19": SignatureAlgorithm(MLDSA),
}

# Digests that signer infos of these keys must use with signed attributes: RFC 8419 section 3.1.
EDDSA_DIGESTS = {"1.3.101.112": _NIST + "3", "1.3.101.113": _NIST + "12"}

# RFC 5753 and RFC 8418: the key derivation, and the OID of its hash.
AGREEMENTS: dict[str, tuple[str, str]] = {
    "1.3.133.16.840.63.0.2": ("x963", _SHA1),
    "1.3.132.1.11.0": ("x963", _NIST + "4"),
    "1.3.132.1.11.1": ("x963", _NIST + "1"),
    "1.3.132.1.11.2": ("x963", _NIST + "2"),
    "1.3.132.1.11.3": ("x963", _NIST + "3"),
    # Cofactor Diffie-Hellman: the NIST and Brainpool curves have cofactor 1, so it is the same.
    "1.3.133.16.840.63.0.3": ("x963", _SHA1),
    "1.3.132.1.14.0": ("x963", _NIST + "4"),
    "1.3.132.1.14.1": ("x963", _NIST + "1"),
    "1.3.132.1.14.2": ("x963", _NIST + "2"),
    "1.3.132.1.14.3": ("x963", _NIST + "3"),
    "1.2.840.113549.1.9.16.3.19": ("hkdf", _NIST + "1"),
    "1.2.840.113549.1.9.16.3.20": ("hkdf", _NIST + "2"),
    "1.2.840.113549.1.9.16.3.21": ("hkdf", _NIST + "3"),
}

# RFC 8619: HKDF as the key derivation of a KEM recipient.
HKDFS = {
    "1.2.840.113549.1.9.16.3.28": _NIST + "1",
    "1.2.840.113549.1.9.16.3.29": _NIST + "2",
    "1.2.840.113549.1.9.16.3.30": _NIST + "3",
}

# RFC 3565, RFC 5649 and RFC 3370: the key size, and the wrapping method.
KEY_WRAPS: dict[str, tuple[int, str]] = {
    "2.16.840.1.101.3.4.1.5": (16, "aes"),
    "2.16.840.1.101.3.4.1.25": (24, "aes"),
    "2.16.840.1.101.3.4.1.45": (32, "aes"),
    "2.16.840.1.101.3.4.1.8": (16, "aes-padded"),
    "2.16.840.1.101.3.4.1.28": (24, "aes-padded"),
    "2.16.840.1.101.3.4.1.48": (32, "aes-padded"),
    "1.2.840.113549.1.9.16.3.6": (24, "des-ede3"),
}


class Cipher(NamedTuple):
    """A content-encryption algorithm; *key_size* is in bytes, None if it may vary."""

    name: str
    family: str
    mode: str
    key_size: int | None


CIPHERS: dict[str, Cipher] = {
    "2.16.840.1.101.3.4.1.2": Cipher("aes-128-cbc", "aes", "cbc", 16),
    "2.16.840.1.101.3.4.1.22": Cipher("aes-192-cbc", "aes", "cbc", 24),
    "2.16.840.1.101.3.4.1.42": Cipher("aes-256-cbc", "aes", "cbc", 32),
    "2.16.840.1.101.3.4.1.6": Cipher("aes-128-gcm", "aes", "gcm", 16),
    "2.16.840.1.101.3.4.1.26": Cipher("aes-192-gcm", "aes", "gcm", 24),
    "2.16.840.1.101.3.4.1.46": Cipher("aes-256-gcm", "aes", "gcm", 32),
    "2.16.840.1.101.3.4.1.7": Cipher("aes-128-ccm", "aes", "ccm", 16),
    "2.16.840.1.101.3.4.1.27": Cipher("aes-192-ccm", "aes", "ccm", 24),
    "2.16.840.1.101.3.4.1.47": Cipher("aes-256-ccm", "aes", "ccm", 32),
    "1.2.840.113549.1.9.16.3.18": Cipher("chacha20-poly1305", "chacha20", "poly1305", 32),
    "1.2.392.200011.61.1.1.1.2": Cipher("camellia-128-cbc", "camellia", "cbc", 16),
    "1.2.392.200011.61.1.1.1.3": Cipher("camellia-192-cbc", "camellia", "cbc", 24),
    "1.2.392.200011.61.1.1.1.4": Cipher("camellia-256-cbc", "camellia", "cbc", 32),
    "1.2.840.113549.3.7": Cipher("des-ede3-cbc", "des-ede3", "cbc", 24),
    "1.2.840.113549.3.2": Cipher("rc2-cbc", "rc2", "cbc", None),
}

OBSOLETE_CIPHERS = frozenset({"des-ede3", "rc2"})

_KEY_MANAGEMENT = {
    "1.2.840.113549.1.1.1": "rsa-pkcs1v15",
    "1.2.840.113549.1.1.7": "rsa-oaep",
    "2.16.840.1.101.3.4.4.1": "ml-kem-512",
    "2.16.840.1.101.3.4.4.2": "ml-kem-768",
    "2.16.840.1.101.3.4.4.3": "ml-kem-1024",
}


def hash_name(oid: str) -> str:
    """The name of a hash, or its identifier if it is not known."""
    return DIGESTS[oid].name if oid in DIGESTS else oid


def key_management_name(oid: str) -> str:
    """The name of a recipient's algorithm, or its identifier if it is not known."""
    if oid in AGREEMENTS:
        kdf, digest = AGREEMENTS[oid]
        return f"ecdh-{kdf}-{hash_name(digest)}"
    return _KEY_MANAGEMENT.get(oid, oid)


def digest(algorithm: hashes.HashAlgorithm, *pieces: bytes) -> bytes:
    """The digest of the joined pieces."""
    running = hashes.Hash(algorithm)
    for piece in pieces:
        running.update(piece)
    return running.finalize()
