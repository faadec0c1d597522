"""Key management: from a RecipientInfo and a private key to the content-encryption key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, x448, x25519
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap

from pytest_mailtrap._smime.cms import algorithms as alg
from pytest_mailtrap._smime.cms import ber, rsa_parameters
from pytest_mailtrap._smime.cms.ber import SEQUENCE, BerError
from pytest_mailtrap._smime.decrypt import key_wraps
from pytest_mailtrap._smime.decrypt.ciphers import DecryptionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_mailtrap._smime.cms.recipient_infos import RecipientInfo
    from pytest_mailtrap._smime.cms.structures import Algorithm
    from pytest_mailtrap._smime.identity import Identity

_RSA, _OAEP = "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.7"
_SPECIFIED = "1.2.840.113549.1.1.9"
_NULL = b"\x05\x00"


def content_key(info: RecipientInfo, encrypted_key: bytes, identity: Identity) -> bytes:
    """The content-encryption key, or a `DecryptionError`."""
    ways = {"key-transport": _transported, "key-agreement": _agreed, "kem": _encapsulated}
    way = ways.get(info.kind)
    if way is None:
        raise DecryptionError("recipient-unsupported", info.kind)
    try:
        return way(info, encrypted_key, identity.private_key)
    except InvalidUnwrap as error:
        raise DecryptionError("key-unwrap-failed") from error
    except (BerError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        # The reason must not reveal anything about the key: none of these texts is passed on.
        raise DecryptionError("key-unwrap-failed") from error


def _transported(info: RecipientInfo, encrypted_key: bytes, key: object) -> bytes:
    if not isinstance(key, rsa.RSAPrivateKey):
        raise DecryptionError("recipient-unsupported", "key transport needs an RSA key")
    if info.algorithm.oid == _RSA:
        return key.decrypt(encrypted_key, padding.PKCS1v15())
    if info.algorithm.oid == _OAEP:
        return key.decrypt(encrypted_key, _oaep(info.algorithm.parameters))
    raise DecryptionError("recipient-unsupported", info.algorithm.oid)


def _oaep(raw: bytes | None) -> padding.OAEP:
    """RSAES-OAEP-params of RFC 4055; the defaults are those of the standard."""
    fields = {} if raw is None else rsa_parameters.tagged(raw, 3)
    digest = alg.HASHES[rsa_parameters.hash_oid(fields.get(0))]
    mask_digest = alg.HASHES[rsa_parameters.mask_hash_oid(fields.get(1))]
    label = rsa_parameters.argument(fields[2], _SPECIFIED).octets() if 2 in fields else None
    return padding.OAEP(padding.MGF1(mask_digest), digest, label)


def _agreed(info: RecipientInfo, encrypted_key: bytes, key: object) -> bytes:
    """RFC 5753 and RFC 8418: ephemeral-static Diffie-Hellman."""
    agreement = alg.AGREEMENTS.get(info.algorithm.oid)
    if agreement is None or info.originator_key is None:
        raise DecryptionError("recipient-unsupported", info.algorithm.oid)
    wrap = ber.read_exactly(info.algorithm.parameters or b"")
    secret = _shared_secret(key, info.originator_key)
    oid = wrap.children(SEQUENCE)[0]
    size = key_wraps.key_size(oid.oid())
    for shared_info in _shared_infos(wrap, oid, size, info.ukm):
        kek = _derive(agreement, size, info.ukm, shared_info, secret)
        try:
            return key_wraps.unwrap(oid.oid(), kek, encrypted_key)
        except InvalidUnwrap:
            continue
    raise InvalidUnwrap


def _shared_secret(key: object, public: bytes) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        point = ec.EllipticCurvePublicKey.from_encoded_point(key.curve, public)
        return key.exchange(ec.ECDH(), point)
    if isinstance(key, x25519.X25519PrivateKey):
        return key.exchange(x25519.X25519PublicKey.from_public_bytes(public))
    if isinstance(key, x448.X448PrivateKey):
        return key.exchange(x448.X448PublicKey.from_public_bytes(public))
    raise DecryptionError("recipient-unsupported", "key agreement needs a Diffie-Hellman key")


def _shared_infos(
    wrap: ber.Element, oid: ber.Element, size: int, ukm: bytes | None
) -> Iterator[bytes]:
    """
    The ECC-CMS-SharedInfo of RFC 5753 section 7.2, for a key of *size* bytes.

    Implementations differ in whether the wrap algorithm in there has NULL parameters, whatever
    they send; the key wrap has a check value, so it is safe to try both.
    """
    sent, without, with_null = (
        wrap.raw,
        ber.encode(SEQUENCE, oid.raw),
        ber.encode(SEQUENCE, oid.raw + _NULL),
    )
    entropy = b"" if ukm is None else ber.encode(0xA0, ber.encode(0x04, ukm))
    public_info = ber.encode(0xA2, ber.encode(0x04, (size * 8).to_bytes(4, "big")))
    for key_info in dict.fromkeys((sent, without, with_null)):
        yield ber.encode(SEQUENCE, key_info + entropy + public_info)


def _derive(
    agreement: tuple[str, str], size: int, ukm: bytes | None, shared_info: bytes, secret: bytes
) -> bytes:
    kdf, digest = agreement
    if kdf == "hkdf":
        # RFC 8418 section 2.2: the user keying material is also the salt.
        return HKDF(alg.HASHES[digest], size, ukm, shared_info).derive(secret)
    return X963KDF(alg.HASHES[digest], size, shared_info).derive(secret)


def _encapsulated(info: RecipientInfo, encrypted_key: bytes, key: Any) -> bytes:
    """RFC 9629 with the ML-KEM of RFC 9936."""
    # Any: the ML-KEM classes exist only in newer versions of cryptography.
    if not hasattr(key, "decapsulate") or info.kdf is None or info.wrap is None:
        raise DecryptionError("recipient-unsupported", info.algorithm.oid)
    digest = alg.HKDFS.get(info.kdf.oid)
    size = key_wraps.key_size(info.wrap.oid)
    if digest is None or info.kek_length != size:
        raise DecryptionError("recipient-unsupported", info.kdf.oid)
    secret = key.decapsulate(info.kem_ciphertext)
    other_info = _kem_other_info(info.wrap, size, info.ukm)
    kek = HKDF(alg.HASHES[digest], size, None, other_info).derive(secret)
    return key_wraps.unwrap(info.wrap.oid, kek, encrypted_key)


def _kem_other_info(wrap: Algorithm, size: int, ukm: bytes | None) -> bytes:
    """CMSORIforKEMOtherInfo of RFC 9629 section 5."""
    entropy = b"" if ukm is None else ber.encode(0xA0, ber.encode(0x04, ukm))
    return ber.encode(SEQUENCE, wrap.raw + ber.encode(0x02, bytes((size,))) + entropy)
