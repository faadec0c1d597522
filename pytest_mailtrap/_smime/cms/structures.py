"""The building blocks of CMS structures: fields in order, algorithms, names of certificates."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_mailtrap._smime.cms import ber
from pytest_mailtrap._smime.cms.ber import SEQUENCE, BerError, Element

CONTEXT = 0xA0  # [0] constructed; [n] is CONTEXT + n


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


class FieldReader:
    """The fields of a SEQUENCE in order, some of them optional."""

    def __init__(self, sequence: Element) -> None:
        self._fields = sequence.children(SEQUENCE)
        self._next = 0

    def take(self, *tags: int) -> Element:
        """The next field, which must exist and have one of *tags* if any are given."""
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


class ImplicitFieldReader(FieldReader):
    """The fields of a SEQUENCE whose tag was replaced."""

    def __init__(self, element: Element) -> None:
        self._fields = element.children()
        self._next = 0


def algorithm(element: Element) -> Algorithm:
    fields = FieldReader(element)
    oid, parameters = fields.take().oid(), fields.optional(*range(256))
    fields.done()
    return Algorithm(oid, parameters.raw if parameters else None, element.raw)


def certificate_id(element: Element) -> CertificateId:
    """SignerIdentifier and RecipientIdentifier; a key identifier is tagged [0]."""
    if element.tag == SEQUENCE:
        issuer, serial = FieldReader(element), None
        name = issuer.take(SEQUENCE)
        serial = issuer.take().integer()
        issuer.done()
        return CertificateId(issuer=ber.canonical(name), serial=serial)
    return CertificateId(key_identifier=element.octets(CONTEXT & ~0x20))
