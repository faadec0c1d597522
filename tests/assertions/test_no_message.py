"""The failure text if no message arrived: what happened on the connections, and advice that fits it."""

from __future__ import annotations

import pytest
from _trap_failures import failure

EMPTY = """
def test_it(mailtrap{options}):
    {code}
    mailtrap.{check}()
"""
CHECKS = (
    "assert_sent_over_tls",
    "assert_authenticated",
    "assert_smime_signed",
    "assert_smime_encrypted",
)
NOTHING = (
    "no message reached the trap\n"
    "\n"
    "  nothing connected to localhost:P (STARTTLS) or\n"
    "  localhost:T (implicit TLS)\n"
    "\n"
    "Send to the trap; wait for mail that is sent in the background:\n"
    "  host, port  mailtrap.host, mailtrap.port (or mailtrap.tls_port)\n"
    "  background  mailtrap.wait_for(1)\n"
    "More: README.md"
)


@pytest.mark.parametrize("check", CHECKS)
def test_no_assertion_passes_on_an_empty_trap(pytester, check):
    """If nothing connected, every assertion fails and says so."""
    assert failure(pytester, EMPTY.format(options="", code="pass", check=check)) == NOTHING


def nothing(pytester, code, marker=""):
    """The failure text if *code* sends nothing."""
    test = EMPTY.format(options="", code=code.strip().replace("\n", "\n    "), check=CHECKS[0])
    return failure(pytester, f"{marker}\n{test.strip()}\n")


def test_client_that_does_not_trust(pytester):
    """The handshake failed: the advice is how to trust the CA."""
    code = """
with pytest.raises(ssl.SSLError), smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
    client.starttls(context=ssl.create_default_context())
"""
    assert nothing(pytester, code) == (
        "no message reached the trap\n"
        "\n"
        "  connection 1 on the STARTTLS port:\n"
        "      client rejected the certificate: unknown CA\n"
        "\n"
        "Make the client trust the trap's CA:\n"
        "  smtplib  context=mailtrap.ssl_context,\n"
        "           or with mailtrap.trust():"
    )


@pytest.mark.parametrize(
    ("code", "where", "what", "fix"),
    [
        (
            "with pytest.raises(ssl.SSLError): smtplib.SMTP_SSL(mailtrap.host, mailtrap.port)",
            "STARTTLS",
            "client spoke implicit TLS, but this is the STARTTLS port",
            (
                "Use the port that fits: mailtrap.port for STARTTLS, mailtrap.tls_port\n"
                "for implicit TLS, and the client for that kind:\n"
                "  smtplib  SMTP for STARTTLS, SMTP_SSL for implicit TLS"
            ),
        ),
        (
            "with socket.create_connection(('localhost', mailtrap.tls_port)) as sock: sock.sendall(b'EHLO a\\r\\n')",
            "implicit TLS",
            "client spoke cleartext (EHLO) on the implicit TLS port",
            (
                "Use the port that fits:\n"
                "  STARTTLS      mailtrap.port      SMTP, EMAIL_USE_TLS, smtp://\n"
                "  implicit TLS  mailtrap.tls_port  SMTP_SSL, EMAIL_USE_SSL, smtps://\n"
                "More: docs/clients.md"
            ),
        ),
    ],
)
def test_wrong_port(pytester, code, where, what, fix):
    """Implicit TLS and STARTTLS mixed up: the advice says which port is for what, in the client's own API if it is known."""
    assert nothing(pytester, code) == (
        f"no message reached the trap\n\n  connection 1 on the {where} port:\n      {what}\n\n{fix}"
    )


def refused(pytester, marker, login="pass", tls=False):
    code = f"""
with connect(mailtrap, tls={tls}) as client:
    {login}
    with pytest.raises(smtplib.SMTPException):
        send(client)
"""
    return nothing(pytester, code, f"@pytest.mark.mailtrap({marker})")


def test_tls_required(pytester):
    """If the trap's own option refused the mail, the option is named."""
    assert refused(pytester, "starttls='require'") == (
        "no message reached the trap\n"
        "\n"
        "  connection 1 on the STARTTLS port:\n"
        "      the trap answered 530 Must issue a STARTTLS command first\n"
        "\n"
        "The trap accepts mail only inside TLS (starttls='require'):\n"
        "  smtplib  client.starttls(context=ssl.create_default_context())"
    )


def test_auth_required(pytester):
    """The same for require_auth."""
    assert refused(pytester, "require_auth=True", tls=True) == (
        "no message reached the trap\n"
        "\n"
        "  connection 1 on the STARTTLS port:\n"
        "      the trap answered 530 5.7.0 Authentication required\n"
        "\n"
        "The trap requires authentication (require_auth=True), inside TLS:\n"
        "  smtplib  client.login(mailtrap.username,\n"
        "                        mailtrap.password)"
    )


