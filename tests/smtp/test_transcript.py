"""The transcript; no secret gets into it, or into anything else that is shown."""

from __future__ import annotations

import base64
import logging
import smtplib

import pytest
from _trap_talk import MAIL, SECONDS, Talk, send

from pytest_mailtrap._facts.transcript import Line, Recorder

SECRET = "hunter2-correct-horse"
credentials = pytest.mark.mailtrap(credentials=("shop", SECRET))


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def spellings(secret: str = SECRET) -> list[str]:
    """The forms in which the secret may have been sent over the wire, or stored."""
    return [secret, b64(secret), b64(f"\0shop\0{secret}"), b64(f"\0shop\0{secret}")[8:28]]


def shown(trap) -> str:
    """Everything that a report, a log or a debugger may show of a trap."""
    parts = [repr(trap), repr(trap._server.options), str(trap._server.options)]
    for connection in trap.connections:
        parts += [repr(connection), str(connection.transcript), repr(connection.transcript)]
        parts += [repr(list(connection.transcript)), repr(connection.auths)]
        parts += [repr(connection.transport), str(connection.handshake_error)]
    for message in trap:
        parts += [repr(message), str(message), repr(message.auth), str(message.transcript)]
    return "\n".join(parts)


def assert_hidden(trap) -> None:
    text = shown(trap)
    assert [secret for secret in spellings() if secret in text] == []
    assert "[redacted]" in text


# -- the transcript --------------------------------------------------------------------------


def test_transcript(mailtrap):
    """Who said what, in order, line by line, and whether inside TLS."""
    with Talk(mailtrap.port) as client:
        client.hello()
        client.starttls(mailtrap.ssl_context)
        client.deliver()
        client.say("QUIT")
    transcript = mailtrap.connections[0].transcript
    assert str(transcript).splitlines() == [
        "S: 220 localhost pytest-mailtrap",
        "C: EHLO client.example.org",
        "S: 250-localhost",
        "S: 250-SIZE",
        "S: 250-8BITMIME",
        "S: 250-SMTPUTF8",
        "S: 250-STARTTLS",
        "S: 250-DSN",
        "S: 250 HELP",
        "C: STARTTLS",
        "S: 220 Ready to start TLS",
        f"-- TLSv1.3, {mailtrap[0].transport.cipher}",
        "C: EHLO client.example.org",
        "S: 250-localhost",
        "S: 250-SIZE",
        "S: 250-8BITMIME",
        "S: 250-SMTPUTF8",
        "S: 250-AUTH LOGIN PLAIN",
        "S: 250-REQUIRETLS",
        "S: 250-DSN",
        "S: 250 HELP",
        "C: MAIL FROM:<a@example.org>",
        "S: 250 OK",
        "C: RCPT TO:<b@example.org>",
        "S: 250 OK",
        "C: DATA",
        "S: 354 End data with <CR><LF>.<CR><LF>",
        f"-- message data, {len(MAIL)} bytes",
        "S: 250 OK",
        "C: QUIT",
        "S: 221 Bye",
    ]
    assert [line.encrypted for line in transcript] == [False] * 11 + [True] * 20


def test_transcript_of_a_message_ends_with_its_reply(mailtrap):
    """A message's transcript ends with the reply that accepted it, and does not grow."""
    with Talk(mailtrap.port) as client:
        client.deliver()
        first = str(mailtrap[0].transcript)
        client.deliver()
        client.say("NOOP")
    assert str(mailtrap[0].transcript) == first
    assert first.splitlines()[-1] == "S: 250 OK"
    assert "NOOP" not in str(mailtrap[1].transcript)
    assert str(mailtrap[1].transcript).startswith(first)
    assert "NOOP" in mailtrap[1].connection.transcript


def test_transcript_is_a_sequence(mailtrap):
    """Indexing, slicing, len(), iteration and `in` work on it."""
    send(mailtrap)
    transcript = mailtrap[0].transcript
    assert transcript[0] == Line("S", "220 localhost pytest-mailtrap", encrypted=False)
    assert transcript[-1] == list(transcript)[-1] == Line("S", "250 OK", encrypted=True)
    assert transcript[:2] == list(transcript)[:2]
    assert len(transcript) == len(list(transcript))
    assert "C: STARTTLS" in transcript
    assert "C: AUTH" not in transcript
    assert transcript[0] in transcript
    assert repr(transcript) == f"<Transcript of {len(transcript)} lines>"
    with pytest.raises(IndexError):
        transcript[len(transcript)]


