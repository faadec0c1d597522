"""
What to change in the user's code, by cause: a table, and those of its rows that the evidence supports.

The fixes for each mail library and program are in `_clients.fixes`; this file holds what applies to all of them.

Rules of this file: pure; a message ends with a fix for the client, or with the page to read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_mailtrap._clients.fixes import GENERIC, fix_rows
from pytest_mailtrap._text.pages import read
from pytest_mailtrap._text.terms import TLS_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_mailtrap._facts.transcript import Transcript
    from pytest_mailtrap._facts.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """
    The advice for one cause.

    *head* is a sentence. *fixes* is the key of the fixes if they differ by client; *rows* are shown instead if the client is unknown.
    *page* is the page to read.
    *own* is the sentence before a fix for a known client, if it differs from *head*.
    *swallowed* says that the advice is to look for an error that the application swallows.
    """

    head: tuple[str, ...]
    fixes: str = ""
    rows: tuple[str, ...] = ()
    page: str = "clients"
    own: tuple[str, ...] = ()
    swallowed: bool = False


_WAIT = "{trap}.wait_for(1)"
_WAIT_IN_A_LOOP = "await {trap}.wait_for_async(1)"
_PORTS = (
    "  STARTTLS      587 (or 25, 2525)  SMTP, EMAIL_USE_TLS, smtp://",
    "  implicit TLS  465                SMTP_SSL, EMAIL_USE_SSL, smtps://",
)

_ADVICE: dict[str, Advice] = {
    "no-connection": Advice(
        head=("Send to the trap; wait for mail that is sent in the background:",),
        rows=(
            "  host, port  {trap}.host, {trap}.port (or {trap}.tls_port)",
            f"  background  {_WAIT}",
        ),
        page="readme",
    ),
    "nothing-sent": Advice(
        head=("The client connected but sent no mail: look for a swallowed error.",),
        swallowed=True,
    ),
    "refused": Advice(
        head=("The client received an error: look for where it is swallowed.",), swallowed=True
    ),
    "broken-off": Advice(
        head=("The client gave up on its own: look for a swallowed error.",), swallowed=True
    ),
    "still-connected": Advice(
        head=("The client is still connected; wait for its mail:",),
        rows=(f"  {_WAIT}",),
        page="background",
    ),
    "too-large": Advice(
        head=("The trap does not accept messages that large: see max_message_size.",),
        page="readme",
    ),
    "never-upgraded": Advice(
        head=(
            "The client never sent STARTTLS, which was offered; AUTH is offered",
            "only inside TLS. Upgrade before logging in:",
        ),
        fixes="upgrade",
    ),
    "auth-outside-tls": Advice(
        head=("The trap accepts passwords only inside TLS (auth_without_tls=False):",),
        fixes="upgrade",
    ),
    "gave-up-before-tls": Advice(
        head=(
            "The client gave up between the 220 and the handshake: the error is in",
            "how the application creates its TLS context, or in the files it loads.",
        ),
    ),
    "wrong-port": Advice(
        head=("Use the port that fits:",),
        rows=(
            "  STARTTLS      {trap}.port      SMTP, EMAIL_USE_TLS, smtp://",
            "  implicit TLS  {trap}.tls_port  SMTP_SSL, EMAIL_USE_SSL, smtps://",
        ),
        fixes="mode",
        own=(
            "Use the port that fits: {trap}.port for STARTTLS, {trap}.tls_port",
            "for implicit TLS, and the client for that kind:",
        ),
    ),
    "wrong-port-intercepted": Advice(
        head=("Use the port that fits:",),
        rows=_PORTS,
        fixes="mode",
        page="intercept",
        own=(
            "Use the port that fits: 587 (or 25, 2525) for STARTTLS, 465 for",
            "implicit TLS, and the client for that kind:",
        ),
    ),
    "not-trusted": Advice(
        head=("Make the client trust the trap's CA:",),
        rows=(
            "  for a block     with {trap}.trust():",
            "  with a context  context={trap}.ssl_context",
            "  by environment  SSL_CERT_FILE set to {trap}.ca_file, before the",
            "                  client creates its context",
        ),
        fixes="trust",
    ),
    # The CA was trusted through the environment and in this process: the same advice again would not help.
    "context-out-of-reach": Advice(
        head=(
            "The CA was trusted at that time, but the client's TLS context does not",
            "have it: it was created before the test, or with its own CAs.",
        ),
        rows=(
            "  Python   context=ssl.create_default_context() in the call, or",
            "           context.load_verify_locations({trap}.ca_file)",
            "  program  its option or variable for CAs, set to {trap}.ca_file",
        ),
        fixes="out-of-reach",
    ),
    "wrong-host": Advice(
        head=("The certificate is for localhost, not for {name}:",),
        rows=(
            "  connect to  {trap}.host, {trap}.port",
            '  or keep it  @pytest.mark.mailtrap(intercept=["{name}"])',
        ),
        page="intercept",
    ),
    "wrong-name": Advice(
        head=(
            "The certificate is for the host that the client connected to: check",
            "which name it expects, and make the two match (no trailing dot).",
        ),
        page="intercept",
    ),
    "not-intercepted": Advice(
        head=(
            "Only this process's connections to ports 25, 465, 587 and 2525 are",
            "intercepted, not those of programs it starts. To wait for late mail:",
        ),
        rows=(f"  background  {_WAIT}",),
        page="intercept",
    ),
    "tls-required": Advice(
        head=("The trap accepts mail only inside TLS (starttls='require'):",), fixes="upgrade"
    ),
    "auth-required": Advice(
        head=("The trap requires authentication (require_auth=True), inside TLS:",),
        rows=("  {trap}.username, {trap}.password",),
        fixes="login",
    ),
    "auth-refused": Advice(
        head=("The trap accepts different credentials:",),
        rows=(
            "  {trap}.username, {trap}.password",
            '  or yours: @pytest.mark.mailtrap(credentials=("user", "password"))',
        ),
        page="readme",
    ),
    "auth-refused-intercepted": Advice(
        head=("The trap accepts different credentials; give it the application's:",),
        rows=(
            '  @pytest.mark.mailtrap(credentials=("user", "password"))',
            "  or for the whole run: mailtrap_credentials = VARIABLE",
        ),
        page="intercept",
    ),
    "mechanism-not-offered": Advice(
        head=(
            "The trap does not offer that AUTH mechanism: make the client use one",
            "of those after 250-AUTH in the transcript.",
        ),
    ),
    "no-common-tls": Advice(
        head=(
            "The client and the trap have no TLS version in common: see the trap's",
            "minimum_tls and maximum_tls, and the client's context.",
        ),
        page="readme",
    ),
    "no-common-cipher": Advice(
        head=(
            "The client and the trap have no cipher, group or signature algorithm in",
            "common: see the client's context. The trap has an EC certificate.",
        ),
        page="readme",
    ),
    "client-certificate": Advice(
        head=("The trap asks for a certificate from its CA (client_certificates=...):",),
        rows=('  mailtrap_ca.issue_cert("client").configure_cert(client_context)',),
        page="readme",
    ),
    "not-authenticated": Advice(head=("Log in before sending, inside TLS:",), fixes="login"),
    "other-username": Advice(
        head=("Check the user name in the application's configuration.",), page="readme"
    ),
    "other-mechanism": Advice(head=("Check which AUTH mechanisms the client prefers.",)),
    "cleartext-offered": Advice(head=("Upgrade before {purpose}:",), fixes="upgrade"),
    "cleartext-not-offered": Advice(
        head=("Require TLS, even if STARTTLS is not offered:",), fixes="upgrade"
    ),
}


def advice_for(
    cause: str,
    *,
    clients: Sequence[str] = (),
    trap: str = "mailtrap",
    name: str = "",
    purpose: str = "sending",
    may_be_late: bool = True,
    in_a_loop: bool = False,
    reported: bool = False,
) -> list[str]:
    """
    The lines for one cause.

    *clients* are the mail libraries or programs that may have sent it.
    *trap* is the name of the trap in the test, *name* the requested host.
    *may_be_late* keeps the advice to wait for mail sent in the background; *in_a_loop* words it for a coroutine.
    *reported* says that the error was not swallowed, so there is no advice to look for one.
    """
    advice = _ADVICE[cause]
    if reported and advice.swallowed:
        return [read(advice.page)]
    lines = _lines(advice, clients)
    if in_a_loop:
        lines = [line.replace(_WAIT, _WAIT_IN_A_LOOP) for line in lines]
    if not may_be_late:
        lines = _without_waiting(cause, lines)
    return [_filled(line, trap=trap, name=name, purpose=purpose) for line in lines]


def _filled(line: str, **words: str) -> str:
    for word, meant in words.items():
        line = line.replace(f"{{{word}}}", meant)
    return line


def _lines(advice: Advice, clients: Sequence[str]) -> list[str]:
    own = fix_rows(advice.fixes, clients) if advice.fixes else []
    if own:
        return [*(advice.own or advice.head), *own]
    rows = advice.rows or tuple(fix_rows(advice.fixes, GENERIC) if advice.fixes else ())
    return [*advice.head, *rows, read(advice.page)]


def _without_waiting(cause: str, lines: list[str]) -> list[str]:
    """The same advice for a test that has already waited."""
    if cause == "no-connection":
        return ["Send to the trap:", lines[1], lines[-1]]
    if cause == "still-connected":
        return [
            "The client is still connected: see what blocks it, or wait longer.",
            lines[-1],
        ]
    if cause == "not-intercepted":
        return [lines[0], "intercepted, not those of programs it starts.", lines[-1]]
    return lines


def blocked_loop_advice() -> list[str]:
    """What to do instead of a blocking wait, which keeps the loop from running the task that sends."""
    return [
        "wait_for() blocks the event loop that the test runs on, and with it",
        "the code that sends. Let the loop run in the meantime:",
        f"  {_filled(_WAIT_IN_A_LOOP, trap='mailtrap')}",
        read("asyncio"),
    ]


def cleartext_advice(transcript: Transcript, clients: Sequence[str] = ()) -> list[str]:
    """How to use TLS, or how to require it if the trap did not offer it."""
    return _upgrade(transcript, "sending", clients)


def login_advice(transcript: Transcript, clients: Sequence[str] = ()) -> list[str]:
    """The same for logging in."""
    return _upgrade(transcript, "logging in", clients)


def _upgrade(transcript: Transcript, purpose: str, clients: Sequence[str]) -> list[str]:
    offered = any(
        line.speaker == "S" and line.text[4:].upper() == "STARTTLS" for line in transcript
    )
    cause = "cleartext-offered" if offered else "cleartext-not-offered"
    return advice_for(cause, clients=clients, purpose=purpose)


def version_advice(transport: Transport, minimum: str) -> list[str]:
    """What kept the version down: the trap's own options, or the client."""
    hello = transport.client_hello
    wanted = TLS_VERSIONS[TLS_VERSIONS.index(minimum) :]
    if hello is not None and set(wanted) & set(hello.versions):
        return ["The client offered it; the trap's maximum_tls ruled it out.", read("readme")]
    name = minimum.replace(".", "_")
    return [
        "Make the client's context offer it:",
        f"  context.maximum_version = ssl.TLSVersion.{name}  (or leave it unset)",
        read("clients"),
    ]
