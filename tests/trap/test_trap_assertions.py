"""The assertions, as pytest shows them: their exact text where they fail, and silence where they hold."""

from __future__ import annotations

import re

import pytest

PREAMBLE = """
import base64, smtplib, socket, ssl, threading
import pytest

MAIL = b"Subject: Reset your password\\r\\n\\r\\n"

def connect(trap, tls=True, maximum=None):
    client = smtplib.SMTP(trap.host, trap.port, timeout=10)
    if tls:
        context = ssl.create_default_context(cafile=trap.ca_file)
        if maximum:
            context.maximum_version = maximum
        client.starttls(context=context)
    return client

def send(client, to="bob@example.org", data=MAIL):
    client.sendmail("noreply@example.org", [to], data)

def plain(client, user, password):
    secret = base64.b64encode(f"\\0{user}\\0{password}".encode()).decode()
    return client.docmd("AUTH", "PLAIN " + secret)
"""


def failure(pytester, code, *args):
    """Run a test; gives the lines that pytest shows of its one failure, with P and T for the ports."""
    pytester.makepyfile(PREAMBLE + code)
    result = pytester.runpytest("-p", "no:randomly", *args)
    result.assert_outcomes(failed=1)
    lines = [line[4:].strip(" ") and line[8:] for line in result.outlines if line[:2] == "E "]
    assert lines[0].startswith("AssertionError: ")
    lines[0] = lines[0].removeprefix("AssertionError: ")
    assert len(lines) <= 18
    assert max(map(len, lines)) <= 72
    # The line shown is the user's.
    result.stdout.no_fnmatch_line("*pytest_mailtrap*_assertions.py:*")
    result.stdout.no_fnmatch_line("*pytest_mailtrap*_trap.py:*")
    result.stdout.no_fnmatch_line("*pytest_mailtrap*_message.py:*")
    text = "\n".join(lines)
    text = re.sub(r"localhost:\d+ \(STARTTLS\)", "localhost:P (STARTTLS)", text)
    return re.sub(r"localhost:\d+ \(implicit", "localhost:T (implicit", text)


def passes(pytester, code):
    pytester.makepyfile(PREAMBLE + code)
    pytester.runpytest().assert_outcomes(passed=1)


# -- assert_sent_over_tls ----------------------------------------------------------------------

CLEARTEXT = """
def test_it(mailtrap):
    with connect(mailtrap) as client:
        send(client, "alice@example.org", b"Subject: Welcome\\r\\n\\r\\n")
    with connect(mailtrap, tls={tls}) as client:
        send(client)
    mailtrap.assert_sent_over_tls()
"""


def test_cleartext(pytester):
    """One of two messages came in cleartext though STARTTLS was offered."""
    assert failure(pytester, CLEARTEXT.format(tls=False)) == (
        "1 of 2 messages travelled in cleartext\n"
        "\n"
        '  #1  TLSv1.3, STARTTLS  "Welcome" -> alice@example.org\n'
        '  #2  no TLS             "Reset your password" -> bob@example.org\n'
        "\n"
        "  #2 on the wire:\n"
        "      S: 250-STARTTLS\n"
        "      C: mail FROM:<noreply@example.org> size=32   <-- not inside TLS\n"
        "      S: 250 OK\n"
        "\n"
        "  - expected: TLSv1.2 or newer\n"
        "  + received: cleartext (STARTTLS was offered, never used)\n"
        "\n"
        "Upgrade before sending:\n"
        "  smtplib     client.starttls(context=ssl.create_default_context())\n"
        "  Django      EMAIL_USE_TLS = True\n"
        "  aiosmtplib  start_tls=True"
    )


def test_no_cleartext(pytester):
    """The same with TLS for both holds."""
    passes(pytester, CLEARTEXT.format(tls=True))


NOT_OFFERED = """
@pytest.mark.mailtrap(starttls="{starttls}")
def test_it(mailtrap):
    with connect(mailtrap, tls={tls}) as client:
        send(client)
    [message] = mailtrap
    message.assert_sent_over_tls()
"""


