"""
A CMS builder without scruples: every field of a SignedData can be wrong.

The defaults produce a correct message, so that a test breaks exactly the part that it names.
"""

from __future__ import annotations

import datetime
import hashlib
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from _der import (
    context,
    indefinite,
    integer,
    null,
    octets,
    oid,
    retagged,
    sequence,
    set_of,
    utc_time,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_mailtrap._smime.identity import Identity

DATA = "1.2.840.113549.1.7.1"
SIGNED_DATA = "1.2.840.113549.1.7.2"
COMPRESSED_DATA = "1.2.840.113549.1.9.16.1.9"
CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"

DIGESTS = {
    "md5": "1.2.840.113549.2.5",
    "sha1": "1.3.14.3.2.26",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "md5": hashes.MD5(),
    "sha1": hashes.SHA1(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
RSA_ENCRYPTION, RSA_PSS, MGF1 = (f"1.2.840.113549.1.1.{n}" for n in (1, 10, 8))
ED25519 = "1.3.101.112"
_ECDSA = {"sha1": "1.2.840.10045.4.1"} | {
    name: f"1.2.840.10045.4.3.{n}" for n, name in enumerate(("sha256", "sha384", "sha512"), 2)
}


@dataclass(frozen=True)
class Made:
    """A signature value and the AlgorithmIdentifier that goes with it."""

    algorithm: bytes
    value: bytes


def digest_of(content: bytes, name: str) -> bytes:
    return hashlib.new(name, content).digest()


def algorithm(dotted: str, *parameters: bytes) -> bytes:
    return sequence(oid(dotted), *parameters)


def attribute(dotted: str, *values: bytes) -> bytes:
    return sequence(oid(dotted), set_of(*values))


def usual_attributes(
    content: bytes,
    digest: str = "sha256",
    *,
    content_type: str = DATA,
    signing_time: datetime.datetime | None = None,
) -> list[bytes]:
    """content-type, signing-time, and message-digest, as every signer writes them."""
    moment = signing_time or datetime.datetime.now(datetime.timezone.utc)
    return [
        attribute(CONTENT_TYPE, oid(content_type)),
        attribute(SIGNING_TIME, utc_time(moment)),
        attribute(MESSAGE_DIGEST, octets(digest_of(content, digest))),
    ]


def signature_over(
    key: Any,  # Any: whatever private key the identity has
    data: bytes,
    digest: str,
    *,
    pss_salt: int | None = None,
    pss_claims: str | None = None,
) -> Made:
    """Sign *data*; with *pss_salt*, use RSASSA-PSS, whose parameters may claim another hash."""
    chosen = _HASHES[digest]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return Made(algorithm(ED25519), key.sign(data))
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return Made(algorithm(_ECDSA[digest]), key.sign(data, ec.ECDSA(chosen)))
    if isinstance(key, dsa.DSAPrivateKey):
        return Made(algorithm("2.16.840.1.101.3.4.3.2"), key.sign(data, chosen))
    assert isinstance(key, rsa.RSAPrivateKey)
    if pss_salt is None:
        return Made(algorithm(RSA_ENCRYPTION, null()), key.sign(data, padding.PKCS1v15(), chosen))
    scheme = padding.PSS(padding.MGF1(chosen), pss_salt)
    parameters = pss_parameters(pss_claims or digest, pss_salt)
    return Made(algorithm(RSA_PSS, parameters), key.sign(data, scheme, chosen))


def pss_parameters(digest: str, salt: int) -> bytes:
    """RFC 4056 section 2.2."""
    hashed = algorithm(DIGESTS[digest], null())
    return sequence(
        context(0, hashed), context(1, algorithm(MGF1, hashed)), context(2, integer(salt))
    )


def issuer_and_serial(certificate: x509.Certificate) -> bytes:
    return sequence(certificate.issuer.public_bytes(), integer(certificate.serial_number))


def key_identifier(certificate: x509.Certificate) -> bytes:
    found = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return found.value.digest


def signer_info(
    identity: Identity,
    content: bytes,
    *,
    digest: str = "sha256",
    attributes: Sequence[bytes] | None = None,
    plain: bool = False,
    unsigned: Sequence[bytes] = (),
    by_key_identifier: bool = False,
    sort: bool = True,
    signature: bytes | None = None,
    scheme: bytes | None = None,
    named: x509.Certificate | None = None,
    pss_salt: int | None = None,
    pss_claims: str | None = None,
    claims_digest: str | None = None,
) -> bytes:
    """
    One SignerInfo (RFC 5652 section 5.3), correct unless the arguments say otherwise.

    *plain* omits the signed attributes; *named* is the certificate that it claims to be signed with;
    *signature*, *scheme*, and *claims_digest* replace what was really used.
    """
    listed = usual_attributes(content, digest) if attributes is None else list(attributes)
    signed = b"" if plain else set_of(*listed, sort=sort)
    made = signature_over(
        identity.private_key,
        content if plain else signed,
        digest,
        pss_salt=pss_salt,
        pss_claims=pss_claims,
    )
    certificate = named or identity.certificate
    if by_key_identifier:
        sid = context(0, key_identifier(certificate), constructed=False)
    else:
        sid = issuer_and_serial(certificate)
    return sequence(
        integer(3 if by_key_identifier else 1),
        sid,
        algorithm(DIGESTS[claims_digest or digest]),
        b"" if plain else retagged(signed, 0xA0),
        made.algorithm if scheme is None else scheme,
        octets(made.value if signature is None else signature),
        retagged(set_of(*unsigned), 0xA1) if unsigned else b"",
    )


def signed_data(
    *signers: bytes,
    content: bytes | None = None,
    certificates: Iterable[x509.Certificate] = (),
    digests: Sequence[str] = ("sha256",),
    content_type: str = DATA,
    ber: bool = False,
) -> bytes:
    """A ContentInfo with SignedData; if *content* is None, the signature is detached."""
    certs = b"".join(one.public_bytes(Encoding.DER) for one in certificates)
    if ber:
        return _signed_data_in_ber(signers, content, certs, digests, content_type)
    embedded = b"" if content is None else context(0, octets(content))
    return sequence(
        oid(SIGNED_DATA),
        context(
            0,
            sequence(
                integer(1),
                set_of(*(algorithm(DIGESTS[name]) for name in digests)),
                sequence(oid(content_type), embedded),
                context(0, certs) if certs else b"",
                set_of(*signers),
            ),
        ),
    )


def _signed_data_in_ber(
    signers: Sequence[bytes],
    content: bytes | None,
    certs: bytes,
    digests: Sequence[str],
    content_type: str,
) -> bytes:
    """Indefinite lengths and an OCTET STRING in chunks, as a streaming signer writes them."""
    embedded = b""
    if content is not None:
        pieces = [octets(content[at : at + 10]) for at in range(0, len(content), 10)]
        embedded = indefinite(0xA0, indefinite(0x24, *pieces))
    body = indefinite(
        0x30,
        integer(1),
        indefinite(0x31, *(algorithm(DIGESTS[name], null()) for name in digests)),
        indefinite(0x30, oid(content_type), embedded),
        indefinite(0xA0, certs) if certs else b"",
        indefinite(0x31, *signers),
    )
    return indefinite(0x30, oid(SIGNED_DATA), indefinite(0xA0, body))


def signed_by(identity: Identity, content: bytes, *, detached: bool = True, **how: Any) -> bytes:
    """The whole SignedData of one signer, including its certificates."""
    digest = how.get("claims_digest") or how.get("digest", "sha256")
    ber = how.pop("ber", False)
    return signed_data(
        signer_info(identity, content, **how),
        content=None if detached else content,
        certificates=(identity.certificate, *identity.chain),
        digests=(digest,),
        ber=ber,
    )


def compressed_data(content: bytes) -> bytes:
    """RFC 3274."""
    return sequence(
        oid(COMPRESSED_DATA),
        context(
            0,
            sequence(
                integer(0),
                algorithm("1.2.840.113549.1.9.16.3.8"),
                sequence(oid(DATA), context(0, octets(zlib.compress(content)))),
            ),
        ),
    )
