"""What to change in an application that trusted a hostile server: a table, by cause."""

from __future__ import annotations

_VERIFY = (
    "Let the client verify the server's certificate:",
    "  smtplib     context=ssl.create_default_context()",
    "  Django      4.2 or newer, with its own SMTP backend",
    "  aiosmtplib  validate_certs=True, as by default",
)
_INSIST = (
    "Insist on TLS, and let no error of it lead to a try without:",
    "  smtplib     starttls() always, not if has_extn('starttls')",
    "  Django      EMAIL_USE_TLS = True",
    "  aiosmtplib  start_tls=True",
)
_INSIST_IMPLICIT = (
    "Speak TLS from the first byte, and let no error lead to less:",
    "  smtplib     SMTP_SSL(..., context=ssl.create_default_context())",
    "  Django      EMAIL_USE_SSL = True",
    "  aiosmtplib  use_tls=True",
)
_REMEDIES: dict[str, tuple[str, ...]] = {
    "cleartext": _INSIST,
    "impostor": _VERIFY,
    "outdated": (
        "Speak TLS 1.2 at least, as a default context does:",
        "  context.minimum_version = ssl.TLSVersion.TLSv1_2",
    ),
    "weak": (
        "Leave OpenSSL's security level where it is:",
        "  no @SECLEVEL=0 or @SECLEVEL=1 in context.set_ciphers()",
    ),
    "spoke-out-of-turn": (
        "Discard what has come before the handshake (RFC 3207, section 4.2):",
        "a matter for the client library; look for a newer version of it.",
    ),
    "forbidden-command": (
        "Forget what was offered before TLS, and say EHLO again inside it",
        "(RFC 3207, section 4.2): a matter for the client library.",
    ),
    "went-without": ("Check that REQUIRETLS is offered, each time, before MAIL FROM.",),
    "needs-unused": (
        "The scenario is for applications that ask for REQUIRETLS:",
        "  smtplib     mail_options=['REQUIRETLS']",
    ),
    "false-success": (
        "Take nothing but the 250 after the message for success, and let the",
        "error of a lost connection reach the caller.",
    ),
    "lost": (
        "Let the error reach the caller, or allow silence where it is meant:",
        "  Django      fail_silently=False",
        "  subprocess  check=True",
        "  logging     assert_client_refuses(..., may_fail_silently=True)",
    ),
    "hung": (
        "Give the client a timeout, shorter than the assertion's:",
        "  smtplib     timeout=5",
        "  Django      EMAIL_TIMEOUT = 5",
        "  aiosmtplib  timeout=5",
    ),
    "control-characters": ("Log what a server said with %r, or escape it.",),
}
_CHOOSE_THE_MODE = (
    "The port is of the other kind; choose by the marker, or the argument:",
    "  STARTTLS      @pytest.mark.mailtrap(mode='starttls')",
    "  implicit TLS  @pytest.mark.mailtrap(mode='implicit')",
)
# For a client that cannot send to a good server; the causes are those of `_outcomes.diagnosis()`.
_CONTROL: dict[str, tuple[str, ...]] = {
    "context-out-of-reach": (
        "The trap's CA is trusted through SSL_CERT_FILE during the test:",
        "  early context    make it in send(), not when a module is imported",
        "  certifi, own CA  give it {trap}.ca_file as well",
        "  GnuTLS           give it the file by its own option",
    ),
    "wrong-host": ("Connect to {trap}.host, which the certificate is for.",),
    "wrong-name": (
        "The certificate is for the host that the client connected to: see which",
        "name it expects, and write both alike (no final dot).",
    ),
    "wrong-port": _CHOOSE_THE_MODE,
    "other-mode": _CHOOSE_THE_MODE,
    "wrong-port-intercepted": (
        "Use the port that fits:",
        "  STARTTLS      587 (or 25, 2525)  SMTP, EMAIL_USE_TLS, smtp://",
        "  implicit TLS  465                SMTP_SSL, EMAIL_USE_SSL, smtps://",
    ),
    "not-intercepted": (
        "Let send() send one message in this process, to port 25, 465, 587 or",
        "2525 of a host that is intercepted; programs it starts are not.",
    ),
    "no-connection": (
        "Let send() send one message to the trap:",
        "  host, port  {trap}.host, {trap}.{port}",
    ),
    "auth-refused": (
        "The trap accepts these credentials:",
        "  {trap}.username, {trap}.password",
    ),
    "auth-refused-intercepted": (
        "The trap accepts other credentials; tell it those of the application:",
        '  @pytest.mark.mailtrap(credentials=("user", "password"))',
    ),
    "auth-required": (
        "The trap asks for authentication (require_auth=True):",
        "  {trap}.username, {trap}.password",
    ),
    "no-common-tls": ("The client's context allows neither TLS 1.2 nor TLS 1.3.",),
    "no-common-cipher": ("The client's context allows nothing that goes with an EC certificate.",),
    "refused": ("The client was told an error: look where it swallows it.",),
    "broken-off": ("The client gave up by itself: look for an error it swallows.",),
    "still-connected": ("The client is at it still: let send() return when the mail is sent.",),
    "nothing-sent": ("The client connected and sent nothing: look for an error it swallows.",),
}
# For one that was cut off while it tried to: what it did so far says little then.
SLOW = ("If it was but slow, give each try more seconds: timeout=60",)


def remedy(cause: str, mode: str) -> list[str]:
    """The lines for one cause."""
    if cause == "cleartext" and mode == "implicit":
        return list(_INSIST_IMPLICIT)
    return list(_REMEDIES.get(cause, ()))


def control_remedy(cause: str, mode: str, *, trap: str) -> list[str]:
    """The lines for a client that fails at the good server; *trap* is what the test calls it."""
    # The port of a hostile trap is that of its mode; one that plays them all has both.
    port = "tls_port" if (trap, mode) == ("mailtrap", "implicit") else "port"
    lines = _CONTROL.get(cause)
    if lines is None:
        return remedy(cause, mode)
    return [line.format(trap=trap, port=port) for line in lines]
