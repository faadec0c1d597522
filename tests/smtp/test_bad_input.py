"""Bad input: the right reply or a close, nothing lost, nothing half captured, and nothing in the log."""

from __future__ import annotations

import logging
import random
import socket
import subprocess
import sys
import textwrap
from contextlib import ExitStack

import pytest
from _trap_talk import MAIL, SECONDS, Talk, send, until

from pytest_mailtrap._server.inbox import TrapError
from pytest_mailtrap._smtp import session


@pytest.fixture(autouse=True)
def quiet(caplog):
    """Whatever a client does, nothing above INFO is logged."""
    caplog.set_level(logging.DEBUG)
    yield
    loud = [
        record
        for phase in ("setup", "call")
        for record in caplog.get_records(phase)
        if record.levelno > logging.INFO
    ]
    assert loud == []


def goes_on(client, trap, count=1):
    """The session still works normally: the next message is accepted, and is the only one."""
    assert client.deliver() == "250 OK"
    assert len(trap) == count
    assert trap[-1].raw == MAIL


# -- lines -----------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [515, 4000, 12288, 12289, 12300, 24577, 200_000])
@pytest.mark.parametrize("verb", [b"NOOP ", b"X", b""])
def test_overlong_command(mailtrap, length, verb):
    """A command line that is too long is answered with 500, once, and no part of it is treated as a command."""
    line = verb + b"x" * (length - len(verb) - 2)
    with Talk(mailtrap.port) as client:
        client.hello()
        client.send(line + b"\r\n")
        assert client.reply() == "500 Command line too long"
        goes_on(client, mailtrap)


def test_longest_command(mailtrap):
    """512 bytes are allowed (RFC 5321, section 4.5.3.1.4)."""
    with Talk(mailtrap.port) as client:
        client.hello()
        assert client.say(b"NOOP " + b"x" * 505) == "250 OK"


def test_parameters_may_be_long(mailtrap):
    """The extensions lengthen MAIL and RCPT: an ENVID of 100 and an ORCPT of 500 bytes fit."""
    with Talk(mailtrap.port) as client:
        client.hello()
        long = "a" * 200 + "@" + ".".join(["b" * 60] * 4)
        assert client.say(f"MAIL FROM:<{long}> ENVID={'x' * 100} SIZE=1 SMTPUTF8") == "250 OK"
        assert client.say(f"RCPT TO:<b@c.d> ORCPT=rfc822;{'x' * 490}") == "250 OK"


def test_overlong_line_that_never_ends(mailtrap):
    """A client that never sends a line ending does not use up memory."""
    with Talk(mailtrap.port) as client:
        client.hello()
        for _ in range(50):
            client.send(b"x" * 60_000)
        [protocol] = mailtrap._server.server._wires
        assert len(protocol._session._line_reader._buffer) <= 300_000
        client.send(b"\r\n")
        assert client.reply() == "500 Command line too long"
        goes_on(client, mailtrap)
    assert len(str(mailtrap.connections[0].transcript)) < 5000


def test_overlong_line_that_is_cut_off(mailtrap):
    """A client disconnects in the middle of an overlong line."""
    with Talk(mailtrap.port) as client:
        client.hello()
        client.send(b"x" * 30_000)
    until(lambda: mailtrap.connections[0].ended_by)
    assert mailtrap.connections[0].ended_by == "eof"


@pytest.mark.parametrize("length", [1001, 5000, 100_000])
@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_overlong_data_line(mailtrap, length, where):
    """A message with a line of more than 1000 bytes is refused (RFC 5321, section 4.5.3.1.6), and not captured."""
    line = b"x" * (length - 2) + b"\r\n"
    before = b"" if where == "first" else b"short\r\n" * 300
    after = b"" if where == "last" else b"short\r\n" * 300
    with Talk(mailtrap.port) as client:
        assert client.deliver(before + line + after).startswith("500 5.5.2 Line too long")
        assert len(mailtrap) == 0
        goes_on(client, mailtrap)


