"""Applications that send one mail with production settings: a provider's host name and port, certificates verified."""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import smtplib
import socket
import ssl
import threading
from dataclasses import dataclass
from email.message import EmailMessage
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "smtp.example-provider.com"
ADDRESS = "192.0.2.25"  # RFC 5737: nobody's
SENDER, RECIPIENT = "shop@example.org", "bob@example.org"
MAIL = b"Subject: Hi\r\n\r\nHello\r\n"


@dataclass(frozen=True, kw_only=True)
class Application:
    """*refuses* is what it raises if the connection or certificate is refused; None if it swallows the error."""

    send: Callable[[], None]
    port: int
    refuses: tuple[type[Exception], ...] | None
    host: str = HOST
    verifies: bool = True


def message() -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = SENDER, RECIPIENT, "Hi"
    mail.set_content("Hello")
    return mail


# -- the standard library -----------------------------------------------------------------


def smtplib_starttls(host: str = HOST, port: int | str = 587) -> None:
    with smtplib.SMTP(host, port, timeout=10) as client:
        client.starttls(context=ssl.create_default_context())
        client.sendmail(SENDER, [RECIPIENT], MAIL)


def smtplib_implicit(host: str = HOST, port: int | str = 465) -> None:
    context = ssl.create_default_context()
    with smtplib.SMTP_SSL(host, port, timeout=10, context=context) as client:
        client.sendmail(SENDER, [RECIPIENT], MAIL)


DIALOGUE = (
    b"EHLO here\r\n",
    f"MAIL FROM:<{SENDER}>\r\n".encode(),
    f"RCPT TO:<{RECIPIENT}>\r\n".encode(),
    b"DATA\r\n",
    MAIL + b".\r\n",
    b"QUIT\r\n",
)


def create_connection() -> None:
    with (
        socket.create_connection((HOST, 465), timeout=10) as raw,
        ssl.create_default_context().wrap_socket(raw, server_hostname=HOST) as sock,
        sock.makefile("rb") as replies,
    ):
        replies.readline()
        for command in DIALOGUE:
            sock.sendall(command)
            while replies.readline()[3:4] == b"-":
                pass


def connect_by_name() -> None:
    """The lowest level: a name passed to connect(), which resolves it itself."""
    with socket.socket() as raw:
        raw.settimeout(10)
        raw.connect((HOST, 465))
        with (
            ssl.create_default_context().wrap_socket(raw, server_hostname=HOST) as sock,
            sock.makefile("rb") as replies,
        ):
            replies.readline()
            for command in DIALOGUE:
                sock.sendall(command)
                while replies.readline()[3:4] == b"-":
                    pass


async def streams(host: str) -> None:
    reader, writer = await asyncio.open_connection(host, 465, ssl=ssl.create_default_context())
    await reader.readline()
    for command in DIALOGUE:
        writer.write(command)
        while (await reader.readline())[3:4] == b"-":
            pass
    writer.close()
    await writer.wait_closed()


def open_connection(host: str = HOST) -> None:
    asyncio.run(streams(host))


def handler(secure: tuple[()] | None = ()) -> None:
    """Its STARTTLS verifies nothing, and it swallows errors."""
    sender = logging.handlers.SMTPHandler(
        (HOST, 587), SENDER, [RECIPIENT], "Hi", ("user", "secret"), secure=secure
    )
    sender.handleError = lambda _record: None  # type: ignore[method-assign]  # it would print the traceback
    sender.emit(logging.makeLogRecord({"msg": "Hello"}))
    sender.close()


def thread() -> None:
    failures: list[Exception] = []

    def work() -> None:
        try:
            smtplib_starttls()
        except OSError as failure:
            failures.append(failure)

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    if failures:
        raise failures[0]


# -- others -------------------------------------------------------------------------------


def with_trio(host: str = HOST) -> None:
    trio = pytest.importorskip("trio")

    async def main() -> None:
        stream = await trio.open_ssl_over_tcp_stream(host, 465, https_compatible=True)
        async with stream:
            await stream.receive_some()
            for command in DIALOGUE:
                await stream.send_all(command)
                await stream.receive_some()

    trio.run(main)


def with_anyio(backend: str = "asyncio", host: str = HOST) -> None:
    anyio = pytest.importorskip("anyio")

    async def main() -> None:
        stream = await anyio.connect_tcp(host, 465, tls=True, tls_standard_compatible=False)
        async with stream:
            await stream.receive()
            for command in DIALOGUE:
                await stream.send(command)
                await stream.receive()

    anyio.run(main, backend=backend)


def with_uvloop(host: str = HOST) -> None:
    uvloop = pytest.importorskip("uvloop")
    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(streams(host))
    finally:
        loop.close()


def aiosmtplib_starttls(host: str = HOST) -> None:
    aiosmtplib = pytest.importorskip("aiosmtplib")
    asyncio.run(aiosmtplib.send(message(), hostname=host, port=587, start_tls=True))


def aiosmtplib_implicit() -> None:
    aiosmtplib = pytest.importorskip("aiosmtplib")
    asyncio.run(aiosmtplib.send(message(), hostname=HOST, port=465, use_tls=True))


def django(**security: bool) -> None:
    pytest.importorskip("django")
    from django.conf import settings

    if not settings.configured:
        settings.configure()
    from django.core.mail import send_mail
    from django.test import override_settings

    port = 587 if "use_tls" in security else 465
    if find_spec("django.core.mail.handler"):  # 6.1 and newer
        options = {"host": HOST, "port": port, **security}
        settings_ = {"MAILERS": {"default": {"OPTIONS": options}}}
    else:
        settings_ = {"EMAIL_HOST": HOST, "EMAIL_PORT": port}
        settings_ |= {f"EMAIL_{name.upper()}": value for name, value in security.items()}
    with override_settings(**settings_):
        send_mail("Hi", "Hello", SENDER, [RECIPIENT])


