"""AUTH PLAIN and AUTH LOGIN: what is accepted, what is refused, and what is recorded."""

from __future__ import annotations

import base64
import smtplib

import pytest
from _trap_talk import MAIL, SECONDS, Talk, send

from pytest_mailtrap import Auth

OK = "235 2.7.0 Authentication successful"
REFUSED = "535 5.7.8 Authentication credentials invalid"
USER_NAME = "334 " + base64.b64encode(b"User Name\0").decode()
PASSWORD = "334 " + base64.b64encode(b"Password\0").decode()


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def plain(user: str, password: str) -> str:
    return b64(f"\0{user}\0{password}")


@pytest.fixture
def client(mailtrap):
    """A client inside TLS that has sent EHLO."""
    with Talk(mailtrap.port) as client:
        client.starttls(mailtrap.ssl_context)
        client.hello()
        yield client


def log_in(client, trap, how, user=None, password=None):
    """Run one AUTH exchange in one of its four forms; return the last reply."""
    user, password = user or trap.username, password or trap.password
    if how == "PLAIN with initial response":
        return client.say(f"AUTH PLAIN {plain(user, password)}")
    if how == "PLAIN after 334":
        assert client.say("AUTH PLAIN") == "334 "
        return client.say(plain(user, password))
    if how == "LOGIN with initial response":
        assert client.say(f"AUTH LOGIN {b64(user)}") == PASSWORD
        return client.say(b64(password))
    assert client.say("AUTH LOGIN") == USER_NAME
    assert client.say(b64(user)) == PASSWORD
    return client.say(b64(password))


FORMS = (
    "PLAIN with initial response",
    "PLAIN after 334",
    "LOGIN with initial response",
    "LOGIN after 334",
)


@pytest.mark.parametrize("how", FORMS)
def test_accepted(mailtrap, client, how):
    """All four forms log in, and the message records the mechanism, the username and the password."""
    assert log_in(client, mailtrap, how) == OK
    assert client.deliver() == "250 OK"
    [message] = mailtrap
    expected = Auth(
        mechanism=how[:5],
        username=mailtrap.username,
        password=mailtrap.password,
        encrypted=True,
        accepted=True,
    )
    assert message.auth == expected
    assert message.connection.auths == (expected,)
    mailtrap.assert_authenticated(username=mailtrap.username, mechanism=how[:5])


@pytest.mark.parametrize("how", FORMS)
def test_refused(mailtrap, client, how):
    """A wrong password is refused; the attempt is recorded, and the message that follows has no auth."""
    assert log_in(client, mailtrap, how, password="wrong") == REFUSED
    assert client.deliver() == "250 OK"
    [message] = mailtrap
    assert message.auth is None
    [auth] = message.connection.auths
    assert (auth.username, auth.password, auth.accepted) == (mailtrap.username, "wrong", False)
    with pytest.raises(AssertionError, match="sent without authentication"):
        mailtrap.assert_authenticated()


def test_unknown_user(mailtrap, client):
    """Another user's correct password is refused."""
    assert log_in(client, mailtrap, FORMS[0], user="somebody") == REFUSED


def test_second_attempt(mailtrap, client):
    """After a refusal a client may try again; both attempts are recorded in order."""
    assert log_in(client, mailtrap, FORMS[0], password="wrong") == REFUSED
    assert log_in(client, mailtrap, FORMS[3]) == OK
    client.deliver()
    assert [auth.accepted for auth in mailtrap[0].connection.auths] == [False, True]
    assert mailtrap[0].auth.mechanism == "LOGIN"
    assert client.say("AUTH PLAIN " + plain("a", "b")) == "503 Already authenticated"


def test_lower_case_mechanism(mailtrap, client):
    """Mechanism names are case-insensitive (RFC 4954, section 4), and recorded in upper case."""
    assert client.say(f"auth plain {plain(mailtrap.username, mailtrap.password)}") == OK
    client.deliver()
    assert mailtrap[0].auth.mechanism == "PLAIN"


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("AUTH", "501 Not enough value"),
        ("AUTH CRAM-MD5", "504 5.5.4 Unrecognized authentication type"),
        ("AUTH PLAIN !!!", "501 5.5.2 Can't decode base64"),
        (f"AUTH PLAIN {b64('no zero bytes')}", "501 5.5.2 Can't split auth value"),
        ("AUTH PLAIN a b", "501 Too many values"),
        ("AUTH LOGIN !!!", "501 5.5.2 Can't decode base64"),
    ],
)
def test_malformed(mailtrap, client, line, reply):
    """A malformed AUTH command gets its own reply, and the session goes on."""
    assert client.say(line) == reply
    assert log_in(client, mailtrap, FORMS[0]) == OK


def test_abort(mailtrap, client):
    """A client may give up an exchange with "*" (RFC 4954, section 4)."""
    assert client.say("AUTH PLAIN") == "334 "
    assert client.say("*") == "501 5.7.0 Auth aborted"
    assert log_in(client, mailtrap, FORMS[0]) == OK


def test_bytes_that_are_no_text(mailtrap, client):
    """Credentials that are not UTF-8 are refused, and recorded with escapes."""
    secret = base64.b64encode(b"\0us\xffer\0pass\xfe").decode()
    assert client.say(f"AUTH PLAIN {secret}") == REFUSED
    [auth] = mailtrap.connections[0].auths
    assert (auth.username, auth.password) == ("us\\xffer", "pass\\xfe")


