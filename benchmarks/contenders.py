"""
The mail servers that are compared, each wrapped in the same small interface.

Rules of this file: each is used as its own documentation says; a mode that one does not have is `NotOfferedError`.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
import threading
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODES = ("plain", "starttls", "implicit")


class NotOfferedError(Exception):
    """This contender has no such mode."""


@dataclass(frozen=True)
class Running:
    """A running server, and the number of messages it has received."""

    port: int
    count: Callable[[], int]


@dataclass(frozen=True)
class Contender:
    """
    One of the servers that are compared.

    *module* must be importable, *plugin* is what `pytest -p` loads, *fixture* is the one that its users request.
    *port* is an expression for the port of that fixture, by mode; *environment* is what its users set for a mode.
    """

    name: str
    module: str
    serve: Callable[[str], AbstractContextManager[Running]]
    plugin: str | None
    fixture: str
    port: dict[str, str]
    environment: Callable[[str], dict[str, str]] = lambda _mode: {}


@contextmanager
def mailtrap(mode: str) -> Iterator[Running]:
    """This project."""
    from pytest_mailtrap._server.certificate_authority import new_ca
    from pytest_mailtrap._trap.mail_trap_factory import MailTrapFactory

    factory = MailTrapFactory(new_ca())
    try:
        with factory() as trap:
            yield Running(trap.tls_port if mode == "implicit" else trap.port, lambda: len(trap))
    finally:
        factory.close()


@contextmanager
def smtpdfix(mode: str) -> Iterator[Running]:
    """The smtpdfix plugin; its modes are set through the environment."""
    from smtpdfix.certs import _generate_certs
    from smtpdfix.fixture import SMTPDFix

    with tempfile.TemporaryDirectory() as directory:
        certificate, _ = _generate_certs(Path(directory), separate_key=False)
        os.environ["SMTPD_SSL_CERTIFICATE_FILE"] = str(certificate)
        os.environ.update(smtpdfix_settings(mode))
        with SMTPDFix("localhost") as server:
            yield Running(server.port, lambda: len(server.messages))


def smtpdfix_settings(mode: str) -> dict[str, str]:
    """What its users set in the environment."""
    return {
        "plain": {},
        "starttls": {"SMTPD_USE_STARTTLS": "True"},
        "implicit": {"SMTPD_USE_SSL": "True"},
    }[mode]


@contextmanager
def localserver(mode: str) -> Iterator[Running]:
    """The pytest-localserver plugin, which does not support TLS."""
    if mode != "plain":
        raise NotOfferedError
    from pytest_localserver.smtp import Server

    server = Server()
    server.start()
    try:
        yield Running(server.addr[1], lambda: len(server.outbox))
    finally:
        server.stop()


class Loop:
    """aiosmtpd run by hand in the best possible way: a loop in a thread, fresh listeners on it, an EC certificate."""

    def __init__(self) -> None:
        import trustme

        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca = trustme.CA(key_type=trustme.KeyType.ECDSA)
        leaf = ca.issue_cert("localhost", "127.0.0.1", key_type=trustme.KeyType.ECDSA)
        leaf.configure_cert(self._context)

    @contextmanager
    def serve(self, mode: str) -> Iterator[Running]:
        messages: list[bytes] = []
        server = self._call(self._listen(mode, messages))
        try:
            yield Running(server.sockets[0].getsockname()[1], lambda: len(messages))
        finally:
            self._loop.call_soon_threadsafe(server.close)

    async def _listen(self, mode: str, messages: list[bytes]) -> asyncio.Server:
        from aiosmtpd.smtp import SMTP

        class Handler:
            async def handle_DATA(self, server, session, envelope):
                messages.append(envelope.content)
                return "250 OK"

        context = self._context if mode == "starttls" else None
        return await self._loop.create_server(
            lambda: SMTP(Handler(), tls_context=context, loop=self._loop),
            "127.0.0.1",
            0,
            ssl=self._context if mode == "implicit" else None,
        )

    def _call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


@contextmanager
def aiosmtpd(mode: str) -> Iterator[Running]:
    """No plugin: aiosmtpd itself."""
    with Loop().serve(mode) as server:
        yield server


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender(
            name="pytest-mailtrap",
            module="pytest_mailtrap",
            serve=mailtrap,
            plugin="pytest_mailtrap.plugin",
            fixture="mailtrap",
            port={
                "plain": "mailtrap.port",
                "starttls": "mailtrap.port",
                "implicit": "mailtrap.tls_port",
            },
        ),
        Contender(
            name="smtpdfix",
            module="smtpdfix",
            serve=smtpdfix,
            plugin="smtpdfix.fixture",
            fixture="smtpd",
            port=dict.fromkeys(MODES, "smtpd.port"),
            environment=smtpdfix_settings,
        ),
        Contender(
            name="pytest-localserver",
            module="pytest_localserver",
            serve=localserver,
            plugin="pytest_localserver.plugin",
            fixture="smtpserver",
            port={"plain": "smtpserver.addr[1]"},
        ),
        Contender(
            name="aiosmtpd by hand",
            module="aiosmtpd",
            serve=aiosmtpd,
            plugin=None,
            fixture="by_hand",
            port=dict.fromkeys(MODES, "by_hand.port"),
        ),
    )
}
