"""
The replaced socket functions of this process, while a trap intercepts or the guard is active.

Names are looked up by `getaddrinfo()`, which returns aliases for intercepted names. Connections are made by
`socket.socket.connect()`, which smtplib, asyncio's selector loops, trio and anyio all use, by name or by address.
asyncio's proactor loop (Windows) and uvloop connect below it, and are replaced one level higher.

Rules of this file: a call that has nothing to do with mail is passed on after a look at its port; without a route or a guard nothing is replaced.
"""

from __future__ import annotations

import _socket
import errno
import operator
import socket
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._intercept.guard import MailGuardError
from pytest_mailtrap._intercept.hosts import (
    MAIL_PORTS,
    as_address,
    as_text,
    canonical,
    is_own,
    port_number,
)
from pytest_mailtrap._intercept.mail_apis import api_named, visits
from pytest_mailtrap._intercept.patch import Patch
from pytest_mailtrap._intercept.redirection import allow_mapped, lead
from pytest_mailtrap._intercept.route import ActiveRoutes, NameAliases, RequestedTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_mailtrap._intercept.guard import Guard
    from pytest_mailtrap._intercept.mail_apis import Visit
    from pytest_mailtrap._intercept.route import Route

    Function = Callable[..., Any]  # replaced functions have all kinds of signatures
    _Place = tuple[
        Any, str, Callable[[Function], Function]
    ]  # owner, name, and what makes the replacement

# The lengths of the address tuples that connect() accepts: with or without flow and scope (RFC 3493, section 3.3).
_LENGTHS: dict[int, tuple[int, ...]] = {socket.AF_INET: (2,), socket.AF_INET6: (2, 3, 4)}
_NUMERIC_PORT = getattr(socket, "AI_NUMERICSERV", 0)


@contextmanager
def intercepting(route: Route) -> Iterator[None]:
    """Redirect the connections that *route* claims to its trap; of several claims, the latest one applies."""
    _switch.change(lambda order: ActiveRoutes((*order.routes, route), order.guards))
    try:
        yield
    finally:
        _switch.change(
            lambda order: ActiveRoutes(
                tuple(r for r in order.routes if r is not route), order.guards
            )
        )


@contextmanager
def guarding(guard: Guard | None) -> Iterator[None]:
    """Let *guard* refuse what no route claims; None allows everything, even within an outer guard."""
    before = _switch.order.guards
    _switch.change(lambda order: ActiveRoutes(order.routes, (*before, guard)))
    try:
        yield
    finally:
        _switch.change(lambda order: ActiveRoutes(order.routes, before))


def renew() -> None:
    """Apply the patches again if something else has replaced them, as pytest-socket does after each test."""
    _switch.change(lambda order: order)


