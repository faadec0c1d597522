"""The recipients of EnvelopedData and AuthEnvelopedData: RFC 5652 section 6.2, RFC 9629."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pytest_mailtrap._smime.cms import ber
from pytest_mailtrap._smime.cms.ber import SEQUENCE, BerError, Element
from pytest_mailtrap._smime.cms.structures import (
    CONTEXT,
    Algorithm,
    CertificateId,
    FieldReader,
    ImplicitFieldReader,
    algorithm,
    certificate_id,
)

MAX_RECIPIENTS = 2000

_KEM_RECIPIENT = "1.2.840.113549.1.9.16.13.3"


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
    *kek_length* to a KEM, where *algorithm* is the KEM and *wrap* the key wrap.
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


def recipient_info(element: Element) -> RecipientInfo:
    if element.tag == SEQUENCE:
        return _key_transport(FieldReader(element))
    readers = {1: _key_agreement, 2: _kek, 3: _password, 4: _other}
    reader = readers.get(element.tag - CONTEXT)
    if reader is None:
        raise BerError(f"tag {element.tag:#04x} is not a RecipientInfo")
    return reader(ImplicitFieldReader(element))


def _key_transport(fields: FieldReader) -> RecipientInfo:
    fields.take(ber.INTEGER)
    rid, encryption = certificate_id(fields.take()), algorithm(fields.take())
    key = RecipientKey(rid, fields.take().octets())
    fields.done()
    return RecipientInfo("key-transport", encryption, (key,))


def _key_agreement(fields: FieldReader) -> RecipientInfo:
    fields.take(ber.INTEGER)
    originator = fields.take(CONTEXT).only_child()
    ukm = fields.optional(CONTEXT + 1)
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
    if element.tag != CONTEXT + 1:
        return None
    fields = ImplicitFieldReader(element)
    fields.take(SEQUENCE)
    key = fields.take().bits()
    fields.done()
    return key


def _recipient_key(element: Element) -> RecipientKey:
    fields = FieldReader(element)
    rid, key = fields.take(), fields.take().octets()
    fields.done()
    if rid.tag == CONTEXT:
        identifier = ImplicitFieldReader(rid).take().octets()
        return RecipientKey(CertificateId(key_identifier=identifier), key)
    return RecipientKey(certificate_id(rid), key)


def _kek(fields: FieldReader) -> RecipientInfo:
    fields.take(ber.INTEGER)
    identifier = FieldReader(fields.take(SEQUENCE)).take().octets()
    wrap = algorithm(fields.take())
    key = RecipientKey(CertificateId(key_identifier=identifier), fields.take().octets())
    return RecipientInfo("kek", wrap, (key,))


def _password(fields: FieldReader) -> RecipientInfo:
    fields.take(ber.INTEGER)
    fields.optional(CONTEXT)
    return RecipientInfo("password", algorithm(fields.take()))


def _other(fields: FieldReader) -> RecipientInfo:
    kind = fields.take()
    if kind.oid() != _KEM_RECIPIENT:
        return RecipientInfo("other", Algorithm(kind.oid(), None, kind.raw))
    return _kem(FieldReader(fields.take(SEQUENCE)))


def _kem(fields: FieldReader) -> RecipientInfo:
    fields.take(ber.INTEGER)
    rid, kem = certificate_id(fields.take()), algorithm(fields.take())
    ciphertext, kdf = fields.take().octets(), algorithm(fields.take())
    kek_length, ukm = fields.take().integer(), fields.optional(CONTEXT)
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
