"""Signatures and encryption that cover only a part of the message (RFC 9787 section 4.5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_mailtrap._mime import entity as mime
from pytest_mailtrap._smime import walk
from pytest_mailtrap._smime.problems import Problem, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_mailtrap._mime.entity import Entity

MAX_DEPTH = 20
MAX_ENTITIES = 500
MAX_REPORTED = 50

_TRACE = re.compile(rb"pkcs7|\.p7[mscz]", re.IGNORECASE)
_ENCRYPTED_TYPES = ("enveloped-data", "authenveloped-data")


def find(payload: Entity) -> tuple[Problem, ...]:
    """The signatures and encryption inside *payload*, which is not a layer itself."""
    if not _TRACE.search(payload.raw):
        return ()
    found = []
    for entity, where in _below(payload):
        if (code := _code(entity)) is not None:
            found.append(problem(code, where))
        if len(found) == MAX_REPORTED:
            break
    return tuple(found)


def _code(entity: Entity) -> str | None:
    if walk.is_signature_part(entity):
        return "errant-signature"
    if not walk.is_smime(entity):
        return None
    smime_type = (entity.content_type["smime-type"] or "").strip().lower()
    return "errant-encryption" if smime_type in _ENCRYPTED_TYPES else "errant-signature"


def _below(payload: Entity) -> Iterator[tuple[Entity, str]]:
    """All entities inside, outer ones first, with the path to each."""
    pending = [(payload, "", 0)]
    for _ in range(MAX_ENTITIES):
        if not pending:
            return
        entity, way, depth = pending.pop(0)
        if depth:
            yield entity, way
        # A signature found here covers the parts of what it signs: these need no mention of their own.
        if depth < MAX_DEPTH and not (depth and walk.is_smime(entity)):
            pending += [(child, name, depth + 1) for child, name in _children(entity, way)]


def _children(entity: Entity, way: str) -> list[tuple[Entity, str]]:
    kind = entity.content_type.type
    inside = f"{way} in {kind[:80]}" if way else f"in {kind[:80]}"
    if entity.is_multipart:
        parts = mime.split(entity).parts[:MAX_ENTITIES]
        return [(mime.Entity(part), f"part {n} {inside}") for n, part in enumerate(parts, 1)]
    if kind in ("message/rfc822", "message/global"):
        return [(mime.Entity(entity.body), inside)]
    return []
