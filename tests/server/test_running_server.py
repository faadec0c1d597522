"""The server: where it listens, how traps are kept apart, and how they act as sequences of messages."""

from __future__ import annotations

import smtplib
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from _tracebacks import OWN_FRAME
from _trap_talk import MAIL, SECONDS, Talk, can_bind_ipv6, send

from pytest_mailtrap import CapturedMessage, MailTrap
from pytest_mailtrap._facts.transcript import Transcript
from pytest_mailtrap._run.captured_mail import _MOST_DIALOGUE, _tail
from pytest_mailtrap._run.files.record import _LONGEST_TRANSCRIPT, connection_lines

needs_ipv6 = pytest.mark.skipif(not can_bind_ipv6(), reason="this machine has no IPv6 loopback")


# -- ports ----------------------------------------------------------------------------


def test_two_ports(mailtrap):
    """Each trap has a STARTTLS port and a separate one for implicit TLS."""
    assert mailtrap.port != mailtrap.tls_port
    with Talk(mailtrap.port) as client:
        assert client.greeting.startswith("220 localhost")
    with Talk(mailtrap.tls_port, tls=mailtrap.ssl_context) as client:
        assert client.greeting.startswith("220 localhost")


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=needs_ipv6), "localhost"])
def test_loopback_over_ipv4_and_ipv6(mailtrap, host):
    """127.0.0.1, ::1 and localhost all lead to the trap, on both ports."""
    for port, tls in ((mailtrap.port, None), (mailtrap.tls_port, mailtrap.ssl_context)):
        with Talk(port, host=host, tls=tls) as client:
            assert client.deliver() == "250 OK"
    if host != "localhost":
        assert [message.transport.peer[0] for message in mailtrap] == [host, host]


def test_loopback_only(mailtrap):
    """No other address of the machine leads to the trap."""
    sockets = mailtrap._server.server._listener.sockets
    addresses = {one.getsockname()[0] for one in sockets}
    assert addresses <= {"127.0.0.1", "::1"}
    assert "127.0.0.1" in addresses


def test_ipv4_alone_where_there_is_no_ipv6(mailtrap_factory, monkeypatch):
    """A machine without IPv6 has a trap on 127.0.0.1."""
    from pytest_mailtrap._smtp import listener

    bind = listener._bind

    def no_ipv6(family, host, port):
        if family == socket.AF_INET6:
            raise OSError(99, "Cannot assign requested address")
        return bind(family, host, port)

    monkeypatch.setattr(listener, "_bind", no_ipv6)
    with mailtrap_factory() as trap:
        send(trap)
    assert len(trap) == 1


def test_a_port_taken_on_ipv6_is_not_used(mailtrap_factory, monkeypatch):
    """A port that another process has on ::1 would misdirect clients of localhost, so a different one is used."""
    import errno

    from pytest_mailtrap._smtp import listener

    bind = listener._bind
    taken = []

    def taken_once(family, host, port):
        if family == socket.AF_INET6 and not taken:
            taken.append(port)
            raise OSError(errno.EADDRINUSE, "Address already in use")
        return bind(family, host, port)

    monkeypatch.setattr(listener, "_bind", taken_once)
    with mailtrap_factory() as trap:
        assert taken[0] not in (trap.port, trap.tls_port)
        send(trap)
    assert len(trap) == 1


def test_urls(mailtrap):
    """The URLs contain the host that the certificate is for, and the two ports."""
    assert mailtrap.host == "localhost"
    assert mailtrap.smtp_url == f"smtp://localhost:{mailtrap.port}"
    assert mailtrap.smtps_url == f"smtps://localhost:{mailtrap.tls_port}"


# -- one thread, many traps ------------------------------------------------------------


def test_one_thread_serves_all_traps(mailtrap, mailtrap_factory):
    """However many traps there are, one thread serves them."""
    with mailtrap_factory() as one, mailtrap_factory() as other:
        for trap in (mailtrap, one, other):
            send(trap)
        threads = [thread for thread in threading.enumerate() if thread.name == "mailtrap"]
        ours = mailtrap._server.thread._thread
        assert threads.count(ours) == 1
        assert one._server.thread is other._server.thread is mailtrap._server.thread


