"""If the application raises, the same fix that an assertion would suggest appears below the mail of its test."""

from __future__ import annotations

import smtplib
import socket
import sys
import textwrap

import pytest
from _trap_talk import MAIL, SECONDS, can_bind_ipv6

HEAD = """
import base64, contextlib, smtplib, socket, ssl
import pytest

MAIL = ("a@example.org", ["b@example.org"], b"Subject: Hi\\r\\n\\r\\n")

def connect(trap, **how):
    client = smtplib.SMTP(trap.host, trap.port, timeout=5)
    client.starttls(context=how.get("context") or trap.ssl_context)
    return client

def called(monkeypatch, name):
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *a, **k: resolve("127.0.0.1" if host == name else host, *a, **k)
    )
"""


def run(pytester, code, marker=""):
    body = textwrap.indent(textwrap.dedent(code).strip(), "    ")
    test = f"{HEAD}\n{marker}\ndef test_it(mailtrap, monkeypatch, request):\n{body}\n"
    pytester.makepyfile(test)
    return pytester.runpytest("-p", "no:randomly")


def fix(pytester, code, marker=""):
    """The text below the transcript of the connection."""
    result = run(pytester, code, marker)
    result.assert_outcomes(failed=1)
    lines = result.stdout.lines
    start = next(at for at, line in enumerate(lines) if "Captured mail call" in line)
    end = next(at for at in range(start + 1, len(lines)) if lines[at].startswith("==="))
    shown = lines[start + 1 : end]
    last = max(
        at
        for at, line in enumerate(shown)
        if (line.startswith("    ") and ": " in line[:8]) or "-- " in line[:8]
    )
    return "\n".join(shown[last + 1 :]).strip()