def test_longest_data_line(mailtrap):
    """1000 bytes including the line ending are allowed, anywhere in the message; a doubled dot does not count."""
    line = b"x" * 998 + b"\r\n"
    dotted = b".." + b"x" * 997 + b"\r\n"
    with Talk(mailtrap.port) as client:
        assert client.deliver(line * 5 + dotted + line) == "250 OK"
    assert mailtrap[0].raw == line * 5 + dotted[1:] + line


@pytest.mark.parametrize(
    "line",
    [b"", b" ", b"\0", b"\xff\xfe\xfd", b"\x00" * 100, b"\x1b[2J", b"\xc3\x28 x", b"NOOP\0 x"],
)
def test_garbled_command(mailtrap, line):
    """Anything that is not a command at all is answered with 500."""
    with Talk(mailtrap.port) as client:
        client.hello()
        assert client.say(line).startswith("500")
        goes_on(client, mailtrap)


def test_bare_line_feeds(mailtrap):
    """Commands that end in a bare LF are understood; the replies still end in CRLF."""
    with Talk(mailtrap.port) as client:
        for command in (b"EHLO a\n", b"MAIL FROM:<a@example.org>\n", b"RCPT TO:<b@example.org>\n"):
            client.send(command)
            assert client.reply().startswith("250")
        client.send(b"DATA\n")
        assert client.reply().startswith("354")
        client.send(b"bare\nlines\r\n.\r\n")
        assert client.reply() == "250 OK"
    assert mailtrap[0].raw == b"bare\nlines\r\n"


def test_binary_garbage(mailtrap):
    """Two hundred floods of random bytes, on both ports: the trap closes or answers, and works afterwards."""
    dice = random.Random(4713)  # the same every time
    for number in range(200):
        port = mailtrap.port if number % 2 else mailtrap.tls_port
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as sock:
            data = dice.randbytes(dice.randint(1, 3000))
            if number % 3 == 0:
                data = b"\x16\x03\x01" + data
            try:
                sock.sendall(data)
            except ConnectionError:
                continue
    send(mailtrap)
    assert len(mailtrap) == 1
    until(lambda: all(connection.ended_by for connection in mailtrap.connections))


WORDS = (
    "EHLO HELO MAIL RCPT DATA RSET NOOP VRFY EXPN HELP AUTH FROM: TO: FROM:<a@b.c> TO:<b@c.d> <> < > @ "
    "PLAIN LOGIN AHVzZXIAcGFzcw== dXNlcg== = * . SIZE=1 SIZE=² SIZE=999999999999 BODY=8BITMIME SMTPUTF8 RET=HDRS "
    'ENVID=x NOTIFY=NEVER ORCPT=x;y AUTH=<> REQUIRETLS x=y \xff \0 \u00e9 \u0130 \u00df \ud800 ( " \\ , ; : [ ] a@b'
)


def test_random_commands(mailtrap):
    """Three thousand commands made of random words are all answered, and none causes an error in the trap."""
    dice = random.Random(4714)  # the same every time
    words = WORDS.split(" ")
    with Talk(mailtrap.tls_port, tls=mailtrap.ssl_context) as client:
        client.hello()
        for number in range(3000):
            line = dice.choice(("", " ")).join(dice.choices(words, k=dice.randint(1, 6)))
            verb = dice.choice(["MAIL FROM:", "RCPT TO:", "AUTH ", "VRFY ", "EHLO ", "HELP ", ""])
            # Unknown commands are counted, and after five the trap has enough.
            verb = verb if verb or line.split(" ")[0] in words[:11] else "NOOP "
            reply = client.say(f"{verb}{line}".encode("utf-8", "surrogatepass"))
            if reply.startswith("354"):
                reply = client.say(".")
            while reply.startswith("334"):
                reply = client.say("*")
            assert reply[:1] in ("2", "5"), (verb, line)
            if reply.startswith("235") or number % 100 == 0:
                client.hello()
    assert [c for c in mailtrap.connections if c.ended_by == "server"] == []


