"""What the checks judge: the content of a message, its bytes on the wire, and its envelope."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mailtrap._content.reading import Content
    from pytest_mailtrap._content.wire_format import WireFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The envelope of a message (RFC 5321, section 2.3.1), and the name that the client gave in EHLO."""

    mail_from: str = ""
    rcpt_tos: tuple[str, ...] = ()
    smtp_utf8: bool = False
    ehlo: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """
    A message, as far as the checks look at it.

    *content* is what a recipient sees, inside of an opaque signature, too; *wire_format* is about the bytes that were sent.
    *public_urls* are the beginnings that links must have, if the run says so.
    """

    content: Content
    wire_format: WireFormat
    envelope: Envelope = field(default_factory=Envelope)
    public_urls: tuple[str, ...] = ()
