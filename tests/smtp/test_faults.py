"""Scripted faults: what the server does instead of the normal action, when, and how often."""

from __future__ import annotations

import smtplib
import ssl
import time
from decimal import Decimal

import pytest

from pytest_mailtrap import Rule
from pytest_mailtrap._smtp import faults

MAIL = b"Subject: Hi\r\n\r\nHello\r\n"


@pytest.fixture
def client(mailtrap):
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
        yield client


def send(client, *recipients):
    return client.sendmail("a@example.org", recipients or ("b@example.org",), MAIL)


def test_greylisting(mailtrap, client):
    """451 once, then the same recipient is accepted."""
    mailtrap.reply("RCPT", 451, "4.7.1 Greylisted, try again")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(client)
    assert refused.value.recipients == {"b@example.org": (451, b"4.7.1 Greylisted, try again")}
    send(client)
    [message] = mailtrap
    assert message.rcpt_tos == ("b@example.org",)


def test_one_recipient_of_three_by_number(mailtrap, client):
    """nth counts commands from the moment the fault is set."""
    mailtrap.reply("RCPT", 550, "5.1.1 No such user", nth=2)
    refused = send(client, "a@example.org", "b@example.org", "c@example.org")
    assert refused == {"b@example.org": (550, b"5.1.1 No such user")}
    [message] = mailtrap
    assert message.rcpt_tos == ("a@example.org", "c@example.org")


def test_one_recipient_of_three_by_name(mailtrap, client):
    """A fault may apply to one argument only, in upper or lower case, and permanently."""
    mailtrap.reply("RCPT", 550, matching="B@example.org", times=None)
    for _ in range(2):
        refused = send(client, "a@example.org", "b@example.org", "c@example.org")
        assert refused == {"b@example.org": (550, b"Not accepted")}
    assert [message.rcpt_tos for message in mailtrap] == [("a@example.org", "c@example.org")] * 2


def test_421_at_connect(mailtrap):
    """421 in place of the greeting, and the connection is closed; the next connection works normally."""
    mailtrap.reply("CONNECT", 421, "4.3.2 Service not available")
    with pytest.raises(smtplib.SMTPConnectError) as refused:
        smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10)
    assert refused.value.smtp_code == 421
    assert mailtrap.connections[0].ended_by == "server"
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
        send(client)
    assert len(mailtrap) == 1


def test_554_at_connect_leaves_only_quit(mailtrap):
    """RFC 5321, section 3.1: after a 554 greeting only QUIT works, and everything else gets 503."""
    mailtrap.reply("CONNECT", 554, "No SMTP service here")
    client = smtplib.SMTP(timeout=10)
    try:
        assert client.connect(mailtrap.host, mailtrap.port) == (554, b"No SMTP service here")
        assert client.ehlo()[0] == 503
        assert client.mail("a@example.org")[0] == 503
        assert client.quit()[0] == 221
    finally:
        client.close()


def test_421_in_the_middle_closes(mailtrap, client):
    """After a 421 the server closes the connection, even if more commands have been sent in the meantime."""
    mailtrap.reply("MAIL", 421)
    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        send(client)
    assert refused.value.smtp_code == 421
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.noop()


def test_552_after_the_final_dot(mailtrap, client):
    """The message is refused after it has been sent, and is not captured."""
    mailtrap.reply("END-OF-MESSAGE", 552, "5.3.4 Message too big")
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(client)
    assert (refused.value.smtp_code, len(mailtrap)) == (552, 0)
    send(client)
    assert len(mailtrap) == 1


def test_final_dot_has_a_short_name(mailtrap, client):
    """The short name of END-OF-MESSAGE is ".", as on the wire."""
    mailtrap.reply(".", 451)
    with pytest.raises(smtplib.SMTPDataError):
        send(client)
    assert len(mailtrap) == 0


@pytest.mark.parametrize("command", ["DATA", "data", "END-OF-MESSAGE", "."])
def test_dropped_before_the_250(mailtrap, client, command):
    """The server has the message, but the sender does not know: it sends it again, and it is captured twice."""
    mailtrap.disconnect(command)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(client)
    assert len(mailtrap) == 1
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as again:
        send(again)
    assert [message.raw for message in mailtrap] == [MAIL, MAIL]


def test_dropped_before_the_message(mailtrap, client):
    """421 in place of the 354: nothing is sent, and nothing is captured."""
    mailtrap.reply("DATA", 421)
    with pytest.raises(smtplib.SMTPDataError):
        send(client)
    assert len(mailtrap) == 0
    assert mailtrap.connections[0].ended_by == "server"


def test_dropped_inside_tls_without_close_notify(mailtrap, client):
    """The connection is cut without a TLS close_notify, and a client that checks for it notices."""
    mailtrap.disconnect("NOOP", inside_tls=True)
    client.noop()
    context = mailtrap.ssl_context
    client.starttls(context=context)
    client.sock.suppress_ragged_eofs = False
    client.sock.sendall(b"NOOP\r\n")
    with pytest.raises(ssl.SSLEOFError):
        client.sock.recv(100)


def test_dropped_in_the_handshake(mailtrap, client):
    """The TLS handshake can fail, too; the second attempt works."""
    mailtrap.disconnect("HANDSHAKE")
    with pytest.raises((ssl.SSLError, OSError)) as failed:
        client.starttls(context=mailtrap.ssl_context)
    assert isinstance(failed.value, ssl.SSLEOFError | ssl.SSLZeroReturnError | ConnectionError)
    assert mailtrap.connections[0].handshake_error == "the trap aborted the handshake"
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as again:
        again.starttls(context=mailtrap.ssl_context)
        send(again)
    mailtrap.assert_sent_over_tls()


def test_slow_reply(mailtrap):
    """If the client's timeout is shorter than the delay, the client gives up, and the delay ends with it."""
    mailtrap.delay("MAIL", 20)
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=0.2) as client:
        client.ehlo()
        with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
            client.mail("a@example.org")
    started = time.monotonic()
    assert mailtrap.connections[0].ended_by == "eof"
    assert time.monotonic() - started < 15


def test_slow_reply_that_comes(mailtrap, client):
    """If the client waits long enough, it gets the right reply, and not before the delay is over."""
    mailtrap.delay("MAIL", 0.1)
    started = time.monotonic()
    assert client.ehlo()[0] == 250
    assert client.mail("a@example.org")[0] == 250
    assert time.monotonic() - started >= 0.1
    assert "silence for 0.1 s" in mailtrap.connections[0].transcript


def test_delay_adds_to_the_fault_behind_it(mailtrap, client):
    """The reply is delayed first, and then it is a refusal."""
    mailtrap.delay("RCPT", 0.05)
    mailtrap.reply("RCPT", 550)
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(client)
    text = str(mailtrap.connections[0].transcript)
    assert text.index("silence for 0.05 s") < text.index("S: 550 Not accepted")


@pytest.mark.parametrize(
    "text", ["5.7.1 Not you\nask postmaster", ["5.7.1 Not you", "ask postmaster"]]
)
def test_several_texts_are_several_lines(mailtrap, client, text):
    """A list of texts is sent as several lines, just like one text with several lines."""
    mailtrap.reply("MAIL", 550, text)
    assert client.mail("a@example.org") == (550, b"5.7.1 Not you\nask postmaster")


def test_reply_of_several_lines(mailtrap, client):
    """Each line of the text is a line of the reply (RFC 5321, section 4.2.1)."""
    mailtrap.reply("MAIL", 550, "5.7.1 Not you\nsee https://example.org/why\nand go")
    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        send(client)
    assert refused.value.smtp_error == b"5.7.1 Not you\nsee https://example.org/why\nand go"
    assert "S: 550-5.7.1 Not you\nS: 550-see" in str(mailtrap.connections[0].transcript)


def test_other_words_for_success(mailtrap, client):
    """With a 2xx code the command is carried out, and only the text of the reply differs."""
    mailtrap.reply("END-OF-MESSAGE", 250, "2.0.0 queued as 4711")
    client.ehlo()
    client.mail("a@example.org")
    client.rcpt("b@example.org")
    assert client.data(MAIL) == (250, b"2.0.0 queued as 4711")
    assert len(mailtrap) == 1


def test_other_words_do_not_hide_an_error(mailtrap, client):
    """A command the server refuses stays refused: the client's mistake must not look like success."""
    mailtrap.reply("RCPT", 250, "fine")
    client.ehlo()
    assert client.rcpt("b@example.org")[0] == 503


def test_other_greeting(mailtrap):
    """The text of the greeting can be replaced."""
    mailtrap.reply("CONNECT", 220, "mx.example.org ESMTP")
    client = smtplib.SMTP(timeout=10)
    try:
        assert client.connect(mailtrap.host, mailtrap.port) == (220, b"mx.example.org ESMTP")
        send(client)
    finally:
        client.close()
    assert len(mailtrap) == 1


def test_two_faults_for_one_command_take_their_turns(mailtrap, client):
    """The second fault takes effect once the first is used up."""
    mailtrap.reply("RCPT", 451, times=2)
    mailtrap.reply("RCPT", 550)
    client.ehlo()
    client.mail("a@example.org")
    assert [client.rcpt("b@example.org")[0] for _ in range(4)] == [451, 451, 550, 250]


def test_nth_and_times_together(mailtrap, client):
    """With nth=2 and times=2, the second and third commands fail."""
    mailtrap.reply("NOOP", 450, nth=2, times=2)
    assert [client.noop()[0] for _ in range(5)] == [250, 450, 450, 250, 250]


def test_refused_login_shows_no_password(mailtrap, client):
    """A scripted 535 follows the rules for secrets: the password is recorded, but not shown."""
    mailtrap.reply("AUTH", 535, "5.7.8 Not today", times=None)
    client.starttls(context=mailtrap.ssl_context)
    with pytest.raises(smtplib.SMTPAuthenticationError):
        client.login(mailtrap.username, mailtrap.password)
    [connection] = mailtrap.connections
    assert connection.auths[0].password == mailtrap.password
    assert not any(auth.accepted for auth in connection.auths)
    assert mailtrap.password not in str(connection.transcript)


def test_implicit_tls(mailtrap):
    """Faults work on both ports."""
    mailtrap.reply("RCPT", 451)
    with smtplib.SMTP_SSL(
        mailtrap.host, mailtrap.tls_port, timeout=10, context=mailtrap.ssl_context
    ) as client:
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(client)
        send(client)
    assert len(mailtrap) == 1


def test_factory(mailtrap_factory):
    """A trap from the factory supports the same faults."""
    with mailtrap_factory() as trap:
        trap.reply("NOOP", 450)
        with smtplib.SMTP(trap.host, trap.port, timeout=10) as client:
            assert client.noop()[0] == 450


def forgetful(factory):
    with factory() as trap:
        trap.reply("EHLO", 421)


def test_factory_is_as_strict(mailtrap_factory):
    """At the end of the factory's block every fault must have happened."""
    with pytest.raises(AssertionError, match="1 of 1 scripted faults never happened"):
        forgetful(mailtrap_factory)


def failing(factory):
    with factory() as trap:
        trap.reply("EHLO", 421)
        raise ZeroDivisionError


def test_block_that_fails_is_not_judged_twice(mailtrap_factory):
    """If the block raises an error, that error is the one reported."""
    with pytest.raises(ZeroDivisionError):
        failing(mailtrap_factory)


@pytest.mark.parametrize(
    ("misuse", "error", "text"),
    [
        (lambda t: t.reply("FROM", 550), ValueError, "command must be one of CONNECT, HANDSHAKE, EHLO"),
        (lambda t: t.reply(25, 550), ValueError, "got 25"),
        (lambda t: t.reply("RCPT", 150), ValueError, "code must be 200 to 259, 300 to 359, 400 to 459 or 500 to 559, got 150"),
        (lambda t: t.reply("RCPT", "550"), ValueError, "got '550'"),
        (lambda t: t.reply("RCPT", 599), ValueError, "got 599"),
        (lambda t: t.reply("RCPT", 550, b"No"), TypeError, "text must be a string, got b'No'"),
        (lambda t: t.reply("RCPT", 550, 5), TypeError, "got 5"),
        (lambda _: Rule(command="RCPT", code=550, text=["No"]), TypeError, "text must be a string, got ['No']"),
        (lambda t: t.reply("HANDSHAKE", 454), ValueError, "HANDSHAKE takes no reply"),
        (lambda t: t.reply("RCPT", 550, times=0), ValueError, "times must be a positive whole number, got 0"),
        (lambda t: t.disconnect("RCPT", nth=0), ValueError, "nth must be a positive whole number, got 0"),
        (lambda t: t.delay("RCPT", -1), ValueError, "delay must be 0 to 50 seconds, got -1"),
        (lambda t: t.delay("RCPT", 51), ValueError, "got 51"),
        (lambda t: t.delay("RCPT", 0), ValueError, "seconds must be a number greater than 0, got 0"),
        (lambda t: t.delay("RCPT", None), ValueError, "seconds must be a number greater than 0, got None"),
        (lambda t: t.delay("RCPT", True), ValueError, "delay must be 0 to 50 seconds, got True"),
        (lambda t: t.delay("RCPT", "1"), ValueError, "delay must be 0 to 50 seconds, got '1'"),
        (lambda t: t.delay("RCPT", Decimal(1)), ValueError, "delay must be 0 to 50 seconds, got Decimal('1')"),
        (lambda t: t.delay("RCPT", float("nan")), ValueError, "delay must be 0 to 50 seconds, got nan"),
        (lambda t: t.reply("RCPT", 550, [1]), TypeError, "text must be a string, got [1]"),
        (lambda t: t.reply("RCPT", True), ValueError, "got True"),
        (lambda t: t.reply("RCPT", 550, nth=1.0), ValueError, "nth must be a positive whole number, got 1.0"),
        (lambda t: t.reply("RCPT", 550, times=True), ValueError, "times must be a positive whole number, got True"),
        (lambda t: t.reply("RCPT", 550, matching=5), TypeError, "matching must be a string or None, got 5"),
        (lambda t: t.reply("RCPT", 550, matching=b"bob"), TypeError, "matching must be a string or None, got b'bob'"),
        (lambda t: t.reply("RCPT", 550, inside_tls="yes"), TypeError, "inside_tls must be True, False or None, got 'yes'"),
        (lambda _: Rule(command="RCPT", raw="550 No"), TypeError, "raw must be bytes or None, got '550 No'"),
        (lambda _: Rule(command="RCPT", disconnect="no"), TypeError, "disconnect must be True or False, got 'no'"),
        (lambda _: Rule(command="RCPT", delay=1, until_input=1), TypeError, "until_input must be True or False, got 1"),
        (lambda _: Rule(command="RCPT", code=550, obey="no"), TypeError, "obey must be True, False or None, got 'no'"),
        (lambda _: Rule(command="EHLO", offers=["AUTH"]), TypeError, "offers must be a mapping or None, got ['AUTH']"),
        (lambda _: Rule(command="EHLO", offers={"SIZE": 5}), TypeError, "offers must map keywords to strings or None, got {'SIZE': 5}"),
        (lambda _: Rule(command="EHLO", offers={5: None}), TypeError, "offers must map keywords to strings or None, got {5: None}"),
    ],
)  # fmt: skip
def test_misuse_is_named(mailtrap, misuse, error, text):
    """Wrong commands, codes and numbers raise errors that list what is allowed."""
    with pytest.raises(error) as failure:
        misuse(mailtrap)
    assert text in str(failure.value)


def test_lower_case_will_do(mailtrap, client):
    """Command names are case-insensitive."""
    mailtrap.reply("noop", 450)
    assert client.noop()[0] == 450


@pytest.mark.parametrize(
    ("raw", "carries_out"),
    [
        (b"550-No\r\n550 Never\r\n", False),
        (b"451 Later\r\n", False),
        (b"250 Fine\r\n", True),
        (b"55", True),
        (b"no reply\r\n", True),
    ],
)
def test_a_raw_reply_that_refuses_keeps_the_command_from_being_carried_out(raw, carries_out):
    """A raw refusal acts like a refusal code; a malformed reply does not; *obey* overrides both."""
    assert faults.carries_out(Rule(command="MAIL", raw=raw)) is carries_out
    disobeying = Rule(command="MAIL", raw=raw, obey=not carries_out)
    assert faults.carries_out(disobeying) is not carries_out