def test_cleartext_where_no_tls_was_offered(pytester):
    """Where the trap offered none, the advice is to insist; a message's assertion speaks of itself alone."""
    assert failure(pytester, NOT_OFFERED.format(starttls="off", tls=False)) == (
        "1 of 1 messages travelled in cleartext\n"
        "\n"
        '  #1  no TLS  "Reset your password" -> bob@example.org\n'
        "\n"
        "  #1 on the wire:\n"
        "      C: mail FROM:<noreply@example.org> size=32   <-- not inside TLS\n"
        "      S: 250 OK\n"
        "\n"
        "  - expected: TLSv1.2 or newer\n"
        "  + received: cleartext (STARTTLS was not offered)\n"
        "\n"
        "Insist on TLS, also where no STARTTLS is offered:\n"
        "  smtplib     client.starttls(context=ssl.create_default_context())\n"
        "  Django      EMAIL_USE_TLS = True\n"
        "  aiosmtplib  start_tls=True"
    )


def test_tls_where_it_was_offered(pytester):
    """The same with TLS holds."""
    passes(pytester, NOT_OFFERED.format(starttls="offer", tls=True))


REFUSED = """
@pytest.mark.mailtrap(starttls="off")
def test_it(mailtrap):
    with connect(mailtrap, tls=False) as client:
        assert client.docmd("STARTTLS")[0] == 502
        send(client)
    mailtrap.assert_sent_over_tls()
"""


def test_starttls_tried_and_refused(pytester):
    """A client that asked for TLS, got none and sent all the same."""
    assert "  + received: cleartext (STARTTLS was tried and refused)\n" in failure(
        pytester, REFUSED
    )


TOO_OLD = """
@pytest.mark.mailtrap(maximum_tls="{trap}")
def test_it(mailtrap):
    with connect(mailtrap, maximum={client}) as client:
        send(client)
    mailtrap.assert_sent_over_tls(minimum="{minimum}")
"""


def test_too_old_because_of_the_client(pytester):
    """The client offers no better: its context is to be changed."""
    code = TOO_OLD.format(trap="TLSv1.3", client="ssl.TLSVersion.TLSv1_2", minimum="TLSv1.3")
    assert failure(pytester, code) == (
        "1 of 1 messages travelled over TLS older than TLSv1.3\n"
        "\n"
        '  #1  TLSv1.2, STARTTLS  "Reset your password" -> bob@example.org\n'
        "\n"
        "  - expected: TLSv1.3 or newer\n"
        "  + received: TLSv1.2 (the client offered TLSv1.2)\n"
        "\n"
        "Let the client's context offer it:\n"
        "  context.maximum_version = ssl.TLSVersion.TLSv1_3  (or leave it unset)"
    )


def test_too_old_because_of_the_trap(pytester):
    """The client offered better: no advice to change it."""
    code = TOO_OLD.format(trap="TLSv1.2", client=None, minimum="TLSv1.3")
    assert failure(pytester, code).endswith(
        "  - expected: TLSv1.3 or newer\n"
        "  + received: TLSv1.2 (the client offered TLSv1.3, TLSv1.2)\n"
        "\n"
        "The client offered it; the trap's maximum_tls kept it down."
    )


@pytest.mark.parametrize(
    ("trap", "client", "minimum"),
    [
        ("TLSv1.3", "ssl.TLSVersion.TLSv1_2", "TLSv1.2"),
        ("TLSv1.2", None, "TLSv1.2"),
        ("TLSv1.3", None, "TLSv1.3"),
    ],
)
def test_new_enough(pytester, trap, client, minimum):
    """What was demanded is enough."""
    passes(pytester, TOO_OLD.format(trap=trap, client=client, minimum=minimum))


MIXED = """
def test_it(mailtrap):
    for maximum, tls in ((ssl.TLSVersion.TLSv1_2, True), (None, True), (None, False), (None, True)):
        with connect(mailtrap, tls, maximum) as client:
            send(client)
    mailtrap.assert_sent_over_tls(minimum="{minimum}")
"""


def test_several_reasons_and_many_messages(pytester):
    """The culprits stand first, and the evidence is the first one's."""
    assert failure(pytester, MIXED.format(minimum="TLSv1.3")) == (
        "2 of 4 messages not sent over TLSv1.3 or newer\n"
        "\n"
        '  #1  TLSv1.2, STARTTLS  "Reset your password" -> bob@example.org\n'
        '  #3  no TLS             "Reset your password" -> bob@example.org\n'
        '  #2  TLSv1.3, STARTTLS  "Reset your password" -> bob@example.org\n'
        '  #4  TLSv1.3, STARTTLS  "Reset your password" -> bob@example.org\n'
        "\n"
        "  - expected: TLSv1.3 or newer\n"
        "  + received: TLSv1.2 (the client offered TLSv1.2)\n"
        "\n"
        "Let the client's context offer it:\n"
        "  context.maximum_version = ssl.TLSVersion.TLSv1_3  (or leave it unset)"
    )


