"""
The AUTH exchanges of one session (RFC 4954): which login was accepted, and what secrets have gone over the wire in vain.

Rules of this file: every exchange that is told of here is on record, also one that was refused; how it is led is the engine's affair.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from pytest_mailtrap._facts.transport import Auth

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_mailtrap._smtp.connection_protocol import SMTPConnectionProtocol


class Authenticator:
    """
    The logins on a *wire*, against *passwords* by user name.

    *accepted* is the one that holds for the messages to come, or None.
    """

    def __init__(self, protocol: SMTPConnectionProtocol, passwords: Mapping[str, str]) -> None:
        self._protocol = protocol
        self._passwords = passwords
        self.accepted: Auth | None = None

    def accept(self, mechanism: str, login: bytes, password: bytes) -> bool:
        """Whether *password* is that of *login*."""
        name, secret = (part.decode("utf-8", "backslashreplace") for part in (login, password))
        is_right = self._passwords.get(name) == secret
        auth = self._note(mechanism, name, secret, accepted=is_right)
        if is_right:
            self.accepted = auth
        return is_right

    def lose(self, mechanism: str, initial: str) -> None:
        """The command is not carried out, but its *initial* response has gone over the wire."""
        self._note(mechanism, *_credentials(mechanism, initial), accepted=False)

    def _note(self, mechanism: str, login: str, password: str, *, accepted: bool) -> Auth:
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
    """User name and password out of an initial response, as far as it holds them."""
    try:
        decoded = base64.b64decode(initial.encode(), validate=True)
    except (binascii.Error, ValueError):
        return "", ""
    parts = [part.decode("utf-8", "backslashreplace") for part in decoded.split(b"\0")]
    if mechanism == "PLAIN" and len(parts) == 3:
        return parts[1], parts[2]
    return (parts[0], "") if mechanism == "LOGIN" else ("", "")
