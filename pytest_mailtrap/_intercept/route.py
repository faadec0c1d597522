"""
Where connections to mail ports go instead: to the trap whose route claims the host, and what they had asked for.

Rules of this file: it knows nothing of sockets; whether a connection is led, refused or let out is decided here, once, for names and addresses alike.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pytest_mailtrap._intercept.hosts import IMPLICIT_TLS_PORT, is_host, is_own

if TYPE_CHECKING:
    from pytest_mailtrap._intercept.guard import Guard


class RequestedTarget(NamedTuple):
    """What a client asked for before it was led to the trap."""

    host: str
    port: int


class PendingClients:
    """
    The clients that are on their way to one trap, by the port they come from.

    They are announced before they connect, so that the trap knows of them when they arrive.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expected: dict[tuple[bool, int], RequestedTarget] = {}

    def announce(self, port: int, requested: RequestedTarget, *, ipv6: bool) -> None:
        with self._lock:
            self._expected[ipv6, port] = requested

    def arrived(self, peer: tuple[str, int]) -> RequestedTarget | None:
        """What the client at *peer* had asked for; None for one that came of its own accord."""
        with self._lock:
            return self._expected.pop((":" in peer[0], peer[1]), None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Route:
    """
    The claim of one trap on mail connections.

    *hosts* are canonical names, None for any; *ipv6* tells whether the trap listens on ::1, too.
    """

    hosts: frozenset[str] | None
    port: int
    tls_port: int
    ipv6: bool
    arrivals: PendingClients = field(default_factory=PendingClients)

    def claims(self, host: str) -> bool:
        # What no host is called, such as a name with a line end that was read from a file, fails as it does in production.
        return is_host(host) if self.hosts is None else host in self.hosts

    def names(self, host: str) -> bool:
        """Whether it claims *host* by name: then all mail it gets is meant, also where no port is told."""
        return self.hosts is not None and host in self.hosts

    def port_for(self, requested: RequestedTarget) -> int:
        return self.tls_port if requested.port == IMPLICIT_TLS_PORT else self.port


class NameAliases:
    """
    Addresses that stand for names: what a program gets for a name of which no resolver must hear.

    They tell, when it connects to one, which host it means.
    They are of loopback, so that a client on whom we have no hold ends on this machine.
    An alias stays with its name for as long as the process lives: programs keep what they have looked up.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_host: dict[str, tuple[str, str]] = {}
        self.hosts: dict[str, str] = {}

    def of(self, host: str) -> tuple[str, str]:
        """The IPv4 address that stands for *host*, and the IPv6 address."""
        with self._lock:
            if host not in self._by_host:
                # 127.192.0.0/10, the range that Tor takes for the same purpose.
                number = (127 << 24 | 192 << 16) + len(self._by_host) % ((1 << 22) - 2) + 1
                ipv4 = ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))
                ipv6 = f"::ffff:{ipv4}"
                self._by_host[host] = (ipv4, ipv6)
                self.hosts[ipv4] = self.hosts[ipv6] = host
            return self._by_host[host]


@dataclass(frozen=True, slots=True)
class ActiveRoutes:
    """The routes and the guards that are in force, the latest last; a guard of None lets out what an earlier one would refuse."""

    routes: tuple[Route, ...] = ()
    guards: tuple[Guard | None, ...] = ()

    def claim(self, requested: RequestedTarget) -> Route | None:
        """The route of a mail connection; None lets it go out, MailGuardError keeps it in."""
        __tracebackhide__ = True
        for route in reversed(self.routes):
            if route.claims(requested.host):
                return route
        guard = self._guard()
        if guard is not None and guard.mail and not is_own(requested.host):
            raise guard.refuse(requested.host, requested.port)
        return None

    def check_api(self, requested: RequestedTarget) -> None:
        """MailGuardError where a guard keeps connections to e-mail APIs in."""
        __tracebackhide__ = True
        guard = self._guard()
        if guard is not None and guard.apis:
            raise guard.refuse(requested.host, requested.port, api=True)

    def _guard(self) -> Guard | None:
        return next((g for g in reversed(self.guards) if g is None or g.stands), None)

    def names(self, host: str) -> bool:
        return any(route.names(host) for route in self.routes)

    def claims(self, host: str) -> bool:
        return any(route.claims(host) for route in self.routes)