MANY = """
def test_it(mailtrap):
    for number in range(20):
        with connect(mailtrap, tls=number != 12) as client:
            send(client, data=b"Subject: %d " % number + b"long " * 30 + b"\\r\\n\\r\\n")
    mailtrap.assert_sent_over_tls()
"""


def test_twenty_messages(pytester):
    """The message stays within its lines and columns, and the culprit is not left out."""
    lines = failure(pytester, MANY).splitlines()
    assert lines[0] == "1 of 20 messages travelled in cleartext"
    assert lines[2].startswith('  #13  no TLS             "12 long long')
    assert lines[2].endswith("...")
    assert lines[4] == "  ... and 18 more"
    assert lines[-1] == "  aiosmtplib  start_tls=True"
    assert len(lines) == 18


@pytest.mark.parametrize("minimum", ["TLSv1.1", "TLS1.2", "SSLv3", None])
def test_wrong_minimum(mailtrap, minimum):
    """A minimum that is none is an error, also on an empty trap."""
    with pytest.raises(ValueError, match=r"minimum must be TLSv1.2 or TLSv1.3, got "):
        mailtrap.assert_sent_over_tls(minimum=minimum)


# -- assert_authenticated ----------------------------------------------------------------------

AUTHENTICATED = """
def test_it(mailtrap):
    with connect(mailtrap) as client:
        {login}
        send(client)
    mailtrap.assert_authenticated({arguments})
"""
LOGIN = "client.login(mailtrap.username, mailtrap.password)"


def test_not_authenticated(pytester):
    """A message without AUTH."""
    assert failure(pytester, AUTHENTICATED.format(login="pass", arguments="")) == (
        "1 of 1 messages sent without authentication\n"
        "\n"
        '  #1  no AUTH  "Reset your password" -> bob@example.org\n'
        "\n"
        "  #1 on the wire:\n"
        "      C: mail FROM:<noreply@example.org> size=32\n"
        "      S: 250 OK\n"
        "\n"
        "  - expected: AUTH inside TLS\n"
        "  + received: no AUTH\n"
        "\n"
        "Log in before sending, inside TLS:\n"
        "  smtplib     client.login(mailtrap.username, mailtrap.password)\n"
        "  Django      EMAIL_HOST_USER, EMAIL_HOST_PASSWORD\n"
        "  aiosmtplib  username=, password="
    )


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "username=mailtrap.username",
        "mechanism='PLAIN'",
        "username='mailtrap', mechanism='plain'",
    ],
)
def test_authenticated(pytester, arguments):
    """The same with a login holds, also with who and how."""
    passes(pytester, AUTHENTICATED.format(login=LOGIN, arguments=arguments))


def test_other_username(pytester):
    """Somebody else has logged in."""
    assert failure(pytester, AUTHENTICATED.format(login=LOGIN, arguments="username='shop'")) == (
        "1 of 1 messages sent by another user\n"
        "\n"
        "  #1  AUTH PLAIN as 'mailtrap'  \"Reset your password\" -> bob@example.org\n"
        "\n"
        "  #1 on the wire:\n"
        "      C: AUTH PLAIN [redacted]\n"
        "      S: 235 2.7.0 Authentication successful\n"
        "\n"
        "  - expected: AUTH inside TLS as 'shop'\n"
        "  + received: AUTH PLAIN as 'mailtrap'\n"
        "\n"
        "Look at the user name the application is configured with."
    )


def test_other_mechanism(pytester):
    """Another mechanism was used."""
    assert failure(pytester, AUTHENTICATED.format(login=LOGIN, arguments="mechanism='LOGIN'")) == (
        "1 of 1 messages sent with another AUTH mechanism\n"
        "\n"
        "  #1  AUTH PLAIN as 'mailtrap'  \"Reset your password\" -> bob@example.org\n"
        "\n"
        "  #1 on the wire:\n"
        "      C: AUTH PLAIN [redacted]\n"
        "      S: 235 2.7.0 Authentication successful\n"
        "\n"
        "  - expected: AUTH LOGIN inside TLS\n"
        "  + received: AUTH PLAIN as 'mailtrap'\n"
        "\n"
        "Look at the AUTH mechanisms the client prefers."
    )