# -- order -----------------------------------------------------------------------------------


def test_no_ehlo(mailtrap):
    """Without EHLO or HELO no mail is accepted."""
    with Talk(mailtrap.port) as client:
        assert client.say("MAIL FROM:<a@example.org>").startswith("503")
        assert client.say("RCPT TO:<b@example.org>").startswith("503")
        assert client.say("DATA").startswith("503")
        goes_on(client, mailtrap)


@pytest.mark.parametrize("line", ["EHLO", "HELO"])
def test_nameless_ehlo(mailtrap, line):
    """EHLO and HELO require a name."""
    with Talk(mailtrap.port) as client:
        assert client.say(line).startswith("501")
        goes_on(client, mailtrap)


def test_out_of_order(mailtrap):
    """RCPT and DATA must follow the commands they depend on; MAIL is allowed only once."""
    with Talk(mailtrap.port) as client:
        client.hello()
        assert client.say("RCPT TO:<b@example.org>").startswith("503")
        assert client.say("DATA").startswith("503")
        assert client.say("MAIL FROM:<a@example.org>") == "250 OK"
        assert client.say("DATA").startswith("503")
        assert client.say("MAIL FROM:<c@example.org>").startswith("503")
        assert client.say("RCPT TO:<b@example.org>") == "250 OK"
        assert client.say("DATA now").startswith("501")
        assert client.say("DATA").startswith("354")
        assert client.say(".") == "250 OK"
        assert client.say("DATA").startswith("503")
        client.say("MAIL FROM:<a@example.org>")
        assert client.hello().startswith("250")
        assert client.say("RCPT TO:<b@example.org>").startswith("503")
    [message] = mailtrap
    assert message.mail_from == "a@example.org"


def test_null_sender_needs_its_turn_too(mailtrap):
    """The null reverse-path counts as a sender: no second MAIL, and RCPT may follow."""
    with Talk(mailtrap.port) as client:
        client.hello()
        assert client.say("MAIL FROM:<>") == "250 OK"
        assert client.say("MAIL FROM:<>").startswith("503")
        assert client.say("RCPT TO:<b@example.org>") == "250 OK"


# -- what goes over TLS must not begin outside --------------------------------------------------


