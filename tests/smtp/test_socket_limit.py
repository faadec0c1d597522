"""More connections and traps than select() can watch, as on Windows; here the limit is low on every system."""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import socket
import threading

import pytest
import trustme
from _trap_talk import Talk, until

from pytest_mailtrap._server.inbox import TrapError
from pytest_mailtrap._smtp import acceptor
from pytest_mailtrap._smtp.listener import Listener
from pytest_mailtrap._smtp.loop_thread import LoopThread
from pytest_mailtrap._trap.mail_trap_factory import MailTrapFactory

# What wakes the loop, two traps, and three clients.
MOST = 1 + 4 + 4 + 3
NO_ROOM_FOR_A_CLIENT = (
    "the mail trap could not accept a client: select() takes only 12 sockets\n"
    "\n"
    "Look for connections that the application or its tests leave open\n"
    "(-W error::ResourceWarning shows them)."
)
NO_ROOM_FOR_A_TRAP = (
    "the mail trap could not start: select() takes only 12 sockets, and each trap needs 4"
)


class NarrowSelector(selectors.SelectSelector):
    """Fails with more sockets than it can take, as select() does on Windows."""

    def select(self, timeout=None):
        if len(self.get_map()) > MOST:
            raise ValueError("too many file descriptors in select()")
        return super().select(timeout)


@pytest.fixture
def narrow(monkeypatch):
    """Loops watch few sockets, as on Windows."""
    monkeypatch.setattr(selectors, "DefaultSelector", NarrowSelector)


@pytest.fixture
def limited(narrow, monkeypatch):
    """The trap knows that they do."""
    monkeypatch.setattr(acceptor, "_MOST_SOCKETS", MOST)


@pytest.fixture
def factory(narrow):
    factory = MailTrapFactory(trustme.CA(key_type=trustme.KeyType.ECDSA))
    yield factory
    factory.close()


def test_clients_wait_until_others_have_left(limited, factory):
    """The test gets an error that says what is wrong; the client is served once another one has closed its connection."""
    with factory() as trap, factory(), contextlib.ExitStack() as stack:
        served = [stack.enter_context(Talk(trap.port)) for _ in range(MOST - 9)]
        waiting = stack.enter_context(socket.create_connection(("127.0.0.1", trap.port), 10))
        with pytest.raises(TrapError) as error:
            trap.wait_for(1, timeout=10)
        assert str(error.value) == NO_ROOM_FOR_A_CLIENT
        assert max(map(len, NO_ROOM_FOR_A_CLIENT.splitlines())) <= 72
        served[0].close()
        client = Talk.on(waiting)
        assert client.deliver() == "250 OK"
        assert served[-1].deliver() == "250 OK"
        until(lambda: _messages(trap) == 2)


def test_as_many_as_there_can_be(limited, factory):
    """The control: with as many clients as there is room for, nobody waits, and nothing is an error."""
    with factory() as trap, factory() as other, contextlib.ExitStack() as stack:
        for _ in range(MOST - 9):
            assert stack.enter_context(Talk(trap.port)).deliver() == "250 OK"
        assert len(trap) == MOST - 9
        assert len(other) == 0


def test_more_traps_than_can_run(limited, factory):
    """One more trap is an error in one sentence; it can start once another one has stopped."""
    with factory() as trap:
        with factory():
            with pytest.raises(TrapError) as error, factory():
                pass
            assert str(error.value) == NO_ROOM_FOR_A_TRAP
        with factory() as later, Talk(later.port) as client:
            assert client.deliver() == "250 OK"
            assert (len(trap), len(later)) == (0, 1)


def test_a_loop_that_lags_behind(limited):
    """The loop never watches a socket that took the place of another before it has let go of that other one."""
    thread = LoopThread()
    with contextlib.ExitStack() as stack:
        stack.callback(thread.stop)
        *full, first, second, third = (_listening() for _ in range(MOST))

        def blocked() -> tuple[threading.Event, threading.Event]:
            """Keep the loop from going on: the first event says that it has got there, the second lets it go."""
            there, resume = threading.Event(), threading.Event()
            thread.loop.call_soon_threadsafe(lambda: (there.set(), resume.wait(10)))
            stack.callback(resume.set)
            return there, resume

        for listening in (*full, first):
            thread.acceptor.watch(listening, lambda: None)
        there, resume = blocked()
        assert there.wait(10)
        # These two are carried out together, before the loop selects again.
        there_again, resume_again = blocked()
        thread.acceptor.watch(second, lambda: None)
        resume.set()
        assert there_again.wait(10)
        thread.acceptor.shut(first)
        thread.acceptor.watch(third, lambda: None)
        resume_again.set()
        for listening in (*full, second, third):
            thread.acceptor.shut(listening)
        until(lambda: {sock.fileno() for sock in (*full, first, second, third)} == {-1})
        assert thread.is_alive()


def _listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


class _Host(asyncio.Protocol):
    """Keeps the connections of all clients, and does nothing with them."""

    def __init__(self) -> None:
        self.transports = []

    def receive(self, *, implicit):
        return self

    def connection_made(self, transport):
        self.transports.append(transport)

    def fail(self, error):
        raise error


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_one_too_many_would_end_the_loop(narrow):
    """The control: without the limit, select() fails, and nothing is ever served again."""
    thread, host = LoopThread(), _Host()
    listener = Listener(thread, host)
    with contextlib.ExitStack() as stack:
        for _ in range(MOST - 4):
            assert thread.is_alive()
            stack.enter_context(socket.create_connection(("127.0.0.1", listener.port), 10))
        until(lambda: not thread.is_alive())
    for listening in listener.sockets:
        thread.loop.remove_reader(listening)
        listening.close()
    for transport in host.transports:
        transport.abort()
    thread.loop.run_until_complete(asyncio.sleep(0))
    thread.stop()


def _messages(trap):
    """Errors from the time without room may arrive in between; each is raised once."""
    try:
        return len(trap)
    except TrapError:
        return -1
