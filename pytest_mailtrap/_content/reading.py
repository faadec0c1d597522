"""
What a recipient would see of a message: its header fields, its bodies, its parts.

Rules of this file: bytes in, a value out; no message makes it raise; everything takes time linear in the size.
"""

from __future__ import annotations

import binascii
import codecs
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_mailtrap._content.html_scan import HtmlFacts, scan
from pytest_mailtrap._mime.parts import Bytes, Part, parts_of, unfolded

if TYPE_CHECKING:
    from pytest_mailtrap._mime.parts import DecodedField

# Parts of which a recipient sees nothing, or nothing before it has been decrypted.
_CONTAINERS = frozenset(
    {"application/pkcs7-signature", "application/x-pkcs7-signature", "application/pkcs7-mime"}
    | {"application/x-pkcs7-mime", "application/pgp-signature", "application/pgp-encrypted"}
)
_CONTAINER_NAMES = (".p7m", ".p7s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A decoded body, with "\\n" as line endings; *complaint* is the code of the decoding error, or None."""

    part: Part
    text: str
    complaint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """
    The content of one message.

    *data* holds its exact bytes, which the parts are ranges of; *parts* begins with the message itself.
    *by_name* has the fields of its header by name, in lower case.
    *html* and *text* are the bodies that a mail program chooses from, None if there is none.
    *attachments* are the leaf parts that are not one of these bodies, nor the container of a signature or of encryption,
    nor inside a forwarded message; *shown_inline* are those that the HTML shows.
    """

    data: Bytes = field(repr=False)
    parts: tuple[Part, ...]
    by_name: dict[str, list[DecodedField]]
    html: Body | None
    text: Body | None
    html_facts: HtmlFacts | None
    attachments: tuple[Part, ...]
    shown_inline: frozenset[str]

    @property
    def fields(self) -> tuple[DecodedField, ...]:
        return self.parts[0].fields

    def values(self, name: str) -> list[str]:
        """The decoded values of all fields with that name; *name* is in lower case."""
        return [found.value for found in self.by_name.get(name, [])]

    def value(self, name: str) -> str | None:
        """The decoded value of the first field with that name."""
        return next(iter(self.values(name)), None)

    def raw_values(self, name: str) -> list[str]:
        """The unfolded values of all fields with that name, with their encoded words: structure comes before decoding (RFC 2047, section 6.2)."""
        return [unfolded(found.raw) for found in self.by_name.get(name, [])]

    def raw_value(self, name: str) -> str | None:
        """The unfolded value of the first field with that name, with its encoded words."""
        return next(iter(self.raw_values(name)), None)


def read(data: Bytes, *, limit: int | None = None) -> Content:
    """Read a message; *data* may be a memory-mapped file of any size, and *limit* is how many bytes of a body are decoded."""
    parts = tuple(parts_of(data))
    own = [part for part in parts if not part.forwarded]
    html = _body(data, own, "text/html", limit)
    text = _body(data, own, "text/plain", limit)
    facts = None if html is None else scan(html.text)
    bodies = {body.part.number for body in (html, text) if body is not None}
    attachments = tuple(part for part in own if _is_attachment(part, parts, bodies))
    return Content(
        data=data,
        parts=parts,
        by_name=_by_name(parts[0].fields),
        html=html,
        text=text,
        html_facts=facts,
        attachments=attachments,
        shown_inline=_shown_inline(attachments, facts),
    )


def _by_name(fields: tuple[DecodedField, ...]) -> dict[str, list[DecodedField]]:
    found: dict[str, list[DecodedField]] = {}
    for one in fields:
        found.setdefault(one.name.lower(), []).append(one)
    return found


def _is_attachment(part: Part, parts: tuple[Part, ...], bodies: set[str]) -> bool:
    if part.multipart or part.number in bodies or part.said.content_type in _CONTAINERS:
        return False
    if part.parent is None:
        return not (part.said.name or "").lower().endswith(_CONTAINER_NAMES) and (
            part.end > part.start or part.said.disposition == "attachment"
        )
    return parts[part.parent].said.content_type != "multipart/encrypted"


def _shown_inline(attachments: tuple[Part, ...], facts: HtmlFacts | None) -> frozenset[str]:
    """The numbers of the attachments that the HTML refers to by their Content-ID (RFC 2392)."""
    shown = set() if facts is None else facts.content_ids
    return frozenset(part.number for part in attachments if part.said.content_id in shown)


def decoded(data: Bytes, part: Part, *, limit: int | None = None) -> bytes:
    """A body with its transfer encoding removed, from at most *limit* of its bytes."""
    raw = data[part.start : part.end if limit is None else min(part.end, part.start + limit)]
    if part.said.encoding == "base64":
        return _from_base64(raw)
    if part.said.encoding == "quoted-printable":
        return binascii.a2b_qp(raw)
    return raw


def _from_base64(raw: bytes) -> bytes:
    clean = re.sub(rb"[^A-Za-z0-9+/]", b"", raw)
    usable = len(clean) - (len(clean) % 4 == 1)
    return binascii.a2b_base64(clean[:usable] + b"=" * (-usable % 4))


def _body(data: Bytes, parts: list[Part], content_type: str, limit: int | None) -> Body | None:
    for part in parts:
        if part.said.content_type == content_type and _is_body(part):
            raw = decoded(data, part, limit=limit)
            text, complaint = _text(
                raw, part.said.charset, is_cut=limit is not None and part.size > limit
            )
            text = text.replace("\r\n", "\n")
            return Body(part=part, text=text, complaint=complaint)
    return None


def _is_body(part: Part) -> bool:
    """Whether it may be a body; a part with a file name is an attachment, unless it is the whole message."""
    if part.said.disposition == "attachment":
        return False
    return part.said.name is None or part.parent is None


def _text(raw: bytes, charset: str | None, *, is_cut: bool) -> tuple[str, str | None]:
    name = charset or "us-ascii"
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):
        return raw.decode("utf-8", "replace"), "charset-unknown"
    try:
        text, _ = codec.decode(raw, "strict")
    except UnicodeDecodeError as error:
        if is_cut and error.start > len(raw) - 8:
            return raw.decode(name, "replace"), None  # cut by our limit, not by the sender
        return raw.decode("utf-8", "replace"), "charset-wrong" if charset else "charset-missing"
    except Exception:  # codecs that are not charsets ("rot13", "idna") raise many kinds of errors
        return raw.decode("utf-8", "replace"), "charset-unknown"
    if not isinstance(text, str):
        return raw.decode("utf-8", "replace"), "charset-unknown"
    return text, None
