"""
The name of this machine under which clients reach a trap.

Rules of this file: the machine is asked, no matter what a test has put in the place of its resolver.
"""

from __future__ import annotations

import _socket
from functools import cache

_LOOPBACK = ("127.0.0.1", "::1")
_look_up = _socket.getaddrinfo


@cache
def own_host() -> str:
    """
    "localhost", or "127.0.0.1" on a machine that does not know that name.

    RFC 6761, section 6.3, wants every resolver to know it, but glibc's needs /etc/hosts, which some containers lack.
    """
    try:
        found = _look_up("localhost", 0, 0, _socket.SOCK_STREAM)
    except OSError:
        return _LOOPBACK[0]
    # Another answer is that of a search domain or of a name server that answers everything.
    return "localhost" if any(entry[4][0] in _LOOPBACK for entry in found) else _LOOPBACK[0]
