"""
Which socket functions of this process are replaced, while a trap intercepts or the guard is active.

Names are looked up by `getaddrinfo()`, which returns aliases for intercepted names. Connections are made by
`socket.socket.connect()`, which smtplib, asyncio's selector loops, trio and anyio all use, by name or by address.
asyncio's proactor loop (Windows) and uvloop connect below it, and are replaced one level higher; gevent and eventlet have
sockets of their own. What avoids all of these is refused by the audit hook.

Rules of this file: it neither looks up nor connects; without a route or a guard nothing is replaced.
"""

from __future__ import annotations

import _socket
import socket
import sys
import threading
from contextlib import contextmanager, suppress
from types import FunctionType
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from pytest_mailtrap._intercept import green
from pytest_mailtrap._intercept.audit import connection_audit
from pytest_mailtrap._intercept.connections import (
    connecting,
    connecting_by_proactor,
    connecting_with_code,
    pairing,
)
from pytest_mailtrap._intercept.lookups import looking_up, looking_up_name, looking_up_name_ex
from pytest_mailtrap._intercept.mail_apis import visits
from pytest_mailtrap._intercept.patch import Patch
from pytest_mailtrap._intercept.route import ActiveRoutes
from pytest_mailtrap._intercept.state import state
from pytest_mailtrap._system.import_hook import Imports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_mailtrap._intercept.guard import Guard
    from pytest_mailtrap._intercept.route import Route

    Function = Callable[..., Any]  # replaced functions have all kinds of signatures
    _Place = tuple[
        Any, str, Callable[[Function], Function]
    ]  # owner, name, and what makes the replacement

# The class that gevent and eventlet replace, if they do.
_SOCKET = socket.socket


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
    before = state.order.guards
    _switch.change(lambda order: ActiveRoutes(order.routes, (*before, guard)))
    try:
        yield
    finally:
        _switch.change(lambda order: ActiveRoutes(order.routes, before))


def renew() -> None:
    """Apply the patches again if something else has replaced them, as pytest-socket does after each test."""
    _switch.change(lambda order: order)


class _Switch:
    """Changes the active routes and guards, and applies the patches that they need."""

    def __init__(self) -> None:
        # A module that is being patched may import another one, which is patched as well.
        self._lock = threading.RLock()
        self._fixed: list[_Place] = []
        self._patches: list[Patch] = []
        self._made: WeakSet[Function] = WeakSet()
        self._imports = Imports(green.MODULES, lambda _name: renew())

    def change(self, change: Callable[[ActiveRoutes], ActiveRoutes]) -> None:
        with self._lock:
            state.order = change(state.order)
            if state.is_active:
                connection_audit.install()
                self._imports.begin()
                self._cover()
            else:
                self._imports.end()
                while self._patches:
                    self._patches.pop().undo()
                self._fixed.clear()
                state.names.clear()
                visits.forget()

    def _cover(self) -> None:
        self._fixed = self._fixed or list(_fixed_places())
        for owner, name, make in (*self._fixed, *_moving_places()):
            if not self._is_ours(getattr(owner, name)):
                self._patches.append(Patch(owner, name, make))
                self._made.add(self._patches[-1].replacement)

    def _is_ours(self, function: object) -> bool:
        """
        Whether it is one of our replacements.

        Libraries copy and inherit them: gevent's monkey patch copies the functions of `gevent.socket`.
        """
        return isinstance(function, FunctionType) and function in self._made


def _fixed_places() -> Iterator[_Place]:
    # One level below socket.getaddrinfo(), for modules that have imported that function by name.
    yield _socket, "getaddrinfo", looking_up
    yield from _names(_socket)
    yield from _methods(_SOCKET)
    if not hasattr(_socket, "socketpair"):
        yield socket, "socketpair", pairing
    if sys.platform == "win32" or "asyncio.proactor_events" in sys.modules:
        from asyncio.proactor_events import BaseProactorEventLoop

        yield BaseProactorEventLoop, "sock_connect", connecting_by_proactor
    # Even if the application has not imported uvloop yet: a later import would go unnoticed.
    with suppress(ImportError):
        from pytest_mailtrap._intercept.uvloop import places

        yield from places()


def _moving_places() -> Iterator[_Place]:
    """What a monkey patch or an import changes while a route or a guard is active."""
    if socket.getaddrinfo.__module__ != "socket":
        yield socket, "getaddrinfo", looking_up  # somebody else's, such as gevent's
    yield from _names(socket)
    yield from _methods(socket.socket)
    for module in green.modules():
        yield module, "getaddrinfo", looking_up
        yield from _names(module)
        yield from _methods(module.socket)


def _names(module: Any) -> Iterator[_Place]:  # socket, or one like it
    yield module, "gethostbyname", looking_up_name
    yield module, "gethostbyname_ex", looking_up_name_ex


def _methods(kind: Any) -> Iterator[_Place]:  # a class of sockets
    yield kind, "connect", connecting
    yield kind, "connect_ex", connecting_with_code


_switch = _Switch()