def test_several_traps_are_kept_apart(mailtrap, mailtrap_factory):
    """Mail to one trap is not seen in another that runs at the same time."""
    with mailtrap_factory() as one, mailtrap_factory(starttls="off") as other:
        send(one, b"Subject: one\r\n\r\n")
        send(other, b"Subject: other\r\n\r\n", tls=False)
        assert len({t.port for t in (mailtrap, one, other)}) == 3
        assert [m.subject for m in one] == ["one"]
        assert [m.subject for m in other] == ["other"]
        assert len(mailtrap) == 0


def test_messages_stay_after_the_trap_has_stopped(mailtrap_factory):
    """Captured messages can still be inspected after the trap has stopped."""
    with mailtrap_factory() as trap:
        send(trap)
    trap.assert_sent_over_tls()
    [message] = trap
    assert message.connection.ended_by == "quit"
    assert len(trap.connections) == 1


def test_a_stopped_trap_takes_no_mail(mailtrap_factory):
    """After the end of the block nothing is listening any more."""
    with mailtrap_factory() as trap:
        pass
    # On Windows the loop closes the sockets a moment later: until then, a client is not refused but disconnected.
    late = (smtplib.SMTPServerDisconnected,) if sys.platform == "win32" else ()
    with pytest.raises((ConnectionRefusedError, *late)):
        send(trap)
    assert len(trap) == 0


LATE = """
import smtplib, socket
import pytest

kept = []

def test_first(mailtrap):
    client = smtplib.SMTP("127.0.0.1", mailtrap.port, timeout=5)
    client.ehlo()
    kept.append((client, mailtrap.port))

def test_second(mailtrap):
    client, port = kept.pop()
    assert port not in (mailtrap.port, mailtrap.tls_port)
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        client.sendmail("a@example.org", ["b@example.org"], b"late")
    with pytest.raises(OSError):
        smtplib.SMTP("127.0.0.1", port, timeout=5)
    assert len(mailtrap) == 0
    assert mailtrap.connections == []
"""


def test_late_mail_does_not_reach_the_next_test(pytester):
    """A client left behind by one test is disconnected, and its port is closed in the next test."""
    pytester.makepyfile(LATE)
    pytester.runpytest("-p", "no:randomly").assert_outcomes(passed=2)


SESSION = """
import pytest, smtplib

@pytest.fixture(scope="session")
def postbox(mailtrap_factory):
    with mailtrap_factory(starttls="off") as trap:
        yield trap

@pytest.fixture(autouse=True)
def emptied(postbox):
    postbox.clear()

@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_session_wide(postbox, name):
    with smtplib.SMTP(postbox.host, postbox.port) as client:
        client.sendmail("a@example.org", ["b@example.org"], f"Subject: {name}\\r\\n\\r\\n")
    [message] = postbox
    assert message.subject == name
    assert message.transport.peer
"""


def test_session_wide_trap(pytester):
    """The factory makes a trap for the whole session, emptied by clear()."""
    pytester.makepyfile(SESSION)
    pytester.runpytest().assert_outcomes(passed=3)


OWN_CA = """
import pytest, smtplib, ssl, trustme

@pytest.fixture(scope="session")
def mailtrap_ca():
    return trustme.CA(organization_name="Our own CA", key_type=trustme.KeyType.RSA)

def test_own_ca(mailtrap, mailtrap_ca):
    assert mailtrap.ca_pem == mailtrap_ca.cert_pem.bytes().decode()
    context = ssl.create_default_context(cafile=mailtrap.ca_file)
    with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
        client.starttls(context=context)
        issuer = dict(pair for [pair] in client.sock.getpeercert()["issuer"])
        client.sendmail("a@example.org", ["b@example.org"], b"")
    assert issuer["organizationName"] == "Our own CA"
    mailtrap.assert_sent_over_tls()
"""


def test_the_ca_can_be_overridden(pytester):
    """A project can use its own CA by overriding mailtrap_ca."""
    pytester.makepyfile(OWN_CA)
    pytester.runpytest().assert_outcomes(passed=1)


# -- the sequence ----------------------------------------------------------------------


