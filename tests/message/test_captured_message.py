"""What a message holds: the exact bytes, and what is parsed from them."""

from __future__ import annotations

import email.message
import email.policy
import smtplib
from datetime import datetime, timedelta, timezone
from email.message import EmailMessage

import pytest
from _trap_talk import SECONDS, Talk, send

from pytest_mailtrap import Attachment

# As it goes over the wire, and as it must be kept: only the dots of RFC 5321, section 4.5.2, go.
EXACT = {
    "empty": (b"", b""),
    "one line": (b"hello\r\n", b"hello\r\n"),
    "empty lines at the end": (b"hello\r\n\r\n\r\n", b"hello\r\n\r\n\r\n"),
    "only an empty line": (b"\r\n", b"\r\n"),
    "leading dot": (b"..\r\n", b".\r\n"),
    "dots": (b"..a\r\n...\r\na.\r\n", b".a\r\n..\r\na.\r\n"),
    "dot not doubled": (b".a\r\n", b"a\r\n"),
    "dot in the middle": (b"a\r\n..b\r\nc\r\n", b"a\r\n.b\r\nc\r\n"),
    "bare LF": (b"a\nb\n\r\n", b"a\nb\n\r\n"),
    "bare CR": (b"a\rb\r\r\n", b"a\rb\r\r\n"),
    "bare LF, dot": (b"a\n.\nb\r\n", b"a\n.\nb\r\n"),
    "bare LF, dot, CRLF": (b"a\n.\r\nb\r\n", b"a\n.\r\nb\r\n"),
    "CRLF, dot, bare LF": (b"a\r\n.\nb\r\n", b"a\r\n\nb\r\n"),
    "bare CR, dot, CRLF": (b"a\r.\r\nb\r\n", b"a\r.\r\nb\r\n"),
    "LF, doubled dot": (b"a\n..b\r\n", b"a\n..b\r\n"),
    "eight bits": (bytes(range(128, 256)) + b"\r\n", bytes(range(128, 256)) + b"\r\n"),
    "NUL": (b"a\0b\0\r\n", b"a\0b\0\r\n"),
    "control characters": (b"\x01\x1b[31m\x7f\r\n", b"\x01\x1b[31m\x7f\r\n"),
    "trailing blanks": (b"a  \t \r\n", b"a  \t \r\n"),
    "long line": (b"x" * 998 + b"\r\n", b"x" * 998 + b"\r\n"),
    "command in data": (b"QUIT\r\nRSET\r\n", b"QUIT\r\nRSET\r\n"),
}


@pytest.mark.parametrize(("sent", "kept"), EXACT.values(), ids=EXACT.keys())
@pytest.mark.parametrize("pieces", ["whole", "in single bytes", "pipelined"])
def test_exact_bytes(mailtrap, sent, kept, pieces):
    """raw is what was sent, to the last byte, however TCP split it up."""
    with Talk(mailtrap.port) as client:
        if pieces == "pipelined":
            client.hello()
            client.send(
                b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"
                + sent
                + b".\r\nNOOP\r\n"
            )
            replies = [client.reply() for _ in range(5)]
            assert replies[2].startswith("354")
            assert replies[3:] == ["250 OK", "250 OK"]
        else:
            client.begin()
            data = sent + b".\r\n"
            if pieces == "whole":
                client.send(data)
            else:
                for at in range(min(len(data), 40)):
                    client.send(data[at : at + 1])
                client.send(data[40:])
            assert client.reply() == "250 OK"
            assert client.say("NOOP") == "250 OK"
    [message] = mailtrap
    assert message.raw == kept


