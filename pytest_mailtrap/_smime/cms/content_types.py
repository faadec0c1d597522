"""
The structures of RFC 5652 and its companions as frozen values.

Only the shape is read here; nothing is judged.
Every malformation is a `BerError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_mailtrap._smime.cms import ber
from pytest_mailtrap._smime.cms.ber import SEQUENCE, SET
from pytest_mailtrap._smime.cms.recipient_infos import MAX_RECIPIENTS, RecipientInfo, recipient_info
from pytest_mailtrap._smime.cms.structures import (
    CONTEXT,
    Algorithm,
    CertificateId,
    FieldReader,
    algorithm,
    certificate_id,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_mailtrap._smime.cms.ber import Element

MAX_CERTIFICATES = 100
MAX_SIGNERS = 50
MAX_ATTRIBUTES = 100

DATA = "1.2.840.113549.1.7.1"
SIGNED_DATA = "1.2.840.113549.1.7.2"
ENVELOPED_DATA = "1.2.840.113549.1.7.3"
COMPRESSED_DATA = "1.2.840.113549.1.9.16.1.9"
AUTH_ENVELOPED_DATA = "1.2.840.113549.1.9.16.1.23"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute; *values* are the exact bytes of each."""

    oid: str
    values: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SignerInfo:
    """One signature; the DER to be verified is derived from *signed_attributes_span*."""

    sid: CertificateId
    digest: Algorithm
    signed_attributes: tuple[Attribute, ...] | None
    signed_attributes_span: Element | None
    signature_algorithm: Algorithm
    signature: bytes
    unsigned_attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class SignedData:
    """*content* is None when the signature is detached."""

    digests: tuple[Algorithm, ...]
    content_type: str
    content: bytes | None
    certificates: tuple[bytes, ...]
    signers: tuple[SignerInfo, ...]


@dataclass(frozen=True, slots=True)
class EnvelopedData:
    """EnvelopedData, or AuthEnvelopedData when *tag* is not None."""

    recipients: tuple[RecipientInfo, ...]
    content_type: str
    cipher: Algorithm
    ciphertext: bytes | None
    tag: bytes | None = None
    authenticated_attributes: bytes = b""


@dataclass(frozen=True, slots=True)
class CompressedData:
    algorithm: Algorithm
    content_type: str
    content: bytes | None


def content_info(data: bytes) -> tuple[str, Element, int]:
    """The type and the content of a ContentInfo, and how many bytes follow it."""
    outer = ber.read(data)
    fields = FieldReader(outer)
    kind, content = fields.take().oid(), fields.take(CONTEXT)
    fields.done()
    return kind, content.only_child(), len(data) - outer.end


def signed_data(element: Element) -> SignedData:
    fields = FieldReader(element)
    fields.take(ber.INTEGER)
    digests = fields.take(SET).children(limit=MAX_SIGNERS)
    content_type, content = _encapsulated(fields.take(SEQUENCE))
    certificates = fields.optional(CONTEXT)
    fields.optional(CONTEXT + 1)
    signers = fields.take(SET).children(limit=MAX_SIGNERS)
    fields.done()
    return SignedData(
        digests=tuple(map(algorithm, digests)),
        content_type=content_type,
        content=content,
        certificates=tuple(_certificates(certificates)) if certificates else (),
        signers=tuple(map(_signer_info, signers)),
    )


def _certificates(element: Element) -> Iterator[bytes]:
    # The kinds other than Certificate ([0] to [3]) are obsolete and do not sign mail.
    for child in element.children(limit=MAX_CERTIFICATES):
        if child.tag == SEQUENCE:
            yield child.raw


def _encapsulated(element: Element) -> tuple[str, bytes | None]:
    fields = FieldReader(element)
    kind, content = fields.take().oid(), fields.optional(CONTEXT)
    fields.done()
    return kind, None if content is None else content.only_child().octets()


def _signer_info(element: Element) -> SignerInfo:
    fields = FieldReader(element)
    fields.take(ber.INTEGER)
    sid, digest = certificate_id(fields.take()), algorithm(fields.take())
    signed = fields.optional(CONTEXT)
    signature_algorithm, signature = algorithm(fields.take()), fields.take().octets()
    unsigned = fields.optional(CONTEXT + 1)
    fields.done()
    return SignerInfo(
        sid=sid,
        digest=digest,
        signed_attributes=None if signed is None else attributes(signed),
        signed_attributes_span=signed,
        signature_algorithm=signature_algorithm,
        signature=signature,
        unsigned_attributes=() if unsigned is None else attributes(unsigned),
    )


def attributes(element: Element) -> tuple[Attribute, ...]:
    return tuple(map(_attribute, element.children(limit=MAX_ATTRIBUTES)))


def _attribute(element: Element) -> Attribute:
    fields = FieldReader(element)
    oid, values = fields.take().oid(), fields.take(SET).children(limit=MAX_ATTRIBUTES)
    fields.done()
    return Attribute(oid, tuple(value.raw for value in values))


def enveloped_data(element: Element) -> EnvelopedData:
    fields = FieldReader(element)
    fields.take(ber.INTEGER)
    fields.optional(CONTEXT)
    recipients = fields.take(SET).children(limit=MAX_RECIPIENTS)
    content_type, cipher, ciphertext = _encrypted(fields.take(SEQUENCE))
    fields.optional(CONTEXT + 1)
    fields.done()
    return EnvelopedData(tuple(map(recipient_info, recipients)), content_type, cipher, ciphertext)


def auth_enveloped_data(element: Element) -> EnvelopedData:
    fields = FieldReader(element)
    fields.take(ber.INTEGER)
    fields.optional(CONTEXT)
    recipients = fields.take(SET).children(limit=MAX_RECIPIENTS)
    content_type, cipher, ciphertext = _encrypted(fields.take(SEQUENCE))
    authenticated = fields.optional(CONTEXT + 1)
    tag = fields.take().octets()
    fields.optional(CONTEXT + 2)
    fields.done()
    return EnvelopedData(
        recipients=tuple(map(recipient_info, recipients)),
        content_type=content_type,
        cipher=cipher,
        ciphertext=ciphertext,
        tag=tag,
        authenticated_attributes=ber.canonical(authenticated, SET) if authenticated else b"",
    )


def _encrypted(element: Element) -> tuple[str, Algorithm, bytes | None]:
    fields = FieldReader(element)
    kind, cipher = fields.take().oid(), algorithm(fields.take())
    content = fields.optional(CONTEXT, CONTEXT & ~0x20)
    fields.done()
    return kind, cipher, None if content is None else content.octets(CONTEXT & ~0x20)


def compressed_data(element: Element) -> CompressedData:
    fields = FieldReader(element)
    fields.take(ber.INTEGER)
    compression = algorithm(fields.take())
    content_type, content = _encapsulated(fields.take(SEQUENCE))
    fields.done()
    return CompressedData(compression, content_type, content)