def flask(*, context: bool = True, **security: bool) -> None:
    flask = pytest.importorskip("flask")
    flask_mail = pytest.importorskip("flask_mail")

    class Connection(flask_mail.Connection):  # type: ignore[misc]  # imported only where it is there
        def configure_host(self) -> smtplib.SMTP:
            verifying = ssl.create_default_context()
            if self.mail.use_ssl:
                return smtplib.SMTP_SSL(self.mail.server, self.mail.port, context=verifying)
            client = smtplib.SMTP(self.mail.server, self.mail.port)
            try:
                client.starttls(context=verifying)
            except BaseException:
                client.close()
                raise
            return client

    app = flask.Flask("shop")
    port = 587 if "MAIL_USE_TLS" in security else 465
    app.config.update(MAIL_SERVER=HOST, MAIL_PORT=port, MAIL_DEFAULT_SENDER=SENDER, **security)
    mail = flask_mail.Mail(app)
    connection = Connection if context else flask_mail.Connection
    with app.app_context(), connection(app.extensions["mail"]) as opened:
        opened.send(flask_mail.Message("Hi", [RECIPIENT], "Hello"))
    del mail


def fastapi(**security: bool) -> None:
    fastapi_mail = pytest.importorskip("fastapi_mail")
    config = fastapi_mail.ConnectionConfig(
        MAIL_USERNAME="",
        MAIL_PASSWORD="",
        USE_CREDENTIALS=False,
        MAIL_FROM=SENDER,
        MAIL_SERVER=HOST,
        MAIL_PORT=587 if security["MAIL_STARTTLS"] else 465,
        **security,
    )
    mail = fastapi_mail.MessageSchema(
        subject="Hi", recipients=[RECIPIENT], body="Hello", subtype=fastapi_mail.MessageType.plain
    )
    asyncio.run(fastapi_mail.FastMail(config).send_message(mail))


def applications() -> dict[str, Application]:
    """All of them, each with what it raises."""
    refused = (ConnectionError, ssl.SSLCertVerificationError)
    return {
        "smtplib, STARTTLS": Application(send=smtplib_starttls, port=587, refuses=refused),
        "smtplib, implicit TLS": Application(send=smtplib_implicit, port=465, refuses=refused),
        "socket.create_connection": Application(send=create_connection, port=465, refuses=refused),
        "connect() by name": Application(send=connect_by_name, port=465, refuses=refused),
        "asyncio": Application(send=open_connection, port=465, refuses=refused),
        "asyncio, IP literal": Application(
            send=lambda: open_connection(ADDRESS), port=465, refuses=refused, host=ADDRESS
        ),
        "SMTPHandler": Application(send=handler, port=587, refuses=None, verifies=False),
        "thread": Application(send=thread, port=587, refuses=refused),
        "trio": Application(send=with_trio, port=465, refuses=trio_errors()),
        "anyio": Application(send=with_anyio, port=465, refuses=(OSError,)),
        "anyio on trio": Application(send=lambda: with_anyio("trio"), port=465, refuses=(OSError,)),
        "uvloop": Application(send=with_uvloop, port=465, refuses=refused),
        "aiosmtplib, STARTTLS": Application(
            send=aiosmtplib_starttls, port=587, refuses=aiosmtplib_errors()
        ),
        "aiosmtplib, implicit TLS": Application(
            send=aiosmtplib_implicit, port=465, refuses=aiosmtplib_errors()
        ),
        "Django, STARTTLS": Application(
            send=lambda: django(use_tls=True), port=587, refuses=refused
        ),
        "Django, implicit TLS": Application(
            send=lambda: django(use_ssl=True), port=465, refuses=refused
        ),
        "Flask-Mail, STARTTLS": Application(
            send=lambda: flask(MAIL_USE_TLS=True), port=587, refuses=refused
        ),
        "Flask-Mail, implicit TLS": Application(
            send=lambda: flask(MAIL_USE_SSL=True), port=465, refuses=refused
        ),
        "Flask-Mail as it is": Application(
            send=lambda: flask(context=False, MAIL_USE_TLS=True),
            port=587,
            refuses=refused,
            verifies=False,
        ),
        "FastAPI-Mail, STARTTLS": Application(
            send=lambda: fastapi(MAIL_STARTTLS=True, MAIL_SSL_TLS=False),
            port=587,
            refuses=fastapi_errors(),
        ),
        "FastAPI-Mail, implicit TLS": Application(
            send=lambda: fastapi(MAIL_STARTTLS=False, MAIL_SSL_TLS=True),
            port=465,
            refuses=fastapi_errors(),
        ),
    }


def trio_errors() -> tuple[type[Exception], ...]:
    try:
        import trio
    except ImportError:
        return ()
    return (OSError, trio.BrokenResourceError)


def aiosmtplib_errors() -> tuple[type[Exception], ...]:
    try:
        import aiosmtplib
    except ImportError:
        return ()
    return (aiosmtplib.SMTPException, ssl.SSLCertVerificationError)


def fastapi_errors() -> tuple[type[Exception], ...]:
    try:
        from fastapi_mail.errors import ConnectionErrors
    except ImportError:
        return ()
    return (ConnectionErrors,)


def names_in(certificate: dict) -> list[str]:
    """The host names and addresses that a peer's certificate, as `getpeercert()` returns it, is valid for."""
    return [value for _, value in certificate["subjectAltName"]]
