"""
The structures of RFC 5652 and its companions as frozen values.

Only the shape is read here; nothing is judged.
Every malformation is a `BerError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from . import _ber
from ._ber import SEQUENCE, SET, BerError, Element

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CERTIFICATES = 100
MAX_SIGNERS = 50
MAX_RECIPIENTS = 2000
MAX_ATTRIBUTES = 100

DATA = "1.2.840.113549.1.7.1"
SIGNED_DATA = "1.2.840.113549.1.7.2"
ENVELOPED_DATA = "1.2.840.113549.1.7.3"
COMPRESSED_DATA = "1.2.840.113549.1.9.16.1.9"
AUTH_ENVELOPED_DATA = "1.2.840.113549.1.9.16.1.23"

_CONTEXT = 0xA0  # [0] constructed; [n] is _CONTEXT + n


@dataclass(frozen=True, slots=True)
class Algorithm:
    """An AlgorithmIdentifier: *parameters* and *raw* are exact bytes."""

    oid: str
    parameters: bytes | None
    raw: bytes


@dataclass(frozen=True, slots=True)
class CertificateId:
    """How a signer or recipient names a certificate: issuer and serial, or a key identifier."""

    issuer: bytes | None = None
    serial: int | None = None
    key_identifier: bytes | None = None


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute; *values* are the exact bytes of each."""

    oid: str
    values: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SignerInfo:
    """One signature; the DER to be verified is made from *signed_attributes_span*."""

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
class RecipientKey:
    """An encrypted key for one recipient of a key agreement."""

    rid: CertificateId
    encrypted_key: bytes


@dataclass(frozen=True, slots=True)
class RecipientInfo:
    """
    One RecipientInfo, whatever its kind.

    *originator_key* and *ukm* belong to key agreement; *kem_ciphertext*, *kdf* and
    *kek_length* to a KEM; there *algorithm* is the KEM and *wrap* the key wrap.
    """

    kind: Literal["key-transport", "key-agreement", "kem", "kek", "password", "other"]
    algorithm: Algorithm
    keys: tuple[RecipientKey, ...] = ()
    originator_key: bytes | None = None
    ukm: bytes | None = None
    kem_ciphertext: bytes = b""
    kdf: Algorithm | None = None
    kek_length: int = 0
    wrap: Algorithm | None = None


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


class _Fields:
    """The fields of a SEQUENCE in order, some of them optional."""

    def __init__(self, sequence: Element) -> None:
        self._fields = sequence.children(SEQUENCE)
        self._next = 0

    def take(self, *tags: int) -> Element:
        """The next field, which must be there and have one of *tags* if any are given."""
        if self._next == len(self._fields):
            raise BerError("a field is missing")
        field = self._fields[self._next]
        if tags and field.tag not in tags:
            raise BerError(f"tag {field.tag:#04x} is not expected here")
        self._next += 1
        return field

    def optional(self, *tags: int) -> Element | None:
        there = self._next < len(self._fields) and self._fields[self._next].tag in tags
        return self.take() if there else None

    def done(self) -> None:
        if self._next < len(self._fields):
            raise BerError("an unexpected field")


def content_info(data: bytes) -> tuple[str, Element, int]:
    """The type and the content of a ContentInfo, and how many bytes follow it."""
    outer = _ber.read(data)
    fields = _Fields(outer)
    kind, content = fields.take().oid(), fields.take(_CONTEXT)
    fields.done()
    return kind, content.only_child(), len(data) - outer.end


def signed_data(element: Element) -> SignedData:
    fields = _Fields(element)
    fields.take(_ber.INTEGER)
    digests = fields.take(SET).children(limit=MAX_SIGNERS)
    content_type, content = _encapsulated(fields.take(SEQUENCE))
    certificates = fields.optional(_CONTEXT)
    fields.optional(_CONTEXT + 1)
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
    # Other kinds than Certificate ([0] to [3]) are obsolete and sign no mail.
    for child in element.children(limit=MAX_CERTIFICATES):
        if child.tag == SEQUENCE:
            yield child.raw


def _encapsulated(element: Element) -> tuple[str, bytes | None]:
    fields = _Fields(element)
    kind, content = fields.take().oid(), fields.optional(_CONTEXT)
    fields.done()
    return kind, None if content is None else content.only_child().octets()


def _signer_info(element: Element) -> SignerInfo:
    fields = _Fields(element)
    fields.take(_ber.INTEGER)
    sid, digest = _certificate_id(fields.take()), algorithm(fields.take())
    signed = fields.optional(_CONTEXT)
    signature_algorithm, signature = algorithm(fields.take()), fields.take().octets()
    unsigned = fields.optional(_CONTEXT + 1)
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
    fields = _Fields(element)
    oid, values = fields.take().oid(), fields.take(SET).children(limit=MAX_ATTRIBUTES)
    fields.done()
    return Attribute(oid, tuple(value.raw for value in values))


def algorithm(element: Element) -> Algorithm:
    fields = _Fields(element)
    oid, parameters = fields.take().oid(), fields.optional(*range(256))
    fields.done()
    return Algorithm(oid, parameters.raw if parameters else None, element.raw)


def _certificate_id(element: Element) -> CertificateId:
    """SignerIdentifier and RecipientIdentifier; a key identifier is tagged [0]."""
    if element.tag == SEQUENCE:
        issuer, serial = _Fields(element), None
        name = issuer.take(SEQUENCE)
        serial = issuer.take().integer()
        issuer.done()
        return CertificateId(issuer=_ber.canonical(name), serial=serial)
    return CertificateId(key_identifier=element.octets(_CONTEXT & ~0x20))