@pytest.mark.parametrize("size", [0, 60_000], ids=["one command", "more than is buffered"])
def test_commands_smuggled_in_with_starttls(mailtrap, size):
    """Anything sent together with STARTTLS is discarded, and never answered inside TLS (RFC 3207, section 4.2)."""
    with Talk(mailtrap.port) as client:
        client.hello()
        smuggled = b"EHLO evil\r\nMAIL FROM:<evil@example.org>\r\n" + b"NOOP\r\n" * (size // 6)
        client.send(b"STARTTLS\r\n" + smuggled)
        if size:
            # All of it must have arrived before the handshake: it would be part of it otherwise.
            until(lambda: not _pending(client.socket))
        assert client.reply().startswith("220")
        client.upgrade(mailtrap.ssl_context)
        assert client.say("RCPT TO:<b@example.org>").startswith("503")
        goes_on(client, mailtrap)
    [connection] = mailtrap.connections
    assert f"-- {len(smuggled)} bytes sent before TLS, and discarded" in connection.transcript
    assert connection.transport.ehlo == "client.example.org"
    assert "evil" not in connection.transcript


def _pending(sock):
    """The bytes that the other side has not read yet."""
    if sys.platform != "linux":
        pytest.skip("only Linux tells how much is unsent")
    import array
    import fcntl
    import termios

    left = array.array("i", [0])
    fcntl.ioctl(sock, termios.TIOCOUTQ, left)
    return left[0]


# -- clients that go away ------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [False, True], ids=["cleartext", "tls"])
@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize(
    "sent", [b"", b"Subject: half\r\n\r\nhel", b"Subject: half\r\n\r\nhello\r\n", b"hello\r\n."]
)
def test_dropped_in_data(mailtrap, tls, how, sent):
    """A partial message is not captured, whether the client closed or reset the connection."""
    client = Talk(mailtrap.tls_port, tls=mailtrap.ssl_context) if tls else Talk(mailtrap.port)
    client.deliver(b"Subject: whole\r\n\r\n")
    client.begin()
    client.send(sent)
    getattr(client, how)()
    [connection] = mailtrap.connections
    until(lambda: connection.ended_by)
    assert connection.ended_by == {"close": "eof", "reset": "reset"}[how]
    assert [message.subject for message in mailtrap] == ["whole"]
    send(mailtrap)
    assert len(mailtrap) == 2


@pytest.mark.parametrize("how", ["close", "reset"])
def test_gone_right_after_the_dot(mailtrap, how):
    """A message whose last byte has arrived is captured, even if the client does not wait for the reply."""
    client = Talk(mailtrap.port)
    client.begin()
    client.send(MAIL + b".\r\n")
    until(lambda: len(mailtrap))
    getattr(client, how)()
    assert mailtrap[0].raw == MAIL


@pytest.mark.parametrize("tls", [False, True], ids=["cleartext", "tls"])
def test_reset_with_many_commands_unanswered(mailtrap, tls):
    """If a client resets while the trap is still answering, the trap does not warn about every answer."""
    for _ in range(10):
        client = Talk(mailtrap.tls_port, tls=mailtrap.ssl_context) if tls else Talk(mailtrap.port)
        client.hello()
        client.send(b"NOOP\r\n" * 100)
        client.reset()
    until(lambda: all(connection.ended_by for connection in mailtrap.connections))
    send(mailtrap)
    assert len(mailtrap) == 1


def test_silent_client(mailtrap, monkeypatch):
    """A client that connects and sends nothing is disconnected at its deadline, and does not affect the others."""
    monkeypatch.setattr(session, "COMMAND_SECONDS", 0.1)
    with Talk(mailtrap.port) as silent:
        send(mailtrap)
        assert silent.is_over()
    assert len(mailtrap) == 1


# -- many at once --------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [False, True], ids=["cleartext", "tls"])
def test_two_hundred_connections_at_once(mailtrap, tls):
    """Two hundred clients are connected at the same time, and each message arrives exactly once."""
    clients = [socket.create_connection(("127.0.0.1", mailtrap.port)) for _ in range(200)]
    until(lambda: len(mailtrap.connections) == 200)
    for number, sock in enumerate(clients):
        with Talk.on(sock) as client:
            assert client.greeting.startswith("220")
            if tls:
                client.starttls(mailtrap.ssl_context)
            assert client.deliver(b"Subject: %d\r\n\r\n" % number) == "250 OK"
    assert sorted(int(m.subject) for m in mailtrap) == list(range(200))
    assert len(mailtrap.connections) == 200


# -- errors of the trap itself -------------------------------------------------------------------


def broken(*_args, **_keywords):
    raise ZeroDivisionError("broken on purpose")


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        ("pytest_mailtrap._smtp.session", "ReceivedMessage"),
        ("pytest_mailtrap._smtp.session.TrapSMTP", "_getaddr"),
        ("pytest_mailtrap._smtp.session.TrapSMTP", "_complete_ehlo"),
        ("pytest_mailtrap._smtp.session.TrapSMTP", "_note_name"),
        ("pytest_mailtrap._smtp.session.TrapSMTP", "begin"),
        ("pytest_mailtrap._smtp.session.TrapSMTP", "smtp_STARTTLS"),
        ("pytest_mailtrap._smtp.handshake", "TLSLayer"),
        ("pytest_mailtrap._smtp.handshake", "parse_client_hello"),
        ("pytest_mailtrap._smtp.handshake.Handshake", "_record_session"),
        ("pytest_mailtrap._server.inbox.Inbox", "deliver"),
        ("pytest_mailtrap._server.inbox.Inbox", "connected"),
    ],
)
def test_an_error_of_the_trap_is_raised_in_the_test(mailtrap_factory, monkeypatch, owner, name):
    """An error inside the trap drops the connection, without a 4xx an application could swallow, and is raised."""
    with mailtrap_factory() as trap:
        with monkeypatch.context() as patch:
            patch.setattr(f"{owner}.{name}", broken)
            with pytest.raises((OSError, EOFError)) as seen:
                send(trap)
        assert getattr(seen.value, "smtp_code", None) in (None, -1)
        with pytest.raises(TrapError, match="an error in pytest-mailtrap, not in the") as caught:
            len(trap)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_an_error_of_the_trap_ends_a_wait(mailtrap_factory, monkeypatch):
    """wait_for() raises the error at once, instead of waiting until its timeout."""
    monkeypatch.setattr("pytest_mailtrap._smtp.session.ReceivedMessage", broken)
    with mailtrap_factory() as trap:
        with pytest.raises(OSError):
            send(trap)
        with pytest.raises(TrapError):
            trap.wait_for(1, timeout=600)


