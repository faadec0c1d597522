"""
Connecting sockets while a trap intercepts or the guard is active.

Rules of this file: a connection that has nothing to do with mail is passed on after a look at its port; nothing is replaced here.
"""

from __future__ import annotations

import errno
import operator
import socket
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._intercept.guard import MailGuardError
from pytest_mailtrap._intercept.hosts import MAIL_PORTS, as_text, canonical
from pytest_mailtrap._intercept.mail_apis import api_named, visits
from pytest_mailtrap._intercept.redirection import allow_mapped, lead
from pytest_mailtrap._intercept.route import RequestedTarget
from pytest_mailtrap._intercept.state import state

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_mailtrap._intercept.mail_apis import Visit

    Function = Callable[..., Any]  # replaced functions have all kinds of signatures

# The lengths of the address tuples that connect() accepts: with or without flow and scope (RFC 3493, section 3.3).
_LENGTHS: dict[int, tuple[int, ...]] = {socket.AF_INET: (2,), socket.AF_INET6: (2, 3, 4)}


def connecting(original: Function) -> Function:
    """The replacement of a socket's `connect()`."""

    def connect(self: socket.socket, address: Any) -> None:  # whatever the caller passes
        __tracebackhide__ = True
        visit = _visit(self, address)
        destination = _destination(self, address)
        with state.passing(self):
            original(self, destination)
        if visit is not None:
            visit.end()

    return connect


def connecting_with_code(original: Function) -> Function:
    """The replacement of a socket's `connect_ex()`."""

    def connect_ex(self: socket.socket, address: Any) -> int:
        try:
            visit = _visit(self, address)
            destination = _destination(self, address)
        except MailGuardError:
            return errno.ECONNREFUSED
        with state.passing(self):
            code: int = original(self, destination)
        if visit is not None and code == 0:
            visit.end()
        return code

    return connect_ex


def connecting_by_proactor(original: Function) -> Function:
    """The replacement of `sock_connect()` of the event loop of Windows."""

    async def sock_connect(self: Any, sock: socket.socket, address: Any) -> Any:
        __tracebackhide__ = True
        visit = _visit(sock, address)
        result = await original(self, sock, _destination(sock, address))
        if visit is not None:
            visit.end()
        return result

    return sock_connect


def pairing(original: Function) -> Function:
    """A pair that is made of a connection, as each event loop does on Windows, is no visit to an API on this machine."""

    def socketpair(*args: Any, **keywords: Any) -> Any:
        with visits.aside():
            return original(*args, **keywords)

    return socketpair


def requested_by(sock: socket.socket, address: Any) -> RequestedTarget | None:
    """What a connection to *address* is meant to reach; None if it cannot be for mail."""
    host, port = _host_and_port(address)
    if port not in MAIL_PORTS and not _is_alias(host):
        return None
    if sock.type != socket.SOCK_STREAM or len(address) not in _LENGTHS.get(sock.family, ()):
        return None
    return RequestedTarget(_meant(host), port)


def _host_and_port(address: Any) -> tuple[object, int]:
    """Of the address of an internet socket; ("", 0) for the path of a Unix socket, or an address that the original rejects."""
    try:
        # The socket module takes any object with __index__ for a port.
        return as_text(address[0]), operator.index(address[1])
    except (TypeError, LookupError):
        return "", 0


def _visit(sock: socket.socket, address: Any) -> Visit | None:
    """The visit to an e-mail API that a connection belongs to; None for any other host, MailGuardError if the guard refuses."""
    __tracebackhide__ = True
    host, port = _host_and_port(address)
    if not isinstance(host, str) or visits.is_aside:
        return None
    name = visits.names.get(host) or api_named(state.aliases.hosts.get(host, host))
    if name is None or port in MAIL_PORTS or sock.type != socket.SOCK_STREAM:
        return None
    state.order.check_api(RequestedTarget(name, port))
    return visits.connect(name, sock, host)


def _destination(sock: socket.socket, address: Any) -> Any:
    """Where a connection to *address* must go; MailGuardError if it is refused."""
    __tracebackhide__ = True
    requested = requested_by(sock, address)
    if requested is None:
        return address
    if requested.port in MAIL_PORTS:
        route = state.order.claim(requested)
        if route is not None:
            known_as = state.names.of(requested.host)
            return lead(sock, route, RequestedTarget(known_as, requested.port))
    return _real(sock, requested) if _is_alias(as_text(address[0])) else address


def _is_alias(host: object) -> bool:
    return isinstance(host, str) and host in state.aliases.hosts


def _meant(host: object) -> str:
    name = state.aliases.hosts.get(host, host) if isinstance(host, str) else host
    return canonical(name) or "localhost"  # "" connects to this machine


def _real(sock: socket.socket, requested: RequestedTarget) -> Any:
    """For an alias that is not used for mail, the address to which its name resolves."""
    flags = socket.AI_V4MAPPED if sock.family == socket.AF_INET6 else 0
    with visits.aside():
        found = socket.getaddrinfo(*requested, sock.family, socket.SOCK_STREAM, 0, flags)
    real = found[0][4]
    if str(real[0]).startswith("::ffff:"):
        allow_mapped(sock)
    return real