@pytest.mark.parametrize("tls", [True, False], ids=["starttls", "cleartext"])
def test_a_message_is_there_when_the_send_returns(mailtrap, tls):
    """Repeated a hundred times: right after a synchronous send returns, the message can be counted."""
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=SECONDS) as client:
        if tls:
            client.starttls(context=mailtrap.ssl_context)
        for count in range(1, 101):
            client.sendmail("a@example.org", ["b@example.org"], MAIL)
            assert len(mailtrap) == count


def test_order_of_acceptance(mailtrap):
    """Messages are in the order in which they were accepted, even across connections."""
    with Talk(mailtrap.port) as early, Talk(mailtrap.port) as late:
        early.begin()
        assert late.deliver(b"Subject: first\r\n\r\n") == "250 OK"
        early.send(b"Subject: second\r\n\r\n.\r\n")
        assert early.reply() == "250 OK"
    assert [message.subject for message in mailtrap] == ["first", "second"]
    assert [c.messages[0].subject for c in mailtrap.connections] == ["second", "first"]


def test_sequence(mailtrap):
    """Index, slice, iteration, unpacking, membership, reversal and truth value work as for a list."""
    assert isinstance(mailtrap, Sequence)
    assert not mailtrap
    assert list(mailtrap) == []
    with pytest.raises(IndexError):
        mailtrap[0]
    for name in (b"one", b"two", b"three"):
        send(mailtrap, b"Subject: " + name + b"\r\n\r\n")

    one, two, three = mailtrap
    assert mailtrap
    assert mailtrap[0] is one
    assert mailtrap[-1] is three
    assert mailtrap[1:] == [two, three]
    assert mailtrap[::-1] == list(reversed(mailtrap)) == [three, two, one]
    assert two in mailtrap
    assert mailtrap.index(three) == 2
    assert all(isinstance(message, CapturedMessage) for message in mailtrap)
    with pytest.raises(IndexError, match=r"no message at \[3\]: the trap has 3 messages"):
        mailtrap[3]


def test_an_index_into_nothing_shows_the_users_line(pytester):
    """The traceback points to the line in the test, and the error says what the trap contains."""
    pytester.makepyfile("def test_order(mailtrap):\n    mailtrap[0]")
    result = pytester.runpytest()
    result.stdout.fnmatch_lines(
        [
            ">       mailtrap[[]0[]]",
            "E       IndexError: no message at [[]0[]]: the trap has 0 messages",
            "test_an_index_into_nothing_shows_the_users_line.py:2: IndexError",
        ]
    )
    result.stdout.no_re_match_line(OWN_FRAME)


def test_read_only(mailtrap):
    """Nothing can be added to a trap or removed from it, except by clear()."""
    send(mailtrap)
    with pytest.raises(TypeError):
        mailtrap[0] = mailtrap[0]
    with pytest.raises(TypeError):
        del mailtrap[0]
    with pytest.raises(AttributeError):
        mailtrap[0].raw = b""
    assert len(mailtrap) == 1


def test_iteration_is_of_one_moment(mailtrap):
    """A message that arrives during a loop over the trap does not extend the loop."""
    send(mailtrap)
    seen = 0
    for _ in mailtrap:
        seen += 1
        send(mailtrap)
    assert (seen, len(mailtrap)) == (1, 2)


def test_repr(mailtrap):
    """A trap's repr says where it listens and how much it holds; a message's says how and to whom it was sent."""
    send(mailtrap, b"Subject: Reset\x1b[31m your password\r\n\r\n")
    assert repr(mailtrap) == (
        f"<MailTrap localhost:{mailtrap.port}, TLS {mailtrap.tls_port}, 1 message>"
    )
    assert "\x1b" not in repr(mailtrap[0])
    assert repr(mailtrap[0]).startswith("<CapturedMessage TLSv1.3, ")
    assert repr(mailtrap[0]).endswith(" -> b@example.org>")
    [connection] = mailtrap.connections
    assert repr(connection).startswith("<Connection from 127.0.0.1:") or "::1" in repr(connection)
    assert repr(connection).endswith(", TLSv1.3, 1 message>")


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 messages"), (1, "1 message"), (2, "2 messages")]
)
def test_repr_counts_as_people_do(mailtrap, count, words):
    """The repr uses the singular for one message, and for one line."""
    with Talk(mailtrap.port) as client:
        for _ in range(count):
            client.deliver()
        assert repr(mailtrap).endswith(f", {words}>")
        [connection] = mailtrap.connections
        assert repr(connection).endswith(f", {words}>")


