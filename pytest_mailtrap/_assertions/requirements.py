"""
The requirements that a policy can have, as pure decisions: a requirement and mail in, breaches out.

The policy decides whether a breach matters.
Each requires of every message what an assertion checks, with one exception: "mail" requires the test to send some.

Rules of this file: no I/O, no heavy imports; S/MIME is only examined if it is required.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_mailtrap._assertions.violations import auth_violations, transport_violations
from pytest_mailtrap._smime import availability
from pytest_mailtrap._smime.traces import has_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_mailtrap._assertions.message import Message
    from pytest_mailtrap._facts.connection_facts import BaseConnection
    from pytest_mailtrap._text.choices import MinimumTLS

Flaw = tuple[str, str]  # a code, and a few words on what is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """
    A requirement that a message or a connection does not meet.

    *message* is the number of the message within the test, from 1, *connection* the index of the connection, from 0;
    one of them is None, or both if the test itself does not meet it.
    """

    requirement: str
    code: str
    text: str
    message: int | None = None
    connection: int | None = None


# Each with what it includes: a policy that requires the left side also requires the right side.
REQUIREMENTS: dict[str, frozenset[str]] = {
    "tls": frozenset({"tls>=1.2"}),
    "tls>=1.2": frozenset({"tls"}),
    "tls>=1.3": frozenset({"tls", "tls>=1.2"}),
    "auth": frozenset({"auth-over-tls"}),
    "auth-over-tls": frozenset(),
    "verified-client-certificate": frozenset({"tls", "tls>=1.2"}),
    "smime-signed": frozenset(),
    "smime-encrypted": frozenset(),
    "mail": frozenset(),
}
_SMIME = frozenset({"smime-signed", "smime-encrypted"})
MAIL = "mail"
MINIMUM_TLS: dict[str, MinimumTLS] = {
    "tls": "TLSv1.2",
    "tls>=1.2": "TLSv1.2",
    "tls>=1.3": "TLSv1.3",
}
DEFAULT = ("tls",)


def parse_requirements(words: Iterable[str]) -> tuple[str, ...]:
    """
    The requirements as they are spelled here, each once; a word may contain several.

    For an unknown one, a ValueError lists all requirements; for one of S/MIME, it says so if cryptography is too old.
    """
    found = [name for word in words for name in _names(word)]
    for name in found:
        if name not in REQUIREMENTS:
            near = difflib.get_close_matches(name, REQUIREMENTS, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise ValueError(
                f"unknown requirement {name!r}{hint}, expected one or more of {', '.join(REQUIREMENTS)}"
            )
        if name in _SMIME and availability.missing() is not None:
            raise ValueError(f"requirement {name!r}: {availability.explanation()}")
    return tuple(dict.fromkeys(found))


def _names(word: str) -> list[str]:
    """The names, separated by spaces, as in an ini file's `tls >= 1.3 auth`."""
    return re.sub(r"\s*>=\s*", ">=", word.lower()).split() or [word]


def includes(these: Iterable[str], those: Iterable[str]) -> bool:
    """Whether mail that meets *these* requirements always meets *those* too."""
    covered = {name for word in these for name in (word, *REQUIREMENTS[word])}
    return covered.issuperset(those)


def added(these: Iterable[str], those: Iterable[str]) -> tuple[str, ...]:
    """*these* requirements and *those*, without those that are included in another."""
    both = tuple(dict.fromkeys((*these, *those)))
    return tuple(
        name
        for place, name in enumerate(both)
        if not any(
            name in REQUIREMENTS[other] and (other not in REQUIREMENTS[name] or at < place)
            for at, other in enumerate(both)
        )
    )


def silence_breach() -> Breach:
    """How a test that sent no mail breaches the requirement "mail"."""
    return Breach(requirement=MAIL, code="no-mail", text="sent no mail")


def message_breaches(requirement: str, number: int, message: Message) -> list[Breach]:
    """How a message, the test's *number*-th, breaches *requirement*."""
    judge = _OF_MESSAGES.get(requirement)
    flaw = None if judge is None else judge(requirement, message)
    if flaw is None:
        return []
    return [Breach(requirement=requirement, code=flaw[0], text=flaw[1], message=number)]


def connection_breaches(requirement: str, place: int, connection: BaseConnection) -> list[Breach]:
    """How the connection with the index *place* breaches *requirement*, whether or not it carried a message."""
    if requirement not in ("auth", "auth-over-tls"):
        return []
    # Even a refused attempt has exposed the password to anyone on the network.
    bare = [auth for auth in connection.auths if not auth.encrypted]
    if not bare:
        return []
    text = f"AUTH {bare[0].mechanism} in cleartext"
    return [
        Breach(requirement=requirement, code="password-in-cleartext", text=text, connection=place)
    ]


def _transport_flaw(requirement: str, message: Message) -> Flaw | None:
    for violation in transport_violations({1: message}, minimum=MINIMUM_TLS[requirement]):
        if violation.code == "cleartext":
            return violation.code, "was sent in cleartext"
        return violation.code, f"was sent over {message.transport.tls_version}"
    return None


def _auth_flaw(_requirement: str, message: Message) -> Flaw | None:
    for violation in auth_violations({1: message}):
        if violation.code == "not-authenticated":
            return violation.code, "was sent without authentication"
    return None  # a password in cleartext is a breach of the connection


def _certificate_flaw(_requirement: str, message: Message) -> Flaw | None:
    if message.transport.client_certificate is None:
        return "no-client-certificate", "came without a client certificate"
    return None


def _signature_flaw(_requirement: str, message: Message) -> Flaw | None:
    if not has_trace(message.raw):
        return "not-signed", "is not S/MIME signed"
    from pytest_mailtrap._assertions.smime_violations import signature_findings
    from pytest_mailtrap._mime.addresses import same_mailbox

    for finding in signature_findings(message.smime, by=(), same=same_mailbox):
        return finding.code, f"is not validly signed: {finding.text}"
    return None


def _encryption_flaw(_requirement: str, message: Message) -> Flaw | None:
    if not has_trace(message.raw):
        return "not-encrypted", "is not S/MIME encrypted"
    from pytest_mailtrap._assertions.smime_violations import encryption_findings
    from pytest_mailtrap._mime.addresses import same_mailbox

    findings = encryption_findings(
        message.smime,
        to=message.rcpt_tos,
        with_identities=False,
        authenticated=False,
        same=same_mailbox,
    )
    for finding in findings:
        return finding.code, f"is not properly encrypted: {finding.text}"
    return None


_OF_MESSAGES: dict[str, Callable[[str, Message], Flaw | None]] = {
    "tls": _transport_flaw,
    "tls>=1.2": _transport_flaw,
    "tls>=1.3": _transport_flaw,
    "auth": _auth_flaw,
    "verified-client-certificate": _certificate_flaw,
    "smime-signed": _signature_flaw,
    "smime-encrypted": _encryption_flaw,
}
