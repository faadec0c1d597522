"""For the tests in this directory: a resolver that knows no names, one that knows some, and a server to connect to."""

from __future__ import annotations

import _socket
import ipaddress
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from _api_clients import API, OTHER

from pytest_mailtrap._intercept.guard import Guard
from pytest_mailtrap._intercept.mail_apis import visits
from pytest_mailtrap._intercept.socket_functions import guarding

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names that left the process; must be empty at the end, so a test that expects some clears the list."""
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


@pytest.fixture
def resolver(asked, monkeypatch):
    """A resolver below the guard: maps each name to its addresses."""
    names = {API: ["127.0.0.1"], OTHER: ["127.0.0.1"]}
    unknown = _socket.getaddrinfo

    def resolve(host, port, family=0, kind=0, proto=0, flags=0):
        host = host.decode() if isinstance(host, bytes) else host
        if flags & socket.AI_NUMERICHOST or host not in names:
            return unknown(host, port, family, kind, proto, flags)
        numeric = (port, family, kind, proto, flags | socket.AI_NUMERICHOST)
        return [entry for address in names[host] for entry in unknown(address, *numeric)]

    monkeypatch.setattr(_socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "gethostbyname", lambda host: names[host][0])
    monkeypatch.setattr(socket, "gethostbyname_ex", lambda host: (host, [], names[host]))
    return names


@pytest.fixture
def seen(resolver):
    """Connections are watched; take() returns those seen since the last call."""
    visits.forget()
    visits.take()
    with guarding(Guard()):
        yield visits
    visits.take()


@pytest.fixture
def server():
    """The port of an HTTP server on 127.0.0.1 that answers every client."""
    with socket.create_server(("127.0.0.1", 0), backlog=20) as listening:
        stop = threading.Event()

        def serve():
            while not stop.is_set():
                connection, _ = listening.accept()
                with connection, suppress(OSError):
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = listening.getsockname()[1]
        yield port
        # Closing the listener does not wake up everywhere who waits in accept().
        stop.set()
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        thread.join(10)
