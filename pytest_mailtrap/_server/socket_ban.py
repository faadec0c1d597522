"""
Plugins that forbid sockets, such as pytest-socket with --disable-socket: a trap cannot start then, and says what to allow.

Rules of this file: it recognizes them by their error, and does not import them.
"""

from __future__ import annotations

import socket

from pytest_mailtrap._server.inbox import TrapError

_BANNED = (
    "pytest-socket does not allow the mail trap to open sockets: allow them with "
    '--allow-hosts=127.0.0.1,::1, or with @pytest.mark.allow_hosts(["127.0.0.1", "::1"])'
)


def check_sockets() -> None:
    """TrapError if a plugin forbids to open sockets."""
    __tracebackhide__ = True
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "pytest_socket":
            return  # what else is wrong shows when the trap starts
    else:
        return
    raise TrapError(_BANNED)
