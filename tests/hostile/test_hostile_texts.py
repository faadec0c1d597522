"""The text of a failure, word for word, as pytest shows it."""

from __future__ import annotations

import textwrap

CLIENTS = """
import contextlib, smtplib, ssl
import pytest

MAIL = ("a@example.org", ["b@example.org"], b"Subject: Hi\\r\\n\\r\\n")

def unverified(trap):
    def send():
        with smtplib.SMTP(trap.host, trap.port, timeout=2) as client:
            client.starttls(context=ssl._create_unverified_context())
            client.login(trap.username, trap.password)
            client.sendmail(*MAIL)
    return send

def opportunist(trap):
    def send():
        with smtplib.SMTP(trap.host, trap.port, timeout=2) as client:
            client.ehlo()
            with contextlib.suppress(smtplib.SMTPResponseException):
                client.starttls(context=ssl.create_default_context())
            client.sendmail(*MAIL)
    return send

def secure(trap):
    def send():
        with smtplib.SMTP(trap.host, trap.port, timeout=2) as client:
            client.starttls(context=ssl.create_default_context())
            client.sendmail(*MAIL)
    return send

def silent(trap):
    def send():
        with contextlib.suppress(Exception):
            secure(trap)()
    return send
"""


def shown(pytester, test):
    """The lines of the failure, without pytest's margin."""
    pytester.makepyfile(CLIENTS + textwrap.dedent(test))
    result = pytester.runpytest("-q", "-p", "no:randomly")
    return [line[8:] for line in result.outlines if line.startswith("E  ")]


def test_impostor(pytester):
    """The server, the client, the line that shows the fault, and what to change."""
    found = shown(
        pytester,
        """
        @pytest.mark.mailtrap(scenarios=["certificate-expired"])
        def test_refuses(hostile_mailtrap):
            hostile_mailtrap.assert_client_refuses(unverified(hostile_mailtrap))
        """,
    )
    tls = found[7]
    assert tls.startswith("      -- TLSv1.")
    assert found == [
        "AssertionError: password, envelope and message sent to an impostor",
        "",
        "  the server  certificate-expired (STARTTLS): presents a certificate",
        "              that expired yesterday",
        "  the client  reported success",
        "",
        "  on the wire:",
        tls,
        "      C: AUTH PLAIN [redacted]   <-- to an impostor",
        "      S: 235 2.7.0 Authentication successful",
        "",
        "  - expected: nothing is sent to this server",
        "  + received: password, envelope and message sent to an impostor",
        "",
        "Let the client verify the server's certificate:",
        "  smtplib  context=ssl.create_default_context()",
    ]


def test_cleartext(pytester):
    """The server reply that the client tolerated is shown before what the client sent in cleartext."""
    found = shown(
        pytester,
        """
        @pytest.mark.mailtrap(scenarios=["starttls-refused"])
        def test_refuses(hostile_mailtrap):
            hostile_mailtrap.assert_client_refuses(opportunist(hostile_mailtrap))
        """,
    )
    found[8] = found[8].replace("from:", "FROM:")  # smtplib's spelling changed in 3.13
    assert found == [
        "AssertionError: envelope and message sent in cleartext",
        "",
        "  the server  starttls-refused (STARTTLS): offers STARTTLS, then answers",
        "              it with 454",
        "  the client  reported success",
        "",
        "  on the wire:",
        "      S: 454 4.7.0 TLS not available due to temporary reason",
        "      C: mail FROM:<a@example.org> size=15   <-- not inside TLS",
        "      S: 250 OK",
        "",
        "  - expected: nothing is sent to this server",
        "  + received: envelope and message sent in cleartext",
        "",
        "Insist on TLS, and never fall back to cleartext after an error:",
        "  smtplib  always starttls(), not if has_extn('starttls')",
    ]


def test_secure_partner(pytester):
    """The same scenarios report nothing for a client that verifies and insists."""
    pytester.makepyfile(
        CLIENTS
        + """
@pytest.mark.mailtrap(scenarios=["certificate-expired", "starttls-refused"])
def test_refuses(hostile_mailtrap):
    hostile_mailtrap.assert_client_refuses(secure(hostile_mailtrap))
"""
    )
    pytester.runpytest("-q", "-W", "error").assert_outcomes(passed=2)


