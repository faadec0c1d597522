"""The two entry points: judge a message, judge a CMS object."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from pytest_mailtrap._mime import entity as mime
from pytest_mailtrap._smime import errant as _errant
from pytest_mailtrap._smime import layers as _layers
from pytest_mailtrap._smime import sender
from pytest_mailtrap._smime.certificates.known import unwarned
from pytest_mailtrap._smime.facts import Fields, Layer, SMIMEFacts
from pytest_mailtrap._smime.problems import Problem, problem, problems_of
from pytest_mailtrap._smime.settings import settings
from pytest_mailtrap._smime.walk import Walk

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable

    from pytest_mailtrap._smime.identity import Identity
    from pytest_mailtrap._smime.settings import CertificateSource, Settings, Trust
    from pytest_mailtrap._text.choices import WeakAlgorithm

MAX_SIZE = 256 * 1024 * 1024

_PEM = re.compile(rb"-----BEGIN (?:PKCS7|CMS|PKCS #7 SIGNED DATA)-----(.*?)-----END ", re.DOTALL)


def inspect(
    raw: bytes,
    *,
    trust: Trust = None,
    intermediates: Iterable[CertificateSource] = (),
    identities: Identity | Iterable[Identity] = (),
    at: datetime.datetime | None = None,
    allow: Iterable[WeakAlgorithm] = (),
    match_from: bool = True,
) -> SMIMEFacts:
    """
    Return what is known about a message, given exactly as it was received.

    *trust* holds the anchors: certificates, PEM, DER, or paths; `"any"` judges the
    mathematics only.
    Without it no signer is trusted.
    *intermediates* are certificates that may be missing from the message.
    *identities* are tried for decryption.
    *at* is the time of receipt, at which certificates must be valid; None means now.
    *allow* names weak algorithms to accept: "md5", "sha1", "dsa", "short-rsa".
    With *match_from* False, the From field may name someone other than the certificate does.

    Revocation, certificate policies, and how a mail program displays HTML mail are not checked.
    No message makes this raise.
    """
    __tracebackhide__ = True
    checked = settings(
        trust=trust,
        intermediates=intermediates,
        identities=identities,
        at=at,
        allow=allow,
        match_from=match_from,
    )
    return inspect_with(_bytes("raw", raw), checked)


def _bytes(name: str, given: bytes) -> bytes:
    __tracebackhide__ = True
    if not isinstance(given, (bytes, bytearray, memoryview)):
        raise TypeError(f"{name} must be bytes, got {type(given).__name__}")
    return bytes(given)


@unwarned()
def inspect_with(raw: bytes, checked: Settings) -> SMIMEFacts:
    """The same, with the keywords already checked and loaded."""
    walk = Walk(checked)
    if len(raw) > MAX_SIZE:
        walk.problems.append(problem("too-large"))
        return _facts(walk, [], (), Fields({}))
    converted = mime.with_crlf(raw)
    entity = mime.Entity(converted)
    walk.message(entity)
    return _message_facts(walk, entity, [problem("lf-line-ends")] if converted != raw else [])


def inspect_cms(
    cms: bytes,
    *,
    content: bytes | None = None,
    trust: Trust = None,
    intermediates: Iterable[CertificateSource] = (),
    identities: Identity | Iterable[Identity] = (),
    at: datetime.datetime | None = None,
    allow: Iterable[WeakAlgorithm] = (),
    match_from: bool = True,
) -> SMIMEFacts:
    """
    Return what is known about a CMS object (BER, DER or PEM) without a message around it.

    *content* is what a detached signature covers.
    The other keywords are those of `inspect`; there is no From field, so *match_from* has no
    effect, and with `trust="any"` weak algorithms are warnings.
    """
    del match_from
    __tracebackhide__ = True
    checked = settings(
        trust=trust,
        intermediates=intermediates,
        identities=identities,
        at=at,
        allow=allow,
        match_from=False,
        bare=True,
    )
    return _inspect_object(_bytes("cms", cms), content, checked)


@unwarned()
def _inspect_object(cms: bytes, content: bytes | None, checked: Settings) -> SMIMEFacts:
    walk = Walk(checked)
    if len(cms) > MAX_SIZE:
        walk.problems.append(problem("too-large"))
        return _facts(walk, [], (), Fields({}))
    inner = walk.enter(_layers.open_cms(_without_pem(cms), checked, detached=content))
    if inner is not None:
        walk.message(inner)
    errant = _errant.find(walk.payload) if walk.payload is not None else ()
    return _facts(walk, [], errant, Fields({}))


def _without_pem(cms: bytes) -> bytes:
    match = _PEM.search(cms)
    if match is None:
        return cms
    try:
        return base64.b64decode(match[1])
    except binascii.Error:
        return b""


def _message_facts(walk: Walk, outer: mime.Entity, warnings: list[Problem]) -> SMIMEFacts:
    signed = [layer for layer in walk.layers if layer.kind == "signed"]
    protected, binding = Fields({}), list[Problem]()
    walk.problems += problems_of(outer.header_defects())
    if not walk.layers:
        walk.problems += problems_of(outer.ambiguities())
    if walk.layers and walk.payload is not None:
        protected, binding = sender.protected_fields(outer, walk.payload)
    if signed:
        if walk.settings.match_from:
            binding += sender.binding_problems(outer, signed)
        warnings += sender.warnings(outer, signed, protected)
    if walk.layers and walk.layers[0].recipients:
        warnings += sender.revealed_readers(outer, walk.layers[0].recipients)
    errant = _errant.find(walk.payload) if walk.payload is not None else ()
    return _facts(walk, warnings, errant, protected, binding)


def _facts(
    walk: Walk,
    warnings: list[Problem],
    errant: tuple[Problem, ...],
    protected: Fields,
    binding: Iterable[Problem] = (),
) -> SMIMEFacts:
    layers = tuple(walk.layers)
    if not any(layer.kind == "signed" for layer in layers):
        walk.problems.append(problem("not-signed"))
    if _covers_ciphertext(layers):
        warnings.append(problem("signature-over-ciphertext"))
    inner = [found for layer in layers for found in layer.problems]
    problems = tuple(dict.fromkeys([*walk.problems, *inner, *binding]))
    noted = [found for layer in layers for found in layer.warnings]
    return SMIMEFacts(
        signed=_signed(layers, [*walk.problems, *binding]),
        encrypted=_encrypted(layers),
        layers=layers,
        signers=tuple(signer for layer in layers for signer in layer.signers),
        recipients=tuple(one for layer in layers for one in layer.recipients),
        problems=problems,
        warnings=tuple(dict.fromkeys([*warnings, *noted])),
        errant=errant,
        protected_headers=protected,
        content=walk.content,
    )


def _signed(layers: tuple[Layer, ...], problems: list[Problem]) -> bool:
    """Encryption inside a signature may stay undecrypted; everything else must be valid."""
    if problems:
        return False
    relevant = [layer for layer in layers if layer.kind in ("signed", "compressed")]
    return all(layer.valid and not layer.problems for layer in relevant)


def _encrypted(layers: tuple[Layer, ...]) -> bool:
    if not layers or layers[0].kind not in ("enveloped", "authenveloped"):
        return False
    return layers[0].valid is not False and not layers[0].problems


def _covers_ciphertext(layers: tuple[Layer, ...]) -> bool:
    kinds = [layer.kind for layer in layers]
    return "signed" in kinds and any(
        kind in ("enveloped", "authenveloped") for kind in kinds[kinds.index("signed") :]
    )