LEAKED = """
@pytest.mark.mailtrap(auth_without_tls={allowed}, starttls="{starttls}")
def test_it(mailtrap):
    with connect(mailtrap, tls=False) as client:
        client.ehlo("client")
        {leak}
        {upgrade}
        client.login(mailtrap.username, mailtrap.password)
        send(client)
    mailtrap.assert_authenticated()
"""
LEAK = "plain(client, mailtrap.username, mailtrap.password)"
UPGRADE = "client.starttls(context=mailtrap.ssl_context)"


def test_password_in_cleartext_refused_first(pytester):
    """A password that was refused in cleartext is lost, though a second one went inside TLS: the line shown is the first."""
    code = LEAKED.format(allowed=False, starttls="offer", leak=LEAK, upgrade=UPGRADE)
    assert failure(pytester, code) == (
        "1 of 1 messages sent after a password in cleartext\n"
        "\n"
        '  #1  AUTH PLAIN in cleartext  "Reset your password" -> bob@example.org\n'
        "\n"
        "  #1 on the wire:\n"
        "      S: 250-STARTTLS\n"
        "      C: AUTH PLAIN [redacted]   <-- not inside TLS\n"
        "      S: 538 5.7.11 Encryption required for requested authentication ...\n"
        "\n"
        "  - expected: AUTH inside TLS\n"
        "  + received: AUTH PLAIN in cleartext\n"
        "\n"
        "Upgrade before logging in:\n"
        "  smtplib     client.starttls(context=ssl.create_default_context())\n"
        "  Django      EMAIL_USE_TLS = True\n"
        "  aiosmtplib  start_tls=True"
    )


def test_password_in_cleartext_accepted(pytester):
    """A trap that takes passwords in cleartext and offers no TLS: the advice is to insist."""
    code = LEAKED.format(allowed=True, starttls="off", leak="pass", upgrade="pass")
    text = failure(pytester, code)
    assert text.startswith("1 of 1 messages sent after a password in cleartext\n")
    assert "      C: AUTH PLAIN [redacted]   <-- not inside TLS\n      S: 235 " in text
    assert "\nInsist on TLS, also where no STARTTLS is offered:\n" in text


def test_password_inside_tls(pytester):
    """The same without the leak holds."""
    passes(
        pytester,
        LEAKED.format(allowed=False, starttls="offer", leak="pass", upgrade=UPGRADE),
    )


TWO = """
def test_it(mailtrap):
    with connect(mailtrap) as client:
        {login}
        send(client)
    with connect(mailtrap) as client:
        send(client)
    mailtrap.assert_authenticated()
"""


def test_one_of_two_authenticated(pytester):
    """Every message counts."""
    text = failure(pytester, TWO.format(login=LOGIN))
    assert text.startswith("1 of 2 messages sent without authentication\n")
    assert "  #1  AUTH PLAIN as 'mailtrap'  " in text
    assert "  #2  no AUTH                   " in text


# -- nothing came ------------------------------------------------------------------------------

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
    "  background  mailtrap.wait_for(1)"
)


@pytest.mark.parametrize("check", CHECKS)
def test_no_assertion_passes_on_an_empty_trap(pytester, check):
    """Nothing connected: every assertion fails, and says so."""
    assert failure(pytester, EMPTY.format(options="", code="pass", check=check)) == NOTHING


def nothing(pytester, code, marker=""):
    """What is said when *code* sends nothing."""
    test = EMPTY.format(options="", code=code.strip().replace("\n", "\n    "), check=CHECKS[0])
    return failure(pytester, f"{marker}\n{test.strip()}\n")


def test_client_that_does_not_trust(pytester):
    """The handshake failed: how to trust the CA."""
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
        "  with a context  context=mailtrap.ssl_context\n"
        "  by environment  SSL_CERT_FILE set to mailtrap.ca_file, before the\n"
        "                  client makes its context"
    )


