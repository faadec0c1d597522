"""
Every way to connect a stream socket that Python code has, above and below the methods that interception replaces.

As a program, in a network namespace of its own: a server at an address that is not this machine's loopback, and which ways
reach it, first under the guard and then without.
"""

from __future__ import annotations

import _socket
import errno
import json
import socket
import sys
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._intercept.guard import Guard
from pytest_mailtrap._intercept.socket_functions import guarding

if TYPE_CHECKING:
    from collections.abc import Callable

ADDRESS = "198.51.100.5"  # RFC 5737: nobody's


class IndexedPort:
    """A port that is a number only by its __index__()."""

    def __init__(self, port: int) -> None:
        self._port = port

    def __index__(self) -> int:
        return self._port


class Derived(socket.socket):
    """Connects by the method of the class in C."""

    def connect(self, address: Any) -> None:
        super(socket.socket, self).connect(address)


# Kept from before anything was replaced.
_KEPT = socket.socket.connect


def by_method(address: tuple[str, int]) -> None:
    with socket.socket() as sock:
        sock.connect(address)


def by_a_kept_method(address: tuple[str, int]) -> None:
    with socket.socket() as sock:
        _KEPT(sock, address)


def by_number(address: tuple[str, int]) -> None:
    with socket.socket() as sock:
        if (code := sock.connect_ex(address)) != 0:
            raise OSError(code, errno.errorcode[code])


def by_an_indexed_port(address: tuple[str, int]) -> None:
    with socket.socket() as sock:
        sock.connect((address[0], IndexedPort(address[1])))


def by_an_indexed_port_below(address: tuple[str, int]) -> None:
    with ExitStack() as stack:
        _raw(stack).connect((address[0], IndexedPort(address[1])))


def by_the_class_in_c(address: tuple[str, int]) -> None:
    with ExitStack() as stack:
        _raw(stack).connect(address)


def by_the_class_in_c_and_number(address: tuple[str, int]) -> None:
    with ExitStack() as stack:
        if (code := _raw(stack).connect_ex(address)) != 0:
            raise OSError(code, errno.errorcode[code])


def by_the_base_class(address: tuple[str, int]) -> None:
    with Derived() as sock:
        sock.connect(address)


def by_sendto(address: tuple[str, int]) -> None:
    with socket.socket() as sock:
        sock.sendto(b"EHLO here\r\n", socket.MSG_FASTOPEN, address)


def by_sendmsg(address: tuple[str, int]) -> None:
    with socket.socket() as sock:
        sock.sendmsg([b"EHLO here\r\n"], [], socket.MSG_FASTOPEN, address)


def _raw(stack: ExitStack) -> Any:
    sock = _socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    stack.callback(sock.close)
    return sock


ABOVE = (by_method, by_number, by_an_indexed_port)
BELOW = (
    by_a_kept_method,
    by_an_indexed_port_below,
    by_the_class_in_c,
    by_the_class_in_c_and_number,
    by_the_base_class,
    *((by_sendto, by_sendmsg) if hasattr(socket, "MSG_FASTOPEN") else ()),
)


def main() -> None:
    with socket.create_server((ADDRESS, 587), backlog=50) as server:
        server.settimeout(30)
        with guarding(Guard()):
            guarded = _arriving(server)
        json.dump({"guarded": guarded, "free": _arriving(server)}, sys.stdout)


def _arriving(server: socket.socket) -> list[str]:
    """The names of the ways by which a client arrives at *server*."""
    return [way.__name__ for way in (*ABOVE, *BELOW) if _arrives(way, server)]


def _arrives(way: Callable[[tuple[str, int]], None], server: socket.socket) -> bool:
    address = server.getsockname()
    with suppress(OSError):
        way(address)
    # Clients are accepted in the order in which they have connected: after this one, there are no more.
    with guarding(None), socket.create_connection(address) as last:
        peers = []
        while last.getsockname() not in peers:
            client, peer = server.accept()
            client.close()
            peers.append(peer)
    return len(peers) > 1


if __name__ == "__main__":
    main()
