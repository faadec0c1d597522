"""
Redirects a socket to a trap instead of its original destination.

Rules of this file: whether to redirect it, and by which route, has already been decided.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_mailtrap._intercept.route import RequestedTarget, Route


def allow_mapped(sock: socket.socket) -> None:
    """Let an IPv6 socket connect to an IPv4 address in IPv6 form, which it cannot do by default on Windows."""
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)


def lead(sock: socket.socket, route: Route, requested: RequestedTarget) -> Any:
    """Announce the connection to the trap, and return the trap's address in the socket's family."""
    mapped = sock.family == socket.AF_INET6 and not route.ipv6
    home = {socket.AF_INET: "127.0.0.1"}.get(sock.family, "::ffff:127.0.0.1" if mapped else "::1")
    if mapped:
        allow_mapped(sock)
    _bind(sock, home)
    ipv6 = sock.family == socket.AF_INET6 and not mapped
    route.arrivals.announce(sock.getsockname()[1], requested, ipv6=ipv6)
    address = (home, route.port_for(requested))
    # With flow and scope (RFC 3493, section 3.3): the proactor loop of Windows accepts an IPv6 address only with all four.
    return (*address, 0, 0) if sock.family == socket.AF_INET6 else address


def _bind(sock: socket.socket, host: str) -> None:
    """Bind the socket to a port now: the trap must know it before the connection arrives."""
    try:
        sock.bind((host, 0))
    except OSError:
        if sock.getsockname()[1]:
            return  # bound by the application
        # Thousands of connections have used up the ports: reuse one that is in TIME_WAIT.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, 0))