@pytest.mark.parametrize(
    ("code", "where", "what"),
    [
        (
            "with pytest.raises(ssl.SSLError): smtplib.SMTP_SSL(mailtrap.host, mailtrap.port)",
            "STARTTLS",
            "client spoke implicit TLS, but this is the STARTTLS port",
        ),
        (
            "with socket.create_connection(('localhost', mailtrap.tls_port)) as sock: sock.sendall(b'EHLO a\\r\\n')",
            "implicit TLS",
            "client spoke cleartext (EHLO) on the implicit TLS port",
        ),
    ],
)
def test_wrong_port(pytester, code, where, what):
    """Implicit TLS and STARTTLS mixed up: which port is for what."""
    assert nothing(pytester, code) == (
        "no message reached the trap\n"
        "\n"
        f"  connection 1 on the {where} port:\n"
        f"      {what}\n"
        "\n"
        "Use the port that fits:\n"
        "  STARTTLS      mailtrap.port      SMTP, EMAIL_USE_TLS, smtp://\n"
        "  implicit TLS  mailtrap.tls_port  SMTP_SSL, EMAIL_USE_SSL, smtps://"
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
    """The trap's own option refused the mail: it is named."""
    assert refused(pytester, "starttls='require'") == (
        "no message reached the trap\n"
        "\n"
        "  connection 1 on the STARTTLS port:\n"
        "      the trap answered 530 Must issue a STARTTLS command first\n"
        "\n"
        "The trap takes mail only inside TLS (starttls='require'):\n"
        "  smtplib     client.starttls(context=ssl.create_default_context())\n"
        "  Django      EMAIL_USE_TLS = True\n"
        "  aiosmtplib  start_tls=True"
    )


def test_auth_required(pytester):
    """The same for require_auth."""
    assert refused(pytester, "require_auth=True", tls=True) == (
        "no message reached the trap\n"
        "\n"
        "  connection 1 on the STARTTLS port:\n"
        "      the trap answered 530 5.7.0 Authentication required\n"
        "\n"
        "The trap asks for authentication (require_auth=True), inside TLS:\n"
        "  mailtrap.username, mailtrap.password"
    )


def test_credentials_refused(pytester):
    """The credentials were the wrong ones."""
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
        "The trap accepts other credentials:\n"
        "  mailtrap.username, mailtrap.password"
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
        "Client and trap have no TLS version in common: see the trap's\n"
        "minimum_tls and maximum_tls, and the client's context."
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
        "The trap asks for a certificate of its CA (client_certificates=...):\n"
        '  mailtrap_ca.issue_cert("client").configure_cert(client_context)'
    )


def test_client_that_said_something_and_left(pytester):
    """A client that connected, spoke and sent nothing."""
    code = "with connect(mailtrap) as client: client.ehlo()"
    assert nothing(pytester, code) == (
        "no message reached the trap\n"
        "\n"
        "  connection 1 on the STARTTLS port:\n"
        "      said ehlo, STARTTLS, ehlo, QUIT, and sent nothing\n"
        "\n"
        "The client connected and sent nothing: look for an error it swallows."
    )


def test_client_that_closed_after_the_handshake(pytester):
    """curl and GnuTLS finish the handshake before they judge: then trust is what is missing."""
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
    """Of many connections the last ones are shown, and the first reason in the order of likelihood."""
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
    assert lines[-4] == "Make the client trust the trap's CA:"


# -- as pytest runs it ---------------------------------------------------------------------------


def test_failures_are_failures(pytester):
    """An assertion fails the test in its call phase, so that xfail works."""
    pytester.makepyfile(
        PREAMBLE
        + """
@pytest.mark.xfail(raises=AssertionError, strict=True)
def test_it(mailtrap):
    mailtrap.assert_sent_over_tls()
"""
    )
    pytester.runpytest().assert_outcomes(xfailed=1)


def test_ci_shows_it_twice_and_whole(pytester, monkeypatch):
    """With CI set pytest repeats the message in its summary, and nothing of it is lost."""
    monkeypatch.setenv("CI", "true")
    pytester.makepyfile(PREAMBLE + CLEARTEXT.format(tls=False))
    result = pytester.runpytest()
    assert result.stdout.str().count("1 of 2 messages travelled in cleartext") == 2
    assert result.stdout.str().count("aiosmtplib  start_tls=True") == 2
