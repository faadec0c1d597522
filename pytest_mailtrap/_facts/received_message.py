"""A message as it came in: what a session hands over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from pytest_mailtrap._facts.connection import Connection
    from pytest_mailtrap._facts.transcript import Transcript
    from pytest_mailtrap._facts.transport import Auth, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMessage:
    """
    The envelope of a message (RFC 5321, section 2.3.1), its exact bytes, and the facts of the session that carried it.

    *transcript* ends with the reply that accepts it, which has not been sent yet.
    """

    mail_from: str
    rcpt_tos: tuple[str, ...]
    mail_options: tuple[str, ...]
    rcpt_options: tuple[str, ...]
    smtp_utf8: bool
    raw: bytes = field(repr=False)
    transport: Transport
    auth: Auth | None
    connection: Connection
    transcript: Transcript
    received_at: datetime