def test_what_a_client_sends_cannot_write_on_the_terminal(mailtrap):
    """Control characters and bytes that are not text are shown as escapes."""
    with Talk(mailtrap.port) as client:
        client.say(b"NOOP \x1b[2J\x07\xff\x00 " + "\u202e\u2028".encode())
        client.say(b"EHLO \x1b[31mred")
    [connection] = mailtrap.connections
    assert all(line.text.isprintable() for line in connection.transcript)
    assert "C: NOOP \\x1b[2J\\x07\\xff\\x00 \\u202e\\u2028" in connection.transcript
    assert connection.transport.ehlo == "\\x1b[31mred"


# -- secrets ---------------------------------------------------------------------------------


@credentials
@pytest.mark.parametrize("password", [SECRET, None], ids=["accepted", "refused"])
@pytest.mark.parametrize("how", ["plain", "plain 334", "login", "login 334"])
@pytest.mark.parametrize("tls", [True, False], ids=["tls", "cleartext"])
def test_no_form_of_auth_is_shown(mailtrap, how, password, tls, caplog, capfd):
    """No form of AUTH is shown anywhere, whether accepted, refused, or sent when not asked for."""
    caplog.set_level(logging.DEBUG)
    secret = password or SECRET + "-wrong"
    full, user, word = b64(f"\0shop\0{secret}"), b64("shop"), b64(secret)
    dialogues = {
        "plain": [f"AUTH PLAIN {full}"],
        "plain 334": ["AUTH PLAIN", full],
        "login": [f"auth login {user}", word],
        "login 334": ["AUTH LOGIN", user, word],
    }
    with Talk(mailtrap.port) as client:
        if tls:
            client.starttls(mailtrap.ssl_context)
        client.hello()
        # In cleartext each is refused with 538, and this client goes on all the same.
        for line in dialogues[how]:
            client.say(line)
        client.deliver()
    assert_hidden(mailtrap)
    assert [s for s in spellings() if s in caplog.text + "".join(capfd.readouterr())] == []
    if password and tls:
        assert mailtrap[0].auth.password == SECRET


@credentials
@pytest.mark.parametrize(
    "line",
    [
        f"AUTH {b64(SECRET)}",
        f"AUTH {SECRET}",
        f"AUTH  PLAIN   {b64(SECRET)}",
        f"AUTH\tPLAIN\t{b64(SECRET)}",
        f"AUTHPLAIN {SECRET}",
        f"AUTH=PLAIN {SECRET}",
        f"auth{SECRET} x",
        f"HELP AUTH {SECRET}",
        f"AUTH XOAUTH2 {b64(SECRET)} {SECRET}",
        f"AUTH PLAIN {'A' * 13000}{SECRET}",
        f" AUTH PLAIN {SECRET}",
        f"AUTH CRAM-MD5 {SECRET}",
    ],
)
def test_garbled_auth(mailtrap, line):
    """A line that looks like AUTH keeps only the parts that cannot be secret."""
    with Talk(mailtrap.port) as client:
        client.starttls(mailtrap.ssl_context)
        client.hello()
        assert client.say(line)[0] in "25"
    text = shown(mailtrap)
    assert [secret for secret in (SECRET, b64(SECRET)) if secret in text] == []


@credentials
@pytest.mark.parametrize("line", ["A" * 13000 + SECRET, SECRET, f"* {SECRET}"])
def test_garbled_answer_to_a_challenge(mailtrap, line):
    """Whatever follows a 334 is treated as a secret, even if it is too long or not base64."""
    with Talk(mailtrap.port) as client:
        client.starttls(mailtrap.ssl_context)
        client.hello()
        assert client.say("AUTH PLAIN").startswith("334")
        assert client.say(line)[0] == "5"
        assert client.say("NOOP") == "250 OK"
    assert SECRET not in shown(mailtrap)
    assert "C: NOOP" in mailtrap.connections[0].transcript


@credentials
def test_pipelined_answer(mailtrap):
    """If a client does not wait for the 334, the secret is still hidden."""
    with Talk(mailtrap.port) as client:
        client.starttls(mailtrap.ssl_context)
        client.hello()
        client.send(f"AUTH LOGIN\r\n{b64('shop')}\r\n{b64(SECRET)}\r\nNOOP\r\n".encode())
        replies = [client.reply() for _ in range(4)]
    assert [reply[:3] for reply in replies] == ["334", "334", "235", "250"]
    assert_hidden(mailtrap)


def test_no_more_than_secrets_is_hidden(mailtrap):
    """The control: anything not secret stays readable, even an aborted exchange and the AUTH parameter of MAIL."""
    with Talk(mailtrap.port) as client:
        client.starttls(mailtrap.ssl_context)
        client.hello()
        client.say("AUTH LOGIN")
        client.say("*")
        client.say("MAIL FROM:<author@example.org> AUTH=<>")
        client.say("RSET")
    transcript = mailtrap.connections[0].transcript
    for line in ("C: AUTH LOGIN", "C: *", "C: MAIL FROM:<author@example.org> AUTH=<>", "C: RSET"):
        assert line in transcript
    assert "[redacted]" not in transcript


