"""
The bodies, attachments and links of a message, as the standard library's parser sees them.

This is the view for a test that compares a text; `contents.py` has the complete one, from the exact bytes.
"""

from __future__ import annotations

import email.message
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

_URL = re.compile(r"""https?://[^\s<>"'\])}]+""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One attachment of a message."""

    filename: str | None
    """What the message says, or None; it comes from the sender, so never use it as a path."""

    content_type: str
    """The media type, such as application/pdf."""

    content: bytes = field(repr=False)
    """The decoded bytes of the attachment."""


def body(message: email.message.EmailMessage, kind: Literal["plain", "html"]) -> str | None:
    """The decoded text/plain or text/html body, with "\\n" as line endings; None if there is none."""
    part = cast("email.message.EmailMessage | None", message.get_body((kind,)))
    if part is None:
        return None
    try:
        text = str(part.get_content())
    except (LookupError, UnicodeError):
        # An unknown charset, or bytes that do not fit it: the text is still worth showing.
        text = _content(part).decode("utf-8", "replace")
    return text.replace("\r\n", "\n")


def attachments(message: email.message.EmailMessage) -> Iterator[Attachment]:
    """The attachments, in order."""
    for part in message.iter_attachments():
        yield Attachment(
            filename=part.get_filename(),
            content_type=part.get_content_type(),
            content=_content(part),
        )


def links(html: str, text: str) -> tuple[str, ...]:
    """The URLs that the bodies link to, each once: first those in *html*, then those in *text*."""
    collector = _Links()
    collector.feed(html)
    found = [*collector.found, *(m.rstrip(".,;:!?") for m in _URL.findall(text))]
    return tuple(dict.fromkeys(found))


def _content(part: email.message.Message) -> bytes:
    payload = part.get_payload(decode=True)
    if isinstance(payload, bytes):
        return payload
    # message/rfc822 and multipart attachments: their own bytes.
    inner = part.get_payload()
    parts = inner if isinstance(inner, list) else []
    return b"".join(p.as_bytes() for p in parts if isinstance(p, email.message.Message))


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [
            value for name, value in attrs if name == "href" and value and tag in ("a", "area")
        ]
