"""smtplib and logging; smtplib is what all the other libraries are built on."""

from __future__ import annotations

import logging
import smtplib
import ssl
from functools import partial
from logging.handlers import SMTPHandler
from typing import Any

from configuration import (
    RECIPIENT,
    SENDER,
    SUBJECT,
    TEXT,
    Configuration,
    Server,
    message,
    python_version,
)
from fixes import with_the_line


def smtplib_starttls(server: Server, *, verify: bool) -> None:
    with smtplib.SMTP(server.host, server.port) as client:
        if verify:
            client.starttls(context=ssl.create_default_context())
        else:
            client.starttls()
        client.login(server.username, server.password)
        client.send_message(message())


def smtplib_if_offered(server: Server) -> None:
    with smtplib.SMTP(server.host, server.port) as client:
        client.ehlo()
        if client.has_extn("starttls"):
            client.starttls(context=ssl.create_default_context())
        client.login(server.username, server.password)
        client.send_message(message())


def smtplib_try(server: Server) -> None:
    with smtplib.SMTP(server.host, server.port) as client:
        try:
            client.starttls(context=ssl.create_default_context())
        except smtplib.SMTPException:
            client.ehlo()
        client.login(server.username, server.password)
        client.send_message(message())


def smtp_ssl(server: Server, *, verify: bool) -> None:
    context = ssl.create_default_context() if verify else None
    with smtplib.SMTP_SSL(server.host, server.port, context=context) as client:
        client.login(server.username, server.password)
        client.send_message(message())


class VerifyingSMTPHandler(SMTPHandler):
    """The handler with an `emit` of its own: it has no parameter for a context."""

    def emit(self, record: logging.LogRecord) -> None:
        letter = message()
        letter.set_content(self.format(record))
        try:
            with smtplib.SMTP(self.mailhost, self.mailport, timeout=self.timeout) as client:
                client.starttls(context=ssl.create_default_context())
                client.login(self.username, self.password)
                client.send_message(letter)
        except Exception:
            self.handleError(record)


def log(
    server: Server, *, handler: type[SMTPHandler] = SMTPHandler, credentials: bool = True
) -> None:
    logger = logging.Logger("shop")
    keywords: dict[str, Any] = {"secure": ()}
    if credentials:
        keywords["credentials"] = (server.username, server.password)
    logger.addHandler(handler((server.host, server.port), SENDER, [RECIPIENT], SUBJECT, **keywords))
    logger.error(TEXT)


CONTEXT = "ssl.create_default_context()"
_IF_OFFERED = '`if has_extn("starttls"): …`'
_TRY = "`try: starttls(…) except SMTPException: …`"
_HANDLER = "`SMTPHandler(credentials=…, secure=())`"
_NO_CREDENTIALS = "`SMTPHandler(secure=())` without credentials"

_smtplib = partial(Configuration, library="smtplib", version=python_version)
_logging = partial(
    Configuration, library="logging", version=python_version, mode="starttls", silent=True
)

CONFIGURATIONS = [
    _smtplib(mode="starttls", words="`starttls()`", send=partial(smtplib_starttls, verify=False)),
    _smtplib(
        mode="starttls",
        words=f"`starttls(context={CONTEXT})`",
        send=partial(smtplib_starttls, verify=True),
        fixes=("`starttls()`", _IF_OFFERED, _TRY),
    ),
    _smtplib(mode="starttls", words=_IF_OFFERED, send=smtplib_if_offered),
    _smtplib(mode="starttls", words=_TRY, send=smtplib_try),
    _smtplib(mode="implicit", words="`SMTP_SSL()`", send=partial(smtp_ssl, verify=False)),
    _smtplib(
        mode="implicit",
        words=f"`SMTP_SSL(context={CONTEXT})`",
        send=partial(smtp_ssl, verify=True),
        fixes=("`SMTP_SSL()`",),
    ),
    *with_the_line(_logging(words=_HANDLER, send=log), _NO_CREDENTIALS),
    _logging(
        words=f"a subclass whose `emit()` calls `starttls(context={CONTEXT})`",
        send=partial(log, handler=VerifyingSMTPHandler),
        fixes=(_HANDLER, _NO_CREDENTIALS),
    ),
    _logging(words=_NO_CREDENTIALS, send=partial(log, credentials=False)),
]
