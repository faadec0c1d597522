"""Clients for the trap's own tests: one that sends exactly what it is told to, and a shortcut for sending mail."""

from __future__ import annotations

import smtplib
import socket
import struct
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from pytest_mailtrap import MailTrap

SECONDS = 10.0
MAIL = b"Subject: hello\r\n\r\nhello\r\n"


class Talk:
    """A client that sends exactly what it is told to, byte for byte, and reads whole replies."""

    def __init__(
        self,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        session: ssl.SSLSession | None = None,
    ) -> None:
        self.socket: socket.socket = socket.create_connection((host, port), timeout=SECONDS)
        self._heard = b""
        try:
            if tls is not None:
                self.upgrade(tls, session=session)
            self.greeting = self.reply()
        except BaseException:
            self.close()
            raise

    @classmethod
    def on(cls, sock: socket.socket) -> Talk:
        """A client on an existing connection that has not been greeted yet."""
        client = cls.__new__(cls)
        sock.settimeout(SECONDS)
        client.socket, client._heard = sock, b""
        client.greeting = client.reply()
        return client

    def upgrade(
        self,
        context: ssl.SSLContext,
        *,
        name: str = "localhost",
        session: ssl.SSLSession | None = None,
    ) -> None:
        self.socket = context.wrap_socket(self.socket, server_hostname=name, session=session)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reply(self) -> str:
        """One reply with all its lines; an empty string at the end of the connection."""
        lines = []
        while line := self._line():
            lines.append(line)
            if line[3:4] != "-":
                break
        return "\n".join(lines)

    def _line(self) -> str:
        while b"\r\n" not in self._heard:
            more = self.socket.recv(65536)
            if not more:
                return ""
            self._heard += more
        line, _, self._heard = self._heard.partition(b"\r\n")
        return line.decode()

    def say(self, line: str | bytes) -> str:
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.reply()

    def hello(self) -> str:
        return self.say("EHLO client.example.org")

    def starttls(
        self,
        context: ssl.SSLContext,
        *,
        name: str = "localhost",
        session: ssl.SSLSession | None = None,
    ) -> None:
        assert self.say("STARTTLS").startswith("220")
        self.upgrade(context, name=name, session=session)

    def begin(self) -> None:
        """Everything up to the 354 to DATA."""
        assert self.hello().startswith("250")
        assert self.say("MAIL FROM:<a@example.org>") == "250 OK"
        assert self.say("RCPT TO:<b@example.org>") == "250 OK"
        assert self.say("DATA").startswith("354")

    def deliver(self, data: bytes = MAIL) -> str:
        """Send one message; *data* is what goes over the wire, without the final dot."""
        self.begin()
        self.send(data + b".\r\n")
        return self.reply()

    def is_over(self) -> bool:
        """Whether the trap has closed the connection."""
        try:
            return self.reply() == ""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        reset(self.socket)

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def reset(sock: socket.socket) -> None:
    """Close with a TCP reset instead of an orderly shutdown."""
    linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    sock.close()


def send(
    trap: MailTrap,
    data: bytes = MAIL,
    *,
    to: str = "b@example.org",
    tls: bool = True,
    login: bool = False,
    context: ssl.SSLContext | None = None,
    **options: list[str],
) -> None:
    """Send one message with smtplib to the STARTTLS port."""
    with smtplib.SMTP(trap.host, trap.port, timeout=SECONDS) as client:
        if tls:
            client.starttls(context=context or trap.ssl_context)
        if login:
            client.login(trap.username, trap.password)
        client.sendmail("a@example.org", [to], data, **options)


def can_bind_ipv6() -> bool:
    """Whether this machine has an IPv6 loopback."""
    if not socket.has_ipv6:
        return False
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


def until(condition: Callable[[], object], seconds: float = SECONDS) -> None:
    """Wait for something that another thread or the kernel still has to do."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.005)


def connect(trap: MailTrap, *, tls: bool) -> Talk:
    """A client that has been greeted, on the implicit-TLS port or the STARTTLS port."""
    return Talk(trap.tls_port, tls=trap.ssl_context) if tls else Talk(trap.port)
