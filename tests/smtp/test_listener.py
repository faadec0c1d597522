"""How clients are accepted, by both kinds of acceptor: early, late, at the last moment, or too many to accept."""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import socket
import threading

import pytest
import trustme
from _trap_talk import Talk, send, until

from pytest_mailtrap._server.inbox import TrapError
from pytest_mailtrap._smtp import loop_thread
from pytest_mailtrap._smtp.acceptor import Acceptor, LoopAcceptor, new_acceptor
from pytest_mailtrap._trap.mail_trap_factory import MailTrapFactory


@pytest.fixture(scope="module")
def ca():
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


# Where a selector cannot watch another one, as on Windows, there is only one kind.
KINDS = [Acceptor, LoopAcceptor] if hasattr(selectors.DefaultSelector, "fileno") else [LoopAcceptor]


@pytest.fixture(params=KINDS)
def factory(request, ca, monkeypatch):
    """A factory with a thread of its own, for each of the two kinds of acceptor."""
    monkeypatch.setattr(loop_thread, "new_acceptor", request.param)
    factory = MailTrapFactory(ca)
    yield factory
    factory.close()
    assert not factory._thread._thread.is_alive()


@pytest.fixture
def busy_loop(factory):
    """The loop is blocked until the test releases it."""
    resume = threading.Event()
    is_busy = threading.Event()
    factory._thread.loop.call_soon_threadsafe(lambda: (is_busy.set(), resume.wait(10)))
    assert is_busy.wait(10)
    yield resume
    resume.set()


def is_refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    except ConnectionError:  # or reset, when it came while the door was shut
        return True
    return False


def test_mail_on_both_ports_of_one_trap_after_another(factory):
    """Several traps, one after another, accept mail on both ports, and refuse clients once stopped."""
    for _ in range(3):
        with factory() as trap:
            send(trap)
            with Talk(trap.tls_port, tls=trap.ssl_context) as client:
                assert client.deliver() == "250 OK"
            assert [message.transport.negotiated_by for message in trap] == ["starttls", "implicit"]
        until(lambda: is_refused(trap.port) and is_refused(trap.tls_port))


def test_two_traps_at_once(factory):
    """Each client reaches the trap whose port it connects to."""
    with factory() as one, factory() as other:
        send(one)
        send(one)
        send(other)
        assert (len(one), len(other)) == (2, 1)
    with factory() as later:
        send(later)
        assert (len(one), len(other), len(later)) == (2, 1, 1)


def test_a_trap_that_nobody_uses_has_no_word_with_the_loop(factory, busy_loop):
    """An unused trap starts and stops while the loop is blocked; this is what makes it cheap."""
    with factory() as trap:
        assert trap.port != trap.tls_port
    busy_loop.set()
    until(lambda: is_refused(trap.port))
    with factory() as trap:
        send(trap)


def test_a_client_may_be_earlier_than_the_loop(factory, busy_loop):
    """A client that connects while the loop is busy waits until the loop is ready for it."""
    with factory() as trap, socket.create_connection(("127.0.0.1", trap.port), timeout=10) as sock:
        busy_loop.set()
        assert Talk.on(sock).greeting.startswith("220 ")


@pytest.mark.parametrize("kind", ["port", "tls_port"])
def test_a_client_of_the_last_moment_is_a_connection(factory, busy_loop, kind):
    """A client that connects before the trap stops is in its list, even if the loop has not noticed it yet."""
    with factory() as trap:
        sock = socket.create_connection(("127.0.0.1", getattr(trap, kind)), timeout=10)
        timer = threading.Timer(0.05, busy_loop.set)
        timer.start()
    with sock:
        [connection] = trap.connections
        assert connection.implicit_tls is (kind == "tls_port")
        assert connection.peer == sock.getsockname()
    timer.join()


def test_nobody_comes_in_after_the_end(factory):
    """A client that connects after the trap has stopped is refused, and no other trap records it."""
    with factory() as trap:
        send(trap)
    until(lambda: is_refused(trap.port))
    with factory() as later:
        assert later.connections == []
        assert len(trap) == 1


NO_MORE_FILES = (
    "the mail trap could not accept a client: Too many open files\n"
    "\n"
    "Look for connections and files that the application or its tests\n"
    "leave open (-W error::ResourceWarning shows them), or raise the\n"
    "limit (ulimit -n)."
)


def test_mail_waits_where_the_process_has_no_more_files(factory):
    """The test gets an error that says what is wrong and what to do; the client is accepted once files are free."""
    resource = pytest.importorskip("resource", reason="files are limited on Unix only")
    with factory() as trap, socket.socket() as sock:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        files = []
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (sock.fileno() + 20, before[1]))
            with contextlib.suppress(OSError):
                for _ in range(1000):
                    files.append(os.dup(sock.fileno()))
            assert len(files) < 1000
            sock.connect(("127.0.0.1", trap.port))
            with pytest.raises(TrapError) as error:
                trap.wait_for(1, timeout=10)
            assert isinstance(error.value.__cause__, OSError)
            assert str(error.value) == NO_MORE_FILES
        finally:
            for file in files:
                os.close(file)
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        client = Talk.on(sock)
        client.hello()
        assert client.deliver() == "250 OK"
        until(lambda: _has_one_more_than_errors(trap))


def _has_one_more_than_errors(trap):
    """Errors from the time without free files may arrive in between; each is raised once."""
    try:
        return len(trap) == 1
    except TrapError:
        return False


def test_an_error_in_receiving_reaches_the_test(factory, monkeypatch):
    """An error before there is a connection is raised in the test, and the client is not left waiting."""
    with factory() as trap:
        monkeypatch.setattr(trap._server.server, "_new_protocol", lambda **_: 1 / 0)
        with socket.create_connection(("127.0.0.1", trap.port), timeout=10) as sock:
            assert sock.recv(1) == b""
        with pytest.raises(TrapError) as error:
            assert len(trap) == 0
        assert isinstance(error.value.__cause__, ZeroDivisionError)
        assert "this is an error in pytest-mailtrap" in str(error.value)


def test_the_error_is_known_before_the_client_is_gone(factory, monkeypatch):
    """asyncio of Python 3.14 closes the socket if the factory of the protocol fails, and only then raises its error."""
    looked = threading.Event()

    async def connect_accepted_socket(protocol_factory, sock):
        try:
            protocol_factory()
        except ZeroDivisionError:
            sock.close()
            looked.wait(10)
            raise

    with factory() as trap:
        monkeypatch.setattr(trap._server.server, "_new_protocol", lambda **_: 1 / 0)
        monkeypatch.setattr(
            factory._thread.loop, "connect_accepted_socket", connect_accepted_socket
        )
        with socket.create_connection(("127.0.0.1", trap.port), timeout=10) as sock:
            assert sock.recv(1) == b""
        try:
            with pytest.raises(TrapError):
                assert len(trap) == 0
        finally:
            looked.set()


@pytest.mark.parametrize(
    ("selector", "kind"),
    [(selectors.DefaultSelector, None), (selectors.SelectSelector, LoopAcceptor)],
)
def test_the_lookout_of_this_system(monkeypatch, selector, kind):
    """If the selector itself can be watched, it is; otherwise (on Windows: only select) the loop watches each socket."""
    can_be_watched = hasattr(selector, "fileno")
    monkeypatch.setattr(selectors, "DefaultSelector", selector)
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    acceptor = new_acceptor(loop)
    loop.close()
    acceptor.close()
    assert type(acceptor) is (kind or (Acceptor if can_be_watched else LoopAcceptor))