def test_not_before_ehlo(mailtrap):
    """AUTH needs EHLO first, even inside TLS."""
    with Talk(mailtrap.tls_port, tls=mailtrap.ssl_context) as client:
        assert client.say("AUTH PLAIN").startswith("503")


# -- in cleartext ------------------------------------------------------------------------


def test_refused_in_cleartext(mailtrap):
    """Outside TLS even the right password is refused, and recorded as having been sent in cleartext."""
    with Talk(mailtrap.port) as client:
        client.hello()
        reply = client.say(f"AUTH PLAIN {plain(mailtrap.username, mailtrap.password)}")
        assert reply.startswith("538 5.7.11")
        client.deliver()
    [message] = mailtrap
    assert message.auth is None
    [auth] = message.connection.auths
    assert (auth.password, auth.encrypted, auth.accepted) == (mailtrap.password, False, False)


@pytest.mark.parametrize("starttls", ["offer", "require", "off"])
@pytest.mark.parametrize("hello", ["EHLO a", "HELO a", None])
def test_every_password_in_cleartext_is_noted(mailtrap_factory, starttls, hello):
    """Whatever the reason AUTH is refused, the password is recorded: it has been on the wire."""
    with mailtrap_factory(starttls=starttls) as trap:
        with Talk(trap.port) as client:
            if hello:
                client.say(hello)
            assert client.say(f"AUTH PLAIN {plain('bob', 'secret')}")[0] == "5"
        [auth] = trap.connections[0].auths
        assert (auth.username, auth.password, auth.encrypted) == ("bob", "secret", False)
        assert not auth.accepted


@pytest.mark.mailtrap(auth_without_tls=True)
def test_auth_without_tls(mailtrap):
    """With auth_without_tls=True, AUTH is offered and accepted in cleartext, and recorded as such."""
    with Talk(mailtrap.port) as client:
        assert "AUTH LOGIN PLAIN" in client.hello()
        assert log_in(client, mailtrap, FORMS[3]) == OK
        client.deliver()
    [message] = mailtrap
    assert message.auth.accepted
    assert not message.auth.encrypted
    with pytest.raises(AssertionError, match="password in cleartext"):
        mailtrap.assert_authenticated()


@pytest.mark.mailtrap(auth_without_tls=True, starttls="off")
@pytest.mark.parametrize("hello", ["HELO a", None])
def test_auth_out_of_order_in_cleartext(mailtrap, hello):
    """Even if cleartext is allowed, a password sent out of order is recorded, once."""
    with Talk(mailtrap.port) as client:
        if hello:
            client.say(hello)
        assert client.say(f"AUTH PLAIN {plain('bob', 'secret')}")[0] == "5"
    [auth] = mailtrap.connections[0].auths
    assert (auth.password, auth.accepted) == ("secret", False)


def test_starttls_forgets_the_login(mailtrap_factory):
    """A login in cleartext does not count inside TLS (RFC 3207, section 4.2)."""
    with mailtrap_factory(auth_without_tls=True, require_auth=True) as trap:
        with Talk(trap.port) as client:
            client.hello()
            assert log_in(client, trap, FORMS[0]) == OK
            client.starttls(trap.ssl_context)
            client.hello()
            assert client.say("MAIL FROM:<a@example.org>").startswith("530")
            assert log_in(client, trap, FORMS[0]) == OK
            assert client.deliver() == "250 OK"
        assert trap[0].auth.encrypted


# -- options -----------------------------------------------------------------------------


@pytest.mark.mailtrap(require_auth=True)
def test_require_auth(mailtrap):
    """With require_auth=True no mail is accepted without AUTH."""
    with pytest.raises(smtplib.SMTPSenderRefused) as caught:
        send(mailtrap)
    assert caught.value.smtp_code == 530
    assert len(mailtrap) == 0
    send(mailtrap, login=True)
    assert len(mailtrap) == 1


@pytest.mark.mailtrap(credentials=("shop", "tr0ub4dor"))
def test_credentials(mailtrap):
    """The user can choose one pair of credentials."""
    assert (mailtrap.username, mailtrap.password) == ("shop", "tr0ub4dor")
    send(mailtrap, login=True)
    assert mailtrap[0].auth.username == "shop"


@pytest.mark.mailtrap(credentials={"anna": "a-secret", "bert": "b-secret"})
@pytest.mark.parametrize("user", ["anna", "bert"])
def test_several_credentials(mailtrap, user):
    """There can be several accounts, each with its own password."""
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=SECONDS) as client:
        client.starttls(context=mailtrap.ssl_context)
        other = "b-secret" if user == "anna" else "a-secret"
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(user, other)
        client.login(user, f"{user[0]}-secret")
        client.sendmail("a@example.org", ["b@example.org"], MAIL)
    assert mailtrap[0].auth.username == user
    assert mailtrap.username == "anna"


def test_made_up_credentials_differ(mailtrap_factory):
    """Each trap generates a password of its own."""
    with mailtrap_factory() as one, mailtrap_factory() as other:
        assert one.password != other.password
        assert len(one.password) >= 12