def enveloped_data(element: Element) -> EnvelopedData:
    fields = _Fields(element)
    fields.take(_ber.INTEGER)
    fields.optional(_CONTEXT)
    recipients = fields.take(SET).children(limit=MAX_RECIPIENTS)
    content_type, cipher, ciphertext = _encrypted(fields.take(SEQUENCE))
    fields.optional(_CONTEXT + 1)
    fields.done()
    return EnvelopedData(tuple(map(_recipient_info, recipients)), content_type, cipher, ciphertext)


def auth_enveloped_data(element: Element) -> EnvelopedData:
    fields = _Fields(element)
    fields.take(_ber.INTEGER)
    fields.optional(_CONTEXT)
    recipients = fields.take(SET).children(limit=MAX_RECIPIENTS)
    content_type, cipher, ciphertext = _encrypted(fields.take(SEQUENCE))
    authenticated = fields.optional(_CONTEXT + 1)
    tag = fields.take().octets()
    fields.optional(_CONTEXT + 2)
    fields.done()
    return EnvelopedData(
        recipients=tuple(map(_recipient_info, recipients)),
        content_type=content_type,
        cipher=cipher,
        ciphertext=ciphertext,
        tag=tag,
        authenticated_attributes=_ber.canonical(authenticated, SET) if authenticated else b"",
    )


def _encrypted(element: Element) -> tuple[str, Algorithm, bytes | None]:
    fields = _Fields(element)
    kind, cipher = fields.take().oid(), algorithm(fields.take())
    content = fields.optional(_CONTEXT, _CONTEXT & ~0x20)
    fields.done()
    return kind, cipher, None if content is None else content.octets(_CONTEXT & ~0x20)


def compressed_data(element: Element) -> CompressedData:
    fields = _Fields(element)
    fields.take(_ber.INTEGER)
    compression = algorithm(fields.take())
    content_type, content = _encapsulated(fields.take(SEQUENCE))
    fields.done()
    return CompressedData(compression, content_type, content)


_KEM_RECIPIENT = "1.2.840.113549.1.9.16.13.3"


def _recipient_info(element: Element) -> RecipientInfo:
    if element.tag == SEQUENCE:
        return _key_transport(_Fields(element))
    readers = {1: _key_agreement, 2: _kek, 3: _password, 4: _other}
    reader = readers.get(element.tag - _CONTEXT)
    if reader is None:
        raise BerError(f"tag {element.tag:#04x} is no RecipientInfo")
    return reader(_ImplicitFields(element))


class _ImplicitFields(_Fields):
    """The fields of a SEQUENCE whose tag was replaced."""

    def __init__(self, element: Element) -> None:
        self._fields = element.children()
        self._next = 0


def _key_transport(fields: _Fields) -> RecipientInfo:
    fields.take(_ber.INTEGER)
    rid, encryption = _certificate_id(fields.take()), algorithm(fields.take())
    key = RecipientKey(rid, fields.take().octets())
    fields.done()
    return RecipientInfo("key-transport", encryption, (key,))


def _key_agreement(fields: _Fields) -> RecipientInfo:
    fields.take(_ber.INTEGER)
    originator = fields.take(_CONTEXT).only_child()
    ukm = fields.optional(_CONTEXT + 1)
    agreement = algorithm(fields.take())
    keys = fields.take(SEQUENCE).children(limit=MAX_RECIPIENTS)
    fields.done()
    return RecipientInfo(
        "key-agreement",
        agreement,
        tuple(map(_recipient_key, keys)),
        originator_key=_originator_key(originator),
        ukm=None if ukm is None else ukm.only_child().octets(),
    )


def _originator_key(element: Element) -> bytes | None:
    """The ephemeral public key; None if the originator names a certificate instead."""
    if element.tag != _CONTEXT + 1:
        return None
    fields = _ImplicitFields(element)
    fields.take(SEQUENCE)
    key = fields.take().bits()
    fields.done()
    return key


def _recipient_key(element: Element) -> RecipientKey:
    fields = _Fields(element)
    rid, key = fields.take(), fields.take().octets()
    fields.done()
    if rid.tag == _CONTEXT:
        identifier = _ImplicitFields(rid).take().octets()
        return RecipientKey(CertificateId(key_identifier=identifier), key)
    return RecipientKey(_certificate_id(rid), key)


def _kek(fields: _Fields) -> RecipientInfo:
    fields.take(_ber.INTEGER)
    identifier = _Fields(fields.take(SEQUENCE)).take().octets()
    wrap = algorithm(fields.take())
    key = RecipientKey(CertificateId(key_identifier=identifier), fields.take().octets())
    return RecipientInfo("kek", wrap, (key,))


def _password(fields: _Fields) -> RecipientInfo:
    fields.take(_ber.INTEGER)
    fields.optional(_CONTEXT)
    return RecipientInfo("password", algorithm(fields.take()))


def _other(fields: _Fields) -> RecipientInfo:
    kind = fields.take()
    if kind.oid() != _KEM_RECIPIENT:
        return RecipientInfo("other", Algorithm(kind.oid(), None, kind.raw))
    return _kem(_Fields(fields.take(SEQUENCE)))


def _kem(fields: _Fields) -> RecipientInfo:
    fields.take(_ber.INTEGER)
    rid, kem = _certificate_id(fields.take()), algorithm(fields.take())
    ciphertext, kdf = fields.take().octets(), algorithm(fields.take())
    kek_length, ukm = fields.take().integer(), fields.optional(_CONTEXT)
    wrap, key = algorithm(fields.take()), fields.take().octets()
    return RecipientInfo(
        "kem",
        kem,
        (RecipientKey(rid, key),),
        ukm=None if ukm is None else ukm.only_child().octets(),
        kem_ciphertext=ciphertext,
        kdf=kdf,
        kek_length=kek_length,
        wrap=wrap,
    )
