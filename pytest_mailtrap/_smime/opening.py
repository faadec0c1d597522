"""Removes the outermost encryption of a message; the result is a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._mime import entity as mime
from pytest_mailtrap._smime import sender, walk
from pytest_mailtrap._smime.certificates.known import unwarned
from pytest_mailtrap._smime.settings import settings

if TYPE_CHECKING:
    from pytest_mailtrap._smime.identity import Identity


def decrypt(raw: bytes, identity: Identity) -> bytes:
    """
    Return the message inside the outermost layer: the outer header fields, then the decrypted entity.

    Fields that describe the encrypted body, or that are also inside, are left out.
    ValueError if the outermost layer is not encrypted, or not for *identity*.
    """
    __tracebackhide__ = True
    checked = settings(
        trust="any", intermediates=(), identities=(identity,), at=None, allow=(), match_from=False
    )
    entity = mime.Entity(mime.with_crlf(raw))
    with unwarned():
        opened = walk.open_outermost(entity, checked)
    if (
        opened is None
        or opened.layer is None
        or opened.layer.kind not in ("enveloped", "authenveloped")
    ):
        raise ValueError("the message is not encrypted: its outermost layer is not enveloped data")
    if opened.content is None or not opened.layer.valid:
        reasons = " ".join(found.text for found in opened.layer.problems)
        raise ValueError(f"the message cannot be decrypted by {identity.address}: {reasons}")
    return _outer_fields(entity, mime.Entity(opened.content)) + opened.content


def _outer_fields(outer: mime.Entity, inner: mime.Entity) -> bytes:
    replaced = {field.name for field in inner.fields} | {"mime-version"}
    if inner.all("from") and not sender.same_sender(outer, inner):
        # The sender can write any From inside: both stay, so that the difference is visible.
        replaced.discard("from")
    kept = b""
    for line in _unfolded_spans(outer.raw[: outer.header_end]):
        name = line.partition(b":")[0].strip().lower().decode("ascii", "replace")
        if name not in replaced and not name.startswith("content-"):
            kept += line
    return kept


def _unfolded_spans(header: bytes) -> list[bytes]:
    """The fields exactly as they are, each with its continuation lines."""
    spans: list[bytes] = []
    for line in header.splitlines(keepends=True):
        if line[:1] in (b" ", b"\t") and spans:
            spans[-1] += line
        else:
            spans.append(line)
    return spans
