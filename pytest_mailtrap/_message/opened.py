"""The content of a message inside its signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._smime import availability

if TYPE_CHECKING:
    from pytest_mailtrap._content.reading import Content
    from pytest_mailtrap._mime.parts import Part

_OPENED = frozenset({"signed", "compressed"})
_OPAQUE = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})


def opened(content: Content) -> bytes | None:
    """
    What is inside an opaque signature (RFC 8551, section 3.5.2), with the header fields of the message; None for other messages.

    The parts of a detached signature are parts of the message, so that nothing has to be opened.
    """
    outer = content.parts[0]
    if not _may_be_opaque(outer) or availability.missing() is not None:
        return None
    from pytest_mailtrap._smime.inspection import inspect

    facts = inspect(content.data[:], trust="any")
    kinds = {layer.kind for layer in facts.layers}
    if not kinds or kinds - _OPENED:
        return None
    return _header(outer) + facts.content


def _may_be_opaque(outer: Part) -> bool:
    named = (outer.said.name or "").lower().endswith(".p7m")
    return outer.said.content_type in _OPAQUE or (named and not outer.multipart)


def _header(outer: Part) -> bytes:
    """The fields of the message that do not describe its body: those are inside."""
    return b"".join(
        field.name.encode() + b":" + field.raw.rstrip() + b"\r\n"
        for field in outer.fields
        if not field.name.lower().startswith("content-")
    )
