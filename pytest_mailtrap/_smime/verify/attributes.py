"""The signed attributes of a signer: what they say, and whether that is allowed."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from typing import TYPE_CHECKING

from pytest_mailtrap._smime.cms import algorithms as alg
from pytest_mailtrap._smime.cms import ber
from pytest_mailtrap._smime.cms.ber import SEQUENCE, SET, BerError
from pytest_mailtrap._smime.problems import Problem, problem

if TYPE_CHECKING:
    from pytest_mailtrap._smime.cms.content_types import Attribute, SignerInfo

CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"
_SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"

_MUST_BE_SIGNED = frozenset({CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME})
_SHA1, _SHA256 = "1.3.14.3.2.26", "2.16.840.1.101.3.4.2.1"
_TIME = re.compile(rb"(\d\d)?(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z")


def single(attributes: tuple[Attribute, ...], oid: str) -> bytes | None:
    """The value of an attribute that occurs exactly once with exactly one value."""
    found = [attribute.values for attribute in attributes if attribute.oid == oid]
    return found[0][0] if len(found) == 1 and len(found[0]) == 1 else None


def problems(info: SignerInfo, content_type: str) -> list[Problem]:
    """What RFC 5652 section 11 forbids."""
    signed = info.signed_attributes
    found = []
    if any(attribute.oid in _MUST_BE_SIGNED for attribute in info.unsigned_attributes):
        found.append(problem("attribute-unsigned"))
    if signed is None:
        return found
    if _oid(single(signed, CONTENT_TYPE)) != content_type:
        found.append(problem("content-type-attribute"))
    if message_digest(signed) is None:
        found.append(problem("message-digest-attribute"))
    there = any(attribute.oid == SIGNING_TIME for attribute in signed)
    if there and signing_time(signed) is None:
        found.append(problem("signing-time-attribute"))
    return found


def warnings(info: SignerInfo) -> list[Problem]:
    counts = Counter(attribute.oid for attribute in info.signed_attributes or ())
    repeated = [oid for oid, count in counts.items() if count > 1]
    return [problem("attribute-repeated", oid) for oid in repeated]


def _oid(value: bytes | None) -> str | None:
    try:
        return None if value is None else ber.read_exactly(value).oid()
    except BerError:
        return None


def message_digest(attributes: tuple[Attribute, ...]) -> bytes | None:
    value = single(attributes, MESSAGE_DIGEST)
    try:
        return None if value is None else ber.read_exactly(value).octets()
    except BerError:
        return None


def signing_time(attributes: tuple[Attribute, ...]) -> datetime.datetime | None:
    """The claimed time, from a UTCTime or a GeneralizedTime without fractions."""
    value = single(attributes, SIGNING_TIME)
    try:
        return None if value is None else _time(ber.read_exactly(value))
    except ValueError:
        return None


def _time(element: ber.Element) -> datetime.datetime:
    match = _TIME.fullmatch(element.body)
    if match is None or (element.tag, match[1] is None) not in ((0x17, True), (0x18, False)):
        raise BerError("a malformed time")
    century, year, *rest = (None if group is None else int(group) for group in match.groups())
    year = year or 0
    # RFC 5280 section 4.1.2.5.1: two-digit years from 50 on are in the 20th century.
    full = century * 100 + year if century is not None else year + (1900 if year >= 50 else 2000)
    month, day, hour, minute, second = (number or 0 for number in rest)
    return datetime.datetime(full, month, day, hour, minute, second, tzinfo=datetime.timezone.utc)


def encodings(info: SignerInfo) -> list[bytes]:
    """
    The bytes that the signature may cover: DER, or what was sent if that is not DER.

    RFC 5652 section 5.4 requires the first; node-forge, for example, signs unsorted attributes.
    """
    span = info.signed_attributes_span
    if span is None:
        return []
    sent = bytes((SET,)) + span.raw[1:]
    try:
        der = ber.canonical(span, SET)
    except BerError:
        return [sent]
    return [der] if sent == der else [der, sent]


def are_attributes(content: bytes) -> bool:
    """
    Whether content is itself the DER of signed attributes.

    An attacker who drops the signed attributes of a signature and sends their DER as the content
    has a signature that verifies, over something that nobody wrote.
    """
    if content[:1] != b"\x31":
        return False
    try:
        children = ber.read(content).children(SET, limit=1000)
        return any(_is_message_digest(child) for child in children)
    except BerError:
        return False


def _is_message_digest(element: ber.Element) -> bool:
    fields = element.children(SEQUENCE, limit=10)
    return bool(fields) and fields[0].oid() == MESSAGE_DIGEST


def names_certificate(attributes: tuple[Attribute, ...], certificate: bytes) -> bool:
    """Whether signing-certificate attributes, if there are any, mean this certificate."""
    versions = {_SIGNING_CERTIFICATE: _SHA1, _SIGNING_CERTIFICATE_V2: _SHA256}
    present = [attribute for attribute in attributes if attribute.oid in versions]
    try:
        return all(
            len(attribute.values) == 1
            and _names(attribute.values[0], versions[attribute.oid], certificate)
            for attribute in present
        )
    except (BerError, IndexError):
        return False


def _names(value: bytes, default_hash: str, certificate: bytes) -> bool:
    identifiers = ber.read_exactly(value).children(SEQUENCE)[0].children(SEQUENCE)
    fields = identifiers[0].children(SEQUENCE)
    oid = default_hash
    if fields[0].tag == SEQUENCE:
        oid = fields.pop(0).children()[0].oid()
    algorithm = alg.HASHES.get(oid)
    return algorithm is not None and alg.digest(algorithm, certificate) == fields[0].octets()
