"""
What is required of messages, as pure decisions: messages by number in, violations out.

Rules of this file: no I/O, no text, no slow imports.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from pytest_mailtrap._text.terms import TLS_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_mailtrap._assertions.message import Message
    from pytest_mailtrap._facts.transport import Transport

Code = Literal[
    "cleartext",
    "tls-too-old",
    "not-authenticated",
    "password-in-cleartext",
    "other-username",
    "other-mechanism",
]
AnyMessage = TypeVar("AnyMessage", bound="Message")
MINIMUMS = ("TLSv1.2", "TLSv1.3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A requirement that a message does not meet; *number* is the number of the message, from 1."""

    number: int
    code: Code


def numbered(messages: Iterable[AnyMessage]) -> dict[int, AnyMessage]:
    """The messages by position, from 1."""
    return dict(enumerate(messages, 1))


def transport_violations(
    messages: Mapping[int, Message], *, minimum: str = "TLSv1.2"
) -> list[Violation]:
    """Say which messages were sent in cleartext, or over a TLS version older than *minimum*."""
    __tracebackhide__ = True
    if minimum not in MINIMUMS:
        raise ValueError(f"minimum must be {' or '.join(MINIMUMS)}, got {minimum!r}")
    found = []
    for number, message in messages.items():
        code = _transport_code(message.transport, minimum)
        if code is not None:
            found.append(Violation(number=number, code=code))
    return found


def _transport_code(transport: Transport, minimum: str) -> Code | None:
    version = transport.tls_version
    if version is None:
        return "cleartext"
    # A name that is not in the table is an older one, such as SSLv3.
    age = TLS_VERSIONS.index(version) if version in TLS_VERSIONS else -1
    return "tls-too-old" if age < TLS_VERSIONS.index(minimum) else None


def auth_violations(
    messages: Mapping[int, Message],
    *,
    username: str | None = None,
    mechanism: str | None = None,
) -> list[Violation]:
    """Say which messages were sent without AUTH, by another user, or after a password in cleartext."""
    found = []
    for number, message in messages.items():
        code = _auth_code(message, username, mechanism)
        if code is not None:
            found.append(Violation(number=number, code=code))
    return found


def _auth_code(message: Message, username: str | None, mechanism: str | None) -> Code | None:
    # Even a refused attempt has shown the password to any eavesdropper.
    if any(not auth.encrypted for auth in message.connection.auths):
        return "password-in-cleartext"
    if message.auth is None:
        return "not-authenticated"
    if username is not None and message.auth.username != username:
        return "other-username"
    if mechanism is not None and message.auth.mechanism != mechanism.upper():
        return "other-mechanism"
    return None
