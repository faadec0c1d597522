"""Judges one SignerInfo: attributes, digest, signature, certificate, in this order."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_mailtrap._smime.certificates import known, paths
from pytest_mailtrap._smime.certificates.addresses import certificate_addresses
from pytest_mailtrap._smime.cms import algorithms as alg
from pytest_mailtrap._smime.cms.content_types import DATA
from pytest_mailtrap._smime.facts import Signer
from pytest_mailtrap._smime.problems import DigestMismatch, Problem, problem
from pytest_mailtrap._smime.verify import attributes, signature

if TYPE_CHECKING:
    from cryptography import x509

    from pytest_mailtrap._smime.certificates.known import KnownCertificate
    from pytest_mailtrap._smime.cms.content_types import SignerInfo
    from pytest_mailtrap._smime.settings import Settings


@dataclass(slots=True)
class SignedContent:
    """What is signed; each digest is computed only once, however many signers there are."""

    type: str
    data: bytes
    _digests: dict[str, bytes] = field(default_factory=dict)

    def digest(self, oid: str) -> bytes | None:
        if oid not in alg.DIGESTS:
            return None
        if oid not in self._digests:
            self._digests[oid] = alg.digest(alg.DIGESTS[oid], self.data)
        return self._digests[oid]


@dataclass(slots=True)
class SignerVerdict:
    """A signer with the warnings about it, and the path of its certificate."""

    signer: Signer
    warnings: list[Problem]
    chain: tuple[x509.Certificate, ...] = ()


def judge(
    info: SignerInfo,
    content: SignedContent,
    pool: tuple[KnownCertificate, ...],
    settings: Settings,
) -> SignerVerdict:
    broken = attributes.problems(info, content.type)
    broken += _content_problems(info, content)
    warnings = attributes.warnings(info)
    signed = info.signed_attributes or ()
    candidates = known.find(pool, info.sid)
    certificate, scheme, unverified = _verified_by(info, content, candidates, warnings)
    broken += unverified
    policy: list[Problem] = []
    path = paths.PathVerdict(None if settings.mathematics_only else False)
    time = attributes.signing_time(signed)
    if certificate is not None:
        if not attributes.names_certificate(signed, certificate.der):
            broken.append(problem("signing-certificate-mismatch"))
        path = paths.judge(certificate, pool, settings)
        policy += path.problems
        warnings += _time_warnings(time, certificate.certificate, settings.at)
    weak = _weak(info, scheme, certificate, settings.allow)
    if settings.bare and settings.mathematics_only:
        warnings += weak
    else:
        policy += weak
    addresses = certificate_addresses(certificate.certificate) if certificate else ()
    signer = Signer(
        addresses=addresses,
        certificate=certificate.certificate if certificate else None,
        digest=alg.hash_name(info.digest.oid),
        signature_algorithm=_name(info, scheme),
        signing_time=time,
        valid=not broken,
        trusted=path.trusted,
        problems=(*broken, *policy),
    )
    return SignerVerdict(signer, warnings, path.chain)


def _content_problems(info: SignerInfo, content: SignedContent) -> list[Problem]:
    """RFC 5652 section 5.4: the digest in the attributes, or no attributes over plain data."""
    if info.signed_attributes is None:
        found = []
        if content.type != DATA:
            found.append(problem("attributes-required"))
        if attributes.are_attributes(content.data):
            found.append(problem("content-is-attributes"))
        return found
    expected = attributes.message_digest(info.signed_attributes)
    actual = content.digest(info.digest.oid)
    if expected is None or actual is None or expected == actual:
        return []
    name = alg.hash_name(info.digest.oid)
    return [problem("content-changed", detail=DigestMismatch(name, expected, content.data))]


def _verified_by(
    info: SignerInfo,
    content: SignedContent,
    candidates: list[KnownCertificate],
    warnings: list[Problem],
) -> tuple[KnownCertificate | None, signature.Scheme | None, list[Problem]]:
    """The certificate that verifies the signature, or the first that should have."""
    try:
        scheme = signature.scheme(info.signature_algorithm, info.digest)
    except signature.SignatureError as error:
        return (candidates[0] if candidates else None), None, [error.problem]
    if not candidates:
        return None, scheme, [problem("signer-certificate-missing")]
    if info.signed_attributes is not None and not _usual_digest(info):
        warnings.append(problem("eddsa-digest", alg.hash_name(info.digest.oid)))
    failures = []
    for candidate in candidates:
        failure = _verify(info, content, candidate, scheme, warnings)
        if failure is None:
            return candidate, scheme, []
        failures.append(failure)
    return candidates[0], scheme, failures[:1]


def _verify(
    info: SignerInfo,
    content: SignedContent,
    signer: KnownCertificate,
    scheme: signature.Scheme,
    warnings: list[Problem],
) -> Problem | None:
    try:
        signature.check_key(scheme, signer)
    except signature.SignatureError as error:
        return error.problem
    if info.signed_attributes is None:
        good = signature.verify(scheme, signer, info.signature, content.data)
        return None if good else _plain_failure(info, content)
    encodings = attributes.encodings(info)
    for encoding in encodings:
        if signature.verify(scheme, signer, info.signature, encoding):
            if len(encodings) > 1:
                warnings.append(problem("attributes-not-der"))
            return None
    return problem("signature-wrong")


def _plain_failure(info: SignerInfo, content: SignedContent) -> Problem:
    """Without attributes, changed content and a wrong signature look the same."""
    return problem("signature-wrong", "the content may have been changed")


def _usual_digest(info: SignerInfo) -> bool:
    usual = alg.EDDSA_DIGESTS.get(info.signature_algorithm.oid)
    return usual is None or usual == info.digest.oid


def _time_warnings(
    time: datetime.datetime | None, certificate: x509.Certificate, at: datetime.datetime
) -> list[Problem]:
    found = []
    if time is None:
        return []
    if not certificate.not_valid_before_utc <= time <= certificate.not_valid_after_utc:
        found.append(problem("signing-time-outside", f"{time:%Y-%m-%d}"))
    if time - at > datetime.timedelta(days=1):
        found.append(problem("signing-time-future", f"{time:%Y-%m-%d}"))
    return found


def _weak(
    info: SignerInfo,
    scheme: signature.Scheme | None,
    certificate: KnownCertificate | None,
    allow: frozenset[str],
) -> list[Problem]:
    if scheme is None or certificate is None:
        return []
    names = signature.weaknesses(scheme, info.digest.oid, certificate)
    return [problem(f"weak-{name}") for name in names if name not in allow]


def _name(info: SignerInfo, scheme: signature.Scheme | None) -> str:
    if scheme is None:
        return info.signature_algorithm.oid
    names = {"1.3.101.112": "ed25519", "1.3.101.113": "ed448"}
    return names.get(scheme.oid, scheme.name)