def test_recorder_redacts_before_it_stores():
    """The secret is not stored even in the transcript's memory."""
    recorder = Recorder()
    recorder.client(b"AUTH PLAIN " + b64(SECRET).encode() + b"\r\n")
    recorder.server(b"334 UGFzc3dvcmQ6")
    recorder.client(b64(SECRET).encode() + b"\r\n")
    assert recorder._entries == [
        b"C AUTH PLAIN [redacted]",
        b"S 334 UGFzc3dvcmQ6",
        b"C [redacted]",
    ]


@credentials
def test_a_password_out_of_turn(mailtrap):
    """A client that does not wait for the replies, or was refused, sends its password where a command should be."""
    with Talk(mailtrap.port) as client:
        client.hello()
        for line in (SECRET, b64(f"\0shop\0{SECRET}"), f"LOGIN shop {SECRET}"):
            assert client.say(line).startswith("500")
            client.say("NOOP")
        client.say("AUTH LOGIN")
        client.say("correct horse")
    transcript = mailtrap.connections[0].transcript
    assert_hidden(mailtrap)
    assert [str(line) for line in transcript if line.speaker == "C"] == [
        "C: EHLO client.example.org",
        *["C: [redacted]", "C: NOOP"] * 2,
        *["C: LOGIN [redacted]", "C: NOOP"],
        "C: AUTH LOGIN",
        "C: [redacted]",  # what follows a refused AUTH is hidden whatever it looks like
    ]


@credentials
def test_no_failure_message_holds_it(mailtrap):
    """Neither the assertions nor wait_for() show a password in their failure messages."""
    texts = []
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=SECONDS) as client:
        client.ehlo()
        client.docmd("AUTH", f"PLAIN {b64(f'{chr(0)}shop{chr(0)}{SECRET}')}")
        with pytest.raises(AssertionError) as caught:
            mailtrap.assert_authenticated()
        texts.append(str(caught.value))
        client.sendmail("a@example.org", ["b@example.org"], MAIL)
    for check in (mailtrap.assert_authenticated, mailtrap.assert_sent_over_tls):
        with pytest.raises(AssertionError) as caught:
            check()
        texts.append(str(caught.value))
    with pytest.raises(AssertionError) as caught:
        mailtrap.wait_for(2, timeout=0)
    texts.append(str(caught.value))
    assert [s for s in spellings() if any(s in text for text in texts)] == []
    assert "[redacted]" in texts[1]


SHOWLOCALS = """
import pytest, smtplib

@pytest.mark.mailtrap(credentials=("shop", "hunter2-correct-horse"))
def test_it(mailtrap):
    with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
        client.starttls(context=mailtrap.ssl_context)
        client.user, client.password = mailtrap.username, mailtrap.password
        client.ehlo()
        client.auth("PLAIN", client.auth_plain)
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: hi\\r\\n\\r\\n")
    [message] = mailtrap
    auth, connection, transcript = message.auth, message.connection, message.transcript
    mailtrap.assert_authenticated(username="somebody")
"""


def test_showlocals(pytester):
    """pytest --showlocals prints the repr of everything around a failure, without any password."""
    pytester.makepyfile(SHOWLOCALS)
    result = pytester.runpytest("--showlocals")
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    # The line of the marker itself is the user's.
    text = "\n".join(line for line in text.splitlines() if "pytest.mark.mailtrap" not in line)
    assert "auth       = Auth(mechanism='PLAIN', username='shop'" in text
    assert [s for s in spellings() if s in text] == []


@credentials
def test_log(mailtrap, caplog):
    """A whole session, with a refused and an accepted AUTH and bad commands, logs nothing above INFO."""
    caplog.set_level(logging.DEBUG)
    with Talk(mailtrap.port) as client:
        client.say("NONSENSE")
        client.starttls(mailtrap.ssl_context)
        client.hello()
        client.say(f"AUTH PLAIN {b64(f'{chr(0)}shop{chr(0)}wrong')}")
        client.say(f"AUTH PLAIN {b64(f'{chr(0)}shop{chr(0)}{SECRET}')}")
        client.say("AUTH LOGIN")
        client.deliver()
    loud = [record for record in caplog.records if record.levelno > logging.INFO]
    assert loud == []
    assert SECRET not in caplog.text


def test_the_log_of_others_is_left_alone(mailtrap, caplog):
    """The user's own aiosmtpd keeps logging under the same logger name."""
    send(mailtrap)
    logging.getLogger("mail.log").warning("mine")
    assert [record.message for record in caplog.records] == ["mine"]
