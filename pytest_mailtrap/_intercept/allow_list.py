"""
The hosts to which all tests may connect, such as a Mailpit in the developer's network: pure, except for what it remembers.

Rules of this file: nothing is resolved; a connection shows only an address, so the addresses that a resolver gave for
an allowed name are remembered.
"""

from __future__ import annotations

import ipaddress
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pytest_mailtrap._intercept.hosts import (
    as_address,
    canonical,
    is_host,
    is_switch,
    port_number,
    spoken,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_FORMS = "mailpit, mailpit:25, *.internal, 10.0.0.5, [fd00::5]:25 or 10.0.0.0/8"
_WILDCARDS = frozenset("*?")
# A pattern without any letter is for addresses, and would also be the beginning of names.
_OF_ADDRESSES = re.compile(r"[0-9.*?]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedHost:
    """
    One entry of the list.

    It has a *name*, which may contain the wildcards `*` and `?`, or a *network*, which may be a single address.
    *port* is 0 if every port is allowed.
    """

    name: str | None = None
    network: Network | None = None
    port: int = 0

    def covers(self, host: str, port: int) -> bool:
        """Whether it allows *port* of the canonical *host*; with 0, whether it allows any port."""
        if port and self.port not in (0, port):
            return False
        address = as_address(host)
        if self.network is not None:
            return address is not None and address in self.network
        return address is None and self.name is not None and fnmatchcase(host, self.name)

    def __str__(self) -> str:
        if self.name is not None:
            return f"{self.name}:{self.port}" if self.port else self.name
        network = self.network
        assert network is not None  # noqa: S101  # one of the two is set; for the type checker
        if network.num_addresses == 1:
            address = str(network.network_address)
            return spoken(address, self.port) if self.port else address
        if not self.port:
            return str(network)
        return f"[{network}]:{self.port}" if network.version == 6 else f"{network}:{self.port}"


class AllowList:
    """The *entries* that apply to this process, and the addresses of the names that they allow."""

    def __init__(self) -> None:
        self.entries: tuple[AllowedHost, ...] = ()
        self._lock = threading.Lock()
        self._names: dict[str, frozenset[str]] = {}

    @contextmanager
    def using(self, entries: Iterable[AllowedHost]) -> Iterator[None]:
        """Use *entries* within the block."""
        before = self.entries, self._names
        self.entries, self._names = tuple(entries), {}
        try:
            yield
        finally:
            self.entries, self._names = before

    def allows(self, host: str, port: int) -> bool:
        """Whether tests may connect to *port* of *host*, a canonical name or an address of an allowed name."""
        if not self.entries:
            return False
        known_as = {host, *self._names.get(host, ())}
        return any(entry.covers(name, port) for name in known_as for entry in self.entries)

    def resolved(self, host: object, addresses: Iterable[object]) -> None:
        """A resolver has given *addresses* for *host*: if it is allowed, they are as well."""
        name = canonical(host) if self.entries else None
        if name is None or as_address(name) is not None or not self.allows(name, 0):
            return
        with self._lock:
            for address in filter(None, map(canonical, addresses)):
                self._names[address] = self._names.get(address, frozenset()) | {name}


allow_list = AllowList()


def allowed_host(entry: str) -> AllowedHost:
    """The meaning of *entry*; ValueError if it has none, which says what is allowed."""
    host, port = _split(entry)
    number = 0 if port is None else port_number(port)
    if is_switch(host):
        raise _error(entry, ", which reads like a switch")
    if number is None or not (port is None or 1 <= number <= 65535):
        raise _error(entry, f": {port!r} is not a port")
    if (network := _network(host)) is not None:
        return AllowedHost(network=network, port=number)
    if _OF_ADDRESSES.fullmatch(host) and _WILDCARDS & {*host}:
        raise _error(entry, ": wildcards are for names, and a network is written as 10.0.0.0/8")
    if any(_WILDCARDS & {*label} and not label.isascii() for label in host.split(".")):
        raise _error(entry, ": a wildcard cannot be part of an internationalized label")
    name = canonical(host)
    if name is None or not is_host(re.sub("[*?]", "x", name)):
        raise _error(entry)
    return AllowedHost(name=name, port=number)


def _split(entry: str) -> tuple[str, str | None]:
    """Host and port; None for no port. An IPv6 address with a port is in brackets (RFC 3986, section 3.2.2)."""
    if entry.startswith("["):
        host, bracket, rest = entry[1:].partition("]")
        if ":" not in host or not bracket or (rest and rest[0] != ":"):
            raise _error(entry)
        return host, rest[1:] if rest else None
    host, colon, port = entry.partition(":")
    return (entry, None) if ":" in port else (host, port if colon else None)


def _network(host: str) -> Network | None:
    if "/" in host:
        try:
            return ipaddress.ip_network(host)
        except ValueError as error:
            raise _error(host, f": {error}") from None
    address = as_address(host)
    return None if address is None else ipaddress.ip_network(address)


def _error(entry: str, reason: str = "") -> ValueError:
    return ValueError(f"expected hosts such as {_FORMS}, got {entry!r}{reason}")
