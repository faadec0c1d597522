"""Clients that connect to a host over HTTP, or merely connect, through all the libraries that do so differently."""

from __future__ import annotations

import asyncio
import http.client
import socket
import urllib.request

import pytest

API = "api.sendgrid.com"
OTHER = "api.example-provider.com"


def by_socket_address(address, port):
    with socket.socket() as sock:
        sock.settimeout(5)
        sock.connect((address, port))


def by_socket(host, port):
    socket.create_connection((host, port), timeout=5).close()


def by_name(host, port):
    with socket.socket() as sock:
        sock.settimeout(5)
        sock.connect((socket.gethostbyname(host), port))


def by_http_client(host, port):
    connection = http.client.HTTPConnection(host, port, timeout=5)
    connection.request("POST", "/")
    connection.getresponse().read()
    connection.close()


def by_urllib(host, port):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(f"http://{host}:{port}", timeout=5).close()


def by_code(host, port):
    [(family, kind, proto, _, address), *_] = socket.getaddrinfo(host, port, type=1)
    with socket.socket(family, kind, proto) as sock:
        sock.settimeout(5)
        assert sock.connect_ex(address) == 0


async def streams(host, port):
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    assert await reader.read(8)
    writer.close()
    await writer.wait_closed()


def by_asyncio(host, port):
    asyncio.run(streams(host, port))


def by_uvloop(host, port):
    uvloop = pytest.importorskip("uvloop")
    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(streams(host, port))
    finally:
        loop.close()


def by_trio(host, port):
    trio = pytest.importorskip("trio")

    async def main():
        await (await trio.open_tcp_stream(host, port)).aclose()

    trio.run(main)


def with_anyio(host, port, backend):
    anyio = pytest.importorskip("anyio")

    async def main():
        await (await anyio.connect_tcp(host, port)).aclose()

    options = {"use_uvloop": True} if backend == "uvloop" else {}
    anyio.run(main, backend="asyncio" if backend == "uvloop" else backend, backend_options=options)


def by_anyio(host, port):
    with_anyio(host, port, "asyncio")


def by_anyio_on_trio(host, port):
    pytest.importorskip("trio")
    with_anyio(host, port, "trio")


def by_anyio_on_uvloop(host, port):
    pytest.importorskip("uvloop")
    with_anyio(host, port, "uvloop")


def by_httpx(host, port):
    httpx = pytest.importorskip("httpx")
    with httpx.Client(trust_env=False) as client:
        client.post(f"http://{host}:{port}")


WAYS = [
    by_socket,
    by_name,
    by_http_client,
    by_urllib,
    by_code,
    by_asyncio,
    by_uvloop,
    by_trio,
    by_anyio,
    by_anyio_on_trio,
    by_anyio_on_uvloop,
    by_httpx,
]


def another(connect):
    """A host that is not an API; with uvloop, a test cannot control how names are resolved."""
    return "127.0.0.1" if "uvloop" in connect.__name__ else OTHER
