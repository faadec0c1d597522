"""
Is the signer's certificate suitable for mail, and does it lead to a given anchor?

`cryptography.x509.verification` judges the path.
Revocation and certificate policies are not checked.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from pytest_mailtrap._smime.certificates import chains, constraints
from pytest_mailtrap._smime.certificates.known import (
    EXTENSION_ERRORS,
    MAIL_PURPOSES,
    KnownCertificate,
    known_object,
)
from pytest_mailtrap._smime.problems import Problem, problem

if TYPE_CHECKING:
    from pytest_mailtrap._smime.settings import Settings


@dataclass(frozen=True, slots=True)
class PathVerdict:
    """*trusted* is None if only the mathematics was checked; *chain* starts at the leaf."""

    trusted: bool | None
    problems: tuple[Problem, ...] = ()
    chain: tuple[x509.Certificate, ...] = ()


def judge(
    leaf: KnownCertificate, pool: tuple[KnownCertificate, ...], settings: Settings
) -> PathVerdict:
    if settings.anchors is None:
        return PathVerdict(None)
    problems = [*_validity(leaf.certificate, settings.at), *_usage(leaf.certificate)]
    if not settings.anchors:
        return PathVerdict(False, (*problems, problem("no-trust-anchor")))
    if problems:
        return PathVerdict(False, tuple(problems))
    if leaf.certificate in settings.anchors:
        return PathVerdict(True, (), (leaf.certificate,))
    return _path(leaf, pool, settings.anchors, settings)


def _path(
    leaf: KnownCertificate,
    pool: tuple[KnownCertificate, ...],
    anchors: tuple[x509.Certificate, ...],
    settings: Settings,
) -> PathVerdict:
    intermediates = [item.certificate for item in pool if item is not leaf]
    builder = PolicyBuilder().store(_store(anchors)).time(_naive(settings.at))
    builder = builder.extension_policies(ca_policy=_CA_POLICY, ee_policy=_LEAF_POLICY)
    try:
        verified = builder.build_client_verifier().verify(leaf.certificate, intermediates)
    except (VerificationError, ValueError) as error:
        return _second_opinion(leaf, pool, anchors, settings, error)
    return _within_constraints(PathVerdict(True, (), tuple(verified.chain)))


def _within_constraints(verdict: PathVerdict) -> PathVerdict:
    name = constraints.forbidden(verdict.chain)
    if name is None:
        return verdict
    note = f"its issuers may not name {name[:100]!a}"
    return PathVerdict(False, (problem("path-invalid", note),))


def _second_opinion(
    leaf: KnownCertificate,
    pool: tuple[KnownCertificate, ...],
    anchors: tuple[x509.Certificate, ...],
    settings: Settings,
    error: Exception,
) -> PathVerdict:
    known_anchors = tuple(filter(None, map(known_object, anchors)))
    chain = chains.find(leaf, pool, known_anchors, settings.at, settings.allow)
    if chain is not None:
        return PathVerdict(True, (), tuple(item.certificate for item in chain))
    return PathVerdict(False, (chains.explain(leaf, pool, known_anchors, str(error)),))


@lru_cache(maxsize=64)
def _store(anchors: tuple[x509.Certificate, ...]) -> Store:
    return Store(list(anchors))


def _naive(at: datetime.datetime) -> datetime.datetime:
    return at.astimezone(datetime.timezone.utc).replace(tzinfo=None)


def _validity(certificate: x509.Certificate, at: datetime.datetime) -> list[Problem]:
    if at > certificate.not_valid_after_utc:
        return [problem("certificate-expired", f"on {certificate.not_valid_after_utc:%Y-%m-%d}")]
    if at < certificate.not_valid_before_utc:
        note = f"before {certificate.not_valid_before_utc:%Y-%m-%d}"
        return [problem("certificate-not-yet-valid", note)]
    return []


def _usage(certificate: x509.Certificate) -> list[Problem]:
    """RFC 8550 section 4.4: an absent extension restricts nothing."""
    try:
        extensions = [extension.value for extension in certificate.extensions]
    except EXTENSION_ERRORS:
        return [problem("certificate-malformed", "its extensions")]
    found = []
    for value in extensions:
        if isinstance(value, x509.KeyUsage) and not (
            value.digital_signature or value.content_commitment
        ):
            found.append(problem("key-usage"))
        if isinstance(value, x509.ExtendedKeyUsage) and not any(
            use in value for use in MAIL_PURPOSES
        ):
            found.append(problem("extended-key-usage"))
    return found


def _signs_certificates(_: Policy, __: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("the key usage of a CA certificate lacks keyCertSign")


def _issues_for_mail(_: Policy, __: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    if usage is not None and not any(use in usage for use in MAIL_PURPOSES):
        raise ValueError("the extended key usage of a CA certificate lacks emailProtection")


_CA_POLICY = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _signs_certificates)
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _issues_for_mail)
)
# _usage() has judged what the leaf may be used for.
_LEAF_POLICY = ExtensionPolicy.permit_all()
