"""
What happened on connections that carried no message: the likeliest reason, and the text.

Rules of this file: pure; the text says only what the connection shows, and the reason decides which advice is given.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from pytest_mailtrap._clients.library_fixes import LIBRARIES
from pytest_mailtrap._facts.connection_facts import facts_of
from pytest_mailtrap._text.layout import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_mailtrap._facts.connection_facts import BaseConnection
    from pytest_mailtrap._text.layout import Block

# The likeliest reason first: if connections failed for different reasons, the advice is for one of them.
_REASONS = (
    "wrong-port",
    "wrong-port-intercepted",
    "not-trusted",
    "context-out-of-reach",
    "wrong-host",
    "wrong-name",
    "gave-up-before-tls",
    "tls-required",
    "auth-required",
    "auth-refused",
    "auth-refused-intercepted",
    "auth-outside-tls",
    "mechanism-not-offered",
    "never-upgraded",
    "client-certificate",
    "no-common-tls",
    "no-common-cipher",
    "too-large",
    "refused",
    "broken-off",
    "still-connected",
)
# Those that the evidence proves, whatever happened to the application's own error.
CERTAIN = frozenset(_REASONS) - {"too-large", "refused", "broken-off", "still-connected"}
# Those that are inferred from what a client did not do: it may have left for another reason.
_CONCLUDED = frozenset({"gave-up-before-tls", "never-upgraded"})
_REJECTIONS = frozenset({"not-trusted", "context-out-of-reach", "wrong-host", "wrong-name"})
_REJECTED = "client rejected the certificate"
# Libraries that use OpenSSL, which verifies the certificate during the handshake.
_ON_OPENSSL = frozenset(LIBRARIES) - {"pycurl"}
# The trap's own wording; a reply that a test has scripted is an error like any other.
_REPLIES = {
    "530 Must issue a STARTTLS": "tls-required",
    "530 5.7.0 Authentication required": "auth-required",
    "535 5.7.8 Authentication credentials invalid": "auth-refused",
    "538 5.7.11 Encryption required": "auth-outside-tls",
    "504 5.5.4 Unrecognized authentication type": "mechanism-not-offered",
    "552 5.3.4 Message exceeds": "too-large",
    "552 Error: message size exceeds": "too-large",
    "4": "refused",
    "5": "refused",
}

# OpenSSL clients send this alert for a name that is not in the certificate; Go clients send it for everything, but are not intercepted.
_NOT_THE_CA = ": bad certificate"
_THE_CA = ": unknown CA"
# The words of a client that rejected the certificate, or whose TLS library reported only a closed connection.
_OF_A_REJECTION = re.compile(
    r"cert|tls|ssl|x509|trust|handshake|verif|issuer|\bCA\b|secur|clos|reset|eof|end of file|hang up",
    re.IGNORECASE,
)
_OF_A_LOGIN = re.compile(r"auth|log.?in|starttls|tls|ssl|secur|credential|password", re.IGNORECASE)
# Errors that show that the client is right and the port is wrong.
_SPOKE_THE_OTHER = ("spoke implicit TLS", "on the implicit TLS port")
_OTHER_KIND_OF_PORT = (
    *_SPOKE_THE_OTHER,
    "may wait for a cleartext greeting",
    "the connection without a TLS handshake",
)


def diagnosis(
    connections: Sequence[BaseConnection], *, intercepts: bool = False, reported: bool = False
) -> str:
    """
    Name the likeliest reason why these connections carried no mail; a key of the advice.

    *intercepts* says that the trap intercepts, so the application does not have to be configured with its address.
    *reported* says that the client has given up with an error, even if its connection is still open.
    """
    found = {_diagnose(connection, reported) for connection in telling(connections)}
    for code in _REASONS:
        if code in found:
            return code
    if connections:
        return "nothing-sent"
    return "not-intercepted" if intercepts else "no-connection"


def concerning(
    cause: str, connections: Sequence[BaseConnection], *, reported: bool = False
) -> BaseConnection | None:
    """The last of the connections that a `diagnosis()` is based on; None if there was none."""
    found = [one for one in telling(connections) if _diagnose(one, reported) == cause]
    return found[-1] if found else None


def telling(connections: Sequence[BaseConnection]) -> list[BaseConnection]:
    """
    The connections that may show why nothing arrived: all but those that a client dropped for the other address of the same name.

    A client that tries both addresses at once uses the first connection that succeeds, and closes the other one without
    having sent anything (RFC 8305, section 5).
    """
    spoke = {(_aim(one), _is_ipv6(one)) for one in connections if _has_spoken(one)}
    return [
        one
        for one in connections
        if not (_is_dropped(one) and (_aim(one), not _is_ipv6(one)) in spoke)
    ]


def is_surmise(cause: str, connection: BaseConnection | None) -> bool:
    """Whether this cause only assumes that the client rejected the certificate: it may have left for another reason."""
    return cause in _REJECTIONS and not is_proven(cause, connection)


def is_proven(cause: str, connection: BaseConnection | None) -> bool:
    """Whether what was said on *connection* proves this cause, rather than only that the client left."""
    error = "" if connection is None else connection.handshake_error or ""
    if cause in _REJECTIONS:
        return error.startswith(_REJECTED)
    if cause in ("wrong-port", "wrong-port-intercepted"):
        return any(words in error for words in _SPOKE_THE_OTHER)
    return cause in CERTAIN - _CONCLUDED


def speaks_of_a_rejection(text: str) -> bool:
    """Whether *text* may come from a client that rejected the certificate."""
    return _OF_A_REJECTION.search(text) is not None


def speaks_of_a_login(text: str) -> bool:
    """Whether *text* may come from a client that failed to log in, or to upgrade first."""
    return _OF_A_LOGIN.search(text) is not None


def _has_spoken(connection: BaseConnection) -> bool:
    # The transcript comes last: building one for each connection that carried mail would take long.
    if connection.messages or connection.client_hello is not None:
        return True
    return any(line.speaker == "C" for line in connection.transcript)


def _aim(connection: BaseConnection) -> tuple[bool, str | None, int | None]:
    """The port, and the requested host if the connection was intercepted."""
    how = connection.transport
    return connection.implicit_tls, how.server_host, how.requested_port


def _is_ipv6(connection: BaseConnection) -> bool:
    return ":" in connection.peer[0]


def _is_dropped(connection: BaseConnection) -> bool:
    """Whether the client closed it without having sent anything."""
    return connection.ended_by in ("eof", "reset") and not _has_spoken(connection)


def _diagnose(connection: BaseConnection, reported: bool) -> str:
    error = connection.handshake_error or ""
    # After an error of the application's own, its library sends QUIT; that has nothing to do with ports.
    if "after the 220 to STARTTLS" in error or "after STARTTLS" in error:
        return "gave-up-before-tls"
    if any(words in error for words in _OTHER_KIND_OF_PORT):
        return _led(connection, "wrong-port")
    if _has_rejected(connection, error):
        return _diagnose_rejection(connection, error)
    if error.startswith(("no common TLS version", "client rejected the TLS version")):
        return "no-common-tls"
    if error.startswith(("no common", "client rejected the cipher")):
        return "no-common-cipher"
    if error.startswith(("client sent no certificate", "the trap rejected the client's")):
        return "client-certificate"
    return _diagnose_dialogue(connection, reported)


def _has_rejected(connection: BaseConnection, error: str) -> bool:
    """Whether the client rejected the certificate."""
    if error.startswith(_REJECTED) or "may have rejected" in error:
        return True
    judges_before = bool(facts_of(connection).clients) and _ON_OPENSSL.issuperset(
        facts_of(connection).clients
    )
    return _left_after_handshake(connection) and not judges_before


def _diagnose_rejection(connection: BaseConnection, error: str) -> str:
    """Whether the name, the CA, or a context without the CA is the reason."""
    if facts_of(connection).misnamed and not error.endswith(_THE_CA):
        return "wrong-host"
    if not facts_of(connection).trusted:
        return "not-trusted"
    is_wrong_name = connection.transport.server_host and error.endswith(_NOT_THE_CA)
    return "wrong-name" if is_wrong_name else "context-out-of-reach"


def _diagnose_dialogue(connection: BaseConnection, reported: bool) -> str:
    replies = [line.text for line in connection.transcript if line.speaker == "S"]
    for start, code in _REPLIES.items():
        if any(reply.startswith(start) for reply in replies):
            return _led(connection, code) if code == "auth-refused" else code
    if connection.ended_by is None and not reported:
        return "still-connected"
    if _never_upgraded(connection):
        return "never-upgraded"
    return "broken-off" if _is_in_a_message(replies) else "nothing-sent"


def _never_upgraded(connection: BaseConnection) -> bool:
    """Whether the client left without asking for TLS, although AUTH is offered only inside TLS."""
    lines = list(connection.transcript)
    offered = {line.text[4:].split(" ")[0].upper() for line in lines if line.speaker == "S"}
    said = {line.text.split(" ")[0].upper() for line in lines if line.speaker == "C"}
    is_refused = not said & {"STARTTLS", "MAIL", "AUTH"}
    return "EHLO" in said and is_refused and "STARTTLS" in offered and "AUTH" not in offered


def _led(connection: BaseConnection, code: str) -> str:
    """The code for the connection's reason; an intercepted client has the settings of production, which must not be changed."""
    return code if connection.transport.server_host is None else f"{code}-intercepted"


