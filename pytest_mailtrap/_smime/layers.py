"""Judges one CMS object: from bytes to a layer and its content."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from pytest_mailtrap._smime.certificates import known as certificates
from pytest_mailtrap._smime.cms import content_types
from pytest_mailtrap._smime.cms.ber import BerError
from pytest_mailtrap._smime.decrypt import encrypted_layer
from pytest_mailtrap._smime.facts import Kind, Layer
from pytest_mailtrap._smime.problems import Problem, problem
from pytest_mailtrap._smime.verify import signers as _signers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_mailtrap._smime.cms.ber import Element
    from pytest_mailtrap._smime.settings import Settings

_ZLIB = "1.2.840.113549.1.9.16.3.8"
# Compressed mail may grow to this size, or to four times what was sent if that is more.
MAX_DECOMPRESSED = 16 * 1024 * 1024
MAX_GROWTH = 4

KINDS: dict[str, Kind] = {
    content_types.SIGNED_DATA: "signed",
    content_types.ENVELOPED_DATA: "enveloped",
    content_types.AUTH_ENVELOPED_DATA: "authenveloped",
    content_types.COMPRESSED_DATA: "compressed",
}


@dataclass(frozen=True, slots=True)
class Opened:
    """
    What a CMS object turned out to be.

    *layer* is None for a kind that S/MIME does not use; *problems* say so.
    *content* is None if there is nothing further to examine.
    """

    layer: Layer | None
    content: bytes | None = field(default=None, repr=False)
    content_type: str = content_types.DATA
    problems: tuple[Problem, ...] = ()


def open_cms(
    cms: bytes, settings: Settings, *, detached: bytes | None = None, expected: Kind | None = None
) -> Opened:
    """
    Judge a ContentInfo.

    *detached* is the signed part of a multipart/signed.
    *expected* is the kind that was announced, for an object that cannot be parsed.
    """
    try:
        oid, element, trailing = content_types.content_info(cms)
    except BerError as error:
        return _unreadable(problem(error.code, str(error)), expected)
    opened = open_content(oid, element, settings, detached=detached)
    if opened.layer is None or not trailing:
        return opened
    warning = problem("trailing-data", f"{trailing} byte" + "s" * (trailing != 1))
    return _with_warnings(opened, (warning,))


def open_content(
    oid: str, element: Element, settings: Settings, *, detached: bytes | None = None
) -> Opened:
    """Judge the content of a ContentInfo."""
    kind = KINDS.get(oid)
    if kind is None:
        return Opened(None, problems=(problem("unsupported-content", oid),))
    try:
        if kind == "signed":
            return _signed(content_types.signed_data(element), settings, detached)
        if kind == "enveloped":
            return _encrypted(content_types.enveloped_data(element), "enveloped", settings)
        if kind == "authenveloped":
            return _encrypted(content_types.auth_enveloped_data(element), "authenveloped", settings)
        return _compressed(content_types.compressed_data(element))
    except BerError as error:
        return _unreadable(problem(error.code, str(error)), kind)


def _unreadable(found: Problem, kind: Kind | None) -> Opened:
    if kind is None:
        return Opened(None, problems=(found,))
    return Opened(Layer(kind=kind, valid=False, problems=(found,)))


def _with_warnings(opened: Opened, warnings: tuple[Problem, ...]) -> Opened:

    if opened.layer is None:
        return opened
    layer = replace(opened.layer, warnings=(*opened.layer.warnings, *warnings))
    return replace(opened, layer=layer)


def _signed(data: content_types.SignedData, settings: Settings, detached: bytes | None) -> Opened:
    content, problems, warnings = _content(data, settings, detached)
    if not data.signers:
        # Announced as a signature of other bytes, it is a broken signature.
        kind: Kind = "certs-only" if detached is None else "signed"
        layer = Layer(kind=kind, valid=False, problems=(*problems, problem("no-signers")))
        return Opened(layer)
    if content is None:
        return Opened(Layer(kind="signed", valid=False, problems=tuple(problems)))
    given = (*settings.intermediates, *(settings.anchors or ()))
    pool = certificates.collect(data.certificates, given)
    problems += _bad_certificates(data.certificates)
    signed = _signers.SignedContent(data.content_type, content)
    verdicts = [_signers.judge(info, signed, pool, settings) for info in data.signers]
    warnings += [warning for verdict in verdicts for warning in verdict.warnings]
    warnings += _missing_intermediates(data.certificates, verdicts, settings)
    layer = _signed_layer(verdicts, problems, warnings)
    return Opened(layer, content, data.content_type)


def _signed_layer(
    verdicts: list[_signers.SignerVerdict], problems: list[Problem], warnings: list[Problem]
) -> Layer:
    signers = tuple(verdict.signer for verdict in verdicts)
    names = [name for one in signers for name in (one.digest, one.signature_algorithm)]
    return Layer(
        kind="signed",
        valid=not problems and all(one.valid for one in signers),
        problems=_unique((*problems, *(found for one in signers for found in one.problems))),
        warnings=_unique(warnings),
        signers=signers,
        algorithms=tuple(dict.fromkeys(names)),
    )


def _unique(found: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(dict.fromkeys(found))


def _content(
    data: content_types.SignedData, settings: Settings, detached: bytes | None
) -> tuple[bytes | None, list[Problem], list[Problem]]:
    """The content that the signature covers, with problems and warnings."""
    if detached is None:
        missing = [] if data.content is not None else [problem("content-missing")]
        return data.content, missing, []
    if data.content is None:
        return detached, [], []
    if settings.bare and data.content == detached:
        return detached, [], [problem("content-embedded")]
    return detached, [problem("content-embedded")], []


def _bad_certificates(sent: tuple[bytes, ...]) -> list[Problem]:
    bad = any(certificates.known(der) is None and certificates.is_malformed(der) for der in sent)
    return [problem("certificate-malformed")] if bad else []


def _missing_intermediates(
    sent: tuple[bytes, ...], verdicts: list[_signers.SignerVerdict], settings: Settings
) -> list[Problem]:
    """RFC 8551 section 2.3: a receiver may have only the anchors."""
    there = {known.certificate for der in sent if (known := certificates.known(der))}
    anchors = set(settings.anchors or ())
    needed = {certificate for verdict in verdicts for certificate in verdict.chain}
    return [problem("intermediate-missing")] if needed - there - anchors else []


def _encrypted(
    data: content_types.EnvelopedData,
    kind: Literal["enveloped", "authenveloped"],
    settings: Settings,
) -> Opened:
    layer, plaintext = encrypted_layer.judge(data, kind, settings)
    return Opened(layer, plaintext, data.content_type)


def _compressed(data: content_types.CompressedData) -> Opened:
    content, problems = _decompress(data)
    layer = Layer(
        kind="compressed",
        valid=not problems,
        problems=tuple(problems),
        algorithms=("zlib" if data.algorithm.oid == _ZLIB else data.algorithm.oid,),
    )
    return Opened(layer, content, data.content_type)


def _decompress(data: content_types.CompressedData) -> tuple[bytes | None, list[Problem]]:
    if data.content is None:
        return None, [problem("content-missing")]
    if data.algorithm.oid != _ZLIB:
        return None, [problem("algorithm-unknown", data.algorithm.oid)]
    limit = max(MAX_DECOMPRESSED, MAX_GROWTH * len(data.content))
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(data.content, limit)
    except zlib.error:
        return None, [problem("decompression-failed")]
    if inflater.unconsumed_tail:
        return None, [problem("decompression-bomb", f"more than {limit} bytes")]
    if not inflater.eof:
        return None, [problem("decompression-failed")]
    return content, []
