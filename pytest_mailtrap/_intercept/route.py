"""
Where connections to mail ports go instead: to the trap whose route claims the host; and what they had requested.

Rules of this file: it does not use sockets; whether a connection is redirected, refused or allowed is decided only here, both for names and for addresses.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pytest_mailtrap._intercept.allow_list import allow_list
from pytest_mailtrap._intercept.guard import Guard
from pytest_mailtrap._intercept.hosts import IMPLICIT_TLS_PORT, canonical, is_host, is_own
from pytest_mailtrap._system.fork_channel import ForkChannel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_mailtrap._intercept.guard import MailGuardError


class RequestedTarget(NamedTuple):
    """What a client requested before it was redirected to the trap."""

    host: str
    port: int


class PendingClients:
    """
    The clients that are about to connect to one trap, by their source port.

    They are announced before they connect, so that the trap knows them when they arrive.
    Those of forked children are announced to the process that has the trap.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expected: dict[tuple[bool, int], RequestedTarget] = {}
        self._children = ForkChannel()

    def announce(self, port: int, requested: RequestedTarget, *, ipv6: bool) -> None:
        if self._children.is_in_a_child:
            self._children.send((ipv6, port, requested))
            return
        with self._lock:
            self._expected[ipv6, port] = requested

    def arrived(self, peer: tuple[str, int]) -> RequestedTarget | None:
        """What the client at *peer* had requested; None for a client that was not redirected."""
        with self._lock:
            for ipv6, port, requested in self._children.received():
                self._expected[ipv6, port] = RequestedTarget(*requested)
            return self._expected.pop((":" in peer[0], peer[1]), None)

    def close(self) -> None:
        """No more clients are expected."""
        self._children.close()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Route:
    """
    The claim of one trap on mail connections.

    *hosts* are canonical names, None for any; *ipv6* says whether the trap also listens on ::1.
    """

    hosts: frozenset[str] | None
    port: int
    tls_port: int
    ipv6: bool
    arrivals: PendingClients = field(default_factory=PendingClients)

    def claims(self, host: str) -> bool:
        # A name that no host can have, such as one that was read from a file with its line ending, fails as it does in production.
        return is_host(host) if self.hosts is None else host in self.hosts

    def names(self, host: str) -> bool:
        """Whether it claims *host* by name: then it claims all mail to it, even if no port is given."""
        return self.hosts is not None and host in self.hosts

    def port_for(self, requested: RequestedTarget) -> int:
        return self.tls_port if requested.port == IMPLICIT_TLS_PORT else self.port


class NameAliases:
    """
    Addresses that stand for names: a program gets one for a name that must not be sent to a resolver.

    When it connects to an alias, the alias says which host is meant.
    Aliases are loopback addresses, so a client that cannot be intercepted does not leave this machine.
    An alias keeps its name for the lifetime of the process: programs cache their lookups.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_host: dict[str, tuple[str, str]] = {}
        self.hosts: dict[str, str] = {}

    def of(self, host: str) -> tuple[str, str]:
        """The IPv4 address that stands for *host*, and the IPv6 address."""
        with self._lock:
            if host not in self._by_host:
                # 127.192.0.0/10, the range that Tor uses for the same purpose.
                number = (127 << 24 | 192 << 16) + len(self._by_host) % ((1 << 22) - 2) + 1
                ipv4 = ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))
                ipv6 = f"::ffff:{ipv4}"
                self._by_host[host] = (ipv4, ipv6)
                self.hosts[ipv4] = self.hosts[ipv6] = host
            return self._by_host[host]


@dataclass(frozen=True, slots=True)
class ActiveRoutes:
    """The active routes and guards, the latest last; a guard of None allows what an earlier one would refuse."""

    routes: tuple[Route, ...] = ()
    guards: tuple[Guard | None, ...] = ()

    def claim(self, requested: RequestedTarget) -> Route | None:
        """
        The route of a mail connection; None if it is allowed to leave; raises MailGuardError if it is not.

        A host on the run's allow list is claimed only by a route that names it.
        """
        __tracebackhide__ = True
        is_allowed = allow_list.allows(*requested)
        for route in reversed(self.routes):
            if route.names(requested.host) if is_allowed else route.claims(requested.host):
                return route
        if is_allowed:
            return None
        guard = self._guard()
        if guard is not None and guard.mail and not is_own(requested.host):
            raise guard.refuse(requested.host, requested.port)
        return None

    def refuse_bypass(self, requested: RequestedTarget) -> MailGuardError:
        """The error for a connection that a route claims, but that cannot be redirected any more; an active guard records it."""
        guard = self._guard() or Guard()
        return guard.refuse(requested.host, requested.port, bypassed=True)

    def check_api(self, requested: RequestedTarget) -> None:
        """Raise MailGuardError if a guard refuses connections to e-mail APIs."""
        __tracebackhide__ = True
        guard = self._guard()
        if guard is not None and guard.apis and not allow_list.allows(*requested):
            raise guard.refuse(requested.host, requested.port, api=True)

    def _guard(self) -> Guard | None:
        return next((g for g in reversed(self.guards) if g is None or g.is_active), None)

    def names(self, host: str) -> bool:
        return any(route.names(host) for route in self.routes)

    def resolved(self, host: object, addresses: Iterable[object]) -> None:
        """A lookup of *host* has returned *addresses*: those of an allowed host are allowed when they are connected to."""
        # For a host that a route names they are aliases.
        if allow_list.entries and not self.names(canonical(host) or ""):
            allow_list.resolved(host, addresses)