class _Switch:
    """The active routes and guards, and the patches that apply them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: list[_Place] = []
        self._patches: list[Patch] = []
        self.order = ActiveRoutes()
        # The names of resolved addresses, so that a connection to one of them can be reported by name.
        self.seen: dict[str, str] = {}

    def change(self, change: Callable[[ActiveRoutes], ActiveRoutes]) -> None:
        with self._lock:
            self.order = change(self.order)
            if self.order.routes or self.order.guards:
                self._cover()
            else:
                while self._patches:
                    self._patches.pop().undo()
                self._places.clear()
                self.seen.clear()
                visits.forget()

    def _cover(self) -> None:
        self._places = self._places or list(_places())
        covered = [(p.owner, p.name) for p in self._patches if p.is_in_place]
        self._patches += [Patch(*place) for place in self._places if place[:2] not in covered]


_switch = _Switch()
_aliases = NameAliases()


def _places() -> Iterator[_Place]:
    # One level below socket.getaddrinfo(), for modules that have imported that function by name.
    yield _socket, "getaddrinfo", _looking_up
    if socket.getaddrinfo.__module__ != "socket":
        yield socket, "getaddrinfo", _looking_up  # somebody else's, such as gevent's
    for module in (socket, _socket):
        yield module, "gethostbyname", _looking_up_name
        yield module, "gethostbyname_ex", _looking_up_name_ex
    yield socket.socket, "connect", _connecting
    yield socket.socket, "connect_ex", _connecting_with_code
    if not hasattr(_socket, "socketpair"):
        yield socket, "socketpair", _pairing
    if sys.platform == "win32" or "asyncio.proactor_events" in sys.modules:
        from asyncio.proactor_events import BaseProactorEventLoop

        yield BaseProactorEventLoop, "sock_connect", _connecting_by_proactor
    # Even if the application has not imported uvloop yet: a later import would go unnoticed.
    with suppress(ImportError):
        from pytest_mailtrap._intercept.uvloop import places

        yield from places()


# -- looking up ---------------------------------------------------------------------------


def _looking_up(original: Function) -> Function:
    def getaddrinfo(
        host: object,
        port: object,
        family: int = 0,
        type: int = 0,  # noqa: A002  # its name in the socket module
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:  # as the socket module has it
        __tracebackhide__ = True
        how = (family, type, proto, flags)
        by_name = type != socket.SOCK_DGRAM and not flags & socket.AI_NUMERICHOST
        api = _look_up_api(host, port) if by_name else None
        found = _look_up(original, host, port, *how)
        _switch.order.resolved(host, [entry[4][0] for entry in found])
        if by_name and (api is not None or visits.names):
            visits.resolved(api, [entry[4][0] for entry in found])
        return found

    return getaddrinfo


def _look_up(
    original: Function, host: object, port: object, family: int, kind: int, proto: int, flags: int
) -> list[Any]:  # getaddrinfo's
    __tracebackhide__ = True
    how = (family, kind, proto, flags)
    number = port_number(port)
    if number is None or (number not in MAIL_PORTS and number != 0):
        return original(host, port, *how)  # type: ignore[no-any-return]  # the original's list
    name = _name(host, flags)
    if name is None:
        return original(host, port, *how)  # type: ignore[no-any-return]  # the original's list
    if _is_led(name, number):
        as_given = port is None or flags & _NUMERIC_PORT
        return _alias_info(original, name, port if as_given else number, *how)
    if number == 0:
        return _asked(name, original, host, port, *how)
    return original(host, port, *how)  # type: ignore[no-any-return]  # the original's list


def _look_up_api(host: object, port: object = None) -> str | None:
    """Count the lookup of an e-mail API, and return its name; None for any other host, MailGuardError if the guard refuses."""
    __tracebackhide__ = True
    name = api_named(host)
    if name is None or port_number(port) in MAIL_PORTS:
        return None
    _switch.order.check_api(RequestedTarget(name, port_number(port) or 0))
    visits.look_up(name)
    return name


def _name(host: object, flags: int = 0) -> str | None:
    """The name to handle; None for addresses, which are checked when they are connected to, and for what servers bind to."""
    name = canonical(host)
    if name is None or flags & socket.AI_NUMERICHOST or as_address(name) is not None:
        return None
    if flags & socket.AI_PASSIVE and (is_own(name) or name == socket.gethostname().lower()):
        return None
    return name


def _is_led(name: str, port: int) -> bool:
    """Whether to return an alias; MailGuardError if the guard refuses."""
    __tracebackhide__ = True
    order = _switch.order
    if port == 0:
        # The purpose is unknown: a host that is intercepted by name gets its alias, which works for other ports as well.
        return order.names(name)
    return order.claim(RequestedTarget(name, port)) is not None


def _alias_info(
    original: Function, name: str, port: object, family: int, kind: int, proto: int, flags: int
) -> list[Any]:  # getaddrinfo's
    """The system's answer for the alias: it handles flags, types and protocols, and does not query anybody for an address."""
    found: list[Any] = []
    failures: list[socket.gaierror] = []
    for host in _alias_hosts(name, family):
        try:
            found += original(host, port, family, kind, proto, flags)
        except socket.gaierror as failure:
            failures.append(failure)
    if not found:
        raise failures[0]
    if flags & socket.AI_CANONNAME:
        spelled = [name] + [""] * (len(found) - 1)
        found = [(*e[:3], called, e[4]) for e, called in zip(found, spelled, strict=True)]
    return found


def _alias_hosts(name: str, family: int) -> list[str]:
    ipv4, ipv6 = _aliases.of(name)
    if family == socket.AF_INET6:
        return [ipv6]
    if family == socket.AF_INET or not any(route.ipv6 for route in _switch.order.routes):
        return [ipv4]
    return [ipv4, ipv6]


def _asked(name: str, original: Function, *args: Any) -> list[Any]:
    """Ask the resolver, and remember its answer; if it has none and all mail is intercepted, use an alias."""
    try:
        found: list[Any] = original(*args)
    except socket.gaierror:
        if is_own(name) or not _switch.order.claims(name):
            raise
        _, *rest = args
        return _alias_info(original, name, *rest)
    for entry in found:
        _switch.seen[str(entry[4][0])] = name
    return found