@pytest.mark.parametrize("ending", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r"])
def test_no_other_end_of_data(mailtrap, ending):
    """Only CRLF.CRLF ends a message: anything else would allow a second one to be smuggled in."""
    smuggled = (
        ending + b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nevil\r\n"
    )
    with Talk(mailtrap.port) as client:
        assert client.deliver(b"Subject: one\r\n\r\nhello" + smuggled) == "250 OK"
    [message] = mailtrap
    assert message.mail_from == "a@example.org"
    assert b"evil@example.org" in message.raw


def test_smtplib_adds_the_last_line_ending(mailtrap):
    """A text without a final line ending gets one from smtplib; the trap adds none of its own."""
    send(mailtrap, b"Subject: hello\r\n\r\nno newline at the end")
    assert mailtrap[0].raw == b"Subject: hello\r\n\r\nno newline at the end\r\n"


def test_megabytes_over_tls(mailtrap):
    """A large message with all byte values and many dots arrives unchanged."""
    lines = [
        bytes((n + i) % 256 for i in range(200) if (n + i) % 256 not in (10, 13))
        for n in range(256)
    ]
    data = b"".join(b"." + line + b"\r\n" for line in lines) * 40
    send(mailtrap, data)
    assert mailtrap[0].raw == data


# -- what is read out of it ------------------------------------------------------------------


def rich_message() -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "Grüße aus Köln"
    message["From"] = "Shop <shop@example.org>"
    message["To"] = "Bob <bob@example.org>"
    message.set_content(
        "Hallo Bob,\nsee https://example.org/a?b=1&c=2.\nAnd http://example.org/x!\n"
    )
    message.add_alternative(
        '<p>Hallo <a href="https://example.org/html?x=1&amp;y=2">here</a>, '
        '<a href="https://example.org/a?b=1&amp;c=2">there</a></p><img src="https://example.org/no">',
        subtype="html",
    )
    message.add_attachment(
        b"%PDF-1.7 \x00\xff", maintype="application", subtype="pdf", filename="Rechnung ü.pdf"
    )
    message.add_attachment("a,b\n", subtype="csv", filename="../../etc/passwd")
    return message


def submit(trap, message):
    with smtplib.SMTP(trap.host, trap.port, timeout=SECONDS) as client:
        client.starttls(context=trap.ssl_context)
        client.send_message(message)
    return trap[-1]


def test_rich_message(mailtrap):
    """Subject, bodies, attachments and links are decoded."""
    message = submit(mailtrap, rich_message())
    assert message.subject == message["subject"] == "Grüße aus Köln"
    assert message["To"].addresses[0].username == "bob"
    assert "From" in message
    assert "Cc" not in message
    assert message["Cc"] is None
    assert message.text.startswith("Hallo Bob,\n")
    assert message.html.startswith("<p>Hallo <a href=")
    assert message.links == (
        "https://example.org/html?x=1&y=2",
        "https://example.org/a?b=1&c=2",
        "http://example.org/x",
    )
    pdf, csv = message.attachments
    assert (pdf.filename, pdf.content_type) == ("Rechnung ü.pdf", "application/pdf")
    assert pdf.content == b"%PDF-1.7 \x00\xff"
    assert (csv.filename, csv.content) == ("../../etc/passwd", b"a,b\r\n")
    assert "%PDF" not in repr(pdf)


def test_parsed(mailtrap):
    """parsed is the standard library's EmailMessage, made once."""
    message = submit(mailtrap, rich_message())
    assert isinstance(message.parsed, email.message.EmailMessage)
    assert message.parsed is message.parsed
    assert message.parsed.policy == email.policy.default


def test_plain_message(mailtrap):
    """What a message does not have is None or empty."""
    send(mailtrap, b"From: a@example.org\r\n\r\nhello\r\n")
    [message] = mailtrap
    assert message.subject is None
    assert message.html is None
    assert message.text.splitlines() == ["hello"]
    assert (message.attachments, message.links) == ((), ())


def test_html_only(mailtrap):
    """An HTML-only message has no text; links without http are those of the HTML."""
    send(
        mailtrap,
        b"Content-Type: text/html\r\n\r\n<a href='mailto:bob@example.org'>x</a><a name=y>y</a>\r\n",
    )
    assert mailtrap[0].text is None
    assert mailtrap[0].links == ("mailto:bob@example.org",)


def test_attached_message(mailtrap):
    """An attached message is returned byte for byte."""
    inner = EmailMessage()
    inner["Subject"] = "inner"
    inner.set_content("hello")
    outer = rich_message()
    outer.add_attachment(inner)
    attachment = submit(mailtrap, outer).attachments[-1]
    assert isinstance(attachment, Attachment)
    assert attachment.content_type == "message/rfc822"
    assert attachment.content.startswith(b"Subject: inner\r\n")


MALFORMED = {
    "empty": b"",
    "no header": b"\r\nhello\r\n",
    "no blank line": b"Subject: hello\r\n",
    "unknown charset": b"Content-Type: text/plain; charset=klingon\r\n\r\nh\xc3\xa9\r\n",
    "wrong charset": b"Content-Type: text/plain; charset=utf-8\r\n\r\n\xff\xfe\r\n",
    "ascii with eight bits": b"Content-Type: text/plain; charset=us-ascii\r\n\r\n\xff\xfe\r\n",
    "unknown encoding": b"Content-Type: text/plain\r\nContent-Transfer-Encoding: rot13\r\n\r\nuryyb\r\n",
    "bad base64": b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!\r\n",
    "multipart without boundary": b"Content-Type: multipart/mixed\r\n\r\nhello\r\n",
    "multipart without parts": b"Content-Type: multipart/mixed; boundary=x\r\n\r\nhello\r\n",
    "multipart cut short": b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n",
    "alternative without boundary": b"Content-Type: multipart/alternative\r\n\r\nhello\r\n",
    "related without boundary": b"Content-Type: multipart/related\r\n\r\nhello\r\n",
    "garbled type": b"Content-Type: \xff\xfe/;;=\r\n\r\nhello\r\n",
    "garbled subject": b"Subject: =?utf-8?b?!!!?= =?x?q?y?= \xff\x1b[31m\r\n\r\nhello\r\n",
    "garbled address": b"From: <<<>>@@\r\nTo: ,;:\r\n\r\nhello\r\n",
    "garbled disposition": b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Disposition: attachment; filename*=x'y\r\n\r\nhello\r\n--x--\r\n",
    "NUL": b"Subject: a\0b\r\n\r\n\0\r\n",
    "message without a message": b"Content-Type: message/rfc822\r\n\r\n",
    "deep": b"".join(
        b"Content-Type: multipart/mixed; boundary=x%d\r\n\r\n--x%d\r\n" % (n, n) for n in range(60)
    ),
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_messages_can_be_looked_at(mailtrap, raw):
    """A malformed message is captured exactly, and asking for its parts does not raise."""
    with Talk(mailtrap.port) as client:
        assert client.deliver(raw) == "250 OK"
    [message] = mailtrap
    assert message.raw == raw
    for part in (message.text, message.html):
        assert part is None or isinstance(part, str)
    assert message.subject is None or isinstance(message.subject, str)
    assert all(isinstance(attachment.content, bytes) for attachment in message.attachments)
    assert all(isinstance(link, str) for link in message.links)
    assert repr(message).isprintable()


def test_save(mailtrap, tmp_path):
    """save() writes the exact bytes to a path given as a string or a Path, and returns the path."""
    raw = b"Subject: \xff\r\n\r\n\x00 a\nb\r\n"
    send(mailtrap, raw)
    with Talk(mailtrap.port) as client:
        client.deliver(raw)
    message = mailtrap[-1]
    assert message.save(tmp_path / "one.eml") == tmp_path / "one.eml"
    assert message.save(str(tmp_path / "two.eml")) == tmp_path / "two.eml"
    assert (tmp_path / "one.eml").read_bytes() == (tmp_path / "two.eml").read_bytes() == raw


def test_received_at(mailtrap):
    """received_at is an aware datetime in UTC, between the start and the end of the sending."""
    before = datetime.now(timezone.utc)
    send(mailtrap)
    after = datetime.now(timezone.utc)
    at = mailtrap[0].received_at
    assert at.utcoffset() == timedelta(0)
    assert before <= at <= after


def test_messages_are_themselves(mailtrap):
    """Two messages with the same bytes are not equal."""
    send(mailtrap)
    send(mailtrap)
    one, two = mailtrap
    assert one.raw == two.raw
    assert one != two
    assert len({one, two}) == 2
