"""
The sockets of gevent and eventlet, which connect and look up by themselves, with their monkey patch or without it.

Rules of this file: it imports neither of them; what the application has not imported cannot connect.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULES = ("gevent.socket", "eventlet.green.socket")


def modules() -> Iterator[Any]:
    """Those of their modules that are imported, each with the names of `socket`."""
    for name in MODULES:
        # Another thread may be in the middle of importing it.
        module = sys.modules.get(name)
        if module is not None and hasattr(module, "getaddrinfo") and hasattr(module, "socket"):
            yield module
