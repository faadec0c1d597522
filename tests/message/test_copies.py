"""Copies of messages and connections: by `copy`, by `pickle`, and in another process."""

from __future__ import annotations

import base64
import copy
import multiprocessing
import pickle
import ssl
import sys
import warnings

import pytest
from _optional_parts import needs_smime
from _trap_talk import SECONDS, Talk, until

from pytest_mailtrap._facts.connection_facts import facts_of
from pytest_mailtrap._facts.transcript import Transcript


def pickled(given):
    return pickle.loads(pickle.dumps(given))  # what it reads it has written


deeply = pytest.mark.parametrize("copied", [copy.deepcopy, pickled])


@pytest.fixture
def client(mailtrap, mailtrap_ca):
    """A client that is still connected when its message has arrived, identified by password and by certificate."""
    context = ssl.create_default_context(cafile=mailtrap.ca_file)
    mailtrap_ca.issue_cert("client@example.org").configure_cert(context)
    with Talk(mailtrap.port) as client:
        client.hello()
        client.starttls(context)
        client.hello()
        secret = base64.b64encode(f"\0{mailtrap.username}\0{mailtrap.password}".encode())
        assert client.say(b"AUTH PLAIN " + secret).startswith("235")
        assert client.deliver(b"Subject: hello\r\nX-Odd: \xff\r\n\r\nhello\r\n") == "250 OK"
        yield client


@pytest.fixture
def message(client, mailtrap):
    [message] = mailtrap
    return message


FACTS = (
    *("mail_from", "rcpt_tos", "mail_options", "rcpt_options", "smtp_utf8", "raw", "transport"),
    *("auth", "transcript", "received_at", "subject", "text", "html", "links", "attachments"),
)
CONNECTION_FACTS = (
    *("transport", "auths", "implicit_tls", "ended_by", "handshake_error", "peer"),
    *("transcript", "client_hello", "spoke_out_of_turn"),
)


def facts(given, names):
    return {name: getattr(given, name) for name in names}


@pytest.mark.mailtrap(client_certificates="request")
@deeply
def test_a_copy_has_all_the_facts(message, mailtrap, copied):
    """Envelope, bytes, transport with ClientHello and client certificate, AUTH with its password, transcript, connection."""
    before = message.parsed
    other = copied(message)
    assert facts(other, FACTS) == facts(message, FACTS)
    assert facts(other.connection, CONNECTION_FACTS) == facts(message.connection, CONNECTION_FACTS)
    assert facts_of(other.connection).trusted == facts_of(message.connection).trusted
    assert other.transport.client_hello == message.transport.client_hello
    assert other.transport.client_certificate is not None
    assert other.auth.password == mailtrap.password
    assert other.parsed is not before
    assert other.parsed["X-Odd"] == before["X-Odd"]
    assert repr(other) == repr(message)
    assert repr(other.connection) == repr(message.connection)
    other.assert_sent_over_tls()
    other.assert_authenticated(username=mailtrap.username)


@deeply
def test_messages_and_connections_still_lead_to_each_other(message, client, mailtrap, copied):
    """Several messages of one connection share one connection in the copy, too, and it lists them."""
    assert client.deliver(b"Subject: second\r\n\r\n") == "250 OK"
    first, second = copied(mailtrap[:])
    assert first.connection is second.connection
    assert first.connection is not message.connection
    assert first.connection.messages == (first, second)
    [again, _] = copied(message).connection.messages
    assert again.raw == message.raw


@deeply
def test_a_copy_equals_only_itself(message, copied):
    """Likewise, a second message with the same bytes does not equal the first one."""
    other = copied(message)
    assert message == message
    assert other == other
    assert other != message
    assert len({message, other}) == 2
    assert (other.transport, other.transcript) == (message.transport, message.transcript)


def test_a_shallow_copy_shares_its_parts(message):
    """Like any shallow copy, it is on the same connection."""
    other = copy.copy(message)
    assert other.connection is message.connection
    assert other.raw is message.raw
    assert other != message


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])
def test_a_copied_connection_stands_still(message, client, mailtrap, copied):
    """The copy keeps what was known at that time, while the original goes on."""
    other = copied(message.connection)
    lines = len(other.transcript)
    assert client.deliver() == "250 OK"
    assert client.say("QUIT").startswith("221")
    until(lambda: message.connection.ended_by == "quit")
    assert other.ended_by is None
    assert (len(other.messages), len(message.connection.messages)) == (1, 2)
    assert (len(other.transcript), other.messages[0].raw) == (lines, message.raw)
    assert len(message.connection.transcript) > lines


