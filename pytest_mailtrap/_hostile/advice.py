"""
What to change in an application that trusted a hostile server, or could not send to a good one: a table, by cause.

The fixes for each mail library and program are in `_clients.fixes`.

Rules of this file: pure; advice ends with a fix for the client itself, or with the page to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._assertions.advice import advice_for
from pytest_mailtrap._clients.fixes import GENERIC, aligned, fixes_for
from pytest_mailtrap._text.pages import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_mailtrap._text.layout import Block

# By cause: the sentence, and the name of the fixes.
_REMEDIES: dict[str, tuple[tuple[str, ...], str]] = {
    "cleartext": (("Insist on TLS, and never fall back to cleartext after an error:",), "insist"),
    "cleartext-implicit": (
        ("Use TLS from the first byte, and never fall back after an error:",),
        "implicit",
    ),
    "impostor": (("Let the client verify the server's certificate:",), "verify"),
    "name": (("The client verifies the certificate, but not its host name. Fix this:",), "verify"),
    "purpose": (
        (
            "The client verifies the certificate, but not its extended key usage:",
            "its TLS library decides that.",
        ),
        "",
    ),
    "outdated": (("Require at least TLS 1.2, as a default context does:",), "version"),
    "weak": (("Let the client refuse keys that are too short:",), "weak-key"),
    "forged": (
        (
            "Data received before the handshake must be discarded, never used as a",
            "reply inside TLS (RFC 3207, section 4.2): update the mail library.",
        ),
        "",
    ),
    "forbidden-command": (
        (
            "Discard what was offered before TLS, and send EHLO again inside it",
            "(RFC 3207, section 4.2): this is up to the mail library.",
        ),
        "",
    ),
    "went-without": (("Check before every MAIL FROM that REQUIRETLS is offered.",), ""),
    "needs-unused": (
        (
            "The scenario is for applications that ask for REQUIRETLS:",
            "  smtplib     mail_options=['REQUIRETLS']",
        ),
        "",
    ),
    "false-success": (
        (
            "Treat only the 250 after the message as success, and let the error of",
            "a lost connection reach the caller.",
        ),
        "report",
    ),
    "lost": (("Let the error reach the caller, or allow silence if it is intended:",), "report"),
    "hung": (("Give the client a timeout that is shorter than the assertion's:",), "timeout"),
    "control-characters": (("Log server replies with %r, or escape them.",), ""),
    "never-connected": (
        (
            "Each scenario calls send() again: a throttle, deduplication, a pool or",
            "a circuit breaker is the likely cause. Reset it in send().",
        ),
        "",
    ),
    "never-met": (
        (
            "A probe or a circuit breaker that only checks whether the server is up",
            "proves nothing. Let send() try to send a message each time.",
        ),
        "",
    ),
}
# For any client: the result of a program may have been dropped, and silence may be intended.
_SUBPROCESS = {"subprocess": ("subprocess.run(..., check=True)",)}
_SILENCE = {"silence": ("assert_client_refuses(...,", "    may_fail_silently=True)")}
_CHOOSE_THE_MODE = (
    "That port is for the other mode; set the mode (marker or argument):",
    "  STARTTLS      @pytest.mark.mailtrap(mode='starttls')",
    "  implicit TLS  @pytest.mark.mailtrap(mode='implicit')",
)
# For a client that cannot send to a good server, if the words differ from those for an ordinary trap.
_CONTROL: dict[str, tuple[str, ...]] = {
    "wrong-port": _CHOOSE_THE_MODE,
    "other-mode": _CHOOSE_THE_MODE,
    "not-intercepted": (
        "Let send() send one message in this process to port 25, 465, 587 or",
        "2525 of an intercepted host; programs it starts are not intercepted.",
    ),
    "no-connection": (
        "Let send() send one message to the trap:",
        "  host, port  {trap}.host, {trap}.{port}",
        "  each time   reset a throttle, pool, deduplication or circuit breaker",
        "              that holds back all messages but the first",
    ),
    "still-connected": ("The client is still connected: let send() return only after sending.",),
    "other-thread": (
        "send() ran in its own thread, which does not see the test's",
        "transaction; run it in the test's thread: timeout=None",
    ),
}
# For a client that was disconnected while it tried: what it did until then says little.
SLOW = ("If it was only slow, allow more seconds per attempt: timeout=60",)


def remedy(
    cause: str, mode: str, clients: Sequence[str] = (), *, is_ambiguous: bool = False
) -> Block:
    """
    The lines for one cause: the sentence, the rows for the *clients* or for the most common ones, and then the page.

    *is_ambiguous* means that the returned number may be the status of a program.
    """
    if cause == "cleartext" and mode == "implicit":
        cause = "cleartext-implicit"
    if cause not in _REMEDIES:
        return []
    head, fixes = _REMEDIES[cause]
    own = fixes_for(fixes, clients)
    rows = own or fixes_for(fixes, GENERIC)
    if cause == "lost" and is_ambiguous:
        own = rows = {**_SUBPROCESS, **_SILENCE}
    elif cause == "lost":
        rows = {**rows, **({} if own else _SUBPROCESS), **_SILENCE}
    if not rows:
        head = (*head[:-1], f"{head[-1].rstrip(':.')}.")
    page = [] if own else [read("clients" if fixes else "hostile")]
    return [*head, *aligned(rows), *page]


def control_remedy(
    cause: str,
    mode: str,
    *,
    trap: str,
    clients: Sequence[str] = (),
    name: str = "",
    reported: bool = False,
) -> Block:
    """
    The lines for a client that fails with the good server.

    *trap* is the name of the trap in the test; the other parameters are those of `advice_for()`.
    """
    if cause in _REMEDIES:
        return remedy(cause, mode, clients)
    if cause in _CONTROL:
        # The port of a hostile trap is that of its mode; a trap that runs all scenarios has both.
        port = "tls_port" if (trap, mode) == ("mailtrap", "implicit") else "port"
        lines = [line.format(trap=trap, port=port) for line in _CONTROL[cause]]
        return [*lines, read("hostile")]
    return advice_for(
        cause, clients=clients, trap=trap, name=name, may_be_late=False, reported=reported
    )
