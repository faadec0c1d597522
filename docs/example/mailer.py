"""An example application: it sends the email that lets a user reset a forgotten password."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Literal


@dataclass(frozen=True)
class MailSettings:
    """Where and how mail is sent; *ca_file* is for servers whose CA is not in the system's trust store."""

    host: str
    port: int
    security: Literal["starttls", "implicit"]
    username: str
    password: str
    ca_file: str | None = None


def send_reset(settings: MailSettings, address: str, link: str) -> None:
    """Send the reset link to *address*; raises what `smtplib` and `ssl` raise."""
    message = EmailMessage()
    message["Subject"] = "Reset your password"
    message["From"] = "noreply@example.org"
    message["To"] = address
    message.set_content(f"Choose a new password here:\n{link}\n")
    with connect(settings) as client:
        client.login(settings.username, settings.password)
        client.send_message(message)


def connect(settings: MailSettings) -> smtplib.SMTP:
    """Open an encrypted connection to a server whose certificate has been verified."""
    # A context is what makes smtplib verify the server's certificate: without one it accepts any.
    context = ssl.create_default_context(cafile=settings.ca_file)
    if settings.security == "implicit":
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=10, context=context)
    client = smtplib.SMTP(settings.host, settings.port, timeout=10)
    try:
        client.starttls(context=context)
    except BaseException:
        client.close()
        raise
    return client