def test_a_copy_has_what_the_client_had_sent(mailtrap):
    """The transcript has the reply to the message, and the end of the connection is known: nothing is pending."""
    with Talk(mailtrap.port) as client:
        client.hello()
        assert client.deliver() == "250 OK"
        client.say("QUIT")
    other = pickled(mailtrap[0])
    assert str(other.transcript).endswith("S: 250 OK")
    assert other.connection.ended_by == "quit"


@deeply
def test_a_copy_needs_no_trap(mailtrap_factory, copied):
    """A copy can be made after the trap has ended, and then queried for everything; so can an original that was not closed."""
    with mailtrap_factory() as trap, Talk(trap.port) as client:
        client.hello()
        client.deliver()
        early = copied(trap[0])
        [message] = trap
    late = copied(message)
    assert early.connection.ended_by is None
    assert late.connection.ended_by is not None
    assert late.transcript == early.transcript


@needs_smime
@deeply
def test_the_key_of_the_ca_is_not_copied(message, mailtrap, copied):
    """A copy checks S/MIME as the message does, but cannot issue certificates."""
    alice = mailtrap.smime_identity("alice@example.org")
    other = copied(copied(message))
    assert other._certificates.trust == mailtrap.ca_pem.encode()
    assert alice.certificate in other._certificates.certificates
    assert other.smime == message.smime
    assert not hasattr(other._certificates, "issue")
    assert b"PRIVATE KEY" not in pickle.dumps(message)


def test_no_repr_of_a_copy_shows_the_password(message, mailtrap):
    """The password is available as an attribute, but appears in no repr."""
    other = pickled(message)
    parts = (other, other.auth, other.connection, other.connection.auths, other.transcript)
    texts = [*map(repr, parts), str(other.transcript), str(other._certificates)]
    assert not [text for text in texts if mailtrap.password in text]
    assert other.connection.auths[0].password == mailtrap.password


def test_a_connection_that_carried_nothing(mailtrap):
    """A failed connection can be copied as well, with its reason."""
    with Talk(mailtrap.port) as client:
        client.hello()
        with pytest.raises(ssl.SSLCertVerificationError):
            client.starttls(ssl.create_default_context())
    [connection] = mailtrap.connections
    other = pickled(connection)
    assert other.handshake_error == connection.handshake_error
    assert "unknown CA" in other.handshake_error
    assert other.messages == ()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])
def test_a_trap_is_not_copied(message, mailtrap, copied):
    """The error names what cannot be passed to another process, and what can."""
    with pytest.raises(TypeError, match="it cannot be copied, but its messages can"):
        copied(mailtrap)
    assert [other.raw for other in copied(mailtrap[:])] == [message.raw]


def test_another_process(message):
    """The intended use: what is passed to a worker, and comes back from it."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        [(subject, version, ended_by)] = pool.map(in_a_worker, [message])
    assert (subject, version, ended_by) == ("hello", "TLSv1.3", None)


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere a process with threads cannot be forked"
)
def test_a_forked_process(message, mailtrap):
    """A forked process has what existed when it was started, and does not wait for a server that runs in another process."""
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=in_a_fork, args=(answers, mailtrap, message))
    with warnings.catch_warnings():
        # From Python 3.12 on it is warned of wherever there are threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        child.start()
    child.join(SECONDS)
    assert child.exitcode == 0
    assert answers.get() == ("hello", None, 1, ("AssertionError", "1 of 2 messages arrived"))


def in_a_fork(answers, mailtrap, message):
    try:
        mailtrap.wait_for(2, timeout=0.01)
    except Exception as error:
        failure = type(error).__name__, str(error).split(" within ")[0]
    seen = message.subject, message.connection.ended_by, len(mailtrap.connections), failure
    answers.put(seen)


def in_a_worker(message):
    assert isinstance(message.transcript, Transcript)
    return message.subject, message.transport.tls_version, message.connection.ended_by
