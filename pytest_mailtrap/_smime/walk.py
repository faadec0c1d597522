"""
Finds the cryptographic layers of a message, from the outside in.

RFC 9787 section 4.4: a layer counts only if there is nothing beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pytest_mailtrap._mime import entity as mime
from pytest_mailtrap._smime import layers as _layers
from pytest_mailtrap._smime.cms import ber, content_types
from pytest_mailtrap._smime.cms.ber import SEQUENCE, BerError
from pytest_mailtrap._smime.facts import Kind, Layer
from pytest_mailtrap._smime.problems import Problem, problem, problems_of

if TYPE_CHECKING:
    from pytest_mailtrap._mime.entity import Entity
    from pytest_mailtrap._smime.layers import Opened
    from pytest_mailtrap._smime.settings import Settings

MAX_LAYERS = 10

_PROTOCOLS = ("application/pkcs7-signature", "application/x-pkcs7-signature")
_OPAQUE = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_FILE_NAME = re.compile(r".*\.p7[mscz]", re.IGNORECASE | re.DOTALL)
_SIGNATURE_NAME = re.compile(r".*\.p7s", re.IGNORECASE | re.DOTALL)

_SMIME_TYPES: dict[str, Kind] = {
    "signed-data": "signed",
    "enveloped-data": "enveloped",
    "authenveloped-data": "authenveloped",
    "compressed-data": "compressed",
    "certs-only": "certs-only",
}


@dataclass(slots=True)
class Walk:
    """
    The layers found so far.

    *payload* is the innermost entity, or None if the innermost content is not an entity or was not decrypted.
    """

    settings: Settings
    layers: list[Layer] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    content: bytes = b""
    payload: Entity | None = None

    def message(self, entity: Entity) -> None:
        """Follow the layers of a MIME entity inwards."""
        current: Entity | None = entity
        while current is not None:
            self.payload, self.content = current, current.raw
            opened = open_outermost(current, self.settings)
            if opened is not None:
                self.problems += problems_of(current.header_defects())
            current = None if opened is None else self.enter(opened)

    def enter(self, opened: Opened) -> Entity | None:
        """Record a layer, and those that CMS nests in it; returns the MIME entity inside, if any."""
        self.payload = None
        while self._noted(opened) and opened.content is not None:
            self.content = opened.content
            if opened.content_type == content_types.DATA:
                return mime.Entity(mime.with_crlf(opened.content))
            if opened.content_type not in _layers.KINDS:
                if not self.settings.bare:
                    self.problems.append(_no_mail(opened.content_type))
                return None
            opened = self._open_nested(opened.content_type, opened.content)
        return None

    def _noted(self, opened: Opened) -> bool:
        self.problems += opened.problems
        if opened.layer is None:
            return False
        self.layers.append(opened.layer)
        if len(self.layers) < MAX_LAYERS:
            return True
        self.problems.append(problem("too-many-layers"))
        return False

    def _open_nested(self, oid: str, content: bytes) -> Opened:
        # PKCS #7 encrypts the body of a nested structure without its tag and length.
        whole = ber.encode(SEQUENCE, content) if content[:1] == b"\x02" else content
        try:
            element = ber.read(whole)
        except BerError as error:
            found = problem(error.code, str(error))
            return _refused(_layers.KINDS[oid], [found])
        return _layers.open_content(oid, element, self.settings)


def open_outermost(entity: Entity, settings: Settings) -> Opened | None:
    """The layer that a MIME entity is; None if it is not a cryptographic layer."""
    if not is_smime(entity):
        return None
    if entity.is_multipart:
        return _multipart_signed(entity, settings)
    return _opaque(entity, settings)


def is_smime(entity: Entity) -> bool:
    """RFC 8551 section 3.10."""
    declared = entity.content_type
    if declared.type == "multipart/signed":
        return (declared["protocol"] or "").strip().lower() in _PROTOCOLS
    if declared.type in _OPAQUE:
        return True
    named = _FILE_NAME.fullmatch(entity.filename or "") is not None
    return declared.type == "application/octet-stream" and named


def is_signature_part(entity: Entity) -> bool:
    declared = entity.content_type
    if declared.type in _PROTOCOLS:
        return True
    named = _SIGNATURE_NAME.fullmatch(entity.filename or "") is not None
    return declared.type == "application/octet-stream" and named


def _refused(kind: Kind, problems: list[Problem], content: bytes | None = None) -> _layers.Opened:
    layer = Layer(kind=kind, valid=False, problems=tuple(problems))
    return _layers.Opened(layer, content)


def _multipart_signed(entity: Entity, settings: Settings) -> Opened:
    found = mime.split(entity)
    problems = problems_of([*entity.ambiguities(), *found.defects])
    if not problems and len(found.parts) != 2:
        problems.append(problem("multipart-not-two-parts", f"{len(found.parts)}"))
    if problems:
        return _refused("signed", problems)
    signed, signature = found.parts[0], mime.Entity(found.parts[1])
    opened = _detached(signature, signed, settings)
    if opened.layer is None:
        return opened
    odd = opened.content is not None and opened.content_type != content_types.DATA
    problems = [_no_mail(opened.content_type)] if odd else []
    warnings = _line_warnings(signed)
    if found.outside:
        warnings.append(problem("preamble-text"))
    warnings += _micalg_warnings(entity, opened.layer)
    layer = replace(opened.layer, warnings=(*opened.layer.warnings, *warnings))
    return _layers.Opened(layer, signed, problems=(*opened.problems, *problems))


def _no_mail(content_type: str) -> Problem:
    # A signature over a time stamp or a receipt is not one over a message.
    return problem("unsupported-content", content_type)


def _detached(signature: Entity, signed: bytes, settings: Settings) -> Opened:
    problems = problems_of([*signature.header_defects(), *signature.ambiguities()])
    if not is_signature_part(signature):
        problems.append(problem("signature-part-wrong", ascii(signature.content_type.type)))
    cms, undecoded, odd = signature.decoded()
    problems += problems_of(undecoded)
    if problems:
        return _refused("signed", problems)
    opened = _layers.open_cms(cms, settings, detached=signed, expected="signed")
    if opened.layer is None or opened.layer.kind != "signed":
        return _refused(
            "signed", [problem("signature-part-wrong", "it does not contain a signature")]
        )
    warnings = (*opened.layer.warnings, *problems_of(odd))
    return replace(opened, layer=replace(opened.layer, warnings=warnings))


def _opaque(entity: Entity, settings: Settings) -> Opened:
    announced = _SMIME_TYPES.get((entity.content_type["smime-type"] or "").strip().lower())
    cms, undecoded, odd = entity.decoded()
    problems, warnings = problems_of([*entity.ambiguities(), *undecoded]), problems_of(odd)
    if problems:
        return _refused_opaque(announced, problems)
    opened = _layers.open_cms(cms, settings, expected=announced)
    if opened.layer is None:
        return opened
    if announced not in (None, opened.layer.kind):
        warnings.append(problem("smime-type-mismatch", f"{announced} and {opened.layer.kind}"))
    layer = replace(opened.layer, warnings=(*opened.layer.warnings, *warnings))
    return replace(opened, layer=layer)


def _refused_opaque(announced: Kind | None, problems: list[Problem]) -> Opened:
    if announced is None:
        return _layers.Opened(None, problems=tuple(problems))
    return _refused(announced, problems)


def _micalg_warnings(entity: Entity, layer: Layer) -> list[Problem]:
    declared = entity.content_type["micalg"]
    if declared is None or not layer.signers:
        return []
    names = {_plain(name) for name in declared.split(",")}
    used = {_plain(signer.digest) for signer in layer.signers}
    if used <= names:
        return []
    return [problem("micalg-mismatch", f"{declared[:80]!a} and {', '.join(sorted(used))}")]


def _plain(name: str) -> str:
    return name.strip().lower().removeprefix("rsa-").replace("-", "")


_LINE_CHECKS = (
    ("eight-bit-lines", re.compile(rb"[\x80-\xff]")),
    ("long-lines", re.compile(rb"(?m)^[^\n]{1000}")),
    ("trailing-blanks", re.compile(rb"[ \t]\r?(?:\n|\Z)")),
    ("from-line", re.compile(rb"(?:\A|\n)From ")),
    ("cr-cr-lf", re.compile(rb"\r\r\n")),
    ("bare-line-feed", re.compile(rb"\r(?![\r\n])|(?<!\r)\n")),
)


def _line_warnings(signed: bytes) -> list[Problem]:
    """What relays are known to change in transit."""
    return [problem(code) for code, pattern in _LINE_CHECKS if pattern.search(signed)]
