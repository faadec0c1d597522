"""
Looking up names while a trap intercepts or the guard is active.

A mail connection to an intercepted host gets an alias for its name. A lookup without a mail port may be for anything:
only a host that is intercepted by name gets its alias then, and for any other name the resolver decides.

Rules of this file: a lookup that has nothing to do with mail is passed on after a look at its port; nothing is replaced here.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._intercept.hosts import (
    MAIL_PORTS,
    as_address,
    canonical,
    is_own,
    port_number,
)
from pytest_mailtrap._intercept.mail_apis import api_named, visits
from pytest_mailtrap._intercept.route import RequestedTarget
from pytest_mailtrap._intercept.state import state

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = Callable[..., Any]  # replaced functions have all kinds of signatures

_NUMERIC_PORT = getattr(socket, "AI_NUMERICSERV", 0)


def looking_up(original: Function) -> Function:
    """The replacement of `getaddrinfo()`."""

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
        state.order.resolved(host, [entry[4][0] for entry in found])
        if by_name and (api is not None or visits.names):
            visits.resolved(api, [entry[4][0] for entry in found])
        return found

    return getaddrinfo


def looking_up_name(original: Function) -> Function:
    """The replacement of `gethostbyname()`."""

    def gethostbyname(hostname: object) -> str:
        __tracebackhide__ = True
        api = _look_up_api(hostname)
        address = _address_of(original, hostname)
        state.order.resolved(hostname, [address])
        visits.resolved(api, [address])
        return address

    return gethostbyname


def looking_up_name_ex(original: Function) -> Function:
    """The replacement of `gethostbyname_ex()`."""

    def gethostbyname_ex(hostname: object) -> tuple[str, list[str], list[str]]:
        __tracebackhide__ = True
        api = _look_up_api(hostname)
        found = _addresses_of(original, hostname)
        state.order.resolved(hostname, found[2])
        visits.resolved(api, found[2])
        return found

    return gethostbyname_ex


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
        state.names.forget(host)
        return original(host, port, *how)  # type: ignore[no-any-return]  # the original's list
    if _is_led(name, number):
        as_given = port is None or flags & _NUMERIC_PORT
        return _alias_info(original, name, port if as_given else number, *how)
    found: list[Any] = original(host, port, *how)
    if number == 0:
        state.names.remember(name, [entry[4][0] for entry in found])
    return found


def _look_up_api(host: object, port: object = None) -> str | None:
    """Count the lookup of an e-mail API, and return its name; None for any other host, MailGuardError if the guard refuses."""
    __tracebackhide__ = True
    name = api_named(host)
    if name is None or port_number(port) in MAIL_PORTS:
        return None
    state.order.check_api(RequestedTarget(name, port_number(port) or 0))
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
    if port == 0:
        # The purpose is unknown: a host that is intercepted by name gets its alias, which works for other ports as well.
        return state.order.names(name)
    return state.order.claim(RequestedTarget(name, port)) is not None


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
    ipv4, ipv6 = state.aliases.of(name)
    if family == socket.AF_INET6:
        return [ipv6]
    if family == socket.AF_INET or not any(route.ipv6 for route in state.order.routes):
        return [ipv4]
    return [ipv4, ipv6]


def _address_of(original: Function, hostname: object) -> str:
    name = _name(hostname)
    if name is None:
        state.names.forget(hostname)
        return original(hostname)  # type: ignore[no-any-return]  # the original's string
    if state.order.names(name):
        return state.aliases.of(name)[0]
    address: str = original(hostname)
    state.names.remember(name, [address])
    return address


def _addresses_of(original: Function, hostname: object) -> tuple[str, list[str], list[str]]:
    name = _name(hostname)
    if name is not None and state.order.names(name):
        return name, [], [state.aliases.of(name)[0]]
    found: tuple[str, list[str], list[str]] = original(hostname)
    if name is not None:
        state.names.remember(name, found[2])
    return found