def test_credentials_refused(pytester):
    """The client used the wrong credentials."""
    code = """
with connect(mailtrap) as client:
    with pytest.raises(smtplib.SMTPAuthenticationError):
        client.login("somebody", "something")
"""
    assert nothing(pytester, code) == (
        "no message reached the trap\n"
        "\n"
        "  connection 1 on the STARTTLS port:\n"
        "      the trap answered 535 5.7.8 Authentication credentials invalid\n"
        "\n"
        "The trap accepts different credentials:\n"
        "  mailtrap.username, mailtrap.password\n"
        '  or yours: @pytest.mark.mailtrap(credentials=("user", "password"))\n'
        "More: README.md"
    )


def test_no_common_version(pytester):
    """Client and trap have no TLS version in common."""
    code = """
with pytest.raises(ssl.SSLError):
    connect(mailtrap, maximum=ssl.TLSVersion.TLSv1_2)
"""
    marker = "@pytest.mark.filterwarnings('ignore::pytest.PytestUnraisableExceptionWarning')\n@pytest.mark.mailtrap(minimum_tls='TLSv1.3')"
    assert nothing(pytester, code, marker) == (
        "no message reached the trap\n"
        "\n"
        "  connection 1 on the STARTTLS port:\n"
        "      no common TLS version: the client offers only TLSv1.2\n"
        "\n"
        "The client and the trap have no TLS version in common: see the trap's\n"
        "minimum_tls and maximum_tls, and the client's context.\n"
        "More: README.md"
    )


def test_client_certificate_missing(pytester):
    """The trap asked for a client certificate."""
    code = """
context = mailtrap.ssl_context
context.maximum_version = ssl.TLSVersion.TLSv1_2
with pytest.raises(ssl.SSLError):
    smtplib.SMTP_SSL(mailtrap.host, mailtrap.tls_port, context=context)
"""
    assert nothing(pytester, code, "@pytest.mark.mailtrap(client_certificates='require')") == (
        "no message reached the trap\n"
        "\n"
        "  connection 1 on the implicit TLS port:\n"
        "      client sent no certificate, and the trap requires one\n"
        "\n"
        "The trap asks for a certificate from its CA (client_certificates=...):\n"
        '  mailtrap_ca.issue_cert("client").configure_cert(client_context)\n'
        "More: README.md"
    )


def test_client_that_said_something_and_left(pytester):
    """A client that connected, spoke and sent nothing."""
    code = "with connect(mailtrap) as client: client.ehlo()"
    assert nothing(pytester, code) == (
        "no message reached the trap\n"
        "\n"
        "  connection 1 on the STARTTLS port:\n"
        "      sent ehlo, STARTTLS, ehlo, QUIT, but no message\n"
        "\n"
        "The client connected but sent no mail: look for a swallowed error.\n"
        "More: docs/clients.md"
    )


def test_client_that_closed_after_the_handshake(pytester):
    """curl and GnuTLS finish the handshake before they verify the certificate: the reason shown is missing trust."""
    code = """
context = ssl.create_default_context(cafile=mailtrap.ca_file)
with socket.create_connection(("127.0.0.1", mailtrap.tls_port)) as sock:
    with context.wrap_socket(sock, server_hostname="localhost") as client:
        client.recv(1)
"""
    text = nothing(pytester, code)
    assert "      closed by the client right after the handshake\n" in text
    assert "Make the client trust the trap's CA:\n" in text


def test_many_failed_connections(pytester):
    """Of many connections, the last ones are shown, with advice for the likeliest of their reasons."""
    code = """
context = ssl.create_default_context()
for _ in range(12):
    with pytest.raises(ssl.SSLError), smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
        client.starttls(context=context)
"""
    lines = nothing(pytester, code).splitlines()
    assert lines[:4] == [
        "no message reached the trap",
        "",
        "  ... after 7 other connections",
        "  connection 8 on the STARTTLS port:",
    ]
    assert lines[-3] == "Make the client trust the trap's CA:"


def test_passwords_in_cleartext_refused(pytester):
    """A client that logs in before TLS is advised to upgrade, not that its password is wrong."""
    code = """
with connect(mailtrap, tls=False) as client:
    client.ehlo("client")
    assert plain(client, mailtrap.username, mailtrap.password)[0] == 538
"""
    assert nothing(pytester, code) == (
        "no message reached the trap\n"
        "\n"
        "  connection 1 on the STARTTLS port:\n"
        "      the trap answered 538 5.7.11 Encryption required for requested\n"
        "      authentication mechanism\n"
        "\n"
        "The trap accepts passwords only inside TLS (auth_without_tls=False):\n"
        "  smtplib  client.starttls(context=ssl.create_default_context())"
    )