def outcome(connection: BaseConnection) -> str:
    """One connection that carried no message, in a few words."""
    if connection.handshake_error:
        return connection.handshake_error
    if _left_after_handshake(connection):
        return "closed by the client right after the handshake"
    replies = [line.text for line in connection.transcript if line.speaker == "S"]
    if refused := [reply for reply in replies if reply[:1] in ("4", "5")]:
        return f"the trap answered {refused[-1]}"
    is_open = connection.ended_by is None
    if _is_in_a_message(replies):
        return "is in the middle of a message" if is_open else "left in the middle of a message"
    said = [line.text.split(" ")[0] for line in connection.transcript if line.speaker == "C"]
    words = f"sent {', '.join(said)}" if said else "sent nothing"
    if is_open:
        return f"is still connected, and has {words} so far"
    return f"{words}, but no message" if said else words


def _is_in_a_message(replies: Sequence[str]) -> bool:
    """Whether nothing came after the 354 reply to DATA (RFC 5321, section 4.1.1.4)."""
    return bool(replies) and replies[-1].startswith("354")


def _left_after_handshake(connection: BaseConnection) -> bool:
    """GnuTLS, curl and Java finish the handshake, verify the certificate, and close."""
    if not connection.transport.encrypted or connection.ended_by in (None, "server", "timeout"):
        return False
    return not any(line.speaker == "C" and line.encrypted for line in connection.transcript)


