"""The address to which a redirected socket connects, and IPv6 sockets on systems where they reach only IPv6."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from _api_clients import API, by_socket_address
from _senders import HOST
from _trap_talk import can_bind_ipv6

from pytest_mailtrap._intercept.redirection import lead
from pytest_mailtrap._intercept.route import RequestedTarget, Route

if TYPE_CHECKING:
    from pytest_mailtrap import MailTrap

needs_ipv6 = pytest.mark.skipif(not can_bind_ipv6(), reason="this machine has no IPv6")
TARGET = RequestedTarget(HOST, 587)


@pytest.mark.parametrize(
    ("family", "ipv6", "expected"),
    [
        pytest.param(socket.AF_INET6, True, ("::1", 2525, 0, 0), marks=needs_ipv6),
        pytest.param(socket.AF_INET6, False, ("::ffff:127.0.0.1", 2525, 0, 0), marks=needs_ipv6),
        (socket.AF_INET, True, ("127.0.0.1", 2525)),
        (socket.AF_INET, False, ("127.0.0.1", 2525)),
    ],
)
def test_the_items_of_an_address(family, ipv6: bool, expected: tuple) -> None:
    """The proactor loop of Windows takes an IPv6 address only with flow and scope, and an IPv4 address only without."""
    route = Route(hosts=None, port=2525, tls_port=4650, ipv6=ipv6)
    with socket.socket(family) as sock:
        assert lead(sock, route, TARGET) == expected


@pytest.fixture
def only_ipv6():
    """Creates IPv6 sockets that reach only IPv6, as all of them do on Windows."""

    def create() -> socket.socket:
        sock = socket.socket(socket.AF_INET6)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.settimeout(10)
        return sock

    return create


@needs_ipv6
@pytest.mark.mailtrap(intercept=[HOST])
def test_an_alias_of_a_host_without_ipv6(resolver, server, only_ipv6, mailtrap: MailTrap) -> None:
    """Used for something other than mail, its IPv6 alias leads to the IPv4 address."""
    resolver[HOST] = ["::ffff:127.0.0.1"]
    [alias, *_] = socket.getaddrinfo(HOST, None, socket.AF_INET6)
    with only_ipv6() as sock:
        sock.connect((alias[4][0], server))
        assert sock.getpeername()[:2] == ("::ffff:127.0.0.1", server)
    # The control: without that, such a socket does not get there.
    with only_ipv6() as sock, pytest.raises(OSError, match=r"unreachable|10051|10049"):
        sock.connect(("::ffff:127.0.0.1", server))


@pytest.fixture
def connected_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pair of sockets is made of a connection on loopback, as on Windows."""

    def socketpair() -> tuple[socket.socket, socket.socket]:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            one = socket.socket()
            one.connect(listening.getsockname())
            return one, listening.accept()[0]

    monkeypatch.delattr("_socket.socketpair", raising=False)
    monkeypatch.setattr(socket, "socketpair", socketpair)


def test_a_pair_of_sockets_is_no_visit(connected_pairs, seen, server) -> None:
    """Each event loop of Windows has one: it does not count, even if an e-mail API is on this machine."""
    socket.getaddrinfo(API, server)
    for sock in socket.socketpair():
        sock.close()
    by_socket_address("127.0.0.1", server)
    assert seen.take() == {API: 1}
    # The control: any other connection to that address does count.
    by_socket_address("127.0.0.1", server)
    assert seen.take() == {API: 1}
