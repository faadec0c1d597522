"""
Real clients, each used as its users write it: over STARTTLS and over implicit TLS, verifying our certificate.

Each of them has a control: without trust in the CA it sends nothing, and the trap reports why.
"""

from __future__ import annotations

import asyncio
import shutil
import smtplib
import ssl
import subprocess
from email.message import EmailMessage

import pytest
from _trap_talk import SECONDS, until

aiosmtplib = pytest.importorskip("aiosmtplib")
django_smtp = pytest.importorskip("django.core.mail.backends.smtp")

REFUSALS = {
    "client rejected the certificate: unknown CA",
    (
        "client closed the connection during the handshake, without giving a reason: "
        "it may have rejected the certificate"
    ),
}
MODES = {"STARTTLS": "starttls", "implicit TLS": "implicit"}
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="the openssl program is not installed"
)


def message() -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "shop@example.org", "bob@example.org", "Your order"
    mail.set_content("It is on its way.\n")
    return mail


# -- the clients: each takes trap and mode, and the path of a CA or None for its default -----------


def by_smtplib(trap, mode, ca):
    context = ssl.create_default_context(cafile=ca)
    if mode == "implicit":
        client = smtplib.SMTP_SSL(trap.host, trap.tls_port, context=context, timeout=SECONDS)
    else:
        client = smtplib.SMTP(trap.host, trap.port, timeout=SECONDS)
    with client:
        if mode == "starttls":
            client.starttls(context=context)
        client.login(trap.username, trap.password)
        client.send_message(message())


def by_aiosmtplib(trap, mode, ca):
    asyncio.run(
        aiosmtplib.send(
            message(),
            hostname=trap.host,
            port=trap.tls_port if mode == "implicit" else trap.port,
            use_tls=mode == "implicit",
            start_tls=mode == "starttls",
            cert_bundle=ca,
            username=trap.username,
            password=trap.password,
            timeout=SECONDS,
        )
    )


def by_django(trap, mode, ca):
    """The backend has no parameter for a CA: what it trusts comes from the environment."""
    from django.conf import settings
    from django.core.mail import EmailMessage as DjangoMessage

    if not settings.configured:
        settings.configure()
    backend = django_smtp.EmailBackend(
        alias="default",  # Django 6.1 wants one, older versions do not mind it
        host=trap.host,
        port=trap.tls_port if mode == "implicit" else trap.port,
        username=trap.username,
        password=trap.password,
        use_tls=mode == "starttls",
        use_ssl=mode == "implicit",
        timeout=SECONDS,
    )
    mail = DjangoMessage(
        "Your order", "It is on its way.\n", "shop@example.org", ["bob@example.org"]
    )
    with pytest.MonkeyPatch.context() as patch:
        if ca is not None:
            patch.setenv("SSL_CERT_FILE", str(ca))
        try:
            backend.send_messages([mail])
        finally:
            backend.close()


def by_curl(trap, mode, ca):
    url = trap.smtps_url if mode == "implicit" else trap.smtp_url
    run(
        *("curl", "--silent", "--show-error", "--max-time", str(SECONDS)),
        *([] if mode == "implicit" else ["--ssl-reqd"]),
        *([] if ca is None else ["--cacert", ca]),
        *("--user", f"{trap.username}:{trap.password}"),
        *("--mail-from", "shop@example.org", "--mail-rcpt", "bob@example.org"),
        *("--upload-file", "-", url),
        text=str(message()),
    )


