"""
What to change in an application that trusted a hostile server, or could not send to a good one: a table, by cause.

The cures of each mail library and program are in `_clients.fixes`.

Rules of this file: pure; advice ends with a cure of the client's own, or with the page to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._assertions.advice import advice_for
from pytest_mailtrap._clients.fixes import GENERIC, aligned, cures_of
from pytest_mailtrap._text.pages import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_mailtrap._text.layout import Block

# By cause: the sentence, and the name of the cures.
_REMEDIES: dict[str, tuple[tuple[str, ...], str]] = {
    "cleartext": (("Insist on TLS, and let no error of it lead to a try without:",), "insist"),
    "cleartext-implicit": (
        ("Speak TLS from the first byte, and let no error lead to less:",),
        "implicit",
    ),
    "impostor": (("Let the client verify the server's certificate:",), "verify"),
    "name": (("The client verifies, but not whom the certificate is for. Let it:",), "verify"),
    "purpose": (
        (
            "The client verifies, but not what the certificate may be used for",
            "(extended key usage): a matter for its TLS library.",
        ),
        "",
    ),
    "outdated": (("Speak TLS 1.2 at least, as a default context does:",), "version"),
    "weak": (("Let the client refuse keys that are too short:",), "weak-key"),
    "forged": (
        (
            "Discard what came before the handshake, and take no answer inside TLS",
            "from it (RFC 3207, section 4.2): look for a newer mail library.",
        ),
        "",
    ),
    "forbidden-command": (
        (
            "Forget what was offered before TLS, and say EHLO again inside it",
            "(RFC 3207, section 4.2): a matter for the client library.",
        ),
        "",
    ),
    "went-without": (("Check that REQUIRETLS is offered, each time, before MAIL FROM.",), ""),
    "needs-unused": (
        (
            "The scenario is for applications that ask for REQUIRETLS:",
            "  smtplib     mail_options=['REQUIRETLS']",
        ),
        "",
    ),
    "false-success": (
        (
            "Take nothing but the 250 after the message for success, and let the",
            "error of a lost connection reach the caller.",
        ),
        "report",
    ),
    "lost": (("Let the error reach the caller, or allow silence where it is meant:",), "report"),
    "hung": (("Give the client a timeout, shorter than the assertion's:",), "timeout"),
    "control-characters": (("Log what a server said with %r, or escape it.",), ""),
    "never-connected": (
        (
            "Each scenario sends once more: a throttle, a de-duplication, a pool or",
            "a circuit breaker is the likely cause. Reset it in send().",
        ),
        "",
    ),
    "never-met": (
        (
            "A probe or a circuit breaker that only looks whether somebody is there",
            "proves nothing. Let send() go on to send, each time.",
        ),
        "",
    ),
}
# Whoever it was: a program that was started may have been dropped, and silence may be meant.
_SUBPROCESS = {"subprocess": ("subprocess.run(..., check=True)",)}
_SILENCE = {"silence": ("assert_client_refuses(...,", "    may_fail_silently=True)")}
_CHOOSE_THE_MODE = (
    "The port is of the other kind; choose by the marker, or the argument:",
    "  STARTTLS      @pytest.mark.mailtrap(mode='starttls')",
    "  implicit TLS  @pytest.mark.mailtrap(mode='implicit')",
)
# For a client that cannot send to a good server, where that is said otherwise than of an ordinary trap.
_CONTROL: dict[str, tuple[str, ...]] = {
    "wrong-port": _CHOOSE_THE_MODE,
    "other-mode": _CHOOSE_THE_MODE,
    "not-intercepted": (
        "Let send() send one message in this process, to port 25, 465, 587 or",
        "2525 of a host that is intercepted; programs it starts are not.",
    ),
    "no-connection": (
        "Let send() send one message to the trap:",
        "  host, port  {trap}.host, {trap}.{port}",
        "  each time   reset a throttle, a pool, a de-duplication or a circuit",
        "              breaker that keeps all but the first back",
    ),
    "still-connected": ("The client is still connected: let send() return when the mail is sent.",),
    "other-thread": (
        "send() ran in a thread of its own, which sees nothing of the test's",
        "transaction; run it in the test's thread: timeout=None",
    ),
}
# For one that was cut off while it tried to: what it did so far says little then.
SLOW = ("If it was only slow, give each try more seconds: timeout=60",)


def remedy(
    cause: str, mode: str, clients: Sequence[str] = (), *, is_ambiguous: bool = False
) -> Block:
    """
    The lines for one cause: the sentence, the rows of the *clients* or of the commonest ones, and then the page.

    *is_ambiguous* tells that what was returned may be the status of a program.
    """
    if cause == "cleartext" and mode == "implicit":
        cause = "cleartext-implicit"
    if cause not in _REMEDIES:
        return []
    head, cures = _REMEDIES[cause]
    own = cures_of(cures, clients)
    rows = own or cures_of(cures, GENERIC)
    if cause == "lost" and is_ambiguous:
        own = rows = {**_SUBPROCESS, **_SILENCE}
    elif cause == "lost":
        rows = {**rows, **({} if own else _SUBPROCESS), **_SILENCE}
    if not rows:
        head = (*head[:-1], f"{head[-1].rstrip(':.')}.")
    page = [] if own else [read("clients" if cures else "hostile")]
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
    """The lines for a client that fails at the good server; *trap* is what the test calls it, the rest `advice_for()`'s."""
    if cause in _REMEDIES:
        return remedy(cause, mode, clients)
    if cause in _CONTROL:
        # The port of a hostile trap is that of its mode; one that plays them all has both.
        port = "tls_port" if (trap, mode) == ("mailtrap", "implicit") else "port"
        lines = [line.format(trap=trap, port=port) for line in _CONTROL[cause]]
        return [*lines, read("hostile")]
    return advice_for(
        cause, clients=clients, trap=trap, name=name, may_be_late=False, reported=reported
    )
