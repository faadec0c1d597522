"""For the tests of this directory: whoever asks a resolver for a name is found out."""

from __future__ import annotations

import _socket
import ipaddress
import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names that left the process: none, in every test that does not take them away."""
    names: list[str] = []

    def watched(original):
        def resolve(host, *args):
            is_numeric = len(args) > 4 and args[4] & socket.AI_NUMERICHOST
            if not is_local(host) and not is_numeric:
                names.append(str(host))
                raise socket.gaierror(socket.EAI_NONAME, "there is no resolver")
            return original(host, *args)

        return resolve

    monkeypatch.setattr(_socket, "getaddrinfo", watched(_socket.getaddrinfo))
    for name in ("gethostbyname", "gethostbyname_ex"):
        monkeypatch.setattr(socket, name, watched(getattr(socket, name)))
    yield names
    assert names == []


def is_local(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host is None or host in ("localhost", socket.gethostname()):
        return True
    try:
        ipaddress.ip_address(str(host))
    except ValueError:
        return str(host).replace(".", "").isdecimal()
    return True
