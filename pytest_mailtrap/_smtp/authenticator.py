"""
The AUTH exchanges of one session (RFC 4954): which login was accepted, and which secrets were sent without success.

Rules of this file: every exchange is recorded, even one that was refused; aiosmtpd conducts it.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from pytest_mailtrap._facts.transport import Auth

if TYPE_CHECKING:
    from pytest_mailtrap._smtp.connection_protocol import SMTPConnectionProtocol
    from pytest_mailtrap._smtp.credentials import Credentials


class Authenticator:
    """
    The logins on a connection, checked against *credentials*.

    *accepted* is the login that applies to the messages to come, or None.
    """

    def __init__(self, protocol: SMTPConnectionProtocol, credentials: Credentials) -> None:
        self._protocol = protocol
        self._credentials = credentials
        self.accepted: Auth | None = None

    def accept(self, mechanism: str, login: bytes, password: bytes) -> bool:
        """Whether *password* is that of *login*."""
        name, secret = (part.decode("utf-8", "backslashreplace") for part in (login, password))
        is_right = self._credentials.accept(name, secret)
        auth = self._note(mechanism, name, secret, accepted=is_right)
        if is_right:
            self.accepted = auth
        return is_right

    def lose(self, mechanism: str, initial: str) -> None:
        """Record an AUTH that is not carried out, but whose *initial* response was sent."""
        self._note(mechanism, *_credentials(mechanism, initial), accepted=False)

    def _note(self, mechanism: str, login: str, password: str, *, accepted: bool) -> Auth:
        self._credentials.note(login, password)
        auth = Auth(
            mechanism=mechanism,
            username=login,
            password=password,
            encrypted=self._protocol.secured,
            accepted=accepted,
        )
        self._protocol.connection.auths += (auth,)
        return auth


def mechanism_of(argument: str | None) -> tuple[str, str]:
    """The mechanism, which is case-insensitive (RFC 4954, section 4), and the initial response."""
    mechanism, _, initial = (argument or "").partition(" ")
    return mechanism.upper(), initial


def _credentials(mechanism: str, initial: str) -> tuple[str, str]:
    """User name and password from an initial response, each empty if it is not there."""
    try:
        decoded = base64.b64decode(initial.encode(), validate=True)
    except (binascii.Error, ValueError):
        return "", ""
    parts = [part.decode("utf-8", "backslashreplace") for part in decoded.split(b"\0")]
    if mechanism == "PLAIN" and len(parts) == 3:
        return parts[1], parts[2]
    return (parts[0], "") if mechanism == "LOGIN" else ("", "")