def test_an_error_of_the_trap_is_raised_at_its_end(mailtrap_factory, monkeypatch):
    """If a test never looks at the trap, the error is raised at the end."""
    with ExitStack() as stack:
        trap = stack.enter_context(mailtrap_factory())
        monkeypatch.setattr("pytest_mailtrap._smtp.session.ReceivedMessage", broken)
        with pytest.raises(OSError):
            send(trap)
        with pytest.raises(TrapError):
            stack.pop_all().close()


def test_no_error_of_the_trap(mailtrap_factory):
    """The control: without an error, nothing is raised."""
    with mailtrap_factory() as trap:
        send(trap)
        assert len(trap) == 1


# -- python -X dev -W error ----------------------------------------------------------------------

DEV = """
import smtplib, socket, ssl
import pytest

def test_all_kinds(mailtrap, mailtrap_factory, caplog):
    caplog.set_level("DEBUG")
    for tls in (True, False):
        with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
            if tls:
                client.starttls(context=mailtrap.ssl_context)
                client.login(mailtrap.username, mailtrap.password)
            client.sendmail("a@example.org", ["b@example.org"], b"Subject: hi\\r\\n\\r\\n")
    with smtplib.SMTP_SSL(mailtrap.host, mailtrap.tls_port, context=mailtrap.ssl_context) as client:
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: hi\\r\\n\\r\\n")
    with pytest.raises(ssl.SSLCertVerificationError):
        smtplib.SMTP_SSL(mailtrap.host, mailtrap.tls_port, context=ssl.create_default_context())
    with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
        with pytest.raises(ssl.SSLCertVerificationError):
            client.starttls(context=ssl.create_default_context())
    assert len(mailtrap) == 3
    assert [r for r in caplog.records if r.levelno > 20] == []

left = []

def test_clients_left_behind(mailtrap):
    for port in (mailtrap.port, mailtrap.tls_port):
        left.append(socket.create_connection(("127.0.0.1", port)))
    client = smtplib.SMTP("127.0.0.1", mailtrap.port)
    client.starttls(context=mailtrap.ssl_context if False else _loose())
    client.docmd("EHLO a")
    left.append(client)
    half = smtplib.SMTP("127.0.0.1", mailtrap.port)
    half.docmd("STARTTLS")
    left.append(half)

def test_after(mailtrap):
    for client in left:
        client.close()

def _loose():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
"""


def test_clean_under_dev_mode_and_warnings_as_errors(tmp_path):
    """python -bb -X dev -W error finds nothing: no warning, bytes compared with text, unclosed socket or output on stderr."""
    (tmp_path / "test_dev.py").write_text(textwrap.dedent(DEV))
    done = subprocess.run(
        [
            *(sys.executable, "-bb", "-X", "dev", "-W", "error", "-m", "pytest", "-q"),
            *("-p", "no:randomly", "-p", "no:cacheprovider", str(tmp_path)),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "3 passed" in done.stdout, done.stdout + done.stderr
    assert "warning" not in done.stdout.lower()
    assert done.stderr == ""
    assert done.returncode == 0
