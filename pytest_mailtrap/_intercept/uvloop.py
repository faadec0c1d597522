"""uvloop resolves and connects in libuv, below Python: its mail connections are made with Python's sockets instead."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import uvloop  # type: ignore[import-not-found,unused-ignore]  # installed, or importing this file fails

from pytest_mailtrap._intercept.allow_list import allow_list
from pytest_mailtrap._intercept.hosts import canonical, is_mail
from pytest_mailtrap._intercept.mail_apis import api_named, visits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Function = Callable[..., Any]  # replaced functions have all kinds of signatures


def places() -> Iterator[tuple[Any, str, Callable[[Function], Function]]]:
    """What to replace, and with what."""
    yield uvloop.Loop, "getaddrinfo", _looking_up
    yield uvloop.Loop, "create_connection", _connecting


def _concerns_us(host: Any, port: Any) -> bool:
    if is_mail(host, port) or host in visits.names or api_named(host) is not None:
        return True
    # Its addresses must be known when they are connected to.
    return bool(allow_list.entries) and allow_list.allows(canonical(host) or "", 0)


def _looking_up(original: Function) -> Function:
    async def getaddrinfo(self: Any, host: Any, port: Any, **keywords: Any) -> Any:
        if not _concerns_us(host, port):
            return await original(self, host, port, **keywords)
        return await self.run_in_executor(None, lambda: socket.getaddrinfo(host, port, **keywords))

    return getaddrinfo


def _connecting(original: Function) -> Function:
    async def create_connection(
        self: Any, protocol_factory: Any, host: Any = None, port: Any = None, **keywords: Any
    ) -> Any:
        if not _concerns_us(host, port):
            return await original(self, protocol_factory, host, port, **keywords)
        how = {name: keywords.pop(name, 0) for name in ("family", "proto", "flags")}
        sock = await _connected(self, host, port, keywords.pop("local_addr", None), how)
        if keywords.get("ssl") and keywords.get("server_hostname") is None:
            keywords["server_hostname"] = host
        try:
            return await original(self, protocol_factory, sock=sock, **keywords)
        except BaseException:
            sock.close()
            raise

    return create_connection


async def _connected(
    loop: Any, host: Any, port: Any, local: Any, how: dict[str, int]
) -> socket.socket:
    """Try one address after another, as `socket.create_connection()` does."""
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, **how)
    failure = OSError(f"no address for {host!r}")
    for family, kind, proto, _, address in found:
        sock = socket.socket(family, kind, proto)
        try:
            sock.setblocking(False)
            if local is not None:
                sock.bind(local)
            await loop.sock_connect(sock, address)
        except OSError as error:
            failure = error
            sock.close()
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure
