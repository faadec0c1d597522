"""The envelope: addresses, parameters in the client's spelling, and the size limit."""

from __future__ import annotations

import smtplib

import pytest
from _trap_talk import SECONDS, Talk, send


@pytest.fixture
def client(mailtrap):
    """A client inside TLS that has sent EHLO."""
    with Talk(mailtrap.tls_port, tls=mailtrap.ssl_context) as client:
        client.hello()
        yield client


def finish(client, rcpt="RCPT TO:<b@example.org>"):
    assert client.say(rcpt) == "250 OK"
    assert client.say("DATA").startswith("354")
    return client.say(b".")


# -- addresses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("<a@example.org>", "a@example.org"),
        ("<A.B+tag@Example.ORG>", "A.B+tag@Example.ORG"),
        (" <a@example.org>", "a@example.org"),
        ("<>", ""),
        ('<"a b"@example.org>', '"a b"@example.org'),
        ("<a@[127.0.0.1]>", "a@[127.0.0.1]"),
        ("<a@[IPv6:::1]>", "a@[IPv6:::1]"),
        ("<postmaster>", "postmaster"),
        ("a@example.org", "a@example.org"),
        ("<jürgen@example.org> SMTPUTF8", "jürgen@example.org"),
    ],
)
def test_mail_from(mailtrap, client, path, address):
    """mail_from is the reverse-path without its brackets, or "" for the null reverse-path."""
    assert client.say(f"MAIL FROM:{path}") == "250 OK"
    assert finish(client) == "250 OK"
    assert mailtrap[0].mail_from == address


@pytest.mark.parametrize(
    "line",
    [
        "MAIL",
        "MAIL a@example.org",
        "MAIL FROM:",
        "MAIL FROM:<a@example.org",
        "MAIL FROM:<a@example.org> SIZE",
        "MAIL FROM:<a@example.org> SIZE=",
        "MAIL FROM:<a@example.org> SIZE=x",
        "MAIL FROM:<a@example.org> BODY=EIGHT",
        "MAIL FROM:<a@example.org> RET=ALL",
        "MAIL FROM:<a@example.org> RET",
        "MAIL FROM:<a@example.org> ENVID=a+b",
        f"MAIL FROM:<a@example.org> ENVID={'x' * 101}",
        "MAIL FROM:<a@example.org> SMTPUTF8=yes",
        "MAIL FROM:<a@example.org> REQUIRETLS=yes",
        "MAIL FROM:<a@example.org> RET=HDRS RET=HDRS",
        "MAIL FROM:<a@example.org> NOTIFY=NEVER",
        "MAIL FROM:<a@example.org> FANTASY=1",
        b"MAIL FROM:<\xff\xfe@example.org>",
        "MAIL FROM:<a@example.org> SIZE=²".encode(),
        "MAIL FROM:<a@exam\0ple.org>",
    ],
)
def test_refused_mail(mailtrap, client, line):
    """A malformed MAIL command is refused permanently, and the next one is accepted."""
    assert client.say(line)[0] == "5"
    assert client.say("MAIL FROM:<a@example.org>") == "250 OK"
    assert finish(client) == "250 OK"
    assert mailtrap[0].mail_options == ()


@pytest.mark.parametrize(
    "line",
    [
        "RCPT",
        "RCPT b@example.org",
        "RCPT TO:",
        "RCPT TO:<>",
        "RCPT TO: <>",
        "RCPT TO:<b@example.org",
        "RCPT TO:<b@example.org> NOTIFY=NEVER,FAILURE",
        "RCPT TO:<b@example.org> NOTIFY",
        "RCPT TO:<b@example.org> NOTIFY=SOMETIMES",
        "RCPT TO:<b@example.org> ORCPT=bob",
        "RCPT TO:<b@example.org> SIZE=12",
        "RCPT TO:<b@example.org> RET=HDRS",
        "RCPT TO:<b@example.org> REQUIRETLS",
        b"RCPT TO:<\xff@example.org>",
    ],
)
def test_refused_rcpt(mailtrap, client, line):
    """A malformed RCPT command adds no recipient."""
    client.say("MAIL FROM:<a@example.org>")
    assert client.say(line)[0] == "5"
    assert finish(client, "RCPT TO:<c@example.org>") == "250 OK"
    assert mailtrap[0].rcpt_tos == ("c@example.org",)
    assert mailtrap[0].rcpt_options == ()


def test_recipients_in_order(mailtrap, client):
    """All recipients are listed in RCPT order, duplicates included; Bcc needs no header."""
    client.say("MAIL FROM:<a@example.org>")
    for name in ("z", "a", "z"):
        client.say(f"RCPT TO:<{name}@example.org>")
    finish(client, "RCPT TO:<m@example.org>")
    assert mailtrap[0].rcpt_tos == tuple(f"{name}@example.org" for name in "zazm")


def test_envelope_of_each_message_is_its_own(mailtrap, client):
    """The second message on a connection starts with an empty envelope, even after RSET or a refusal."""
    client.say("MAIL FROM:<one@example.org> RET=HDRS")
    finish(client, "RCPT TO:<x@example.org> NOTIFY=NEVER")
    client.say("MAIL FROM:<gone@example.org>")
    client.say("RCPT TO:<gone@example.org>")
    assert client.say("RSET") == "250 OK"
    client.say("MAIL FROM:<two@example.org>")
    finish(client, "RCPT TO:<y@example.org>")
    one, two = mailtrap
    assert (one.mail_options, one.rcpt_options) == (("RET=HDRS",), ("NOTIFY=NEVER",))
    assert (two.mail_from, two.rcpt_tos) == ("two@example.org", ("y@example.org",))
    assert (two.mail_options, two.rcpt_options) == ((), ())


# -- parameters ------------------------------------------------------------------------------


def test_parameters_in_exact_case(mailtrap, client):
    """Every parameter is kept exactly as the client wrote it, in the original order."""
    assert (
        client.say(
            "mail from:<a@example.org> Size=12 body=8bitmime Ret=hdrs EnvId=Qq+2B1 auth=<> RequireTLS smtputf8"
        )
        == "250 OK"
    )
    finish(client, "rcpt to:<b@example.org> Notify=Success,delay ORcpt=rfc822;Bob+2Bx@Example.org")
    [message] = mailtrap
    assert message.mail_options == (
        "Size=12",
        "body=8bitmime",
        "Ret=hdrs",
        "EnvId=Qq+2B1",
        "auth=<>",
        "RequireTLS",
        "smtputf8",
    )
    assert message.rcpt_options == ("Notify=Success,delay", "ORcpt=rfc822;Bob+2Bx@Example.org")
    assert message.smtp_utf8 is True


def test_without_parameters(mailtrap, client):
    """The control: nothing is recorded that was not sent."""
    client.say("MAIL FROM:<a@example.org>")
    finish(client)
    assert (mailtrap[0].mail_options, mailtrap[0].rcpt_options) == ((), ())
    assert mailtrap[0].smtp_utf8 is False


@pytest.mark.parametrize(
    "parameter", ["RET=FULL", "RET=HDRS", "ENVID=QQ314159", "BODY=7BIT", "BODY=8BITMIME", "SIZE=0"]
)
def test_mail_parameters(mailtrap, client, parameter):
    """SIZE (RFC 1870), 8BITMIME (RFC 6152), RET and ENVID (RFC 3461) are accepted and recorded."""
    assert client.say(f"MAIL FROM:<a@example.org> {parameter}") == "250 OK"
    finish(client)
    assert mailtrap[0].mail_options == (parameter,)


@pytest.mark.parametrize(
    "parameter",
    ["NOTIFY=NEVER", "NOTIFY=SUCCESS,FAILURE,DELAY", "ORCPT=rfc822;bob@example.org"],
)
def test_rcpt_parameters(mailtrap, client, parameter):
    """NOTIFY and ORCPT (RFC 3461) are accepted and recorded."""
    client.say("MAIL FROM:<a@example.org>")
    finish(client, f"RCPT TO:<b@example.org> {parameter}")
    assert mailtrap[0].rcpt_options == (parameter,)


def test_requiretls_needs_tls(mailtrap):
    """REQUIRETLS is neither offered nor accepted outside TLS (RFC 8689, section 2)."""
    with Talk(mailtrap.port) as client:
        assert "REQUIRETLS" not in client.hello()
        assert client.say("MAIL FROM:<a@example.org> REQUIRETLS").startswith("555")
        client.starttls(mailtrap.ssl_context)
        assert "REQUIRETLS" in client.hello()
        assert client.say("MAIL FROM:<a@example.org> REQUIRETLS") == "250 OK"


def test_no_parameters_after_helo(mailtrap):
    """After HELO no parameters are accepted."""
    with Talk(mailtrap.port) as client:
        client.say("HELO client.example.org")
        assert client.say("MAIL FROM:<a@example.org> SIZE=1").startswith("501")
        assert client.say("MAIL FROM:<a@example.org>") == "250 OK"
        finish(client)
    assert mailtrap[0].transport.ehlo == "client.example.org"


def test_smtplib_with_options(mailtrap):
    """The options passed to smtplib arrive."""
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=SECONDS) as client:
        client.starttls(context=mailtrap.ssl_context)
        client.sendmail(
            "jürgen@example.org",
            ["b@example.org"],
            "Subject: ü\r\n\r\n".encode(),
            mail_options=["SMTPUTF8", "BODY=8BITMIME"],
            rcpt_options=["NOTIFY=FAILURE"],
        )
    [message] = mailtrap
    assert message.mail_options == ("size=15", "SMTPUTF8", "BODY=8BITMIME")
    assert message.rcpt_options == ("NOTIFY=FAILURE",)
    assert message.mail_from == "jürgen@example.org"
    assert message.smtp_utf8


# -- size ------------------------------------------------------------------------------------

LIMIT = 1000
limited = pytest.mark.mailtrap(max_message_size=LIMIT)


def mail_of(size: int) -> bytes:
    lines = b"x" * 98 + b"\r\n"
    return (lines * (size // 100 + 1))[-size:]


@limited
def test_size_is_announced(mailtrap):
    """The size limit is announced in the reply to EHLO."""
    with Talk(mailtrap.port) as client:
        assert f"250-SIZE {LIMIT}" in client.hello().splitlines()


@limited
def test_at_the_limit(mailtrap):
    """A message of exactly the allowed size is accepted and captured in full."""
    with Talk(mailtrap.port) as client:
        assert client.deliver(mail_of(LIMIT)) == "250 OK"
    assert len(mailtrap[0].raw) == LIMIT


@limited
@pytest.mark.parametrize("size", [LIMIT + 1, LIMIT + 2, 4 * LIMIT, 100 * LIMIT])
def test_above_the_limit(mailtrap, size):
    """One byte more is refused permanently, nothing is captured, and the connection goes on."""
    with Talk(mailtrap.port) as client:
        assert client.deliver(mail_of(size)) == "552 5.3.4 Message exceeds the maximum size"
        assert len(mailtrap) == 0
        assert client.deliver(mail_of(LIMIT)) == "250 OK"
    assert len(mailtrap) == 1


@limited
def test_doubled_dots_do_not_count(mailtrap):
    """The size is that of the message, not of what went over the wire (RFC 1870, section 5)."""
    with Talk(mailtrap.port) as client:
        assert client.deliver(b"..\r\n" * 333) == "250 OK"
    assert mailtrap[0].raw == b".\r\n" * 333


@limited
@pytest.mark.parametrize(("size", "code"), [(LIMIT, "250"), (LIMIT + 1, "552")])
def test_announced_size(mailtrap, size, code):
    """A message whose announced size is too large is refused at MAIL (RFC 1870, section 6.1)."""
    with Talk(mailtrap.port) as client:
        client.hello()
        assert client.say(f"MAIL FROM:<a@example.org> SIZE={size}").startswith(code)


@limited
def test_announcing_less_than_is_sent(mailtrap):
    """The size that counts is the one received, not the one announced."""
    with Talk(mailtrap.port) as client:
        client.hello()
        client.say("MAIL FROM:<a@example.org> SIZE=1")
        client.say("RCPT TO:<b@example.org>")
        client.say("DATA")
        client.send(mail_of(LIMIT + 1) + b".\r\n")
        assert client.reply().startswith("552")


@limited
def test_smtplib_sees_the_limit(mailtrap):
    """A real client whose message is too large gets the permanent error its library defines."""
    with pytest.raises(smtplib.SMTPSenderRefused) as caught:
        send(mailtrap, mail_of(LIMIT + 1))
    assert caught.value.smtp_code == 552


def test_no_limit(mailtrap):
    """With no limit, SIZE is offered without a number, and a three-megabyte message is accepted."""
    data = mail_of(3_000_000)
    send(mailtrap, data)
    assert mailtrap[0].raw == data