CURES = {
    "the CA": (
        "connect(mailtrap, context=ssl.create_default_context())",
        "",
        (
            "Make the client trust the trap's CA:\n"
            "  smtplib  context=mailtrap.ssl_context,\n"
            "           or with mailtrap.trust():"
        ),
    ),
    "a context out of reach": (
        (
            "EARLY = ssl.create_default_context()\n"
            "with mailtrap.trust():\n"
            "    connect(mailtrap, context=EARLY)"
        ),
        "",
        (
            "The CA was trusted at that time, but the client's TLS context does not\n"
            "have it: it was created before the test, or with its own CAs.\n"
            "  smtplib  context=ssl.create_default_context() in the call"
        ),
    ),
    "the host name": (
        (
            "called(monkeypatch, 'mail.internal')\n"
            "with smtplib.SMTP('mail.internal', mailtrap.port, timeout=5) as client:\n"
            "    client.starttls(context=mailtrap.ssl_context)"
        ),
        "",
        (
            "The certificate is for localhost, not for mail.internal:\n"
            "  connect to  mailtrap.host, mailtrap.port\n"
            '  or keep it  @pytest.mark.mailtrap(intercept=["mail.internal"])\n'
            "More: docs/intercept.md"
        ),
    ),
    "TLS on the STARTTLS port": (
        "smtplib.SMTP_SSL(mailtrap.host, mailtrap.port, context=mailtrap.ssl_context, timeout=5)",
        "",
        (
            "Use the port that fits: mailtrap.port for STARTTLS, mailtrap.tls_port\n"
            "for implicit TLS, and the client for that kind:\n"
            "  smtplib  SMTP for STARTTLS, SMTP_SSL for implicit TLS"
        ),
    ),
    "cleartext on the TLS port": (
        "smtplib.SMTP(mailtrap.host, mailtrap.tls_port, timeout=0.2)",
        "",
        (
            "Use the port that fits: mailtrap.port for STARTTLS, mailtrap.tls_port\n"
            "for implicit TLS, and the client for that kind:\n"
            "  smtplib  SMTP for STARTTLS, SMTP_SSL for implicit TLS"
        ),
    ),
    "535": (
        "with connect(mailtrap) as client:\n    client.login('shop', 'wrong')",
        "",
        (
            "The trap accepts different credentials:\n"
            "  mailtrap.username, mailtrap.password\n"
            '  or yours: @pytest.mark.mailtrap(credentials=("user", "password"))\n'
            "More: README.md"
        ),
    ),
    "530": (
        "with connect(mailtrap) as client:\n    client.sendmail(*MAIL)",
        "@pytest.mark.mailtrap(require_auth=True)",
        (
            "The trap requires authentication (require_auth=True), inside TLS:\n"
            "  smtplib  client.login(mailtrap.username,\n"
            "                        mailtrap.password)"
        ),
    ),
    "AUTH before TLS": (
        (
            "with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=5) as client:\n"
            "    client.login(mailtrap.username, mailtrap.password)"
        ),
        "",
        (
            "The client never sent STARTTLS, which was offered; AUTH is offered\n"
            "only inside TLS. Upgrade before logging in:\n"
            "  smtplib  client.starttls(context=ssl.create_default_context())"
        ),
    ),
    "AUTH before TLS, and the connection stays open": (
        (
            "client = smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=5)\n"
            "request.addfinalizer(client.close)\n"
            "try:\n"
            "    client.login(mailtrap.username, mailtrap.password)\n"
            "except smtplib.SMTPNotSupportedError as error:\n"
            "    raise ValueError from error"
        ),
        "",
        (
            "The client never sent STARTTLS, which was offered; AUTH is offered\n"
            "only inside TLS. Upgrade before logging in:\n"
            "  smtplib  client.starttls(context=ssl.create_default_context())"
        ),
    ),
    "a client certificate": (
        "with connect(mailtrap) as client:\n    client.ehlo()",
        "@pytest.mark.mailtrap(client_certificates='require')",
        (
            "The trap asks for a certificate from its CA (client_certificates=...):\n"
            '  mailtrap_ca.issue_cert("client").configure_cert(client_context)\n'
            "More: README.md"
        ),
    ),
    "a mechanism": (
        (
            "with connect(mailtrap) as client:\n"
            "    client.ehlo()\n"
            "    raise ValueError(client.docmd('AUTH', 'NTLM'))"
        ),
        "",
        (
            "The trap does not offer that AUTH mechanism: make the client use one\n"
            "of those after 250-AUTH in the transcript.\n"
            "More: docs/clients.md"
        ),
    ),
    "a version": (
        (
            "context = mailtrap.ssl_context\n"
            "context.maximum_version = ssl.TLSVersion.TLSv1_2\n"
            "connect(mailtrap, context=context)"
        ),
        "@pytest.mark.mailtrap(minimum_tls='TLSv1.3')",
        (
            "The client and the trap have no TLS version in common: see the trap's\n"
            "minimum_tls and maximum_tls, and the client's context.\n"
            "More: README.md"
        ),
    ),
    "an error between the 220 and the handshake": (
        (
            "with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=5) as client:\n"
            "    client.ehlo()\n"
            "    assert client.docmd('STARTTLS')[0] == 220\n"
            "    ssl.create_default_context().load_cert_chain('missing.pem')"
        ),
        "",
        (
            "The client gave up between the 220 and the handshake: the error is in\n"
            "how the application creates its TLS context, or in the files it loads.\n"
            "More: docs/clients.md"
        ),
    ),
}


@pytest.mark.parametrize(("code", "marker", "advice"), CURES.values(), ids=CURES)
def test_fix_below_the_mail(pytester, code, marker, advice):
    """Whatever the application raises, the evidence determines the fix."""
    assert fix(pytester, code, marker) == advice


@pytest.mark.skipif(not can_bind_ipv6(), reason="this machine has no IPv6 loopback")
@pytest.mark.parametrize("taken", ["127.0.0.1", "::1"])
def test_an_address_that_was_only_tried(pytester, taken):
    """A client that connects to both addresses of a name drops one: that does not mean its port is wrong."""
    code = f"""
    both = {{
        host: socket.create_connection((host, mailtrap.tls_port), timeout=5)
        for host in ("127.0.0.1", "::1")
    }}
    with both.pop({taken!r}) as taken:
        both.popitem()[1].close()
        ssl.create_default_context().wrap_socket(taken, server_hostname="localhost")
    """
    assert fix(pytester, code).startswith("Make the client trust the trap's CA:")


