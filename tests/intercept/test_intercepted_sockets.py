"""Sockets in every state are intercepted: wrapped, bound, without IPv6, or by their file descriptors."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from typing import TYPE_CHECKING

import pytest
from _senders import ADDRESS, HOST, names_in, smtplib_starttls

from pytest_mailtrap._intercept.guard import Guard, MailGuardError
from pytest_mailtrap._intercept.socket_functions import guarding
from pytest_mailtrap._smtp import listener

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_mailtrap import MailTrap, MailTrapFactory


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize("host", [HOST, ADDRESS])
def test_a_socket_that_was_wrapped_before_it_connects(mailtrap: MailTrap, host: str) -> None:
    """The TLS handshake happens on connecting; by name and by address."""
    context = ssl.create_default_context()
    with context.wrap_socket(socket.socket(), server_hostname=host) as sock:
        sock.settimeout(10)
        sock.connect((host, 465))
        assert sock.recv(3) == b"220"
        assert host in names_in(sock.getpeercert())
    assert mailtrap.connections[0].transport.server_host == host


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize(
    "address", [("2001:db8::25", 587, 0), ("2001:db8::25", 587, 0, 0), ("fe80::1", 587, 7, 1)]
)
def test_addresses_with_flow_and_scope(mailtrap: MailTrap, address: tuple) -> None:
    """Addresses are accepted in the form that getaddrinfo() returns."""
    with socket.socket(socket.AF_INET6) as sock:
        sock.settimeout(10)
        sock.connect(address)
        assert sock.recv(3) == b"220"
    assert mailtrap.connections[0].transport.server_host == address[0]


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize("host", [HOST, ADDRESS])
@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_a_host_as_bytes(mailtrap: MailTrap, host: str, kind: type) -> None:
    """The socket module accepts a host as bytes, so the trap gets that mail as well."""
    with socket.socket() as sock:
        sock.settimeout(10)
        sock.connect((kind(host, "ascii"), 587))
        assert sock.recv(3) == b"220"
    assert mailtrap.connections[0].transport.server_host == host


@pytest.mark.parametrize("kind", [str, bytes, bytearray])
def test_the_guard_knows_a_host_as_bytes(kind: type) -> None:
    """The guard refuses it, however it is given."""
    host = ADDRESS if kind is str else kind(ADDRESS, "ascii")
    with (
        socket.socket() as sock,
        guarding(Guard()),
        pytest.raises(MailGuardError, match=ADDRESS),
    ):
        sock.connect((host, 587))


@pytest.mark.mailtrap(intercept=True)
def test_connect_ex_tells_by_numbers(mailtrap: MailTrap) -> None:
    """connect_ex() returns 0 when redirected to the trap and ECONNREFUSED from the guard; it never raises."""
    with socket.socket() as sock:
        sock.settimeout(10)
        assert sock.connect_ex((HOST, 587)) == 0
        assert sock.recv(3) == b"220"
    assert mailtrap.connections[0].transport.server_host == HOST


def test_connect_ex_is_refused_by_number() -> None:
    """The control: without a trap, the guard refuses the connection and records the attempt."""
    guard = Guard()
    with guarding(guard), socket.socket() as sock:
        assert sock.connect_ex((HOST, 587)) == errno.ECONNREFUSED
    assert [attempt.host for attempt in guard.take_all()] == [HOST]


@pytest.mark.mailtrap(intercept=True)
def test_a_socket_that_is_bound_already(mailtrap: MailTrap) -> None:
    """The application's own port is kept, and the connection is identified by it."""
    with socket.create_connection((HOST, 587), 10, source_address=("127.0.0.1", 0)) as sock:
        assert sock.recv(3) == b"220"
        port = sock.getsockname()[1]
    [connection] = mailtrap.connections
    assert connection.peer[1] == port
    assert connection.transport.server_host == HOST


@pytest.fixture
def trap_without_ipv6(
    mailtrap_factory: MailTrapFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MailTrap]:
    def listen() -> list[socket.socket]:
        return [listener._bind(socket.AF_INET, "127.0.0.1", 0)]

    monkeypatch.setattr(listener, "_listen", listen)
    with mailtrap_factory(intercept=True) as trap:
        yield trap


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
def test_ipv6_sockets_where_the_trap_has_no_ipv6(trap_without_ipv6: MailTrap) -> None:
    """They still reach the trap over IPv4, by literal and by name."""
    with socket.socket(socket.AF_INET6) as sock:
        sock.settimeout(10)
        sock.connect(("2001:db8::25", 587))
        assert sock.recv(3) == b"220"
    smtplib_starttls("2001:db8::25")
    assert [e[0] for e in socket.getaddrinfo(HOST, 587, type=1)] == [socket.AF_INET]
    hosts = {c.transport.server_host for c in trap_without_ipv6.connections}
    assert hosts == {"2001:db8::25"}


class Proactor:
    """What the Windows event loop uses to connect, below Python's sockets."""

    async def connect(self, sock: socket.socket, address: tuple[str, int]) -> None:
        sock.connect(address)


def test_the_proactor_loop_of_windows(mailtrap: MailTrap) -> None:
    """Its sock_connect() does not go through connect(), so it is intercepted separately."""
    from asyncio.proactor_events import BaseProactorEventLoop

    class Loop(BaseProactorEventLoop):
        def __init__(self) -> None:
            self._proactor = Proactor()
            self._debug = False

        def __del__(self) -> None:
            """There is nothing to close and nothing to warn about."""

    async def connect() -> bytes:
        with socket.socket() as sock:
            sock.settimeout(10)
            await BaseProactorEventLoop.sock_connect(Loop(), sock, (ADDRESS, 587))
            return sock.recv(3)

    with mailtrap.intercept():
        assert "sock_connect" in vars(BaseProactorEventLoop)
        assert asyncio.run(connect()) == b"220"
    [connection] = mailtrap.connections
    assert connection.transport.server_host == ADDRESS
