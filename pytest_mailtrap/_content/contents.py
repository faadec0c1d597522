"""
What a recipient would see of a message: its header fields, its bodies, its parts.

Rules of this file: bytes in, a value out; no message makes it raise; bodies are decoded up to a limit.
"""

from __future__ import annotations

import binascii
import codecs
import re
from dataclasses import dataclass

from pytest_mailtrap._content.html_scan import HtmlFacts, scan
from pytest_mailtrap._mime.parts import Bytes, DecodedField, Part, parts_of

# How much of a body is checked; a mail program does not show more either (Gmail clips at 102 kB).
LONGEST_BODY = 512 * 1024
_SMIME = frozenset(
    {"application/pkcs7-signature", "application/x-pkcs7-signature", "application/pkcs7-mime"}
    | {"application/x-pkcs7-mime"}
)
# With the newline in front, the search looks at newlines only, not at every byte between them.
_LONG_LINE = re.compile(rb"\n[^\r\n]{999}")
_CHUNK = 1 << 20
_NOT_ASCII = re.compile(rb"[\x80-\xff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A decoded body; *complaint* is the code of the decoding error, or None."""

    part: Part
    text: str
    complaint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """
    The content of one message.

    *parts* begins with the message itself.
    *by_name* has the values of its header fields by name, in lower case.
    *attachments* are the leaf parts that are not a body, an inline image of the HTML, or S/MIME.
    *html* and *text* are the bodies that a mail program chooses from, None if there is none.
    *bare_newlines* and *long_lines* refer to all bytes of the message.
    """

    size: int
    parts: tuple[Part, ...]
    by_name: dict[str, list[str]]
    html: Body | None
    text: Body | None
    html_facts: HtmlFacts | None
    attachments: tuple[Part, ...]
    bare_newlines: bool
    long_lines: bool
    raw_8bit_header: bool

    @property
    def fields(self) -> tuple[DecodedField, ...]:
        return self.parts[0].fields

    def values(self, name: str) -> list[str]:
        """The decoded values of all fields with that name; *name* is in lower case."""
        return self.by_name.get(name, [])

    def value(self, name: str) -> str | None:
        """The decoded value of the first field with that name."""
        return next(iter(self.values(name)), None)


def read(data: Bytes) -> Content:
    """Read a message; *data* may be a memory-mapped file of any size."""
    parts = tuple(parts_of(data))
    own = tuple(part for part in parts if not _forwarded(part, parts))
    html, text = _body(data, own, "text/html"), _body(data, own, "text/plain")
    facts = None if html is None else scan(html.text)
    return Content(
        size=len(data),
        parts=parts,
        by_name=_by_name(parts[0].fields),
        html=html,
        text=text,
        html_facts=facts,
        attachments=_attachments(
            own, {b.part.number for b in (html, text) if b is not None}, facts
        ),
        bare_newlines=_has_bare_newlines(data),
        long_lines=_has_long_lines(data),
        raw_8bit_header=_NOT_ASCII.search(data, 0, parts[0].start) is not None,
    )


def _by_name(fields: tuple[DecodedField, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for field in fields:
        found.setdefault(field.name.lower(), []).append(field.value)
    return found


def _forwarded(part: Part, parts: tuple[Part, ...]) -> bool:
    """Whether *part* belongs to a message inside this one."""
    return any(
        other.said.content_type == "message/rfc822" and part.number.startswith(f"{other.number}.")
        for other in parts
        if other.number
    )


def _attachments(
    own: tuple[Part, ...], bodies: set[str], facts: HtmlFacts | None
) -> tuple[Part, ...]:
    images = facts.images if facts else ()
    inline = {image.url[4:] for image in images if image.url.lower().startswith("cid:")}
    return tuple(
        part
        for part in own
        if not part.multipart
        and part.number not in bodies
        and part.said.content_id not in inline
        and part.said.content_type not in _SMIME
    )


def _has_bare_newlines(data: Bytes) -> bool:
    returns = newlines = pairs = 0
    for at in range(0, len(data), _CHUNK):
        chunk = data[at : at + _CHUNK]
        returns += chunk.count(b"\r")
        newlines += chunk.count(b"\n")
        # One more byte: a pair may span the end of the chunk.
        pairs += data[at : at + _CHUNK + 1].count(b"\r\n")
    return not returns == newlines == pairs


def _has_long_lines(data: Bytes) -> bool:
    return _LONG_LINE.search(data) is not None or (b"\n" not in data[:1000] and len(data) > 1000)


def decoded(data: Bytes, part: Part, *, limit: int) -> bytes:
    """A body with its transfer encoding removed, from at most *limit* of its bytes."""
    raw = data[part.start : min(part.end, part.start + limit)]
    if part.said.encoding == "base64":
        return _from_base64(raw)
    if part.said.encoding == "quoted-printable":
        return binascii.a2b_qp(raw)
    return raw


def _from_base64(raw: bytes) -> bytes:
    clean = re.sub(rb"[^A-Za-z0-9+/]", b"", raw)
    usable = len(clean) - (len(clean) % 4 == 1)
    return binascii.a2b_base64(clean[:usable] + b"=" * (-usable % 4))


def _body(data: Bytes, parts: tuple[Part, ...], content_type: str) -> Body | None:
    for part in parts:
        if part.said.content_type != content_type or part.said.disposition == "attachment":
            continue
        text, complaint = _text(decoded(data, part, limit=LONGEST_BODY), part.said.charset)
        return Body(part=part, text=text, complaint=complaint)
    return None


def _text(raw: bytes, charset: str | None) -> tuple[str, str | None]:
    name = charset or "us-ascii"
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):
        return raw.decode("utf-8", "replace"), "charset-unknown"
    try:
        text, _ = codec.decode(raw, "strict")
    except UnicodeDecodeError as error:
        if len(raw) > LONGEST_BODY - 8 and error.start > len(raw) - 8:
            return raw.decode(name, "replace"), None  # cut by our limit, not by the sender
        return raw.decode("utf-8", "replace"), "charset-wrong" if charset else "charset-missing"
    except Exception:  # codecs that are not charsets ("rot13", "idna") raise many kinds of errors
        return raw.decode("utf-8", "replace"), "charset-unknown"
    if not isinstance(text, str):
        return raw.decode("utf-8", "replace"), "charset-unknown"
    return text, None