def by_openssl(trap, mode, ca):
    """`openssl s_client` as used interactively, with the dialogue typed in, reply by reply."""
    arguments = (
        ["-connect", f"localhost:{trap.tls_port}"]
        if mode == "implicit"
        else ["-connect", f"localhost:{trap.port}", "-starttls", "smtp"]
    )
    trust = [] if ca is None else ["-CAfile", str(ca)]
    process = subprocess.Popen(
        [
            *("openssl", "s_client", *arguments, *trust, "-servername", "localhost"),
            *("-verify_return_error", "-verify_hostname", "localhost", "-crlf", "-quiet"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    with process:
        try:
            # s_client keeps the greeting of STARTTLS to itself.
            expect(process, None if mode == "starttls" else "220")
            say(process, "EHLO shop.example.org", "250")
            say(process, "MAIL FROM:<shop@example.org>", "250")
            say(process, "RCPT TO:<bob@example.org>", "250")
            say(process, "DATA", "354")
            say(process, f"Subject: Your order\n\n{message().get_content()}.", "250")
            say(process, "QUIT", "221")
        finally:
            process.kill()


def expect(process, code):
    """The last line of the next reply; after STARTTLS the 250 of the EHLO inside s_client is the first."""
    line = process.stdout.readline() if code else ""
    while line[3:4] == "-":
        line = process.stdout.readline()
    if code and not line.startswith(code):
        raise subprocess.CalledProcessError(1, "openssl s_client", line)


def say(process, text, code):
    try:
        process.stdin.write(f"{text}\n")
        process.stdin.flush()
    except BrokenPipeError:
        raise subprocess.CalledProcessError(1, "openssl s_client") from None
    expect(process, code)


def run(*command, text):
    subprocess.run(
        [str(word) for word in command],
        input=text,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )


CLIENTS = [
    pytest.param(by_smtplib, ssl.SSLCertVerificationError, id="smtplib"),
    pytest.param(
        by_aiosmtplib, (aiosmtplib.SMTPException, ssl.SSLCertVerificationError), id="aiosmtplib"
    ),
    pytest.param(by_django, ssl.SSLCertVerificationError, id="Django"),
    pytest.param(by_curl, subprocess.CalledProcessError, id="curl", marks=needs_curl),
    pytest.param(by_openssl, subprocess.CalledProcessError, id="openssl", marks=needs_openssl),
]


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
@pytest.mark.parametrize(("send", "error"), CLIENTS)
def test_it_sends_and_verifies(mailtrap, send, error, mode):
    """With the CA trusted, each of them sends over TLS, with the password inside it."""
    send(mailtrap, mode, mailtrap.ca_file)
    [captured] = mailtrap
    assert captured.subject == "Your order"
    # curl ends what it is given with a line ending of its own.
    assert captured.text.rstrip() == "It is on its way."
    assert captured.mail_from == "shop@example.org"
    assert captured.rcpt_tos == ("bob@example.org",)
    assert captured.transport.negotiated_by == mode
    assert captured.transport.sni == "localhost"
    mailtrap.assert_sent_over_tls()
    if send is not by_openssl:
        mailtrap.assert_authenticated(username=mailtrap.username)


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
@pytest.mark.parametrize(("send", "error"), CLIENTS)
def test_without_trust_it_refuses(mailtrap, send, error, mode):
    """The control: without the CA nothing arrives, and the trap's diagnosis is correct."""
    with pytest.raises(error):
        send(mailtrap, mode, None)
    # curl may have tried the other address of localhost, too, and closed that connection without a word.
    [connection] = [one for one in mailtrap.connections if one.client_hello]
    until(lambda: connection.ended_by)
    with pytest.raises(AssertionError, match="Make the client trust the trap's CA:") as caught:
        mailtrap.assert_sent_over_tls()
    assert connection.handshake_error in REFUSALS or (
        "closed by the client right after the handshake" in str(caught.value)
    )
    assert connection.auths == ()
    assert not [line for line in connection.transcript if line.text.upper().startswith("MAIL")]


@pytest.mark.mailtrap(starttls="off")
@pytest.mark.parametrize(("send", "error"), CLIENTS[:4])
def test_without_starttls_it_insists(mailtrap, send, error):
    """If STARTTLS is missing, none of them continues in cleartext."""
    with pytest.raises(
        (smtplib.SMTPNotSupportedError, aiosmtplib.SMTPException, subprocess.CalledProcessError)
    ):
        send(mailtrap, "starttls", mailtrap.ca_file)
    assert len(mailtrap) == 0
    assert mailtrap.connections[0].auths == ()
