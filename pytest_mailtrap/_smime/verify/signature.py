"""One signature: its scheme, its hash, whether it matches the key, and whether it verifies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa

from pytest_mailtrap._smime.cms import algorithms as alg
from pytest_mailtrap._smime.cms import ber, rsa_parameters
from pytest_mailtrap._smime.cms.ber import SEQUENCE, BerError
from pytest_mailtrap._smime.problems import Problem, problem

if TYPE_CHECKING:
    from cryptography.hazmat.primitives import hashes

    from pytest_mailtrap._smime.certificates.known import KnownCertificate
    from pytest_mailtrap._smime.cms.structures import Algorithm

try:
    from cryptography.hazmat.primitives.asymmetric import mldsa
except ImportError:
    _MLDSA_KEYS: dict[str, Any] = {}  # Any: a class that this cryptography does not have
else:
    _MLDSA_KEYS = {
        "2.16.840.1.101.3.4.3.17": mldsa.MLDSA44PublicKey,
        "2.16.840.1.101.3.4.3.18": mldsa.MLDSA65PublicKey,
        "2.16.840.1.101.3.4.3.19": mldsa.MLDSA87PublicKey,
    }

_PSS_KEY = "1.2.840.113549.1.1.10"
_MAX_SALT = 1024

_KEY_TYPES: dict[str, Any] = {  # Any: the key classes share no base class
    alg.RSA: rsa.RSAPublicKey,
    alg.PSS: rsa.RSAPublicKey,
    alg.ECDSA: ec.EllipticCurvePublicKey,
    alg.DSA: dsa.DSAPublicKey,
}
_EDDSA_KEYS: dict[str, Any] = {  # Any: as above
    "1.3.101.112": ed25519.Ed25519PublicKey,
    "1.3.101.113": ed448.Ed448PublicKey,
}


class SignatureError(Exception):
    """The signature cannot verify; *problem* says why."""

    def __init__(self, code: str, note: str = "") -> None:
        self.problem: Problem = problem(code, note)
        super().__init__(self.problem.text)


@dataclass(frozen=True, slots=True)
class PssParameters:
    """RSASSA-PSS-params of RFC 4055; the defaults are those of the standard."""

    digest: str = rsa_parameters.SHA1
    mask_digest: str = rsa_parameters.SHA1
    salt_length: int = 20


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a signature is to be verified; *digest* is None if the key alone decides."""

    oid: str
    name: str
    digest: str | None
    pss: PssParameters | None = None

    @property
    def hash(self) -> hashes.HashAlgorithm:
        return alg.HASHES[self.digest or ""]


def scheme(signature: Algorithm, digest: Algorithm) -> Scheme:
    """What a signer info's two algorithm identifiers mean together."""
    known = alg.SIGNATURES.get(signature.oid)
    if known is None or digest.oid not in alg.DIGESTS:
        raise SignatureError("algorithm-unknown", digest.oid if known else signature.oid)
    if known.scheme in (alg.EDDSA, alg.MLDSA):
        return Scheme(signature.oid, known.scheme, None)
    if known.scheme == alg.PSS:
        pss = pss_parameters(signature.parameters)
        return _agreed(Scheme(signature.oid, alg.PSS, pss.digest, pss), digest)
    return _agreed(Scheme(signature.oid, known.scheme, known.digest or digest.oid), digest)


def _agreed(found: Scheme, digest: Algorithm) -> Scheme:
    if found.digest not in alg.HASHES:
        raise SignatureError("algorithm-unknown", alg.hash_name(found.digest or ""))
    if found.digest != digest.oid:
        names = alg.hash_name(digest.oid), alg.hash_name(found.digest or "")
        raise SignatureError("digest-mismatch", "{} and {}".format(*names))
    return found


def pss_parameters(raw: bytes | None) -> PssParameters:
    """Read RSASSA-PSS-params; unreadable parameters are refused, never replaced by a default."""
    if raw is None:
        return PssParameters()
    try:
        fields = rsa_parameters.tagged(raw, 4)
        digest = rsa_parameters.hash_oid(fields.get(0))
        mask_digest = rsa_parameters.mask_hash_oid(fields.get(1))
        salt_length = fields[2].integer() if 2 in fields else 20
        trailer = fields[3].integer() if 3 in fields else 1
    except BerError as error:
        raise SignatureError("pss-parameters", str(error)) from error
    if trailer != 1 or not 0 <= salt_length <= _MAX_SALT:
        raise SignatureError("pss-parameters")
    return PssParameters(digest, mask_digest, salt_length)


def check_key(found: Scheme, signer: KnownCertificate) -> None:
    """Raise unless the algorithm belongs to the kind of key in the certificate."""
    key = signer.public_key
    if key is None:
        raise SignatureError("algorithm-unknown", "the signer's public key")
    kinds = {alg.EDDSA: _EDDSA_KEYS, alg.MLDSA: _MLDSA_KEYS}.get(found.name)
    kind = _KEY_TYPES.get(found.name) if kinds is None else kinds.get(found.oid)
    if kind is None:
        raise SignatureError("algorithm-unknown", found.name)
    if not isinstance(key, kind):
        raise SignatureError("algorithm-key-mismatch", found.name)
    _check_pss_key(found, signer)


def _check_pss_key(found: Scheme, signer: KnownCertificate) -> None:
    """A key for RSASSA-PSS verifies only such signatures, and only with its own parameters."""
    try:
        oid, *parameters = ber.read(signer.spki_algorithm).children(SEQUENCE)
        if oid.oid() != _PSS_KEY:
            return
    except (BerError, ValueError) as error:
        raise SignatureError("certificate-malformed") from error
    if found.pss is None:
        raise SignatureError("algorithm-key-mismatch", "the key is for RSASSA-PSS only")
    if parameters and not _fits(found.pss, pss_parameters(parameters[0].raw)):
        raise SignatureError("pss-parameters", "the key requires different ones")


def _fits(used: PssParameters, required: PssParameters) -> bool:
    hashes_fit = (used.digest, used.mask_digest) == (required.digest, required.mask_digest)
    return hashes_fit and used.salt_length >= required.salt_length


def verify(found: Scheme, signer: KnownCertificate, signature: bytes, message: bytes) -> bool:
    """Whether *signature* is a signature of *message* with the key of the certificate."""
    key: Any = signer.public_key  # Any: check_key() has checked the class
    try:
        if found.name in (alg.EDDSA, alg.MLDSA):
            key.verify(signature, message)
        elif found.name == alg.ECDSA:
            key.verify(signature, message, ec.ECDSA(found.hash))
        elif found.name == alg.DSA:
            key.verify(signature, message, found.hash)
        else:
            key.verify(signature, message, _rsa_padding(found), found.hash)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _rsa_padding(found: Scheme) -> padding.PKCS1v15 | padding.PSS:
    if found.pss is None:
        return padding.PKCS1v15()
    mgf = padding.MGF1(alg.HASHES[found.pss.mask_digest])
    return padding.PSS(mgf, found.pss.salt_length)


def weaknesses(found: Scheme, digest: str, signer: KnownCertificate) -> list[str]:
    """The names in `allow=` that a signature requires."""
    name, key = alg.hash_name(digest), signer.public_key
    short = isinstance(key, rsa.RSAPublicKey) and key.key_size < 2048
    weak = {"dsa": found.name == alg.DSA, "short-rsa": short}
    weak |= {old: name == old for old in ("md5", "sha1")}
    return [code for code, applies in weak.items() if applies]