@pytest.mark.parametrize(
    ("announce", "reply"),
    [
        (True, "552 Error: message size exceeds fixed maximum\n      message size"),
        (False, "552 5.3.4 Message exceeds the maximum size"),
    ],
)
def test_too_large(pytester, announce, reply):
    """A message over the limit: the option is named, whether the client announced the size or not."""
    code = f"""
with connect(mailtrap) as client:
    client.ehlo("client")
    if not {announce}:
        del client.esmtp_features["size"]
    with pytest.raises(smtplib.SMTPException):
        send(client, data=MAIL * 100)
"""
    assert nothing(pytester, code, "@pytest.mark.mailtrap(max_message_size=1000)") == (
        "no message reached the trap\n"
        "\n"
        "  connection 1 on the STARTTLS port:\n"
        f"      the trap answered {reply}\n"
        "\n"
        "The trap does not accept messages that large: see max_message_size.\n"
        "More: README.md"
    )


@pytest.mark.parametrize("code", [451, 530, 535, 538, 552])
def test_scripted_refusal(pytester, code):
    """A refusal scripted by the test is not attributed to the trap's options."""
    assert nothing(
        pytester,
        f"""
mailtrap.reply("MAIL", {code}, "says the test")
with connect(mailtrap) as client:
    with pytest.raises(smtplib.SMTPException):
        send(client)
""",
    ) == (
        "no message reached the trap\n"
        "\n"
        "  connection 1 on the STARTTLS port:\n"
        f"      the trap answered {code} says the test\n"
        "\n"
        "The client received an error: look for where it is swallowed.\n"
        "More: docs/clients.md"
    )


IN_DATA = """
client = connect(mailtrap)
client.ehlo()
client.mail("a@example.org")
client.rcpt("b@example.org")
assert client.docmd("DATA")[0] == 354
client.sock.sendall(b"Subject: half")
{end}
"""


def test_broken_off(pytester):
    """A client that disconnected in the middle of a message."""
    assert nothing(pytester, IN_DATA.format(end="client.close()")) == (
        "no message reached the trap\n"
        "\n"
        "  connection 1 on the STARTTLS port:\n"
        "      left in the middle of a message\n"
        "\n"
        "The client gave up on its own: look for a swallowed error.\n"
        "More: docs/clients.md"
    )


def test_still_sending(pytester):
    """The same client while it is still sending: no error is mentioned, and the advice is how to wait."""
    code = IN_DATA.format(end="request.addfinalizer(client.close)")
    test = EMPTY.format(
        options=", request", code=code.strip().replace("\n", "\n    "), check=CHECKS[0]
    )
    assert failure(pytester, test) == (
        "no message reached the trap\n"
        "\n"
        "  connection 1 on the STARTTLS port:\n"
        "      is in the middle of a message\n"
        "\n"
        "The client is still connected; wait for its mail:\n"
        "  mailtrap.wait_for(1)\n"
        "More: docs/background.md"
    )


def test_still_connected_after_waiting(pytester):
    """A client is still connected when the wait times out: the advice is not to wait, which the test already did."""
    test = """
def test_it(mailtrap, request):
    client = connect(mailtrap)
    request.addfinalizer(client.close)
    client.ehlo()
    mailtrap.wait_for(1, timeout=0.01)
"""
    assert failure(pytester, test) == (
        "no message arrived within 0.01 s\n"
        "\n"
        "  connection 1 on the STARTTLS port:\n"
        "      is still connected, and has sent ehlo, STARTTLS, ehlo so far\n"
        "\n"
        "The client is still connected: see what blocks it, or wait longer.\n"
        "More: docs/background.md"
    )


def test_no_common_cipher(pytester):
    """A client that accepts only RSA certificates: the problem is its context, not its version."""
    code = """
context = mailtrap.ssl_context
context.maximum_version = ssl.TLSVersion.TLSv1_2
context.set_ciphers("aRSA")
with pytest.raises(ssl.SSLError):
    smtplib.SMTP_SSL(mailtrap.host, mailtrap.tls_port, context=context)
"""
    assert nothing(pytester, code) == (
        "no message reached the trap\n"
        "\n"
        "  connection 1 on the implicit TLS port:\n"
        "      no common cipher\n"
        "\n"
        "The client and the trap have no cipher, group or signature algorithm in\n"
        "common: see the client's context. The trap has an EC certificate.\n"
        "More: README.md"
    )


def test_the_likeliest_reason_is_advised(pytester):
    """If there are several failures, all are shown, and the advice is for the one that explains the most."""
    code = """
with connect(mailtrap, tls=False) as client:
    client.ehlo()
with pytest.raises(ssl.SSLError), smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
    client.starttls(context=ssl.create_default_context())
"""
    assert nothing(pytester, code) == (
        "no message reached the trap\n"
        "\n"
        "  connection 1 on the STARTTLS port:\n"
        "      sent ehlo, QUIT, but no message\n"
        "  connection 2 on the STARTTLS port:\n"
        "      client rejected the certificate: unknown CA\n"
        "\n"
        "Make the client trust the trap's CA:\n"
        "  smtplib  context=mailtrap.ssl_context,\n"
        "           or with mailtrap.trust():"
    )
