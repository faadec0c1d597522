"""Scripted replies to commands that only have a reply, and to those that the trap does not implement."""

from __future__ import annotations

import smtplib

import pytest

COMMANDS = ["EXPN", "VRFY", "ETRN", "TURN", "SEND", "SOML", "SAML", "BDAT", "LHLO", "XFOO", "x-foo", "XCLIENT"]  # fmt: skip


@pytest.fixture
def client(mailtrap):
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
        client.ehlo()
        yield client


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("code", [250, 354, 451, 550])
def test_the_scripted_reply_is_sent(mailtrap, client, command, code):
    """Once, whatever the argument is; the session continues."""
    mailtrap.reply(command, code, ["Joe <joe@example.org>", "Joan <joan@example.org>"])
    assert client.docmd(command, "friends of Joe") == (
        code,
        b"Joe <joe@example.org>\nJoan <joan@example.org>",
    )
    assert client.docmd(command, "friends of Joe")[0] in (252, 500, 502)
    client.sendmail("a@example.org", ["b@example.org"], b"Hello\r\n")
    assert len(mailtrap) == 1


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != "VRFY"])
def test_control_without_a_rule(client, command):
    """The control: each of these commands is refused."""
    assert client.docmd(command, "friends of Joe")[0] in (500, 502)


def test_other_faults(mailtrap, client):
    """nth and matching count as for any other command, and the connection can be cut."""
    mailtrap.reply("ETRN", 250, matching="example.org", nth=2)
    mailtrap.disconnect("XFOO")
    replies = [client.docmd("ETRN", f"{name}.example.org")[0] for name in "abc"]
    assert replies == [500, 250, 500]
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.docmd("XFOO")


def test_before_tls_that_is_required(mailtrap_factory):
    """Before TLS, such a command is refused like any other; the rule applies to one inside TLS."""
    with mailtrap_factory(starttls="require") as trap:
        trap.reply("EXPN", 250, inside_tls=True)
        trap.reply("ETRN", 250, inside_tls=True)
        with smtplib.SMTP(trap.host, trap.port, timeout=10) as client:
            client.ehlo()
            assert [client.docmd(name, "x")[0] for name in ("EXPN", "ETRN")] == [530, 530]
            client.starttls(context=trap.ssl_context)
            client.ehlo()
            assert [client.docmd(name, "x")[0] for name in ("EXPN", "ETRN")] == [250, 250]


@pytest.mark.parametrize("event", ["CONNECT", "HANDSHAKE", "END-OF-MESSAGE"])
def test_an_event_is_not_a_command(mailtrap, event):
    """A client that sends such a word as a command, as for an HTTP proxy, gets no scripted reply."""
    mailtrap.delay(event, 0.01, nth=2)
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
        assert client.docmd(event, "x")[0] == 500
        assert client.docmd(event, "x")[0] == 500
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
        for _ in range(2):
            client.sendmail("a@example.org", ["b@example.org"], b"Hello\r\n")
    with pytest.raises(OSError):
        smtplib.SMTP_SSL(mailtrap.host, mailtrap.port, timeout=10)
    for _ in range(2):
        with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
            client.starttls(context=mailtrap.ssl_context)
            client.sendmail("a@example.org", ["b@example.org"], b"Hello\r\n")
    assert len(mailtrap) == 4


@pytest.mark.parametrize(
    "command", ["DATUM", "STARTLS", "X", "X FOO", "XFOO\r\n", "", "ETRN ", None, 250]
)
def test_what_is_not_a_command(mailtrap, command):
    """A misspelled command is an error at once."""
    with pytest.raises(ValueError, match="command must be one of CONNECT, HANDSHAKE"):
        mailtrap.reply(command, 250)


def test_the_capabilities_are_a_list_of_texts(mailtrap, client):
    """EHLO takes one text for each line of its reply."""
    mailtrap.reply("EHLO", 250, ["localhost", "SIZE 1000", "HELP"], times=None)
    client.ehlo()
    assert client.esmtp_features == {"size": "1000", "help": ""}