@pytest.mark.parametrize(("count", "words"), [(1, "1 line"), (2, "2 lines")])
def test_lines_are_counted_as_people_do(count, words):
    """This goes for the repr of a transcript, for one truncated in a file, and for one truncated on the terminal."""
    assert repr(Transcript([b"S 250 OK"] * count, count)) == f"<Transcript of {words}>"
    long = _LONGEST_TRANSCRIPT + count
    assert f"-- {words} left out" in connection_lines(Transcript([b"S 250 OK"] * long, long))
    assert _tail(["S: 250 OK"] * (_MOST_DIALOGUE + count))[0] == f"... {words} before"


def test_messages_to(mailtrap):
    """messages_to() matches envelope recipients, ignoring case; it does not look at the To header."""
    send(mailtrap, b"To: x@example.org\r\n\r\n", to="Bob@Example.org")
    send(mailtrap, b"To: bob@example.org\r\n\r\n", to="carol@example.org")
    assert mailtrap.messages_to("bob@example.org") == [mailtrap[0]]
    assert mailtrap.messages_to("CAROL@example.org") == [mailtrap[1]]
    assert mailtrap.messages_to("x@example.org") == []


def test_clear(mailtrap):
    """clear() discards messages and connections; the trap keeps running."""
    send(mailtrap)
    mailtrap.clear()
    assert (len(mailtrap), list(mailtrap.connections)) == (0, [])
    with pytest.raises(AssertionError, match="no message reached the trap"):
        mailtrap.assert_sent_over_tls()
    send(mailtrap)
    assert (len(mailtrap), len(mailtrap.connections)) == (1, 1)


def test_clear_in_the_middle_of_a_connection(mailtrap):
    """A message that comes after clear() brings its connection back."""
    with Talk(mailtrap.port) as client:
        client.deliver(b"Subject: before\r\n\r\n")
        mailtrap.clear()
        client.deliver(b"Subject: after\r\n\r\n")
    assert [message.subject for message in mailtrap] == ["after"]
    assert [message.connection for message in mailtrap] == mailtrap.connections


def test_many_threads(mailtrap):
    """Eight threads send while others read: no message is lost, none is seen twice."""
    stop = threading.Event()
    faults = []

    def read():
        last = 0
        while not stop.is_set():
            count, listed = len(mailtrap), list(mailtrap)
            if count < last or len(listed) < count or len(set(listed)) != len(listed):
                faults.append((last, count, len(listed)))
            last = count

    def write(worker):
        with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=30) as client:
            for number in range(10):
                client.sendmail("a@b.c", ["b@c.d"], f"Subject: {worker}.{number}\r\n\r\n")

    reader = threading.Thread(target=read)
    reader.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, range(8)))
    finally:
        stop.set()
        reader.join()
    assert faults == []
    subjects = [message.subject for message in mailtrap]
    assert sorted(subjects) == sorted(f"{w}.{n}" for w in range(8) for n in range(10))
    for worker in range(8):
        mine = [s for s in subjects if s.startswith(f"{worker}.")]
        assert mine == [f"{worker}.{n}" for n in range(10)]


def test_public_names():
    """The package exposes its public names on demand, and no others."""
    import pytest_mailtrap

    for name in pytest_mailtrap.__all__:
        assert getattr(pytest_mailtrap, name).__name__.removeprefix("pytest_mailtrap.") == name
        assert name in dir(pytest_mailtrap)
    assert pytest_mailtrap.MailTrap is MailTrap
    with pytest.raises(AttributeError, match="has no attribute 'Mailtrap'"):
        _ = pytest_mailtrap.Mailtrap


def test_the_smime_module_need_not_be_imported():
    """`pytest_mailtrap.smime` is loaded on first access, and not before."""
    code = (
        "import sys, pytest_mailtrap\n"
        "assert 'pytest_mailtrap.smime' not in sys.modules\n"
        "assert pytest_mailtrap.smime is sys.modules['pytest_mailtrap.smime']\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