@pytest.mark.skipif(not can_bind_ipv6(), reason="this machine has no IPv6 loopback")
@pytest.mark.parametrize(
    ("tried", "advice"), [("::1", ""), ("127.0.0.1", "Use the port that fits:")]
)
def test_an_address_that_was_only_tried_beside_mail(pytester, tried, advice):
    """Such an address is not mentioned beside mail either; the control is a client that used the same address twice."""
    code = f"""
    context = mailtrap.ssl_context
    with smtplib.SMTP_SSL("127.0.0.1", mailtrap.tls_port, context=context, timeout=5) as client:
        client.sendmail(*MAIL)
        socket.create_connection(({tried!r}, mailtrap.tls_port), timeout=5).close()
    raise OSError("the connection was closed")
    """
    assert fix(pytester, code).partition("\n")[0] == advice


@pytest.mark.skipif(not can_bind_ipv6(), reason="this machine has no IPv6 loopback")
@pytest.mark.parametrize(("tried", "is_told"), [("::1", False), ("127.0.0.1", True)])
def test_waiting_for_more_than_came_beside_such_an_address(mailtrap, tried, is_told):
    """As above, if a test waits."""
    with smtplib.SMTP("127.0.0.1", mailtrap.port, timeout=SECONDS) as client:
        client.sendmail("a@example.org", ["b@example.org"], MAIL)
    socket.create_connection((tried, mailtrap.port), timeout=5).close()
    with pytest.raises(AssertionError) as caught:
        mailtrap.wait_for(2, timeout=0.1)
    assert ("connection 1 on the STARTTLS port" in str(caught.value)) is is_told


UNCERTAIN = {
    "nothing wrong with the connection": "with connect(mailtrap) as client:\n    client.sendmail(*MAIL)\nassert 0",
    "a refusal that the test has scripted": "mailtrap.reply('MAIL', 535, 'not now')\n"
    "with connect(mailtrap) as client:\n    client.sendmail(*MAIL)",
    "a client that said nothing": "socket.create_connection((mailtrap.host, mailtrap.port)).close()\nassert 0",
    **{
        f"{what}, and mail after it": f"{code}\nwith connect(mailtrap) as client:\n    client.sendmail(*MAIL)\nassert 0"
        for what, code in {
            "a look at EHLO": "with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:\n    client.ehlo()",
            "a look at the other port": "socket.create_connection((mailtrap.host, mailtrap.tls_port)).close()",
            "a login that was to be refused": "with connect(mailtrap) as client, pytest.raises(smtplib.SMTPException):\n"
            "    client.login('shop', 'wrong')",
        }.items()
    },
    "an error of the application's between EHLO and STARTTLS": (
        "with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:\n"
        "    client.ehlo()\n"
        "    open('no-such-template.html')"
    ),
    "an error of the application's after 220": (
        "with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:\n"
        "    client.ehlo()\n"
        "    client.docmd('STARTTLS')\n"
        "    raise ValueError('the order is empty')"
    ),
    "an error of the application's after the handshake": (
        "client = smtplib.SMTP(mailtrap.host, mailtrap.port)\n"
        "client.starttls(context=mailtrap.ssl_context)\n"
        "client.close()\n"
        "{}['template']"
    ),
}


@pytest.mark.parametrize("code", UNCERTAIN.values(), ids=UNCERTAIN)
def test_no_fix_without_evidence(pytester, code):
    """The control: if the connection does not show what is wrong, no fix is suggested."""
    assert fix(pytester, code) == ""


def test_what_is_concluded_fits_the_error(pytester):
    """The control for the controls: the same dialogue, with the error that it causes in the client."""
    code = """
        with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
            client.login("shop", "secret")
    """
    assert fix(pytester, code).startswith("The client never sent STARTTLS")


LOGS_IN = """
    with contextlib.suppress(smtplib.SMTPException):
        with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
            client.login("shop", "secret")
"""
OF_THE_TEST = {
    "an assertion": "assert len(mailtrap) == 1",
    "pytest.fail": "pytest.fail('no mail')",
    "unpacking": "[message] = mailtrap",
    "an index": "mailtrap[0]",
}


