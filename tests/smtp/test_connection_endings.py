"""How connections end, deadlines, and the shutdown of the trap itself."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import threading
import time
from collections import deque

import pytest
from _trap_talk import MAIL, Talk, connect, send, until

from pytest_mailtrap._smtp import connection_protocol, session
from pytest_mailtrap._smtp.loop_thread import LoopThread

CLEARTEXT_AND_TLS = pytest.mark.parametrize("tls", [False, True], ids=["cleartext", "tls"])


def ending(trap):
    [connection] = trap.connections
    until(lambda: connection.ended_by)
    assert connection.handshake_error is None
    return connection.ended_by


def on_the_dialogue(trap, work):
    """Run *work* with the dialogue of the trap's only connection, on the trap's loop, where it belongs."""
    [protocol] = trap._server.server._wires
    done = threading.Event()
    trap._server.thread.loop.call_soon_threadsafe(lambda: (work(protocol._session), done.set()))
    assert done.wait(10)


def end_of_patience(smtp_session):
    smtp_session._expires = 0.0
    smtp_session._timeout_cb()


# -- ended_by: "alert" and the handshake's part of the others are in test_handshakes ----


@CLEARTEXT_AND_TLS
def test_open(mailtrap, tls):
    """While a connection is open, ended_by is not set."""
    with connect(mailtrap, tls=tls) as client:
        client.hello()
        assert mailtrap.connections[0].ended_by is None


@CLEARTEXT_AND_TLS
def test_quit(mailtrap, tls):
    """The client sent QUIT: the trap says goodbye and closes."""
    with connect(mailtrap, tls=tls) as client:
        assert client.say("QUIT") == "221 Bye"
        assert client.is_over()
    assert ending(mailtrap) == "quit"


@CLEARTEXT_AND_TLS
def test_quit_without_waiting_for_the_reply(mailtrap, tls):
    """QUIT and the message before it count even if the client closes right away."""
    with connect(mailtrap, tls=tls) as client:
        client.begin()
        client.send(MAIL + b".\r\nQUIT\r\n")
        if tls:
            client.socket.settimeout(0)
            with pytest.raises((BlockingIOError, ssl.SSLError, OSError)):
                client.socket.unwrap()
    assert ending(mailtrap) == "quit"
    assert len(mailtrap) == 1


def test_quit_takes_no_argument(mailtrap):
    """QUIT with an argument is a syntax error, and the session goes on."""
    with Talk(mailtrap.port) as client:
        assert client.say("QUIT now") == "501 Syntax: QUIT"
        assert client.say("NOOP") == "250 OK"
    assert ending(mailtrap) == "eof"


def test_close_notify(mailtrap):
    """The client closed TLS properly, without sending QUIT."""
    with Talk(mailtrap.tls_port, tls=mailtrap.ssl_context) as client:
        client.hello()
        client.socket.unwrap().close()
    assert ending(mailtrap) == "close_notify"


@CLEARTEXT_AND_TLS
def test_eof(mailtrap, tls):
    """The client closed the TCP connection without sending QUIT."""
    with connect(mailtrap, tls=tls) as client:
        client.hello()
    assert ending(mailtrap) == "eof"


@CLEARTEXT_AND_TLS
def test_reset(mailtrap, tls):
    """The client reset the TCP connection."""
    client = connect(mailtrap, tls=tls)
    client.hello()
    client.reset()
    assert ending(mailtrap) == "reset"


@CLEARTEXT_AND_TLS
def test_timeout(mailtrap, tls, monkeypatch):
    """A client that sends nothing for too long gets no further reply, and the connection is closed."""
    monkeypatch.setattr(session, "COMMAND_SECONDS", 0.05)
    with connect(mailtrap, tls=tls) as client:
        assert client.is_over()
    assert ending(mailtrap) == "timeout"
    assert "-- no command within 0.05 s" in mailtrap.connections[0].transcript


@CLEARTEXT_AND_TLS
def test_timeout_in_data(mailtrap, tls, monkeypatch):
    """The same in the middle of a message; nothing of it is kept."""
    with connect(mailtrap, tls=tls) as client:
        client.begin()
        client.send(b"Subject: half\r\n")
        monkeypatch.setattr(session, "COMMAND_SECONDS", 0.05)
        on_the_dialogue(mailtrap, lambda smtp_session: smtp_session._reset_timeout(0.05))
        assert client.is_over()
    assert ending(mailtrap) == "timeout"
    assert len(mailtrap) == 0


def test_timeout_in_auth(mailtrap):
    """The same in the middle of an AUTH exchange."""
    with connect(mailtrap, tls=True) as client:
        client.hello()
        assert client.say("AUTH PLAIN").startswith("334")
        on_the_dialogue(mailtrap, lambda smtp_session: smtp_session._reset_timeout(0.05))
        assert client.is_over()
    assert ending(mailtrap) == "timeout"


def test_a_slow_message_is_no_silence(mailtrap):
    """While data is arriving, the deadline for the next command does not expire."""
    with Talk(mailtrap.port) as client:
        client.begin()
        for _ in range(3):
            client.send(b"line\r\n")
            # The time since DATA is over, that since the last line is not.
            on_the_dialogue(mailtrap, end_of_patience)
        client.send(b".\r\n")
        assert client.reply() == "250 OK"
    assert len(mailtrap) == 1


def test_server(mailtrap_factory):
    """The trap stopped while the client was still connected."""
    with mailtrap_factory() as trap:
        client = Talk(trap.port)
        client.hello()
    assert ending(trap) == "server"
    assert client.is_over()
    client.close()


def test_too_many_unknown_commands(mailtrap):
    """After a handful of unknown commands the trap closes the connection."""
    with Talk(mailtrap.port) as client:
        replies = [client.say("NONSENSE") for _ in range(5)]
        assert replies[-1].startswith("502")
        assert client.is_over()
    assert ending(mailtrap) == "server"


def test_ended_by_is_known_at_once(mailtrap):
    """Right after a client closes, ended_by is available without waiting."""
    for how in ("eof", "reset", "quit", "close_notify"):
        mailtrap.clear()
        client = connect(mailtrap, tls=how == "close_notify")
        client.hello()
        [connection] = mailtrap.connections
        if how == "quit":
            client.say("QUIT")
        elif how == "reset":
            client.reset()
        elif how == "close_notify":
            client.socket.unwrap().close()
        client.close()
        assert connection.ended_by == how


# -- the end of the trap ---------------------------------------------------------------------


def clients_of_all_kinds(trap):
    """One client in each state that a stopping trap can encounter."""
    silent = socket.create_connection(("127.0.0.1", trap.port))
    no_hello = socket.create_connection(("127.0.0.1", trap.tls_port))
    half_hello = socket.create_connection(("127.0.0.1", trap.tls_port))
    half_hello.sendall(b"\x16\x03\x01\x02\0\x01")
    greeted = Talk(trap.port)
    after_220 = Talk(trap.port)
    after_220.say("STARTTLS")
    upgraded = Talk(trap.port)
    upgraded.starttls(trap.ssl_context)
    implicit = Talk(trap.tls_port, tls=trap.ssl_context)
    in_data = Talk(trap.tls_port, tls=trap.ssl_context)
    in_data.begin()
    in_data.send(b"half a mess")
    in_auth = Talk(trap.tls_port, tls=trap.ssl_context)
    in_auth.hello()
    in_auth.say("AUTH PLAIN")
    shut = Talk(trap.port)
    shut.socket.shutdown(socket.SHUT_WR)
    deaf = Talk(trap.port)
    for protocol in trap._server.server._wires:
        protocol._tcp.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    deaf.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        deque((deaf.socket.send(b"HELP\r\n" * 1000) for _ in range(10_000)), maxlen=0)
    talks = [greeted, after_220, upgraded, implicit, in_data, in_auth, shut, deaf]
    return [silent, no_hello, half_hello, *talks]


def test_stop_with_clients_connected(mailtrap_factory):
    """Whatever state the clients are in, the trap stops at once, without waiting for them or leaving any behind."""
    with mailtrap_factory() as trap:
        clients = clients_of_all_kinds(trap)
        until(lambda: len(trap.connections) == len(clients))
        wires = set(trap._server.server._wires)
        dialogues = [wire._session for wire in wires if wire._session is not None]
        drivers = [smtp_session._driver for smtp_session in dialogues]
        timers = [smtp_session._timeout_handle for smtp_session in dialogues]
        begun = time.monotonic()
    # It takes 0.3 s at most; a machine under load may take longer, but nothing near a deadline of the trap.
    assert time.monotonic() - begun < 5
    assert trap._server.server._wires == set()
    assert all(protocol.closing for protocol in wires)
    assert all(connection.ended_by for connection in trap.connections)
    assert len(trap) == 0
    assert drivers
    assert all(driver.have_ended for driver in drivers)
    assert all(timer.cancelled() for timer in timers)
    for client in clients:
        client.close()


def test_stop_waits_for_a_client_in_the_middle(mailtrap_factory):
    """A client that is busy at the end of the test gets a moment to finish."""
    with mailtrap_factory() as trap:
        client = Talk(trap.port)
        client.begin()

        def finish():
            for _ in range(5):
                client.send(b"line\r\n")
                time.sleep(0.005)
            client.send(b".\r\n")

        sender = threading.Thread(target=finish)
        sender.start()
    sender.join()
    client.close()
    assert len(trap) == 1


def test_stop_twice(mailtrap_factory):
    """Stopping a stopped trap does nothing."""
    with mailtrap_factory() as trap:
        send(trap)
    trap._server.stop()
    assert len(trap) == 1


def test_the_thread_ends_with_the_session():
    """A stopped loop thread leaves no thread, loop or filter behind."""
    import logging

    before = list(logging.getLogger("mail.log").filters)
    thread = LoopThread()
    assert thread._thread.is_alive()
    thread.stop()
    assert not thread._thread.is_alive()
    assert thread.loop.is_closed()
    assert logging.getLogger("mail.log").filters == before


def test_nothing_is_left_behind(mailtrap_factory):
    """Traps, wires and messages can be garbage-collected once nothing references them."""
    with mailtrap_factory() as trap:
        send(trap)
    gc.collect()
    wires = [o for o in gc.get_objects() if type(o) is connection_protocol.SMTPConnectionProtocol]
    assert [protocol for protocol in wires if protocol.connection in trap.connections] == []


def test_the_users_loop_is_left_alone(mailtrap):
    """The trap's loop is separate from the test's: none is running or set in the test's thread."""
    send(mailtrap)
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
