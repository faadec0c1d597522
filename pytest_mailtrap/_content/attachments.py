"""The attachments of a message, each with its bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_mailtrap._content.reading import decoded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_mailtrap._content.reading import Content
    from pytest_mailtrap._mime.parts import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One attachment of a message: a part that is neither one of its bodies nor the container of a signature."""

    filename: str | None
    """What the message says, or None; it comes from the sender, so never use it as a path."""

    content_type: str
    """The media type in lower case, such as "application/pdf"."""

    content: bytes = field(repr=False)
    """The bytes without their transfer encoding; for a forwarded message (message/rfc822) exactly as they were sent."""

    parameters: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The parameters of Content-Type, with names in lower case: `method` of an invitation (RFC 5546, section 2.1)."""

    content_id: str | None = None
    """Its Content-ID without the angle brackets (RFC 2392), or None."""

    disposition: str | None = None
    """"attachment" or "inline", as Content-Disposition says (RFC 2183), or None."""

    inline: bool = False
    """Whether the HTML body shows it by its Content-ID."""

    part: str = "1"
    """Its place in the message as IMAP counts, such as "2.1" (RFC 9051, section 6.4.5.1)."""


def attachments_of(content: Content) -> Iterator[Attachment]:
    """The attachments, in the order of their parts."""
    for part in content.attachments:
        yield Attachment(
            filename=part.said.name,
            content_type=part.said.content_type,
            content=_bytes(content, part),
            parameters=dict(part.said.parameters),
            content_id=part.said.content_id,
            disposition=part.said.disposition,
            inline=part.number in content.shown_inline,
            part=part.number or "1",
        )


def _bytes(content: Content, part: Part) -> bytes:
    return content.data[part.start : part.end] if part.is_message else decoded(content.data, part)