@pytest.mark.parametrize("look", OF_THE_TEST.values(), ids=OF_THE_TEST)
def test_a_test_that_looks_at_its_mail(pytester, look):
    """The application swallowed its error, and the test finds that nothing came."""
    code = textwrap.dedent(LOGS_IN) + look
    assert fix(pytester, code).startswith("The client never sent STARTTLS")


@pytest.mark.parametrize("other", ["{}['order']", "[][0]", "int('order')", "(a, b) = 1, 2, 3"])
def test_a_test_that_looks_at_something_else(pytester, other):
    """The negative control: the test fails for a reason that has nothing to do with mail."""
    assert fix(pytester, textwrap.dedent(LOGS_IN) + other) == ""


def test_an_error_in_a_group(pytester):
    """As `asyncio.TaskGroup` raises it."""
    code = """
        try:
            with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
                client.login("shop", "secret")
        except smtplib.SMTPException as error:
            raise ExceptionGroup("tasks", [KeyError("other"), error]) from None
    """
    if sys.version_info < (3, 11):
        pytest.skip("there are no exception groups before Python 3.11")
    assert fix(pytester, code).startswith("The client never sent STARTTLS")


def test_a_message_that_cannot_be_sent(pytester):
    """smtplib raises an error of its own that has nothing to do with TLS or a login."""
    code = """
        with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
            client.ehlo()
            client.sendmail("a@example.org", ["b@example.org"], "Subject: Gr\u00f6\u00dfe")
    """
    assert fix(pytester, code) == ""


def test_a_program_whose_words_the_test_raises(pytester):
    """The program's output says that it rejected the certificate; its connection shows only that it left."""
    code = """
        context = ssl.create_default_context(cafile=mailtrap.ca_file)
        with socket.create_connection(("127.0.0.1", mailtrap.tls_port)) as sock:
            with context.wrap_socket(sock, server_hostname="localhost"):
                pass
        raise RuntimeError("msmtp: the certificate is NOT trusted")
    """
    assert "Make the client trust the trap's CA" in fix(pytester, code)
    assert fix(pytester, code.replace("msmtp: the certificate is NOT trusted", "no order")) == ""


def test_nobody_looks_for_an_error_that_was_reported(pytester):
    """The error is already shown above, so there is no advice that it may have been swallowed."""
    result = run(
        pytester, "with connect(mailtrap) as client:\n    client.ehlo()\n    raise OSError"
    )
    result.stdout.no_fnmatch_line("*swallow*")


def test_fix_is_said_once(pytester):
    """A failing assertion of the trap has already suggested the fix."""
    code = """
        with contextlib.suppress(ssl.SSLError):
            connect(mailtrap, context=ssl.create_default_context())
        mailtrap.assert_sent_over_tls()
    """
    result = run(pytester, code, "@pytest.mark.filterwarnings('ignore')")
    said = [line for line in result.stdout.lines if "Make the client trust" in line]
    assert said == ["E       Make the client trust the trap's CA:"]


def test_a_passing_test_has_no_fix(pytester):
    """The control: whatever happened was intended."""
    code = "with pytest.raises(ssl.SSLError):\n    connect(mailtrap, context=ssl.create_default_context())"
    result = run(pytester, code, "@pytest.mark.filterwarnings('ignore')")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*Make the client trust*")


@pytest.mark.parametrize("username", ["shop", None])
def test_refused_login_is_not_called_none(pytester, username):
    """For a message sent after a refused login, the error shows the reply code and that the credentials are the problem."""
    login = "client.login('shop', 'wrong')" if username else "pass"
    result = run(
        pytester,
        f"""
        with connect(mailtrap) as client:
            with contextlib.suppress(smtplib.SMTPAuthenticationError):
                {login}
            client.sendmail(*MAIL)
        mailtrap.assert_authenticated()
        """,
    )
    refused = "AUTH PLAIN, refused with 535"
    lines = [f"E *  + received: {refused if username else 'no AUTH'}"]
    lines += [
        "E *",
        "E *The trap accepts different credentials:"
        if username
        else "E *Log in before sending, inside TLS:",
    ]
    result.stdout.fnmatch_lines(lines)