def happenings(
    connections: Sequence[BaseConnection], port: int | None, tls_port: int | None, *, room: int = 10
) -> Block:
    """The last connections, as many as fit into *room* lines."""
    if not connections:
        if port is None:
            return ["  nothing connected to a trap"]
        return [
            f"  nothing connected to localhost:{port} (STARTTLS) or",
            f"  localhost:{tls_port} (implicit TLS)",
        ]
    shown: Block = []
    left_out = len(connections)
    while left_out:
        connection = connections[left_out - 1]
        part = [
            f"  connection {left_out} on the {where(connection)}:",
            *(f"      {line}" for line in _wrapped(outcome(connection))),
        ]
        if len(part) + len(shown) > room:
            break
        shown = [*part, *shown]
        left_out -= 1
    head = [f"  ... after {left_out} other connection{'s'[: left_out > 1]}"] if left_out else []
    return [*head, *shown]


def where(connection: BaseConnection) -> str:
    """The port that it arrived at and, if it was intercepted, what the client tried to reach."""
    kind = "implicit TLS" if connection.implicit_tls else "STARTTLS"
    how = connection.transport
    meant = f", for {how.server_host}:{how.requested_port}" if how.server_host else ""
    return f"{kind} port{meant}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, COLUMNS - 6)[:2]