def _looking_up_name(original: Function) -> Function:
    def gethostbyname(hostname: object) -> str:
        __tracebackhide__ = True
        api = _look_up_api(hostname)
        address = _address_of(original, hostname)
        _switch.order.resolved(hostname, [address])
        visits.resolved(api, [address])
        return address

    return gethostbyname


def _address_of(original: Function, hostname: object) -> str:
    name = _name(hostname)
    if name is None:
        return original(hostname)  # type: ignore[no-any-return]  # the original's string
    if _switch.order.names(name):
        return _aliases.of(name)[0]
    try:
        address: str = original(hostname)
    except socket.gaierror:
        if is_own(name) or not _switch.order.claims(name):
            raise
        return _aliases.of(name)[0]
    _switch.seen[address] = name
    return address


def _looking_up_name_ex(original: Function) -> Function:
    def gethostbyname_ex(hostname: object) -> tuple[str, list[str], list[str]]:
        __tracebackhide__ = True
        api = _look_up_api(hostname)
        name = _name(hostname)
        if name is not None and _switch.order.names(name):
            found: tuple[str, list[str], list[str]] = (name, [], [_aliases.of(name)[0]])
        else:
            found = original(hostname)
        _switch.order.resolved(hostname, found[2])
        visits.resolved(api, found[2])
        return found

    return gethostbyname_ex


# -- connecting ---------------------------------------------------------------------------


def _connecting(original: Function) -> Function:
    def connect(self: socket.socket, address: Any) -> None:  # whatever the caller passes
        __tracebackhide__ = True
        visit = _visit(self, address)
        original(self, _destination(self, address))
        if visit is not None:
            visit.end()

    return connect


def _connecting_with_code(original: Function) -> Function:
    def connect_ex(self: socket.socket, address: Any) -> int:
        try:
            visit = _visit(self, address)
            there = _destination(self, address)
        except MailGuardError:
            return errno.ECONNREFUSED
        code: int = original(self, there)
        if visit is not None and code == 0:
            visit.end()
        return code

    return connect_ex


def _connecting_by_proactor(original: Function) -> Function:
    async def sock_connect(self: Any, sock: socket.socket, address: Any) -> Any:
        __tracebackhide__ = True
        visit = _visit(sock, address)
        result = await original(self, sock, _destination(sock, address))
        if visit is not None:
            visit.end()
        return result

    return sock_connect


def _pairing(original: Function) -> Function:
    """A pair that is made of a connection, as each event loop does on Windows, is no visit to an API on this machine."""

    def socketpair(*args: Any, **keywords: Any) -> Any:
        with visits.aside():
            return original(*args, **keywords)

    return socketpair


def _visit(sock: socket.socket, address: Any) -> Visit | None:
    """The visit to an e-mail API that a connection belongs to; None for any other host, MailGuardError if the guard refuses."""
    __tracebackhide__ = True
    try:
        host, port = as_text(address[0]), address[1]
    except (TypeError, LookupError):
        return None  # the path of a Unix socket, or an invalid address
    if not isinstance(host, str) or visits.is_aside:
        return None
    name = visits.names.get(host) or api_named(_aliases.hosts.get(host, host))
    if name is None or port in MAIL_PORTS or sock.type != socket.SOCK_STREAM:
        return None
    _switch.order.check_api(RequestedTarget(name, port))
    return visits.connect(name, sock, host)


def _destination(sock: socket.socket, address: Any) -> Any:
    """Where a connection to *address* must go; MailGuardError if it is refused."""
    __tracebackhide__ = True
    try:
        host = as_text(address[0])
        if address[1] not in MAIL_PORTS and host not in _aliases.hosts:
            return address
    except (TypeError, LookupError):
        return address  # a Unix socket's path, or an invalid address, which the original rejects
    if sock.type != socket.SOCK_STREAM or len(address) not in _LENGTHS.get(sock.family, ()):
        return address
    requested = RequestedTarget(_meant(host), operator.index(address[1]))
    if requested.port in MAIL_PORTS:
        route = _switch.order.claim(requested)
        if route is not None:
            known_as = _switch.seen.get(requested.host, requested.host)
            return lead(sock, route, RequestedTarget(known_as, requested.port))
    return _real(sock, requested) if host in _aliases.hosts else address


def _meant(host: object) -> str:
    name = _aliases.hosts.get(host, host) if isinstance(host, str) else host
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
