"""What to change in the user's code, by cause: a table, and the choice of the row that the evidence allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._terms import TLS_VERSIONS

if TYPE_CHECKING:
    from pytest_mailtrap._transcript import Transcript
    from pytest_mailtrap._transport import Transport

_UPGRADE = (
    "  smtplib     client.starttls(context=ssl.create_default_context())",
    "  Django      EMAIL_USE_TLS = True",
    "  aiosmtplib  start_tls=True",
)

_WAIT = "mailtrap.wait_for(1)"
_WAIT_IN_A_LOOP = "await mailtrap.wait_for_async(1)"

_ADVICE: dict[str, tuple[str, ...]] = {
    "no-connection": (
        "Send to the trap; wait for mail that is sent in the background:",
        "  host, port  mailtrap.host, mailtrap.port (or mailtrap.tls_port)",
        f"  background  {_WAIT}",
    ),
    "nothing-sent": ("The client connected and sent nothing: look for an error it swallows.",),
    "refused": ("The client was told an error: look where it swallows it.",),
    "broken-off": ("The client gave up by itself: look for an error it swallows.",),
    "still-connected": (
        "The client is at it still; wait for its mail:",
        f"  {_WAIT}",
    ),
    "too-large": (
        "The trap takes no message as large as that: see max_message_size, and",
        "look where the client swallows the error.",
    ),
    "auth-outside-tls": (
        "The trap takes passwords only inside TLS (auth_without_tls=False):",
        *_UPGRADE,
    ),
    "wrong-port": (
        "Use the port that fits:",
        "  STARTTLS      mailtrap.port      SMTP, EMAIL_USE_TLS, smtp://",
        "  implicit TLS  mailtrap.tls_port  SMTP_SSL, EMAIL_USE_SSL, smtps://",
    ),
    "not-trusted": (
        "Make the client trust the trap's CA:",
        "  for a while     with mailtrap.trust():",
        "  with a context  context=mailtrap.ssl_context",
        "  by environment  SSL_CERT_FILE set to mailtrap.ca_file, before the",
        "                  client makes its context",
    ),
    # The CA was trusted by environment and in this process: nothing would be gained by telling so once more.
    "context-out-of-reach": (
        "The CA was trusted at that time, but the client's TLS context has it",
        "not: it was made before the test, or with CAs of its own (certifi).",
        "Make it where the mail is sent, or load the CA into it:",
        "  in the call  context=ssl.create_default_context()",
        "  anywhere     context.load_verify_locations(mailtrap.ca_file)",
    ),
    "wrong-name": (
        "The certificate is for the host that the client connected to: see which",
        "name it expects, and write both alike (no final dot).",
    ),
    "wrong-port-intercepted": (
        "Use the port that fits:",
        "  STARTTLS      587 (or 25, 2525)  SMTP, EMAIL_USE_TLS, smtp://",
        "  implicit TLS  465                SMTP_SSL, EMAIL_USE_SSL, smtps://",
    ),
    "not-intercepted": (
        "Only this process's connections to ports 25, 465, 587 and 2525 are",
        "intercepted, not those of programs it starts; late mail is waited for:",
        f"  background  {_WAIT}",
    ),
    "tls-required": ("The trap takes mail only inside TLS (starttls='require'):", *_UPGRADE),
    "auth-required": (
        "The trap asks for authentication (require_auth=True), inside TLS:",
        "  mailtrap.username, mailtrap.password",
    ),
    "auth-refused": (
        "The trap accepts other credentials:",
        "  mailtrap.username, mailtrap.password",
    ),
    "auth-refused-intercepted": (
        "The trap accepts other credentials; tell it those of the application:",
        '  @pytest.mark.mailtrap(credentials=("user", "password"))',
    ),
    "no-common-tls": (
        "Client and trap have no TLS version in common: see the trap's",
        "minimum_tls and maximum_tls, and the client's context.",
    ),
    "no-common-cipher": (
        "Client and trap have no cipher, group or signature algorithm in",
        "common: see the client's context. The trap has an EC certificate.",
    ),
    "client-certificate": (
        "The trap asks for a certificate of its CA (client_certificates=...):",
        '  mailtrap_ca.issue_cert("client").configure_cert(client_context)',
    ),
    "not-authenticated": (
        "Log in before sending, inside TLS:",
        "  smtplib     client.login(mailtrap.username, mailtrap.password)",
        "  Django      EMAIL_HOST_USER, EMAIL_HOST_PASSWORD",
        "  aiosmtplib  username=, password=",
    ),
    "other-username": ("Look at the user name the application is configured with.",),
    "other-mechanism": ("Look at the AUTH mechanisms the client prefers.",),
}


def advice_for(cause: str, *, may_be_late: bool = True, in_a_loop: bool = False) -> list[str]:
    """The lines for one cause; *may_be_late* keeps the advice to wait for mail sent in the background, *in_a_loop* for a coroutine."""
    lines = list(_ADVICE[cause])
    if may_be_late:
        return [line.replace(_WAIT, _WAIT_IN_A_LOOP) for line in lines] if in_a_loop else lines
    if cause == "no-connection":
        return ["Send to the trap:", lines[1]]
    if cause == "still-connected":
        return ["The client is at it still: look for what keeps it, or wait longer."]
    if cause == "not-intercepted":
        return [lines[0], "intercepted, not those of programs it starts."]
    return lines


def blocked_loop_advice() -> list[str]:
    """Who waits for a task of the loop that he keeps from running."""
    return [
        "wait_for() blocks the event loop that the test runs on, and whatever",
        "is to send on it; let it run meanwhile:",
        f"  {_WAIT_IN_A_LOOP}",
    ]


def cleartext_advice(transcript: Transcript) -> list[str]:
    """How to get TLS, or how to insist on it where the trap offered none."""
    return _upgrade(transcript, "sending")


def login_advice(transcript: Transcript) -> list[str]:
    """The same for the password."""
    return _upgrade(transcript, "logging in")


def _upgrade(transcript: Transcript, purpose: str) -> list[str]:
    offered = any(
        line.speaker == "S" and line.text[4:].upper() == "STARTTLS" for line in transcript
    )
    head = (
        f"Upgrade before {purpose}:"
        if offered
        else "Insist on TLS, also where no STARTTLS is offered:"
    )
    return [head, *_UPGRADE]


def version_advice(transport: Transport, minimum: str) -> list[str]:
    """Who kept the version down: the trap's own options, or the client."""
    hello = transport.client_hello
    wanted = TLS_VERSIONS[TLS_VERSIONS.index(minimum) :]
    if hello is not None and set(wanted) & set(hello.versions):
        return ["The client offered it; the trap's maximum_tls kept it down."]
    name = minimum.replace(".", "_")
    return [
        "Let the client's context offer it:",
        f"  context.maximum_version = ssl.TLSVersion.{name}  (or leave it unset)",
    ]