def test_silence(pytester):
    """A client that swallows the error."""
    found = shown(
        pytester,
        """
        @pytest.mark.mailtrap(scenarios=["certificate-self-signed"])
        def test_refuses(hostile_mailtrap):
            hostile_mailtrap.assert_client_refuses(silent(hostile_mailtrap))
        """,
    )
    assert found == [
        "AssertionError: reported success, and nothing arrived",
        "",
        "  the server  certificate-self-signed (STARTTLS): presents a self-signed",
        "              certificate",
        "  the client  reported success",
        "",
        "  - expected: an error for the caller of send()",
        "  + received: reported success, and nothing arrived",
        "",
        "Let the error reach the caller, or allow silence if it is intended:",
        "  smtplib  end the except clause with raise",
        "  silence  assert_client_refuses(...,",
        "               may_fail_silently=True)",
    ]


def test_two_diseases_in_one_table(pytester):
    """All failures are in one text: one line for what happened, and below it the scenarios where it did."""
    found = shown(
        pytester,
        """
        def test_refuses(mailtrap):
            def send(host, port):
                with smtplib.SMTP(host, port, timeout=2) as client:
                    client.ehlo()
                    with contextlib.suppress(smtplib.SMTPException):
                        client.starttls(context=ssl._create_unverified_context())
                    client.sendmail(*MAIL)
            mailtrap.assert_refuses_hostile_servers(
                send, scenarios=["starttls-stripped", "starttls-refused", "certificate-expired", "ok"]
            )
        """,
    )
    assert found == [
        "AssertionError: the client failed against 3 of 3 hostile servers",
        "",
        "  envelope and message sent in cleartext:",
        "      starttls-stripped, starttls-refused",
        "  envelope and message sent to an impostor:",
        "      certificate-expired",
        "",
        "Insist on TLS, and never fall back to cleartext after an error:",
        "  smtplib  always starttls(), not if has_extn('starttls')",
        "",
        "Let the client verify the server's certificate:",
        "  smtplib  context=ssl.create_default_context()",
    ]


def test_whole_family_and_two_diseases(pytester):
    """Even if the table is long, there is room for the fixes."""
    found = shown(
        pytester,
        """
        def test_refuses(mailtrap):
            def send(host, port):
                with smtplib.SMTP(host, port, timeout=0.5) as client:
                    client.ehlo()
                    with contextlib.suppress(smtplib.SMTPException):
                        client.starttls(context=ssl._create_unverified_context())
                        client.ehlo()
                    client.sendmail(*MAIL)
            mailtrap.assert_refuses_hostile_servers(send)
        """,
    )
    assert found == [
        "AssertionError: the client failed against 13 of 29 hostile servers",
        "",
        "  envelope and message sent in cleartext:",
        "      starttls-not-supported, starttls-stripped, starttls-refused,",
        "      starttls-not-implemented, starttls-wrong-reply",
        "  envelope sent in cleartext:",
        "      ehlo-refused",
        "  envelope and message sent to an impostor:",
        "      certificate-not-trusted, certificate-self-signed,",
        "      certificate-expired, certificate-not-yet-valid,",
        "      certificate-host-mismatch, certificate-missing-intermediate,",
        "      certificate-wrong-purpose",
        "",
        "Insist on TLS, and never fall back to cleartext after an error:",
        "  smtplib  always starttls(), not if has_extn('starttls')",
        "",
        "Let the client verify the server's certificate:",
        "  smtplib  context=ssl.create_default_context()",
    ]


def test_fixes_survive_a_long_table(pytester):
    """Only the table is truncated, and it says by how much; no sentence of the advice is cut off."""
    found = shown(
        pytester,
        """
        def test_refuses(mailtrap):
            def send(host, port):
                with contextlib.suppress(OSError), smtplib.SMTP(host, port, timeout=0.5) as client:
                    client.starttls(context=ssl.create_default_context())
                    client.sendmail(*MAIL)
            mailtrap.assert_refuses_hostile_servers(send)
        """,
    )
    assert len(found) <= 18
    assert found[0] == "AssertionError: the client failed against 25 of 29 hostile servers"
    assert found[2:] == [
        "  reported success, and nothing arrived:",
        "      starttls-not-supported, starttls-stripped, starttls-refused,",
        "      starttls-not-implemented, starttls-wrong-reply, ehlo-refused,",
        "      plaintext-after-220, handshake-garbage, handshake-closed,",
        "      handshake-stalled, certificate-not-trusted, ... and 13 more",
        "  reported success without a reply:",
        "      truncated-after-data",
        "",
        "Let the error reach the caller, or allow silence if it is intended:",
        "  smtplib  end the except clause with raise",
        "  silence  assert_client_refuses(...,",
        "               may_fail_silently=True)",
        "",
        "Treat only the 250 after the message as success, and let the error of",
        "a lost connection reach the caller.",
        "  smtplib  end the except clause with raise",
    ]


