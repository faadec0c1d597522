"""
The last check of a mail connection, below every method that Python code can replace or avoid.

CPython announces each connection of a Python socket to audit hooks (PEP 578), and a hook can refuse it. So this one also
sees what does not go through `socket.socket.connect()`: `_socket.socket`, a subclass that calls `super().connect()`,
the sockets of libraries that have their own, and TCP Fast Open. It cannot redirect, because the address has been read by then.

Rules of this file: it raises nothing but the refusal of a mail connection; the hook cannot be removed, so it costs next
to nothing while no route and no guard is active.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._intercept.connections import requested_by
from pytest_mailtrap._intercept.guard import MailGuardError
from pytest_mailtrap._intercept.hosts import MAIL_PORTS
from pytest_mailtrap._intercept.state import state

if TYPE_CHECKING:
    import socket

# With MSG_FASTOPEN, the last two connect a stream socket.
_CONNECTING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


class ConnectionAudit:
    """The hook of this process: installed once, with the first route or guard."""

    def __init__(self) -> None:
        self._is_installed = False

    def install(self) -> None:
        if not self._is_installed:
            self._is_installed = True
            sys.addaudithook(_hook)


connection_audit = ConnectionAudit()


def _hook(event: str, arguments: tuple[Any, ...]) -> None:  # those of the event
    if event in _CONNECTING and state.is_active:
        __tracebackhide__ = True
        _check(*arguments[:2])


def _check(sock: socket.socket, address: Any) -> None:
    __tracebackhide__ = True
    try:
        if address is None or sock.fileno() in state.passed:
            return
        requested = requested_by(sock, address)
        if requested is None or requested.port not in MAIL_PORTS:
            return
        if state.order.claim(requested) is None:
            return
        error = state.order.refuse_bypass(requested)
    except MailGuardError:
        raise
    except Exception:
        return  # whatever it is, the operating system decides about it
    raise error