def test_inconclusive_is_a_skip(pytester):
    """A client that sends AUTH unasked neither passes nor fails, and the reason is in the summary."""
    pytester.makepyfile(
        CLIENTS
        + """
@pytest.mark.mailtrap(scenarios=["stale-capabilities"])
def test_refuses(hostile_mailtrap):
    trap = hostile_mailtrap
    def send():
        with smtplib.SMTP(trap.host, trap.port, timeout=2) as client:
            client.starttls(context=ssl.create_default_context())
            client.ehlo()
            client.docmd("AUTH", "PLAIN AGEAYg==")
            client.sendmail(*MAIL)
    trap.assert_client_refuses(send)
"""
    )
    result = pytester.runpytest("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        ["SKIPPED*inconclusive: the client sends AUTH even if not offered*"]
    )


def test_long_error(pytester):
    """Text that does not fit is visibly truncated, and nothing else is left out to make room for it."""
    found = shown(
        pytester,
        """
        @pytest.mark.mailtrap(scenarios=["certificate-missing-intermediate"])
        def test_refuses(hostile_mailtrap):
            tries = []

            def send():
                unverified(hostile_mailtrap)()
                tries.append(1)
                if len(tries) > 1:
                    raise RuntimeError("the queue of this shop cannot take it back " * 9)

            hostile_mailtrap.assert_client_refuses(send)
        """,
    )
    assert "\n".join(found).strip() == textwrap.dedent(
        """\
        AssertionError: password, envelope and message sent to an impostor

          the server  certificate-missing-intermediate (STARTTLS): does not send
                      the certificate of its intermediate CA
          the client  raised RuntimeError: the queue of this shop cannot take it
                      back the queue of this shop cannot take it back the ...

          on the wire:
              -- TLSv1.3, TLS_AES_256_GCM_SHA384
              C: AUTH PLAIN [redacted]   <-- to an impostor
              S: 235 2.7.0 Authentication successful

          - expected: nothing is sent to this server
          + received: password, envelope and message sent to an impostor

        Let the client verify the server's certificate:
          smtplib  context=ssl.create_default_context()"""
    )


def test_status_of_a_program_is_shown_and_not_guessed(pytester):
    """What subprocess.call() returns may be a status or a count: the suggested fix is the call that raises."""
    pytester.makepyfile(
        script="import smtplib, ssl, sys\n"
        "with smtplib.SMTP(sys.argv[1], int(sys.argv[2]), timeout=5) as client:\n"
        "    client.starttls(context=ssl.create_default_context())\n"
        "    client.sendmail('a@example.org', ['b@example.org'], b'x')\n"
    )
    test = """
        import subprocess, sys

        def test_refuses(mailtrap):
            def send(host, port):
                command = [sys.executable, "script.py", host, str(port)]
                return subprocess.{call}(command, stderr=subprocess.DEVNULL){status}
            mailtrap.assert_refuses_hostile_servers(send, scenarios=["certificate-expired"])
    """
    assert shown(pytester, test.format(call="call", status="")) == [
        "AssertionError: the client failed against 1 of 1 hostile servers",
        "",
        "  reported success: send() returned 1, which may be a count or a status,",
        "  and nothing arrived:",
        "      certificate-expired",
        "",
        "Let the error reach the caller, or allow silence if it is intended:",
        "  subprocess  subprocess.run(..., check=True)",
        "  silence     assert_client_refuses(...,",
        "                  may_fail_silently=True)",
    ]
    # The control: with the call that the failure names, the same program is understood.
    assert shown(pytester, test.format(call="run", status=".check_returncode()")) == []
