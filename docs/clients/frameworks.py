"""The mail libraries of web frameworks: Django, Flask, FastAPI, Pyramid."""

from __future__ import annotations

import asyncio
import smtplib
from functools import partial

from configuration import (
    RECIPIENT,
    SENDER,
    SUBJECT,
    TEXT,
    Configuration,
    Server,
    message,
    version_of,
)
from fixes import VerifyingSMTP, with_the_line


def django(server: Server, **security: bool) -> None:
    from django.conf import settings
    from django.core.mail import get_connection, send_mail

    if not settings.configured:
        settings.configure()
    connection = get_connection(
        "django.core.mail.backends.smtp.EmailBackend",
        host=server.host,
        port=server.port,
        username=server.username,
        password=server.password,
        **security,
    )
    send_mail(SUBJECT, TEXT, SENDER, [RECIPIENT], connection=connection)


def flask_mail(server: Server, **security: bool) -> None:
    from flask import Flask
    from flask_mail import Mail, Message

    app = Flask("shop")
    app.config.update(_flask(server), **security)
    mail = Mail(app)
    with app.app_context():
        mail.send(Message(SUBJECT, sender=SENDER, recipients=[RECIPIENT], body=TEXT))


def flask_mailman(server: Server, **security: bool) -> None:
    from flask import Flask
    from flask_mailman import EmailMessage, Mail

    app = Flask("shop")
    app.config.update(_flask(server), **security)
    Mail().init_app(app)
    with app.app_context():
        EmailMessage(SUBJECT, TEXT, SENDER, [RECIPIENT]).send()


def _flask(server: Server) -> dict[str, str | int]:
    return {
        "MAIL_SERVER": server.host,
        "MAIL_PORT": server.port,
        "MAIL_USERNAME": server.username,
        "MAIL_PASSWORD": server.password,
    }


def fastapi_mail(server: Server, *, starttls: bool) -> None:
    from fastapi_mail import ConnectionConfig, FastMail, MessageSchema, MessageType

    config = ConnectionConfig(
        MAIL_USERNAME=server.username,
        MAIL_PASSWORD=server.password,
        MAIL_SERVER=server.host,
        MAIL_PORT=server.port,
        MAIL_FROM=SENDER,
        MAIL_STARTTLS=starttls,
        MAIL_SSL_TLS=not starttls,
    )
    letter = MessageSchema(
        subject=SUBJECT, recipients=[RECIPIENT], body=TEXT, subtype=MessageType.plain
    )
    asyncio.run(FastMail(config).send_message(letter))


def repoze_sendmail(
    server: Server, *, smtp: type[smtplib.SMTP] = smtplib.SMTP, **security: bool
) -> None:
    from repoze.sendmail.mailer import SMTPMailer

    mailer = SMTPMailer(
        server.host, server.port, username=server.username, password=server.password, **security
    )
    mailer.smtp = smtp
    mailer.send(SENDER, [RECIPIENT], message())


_django = partial(Configuration, library="Django", version=version_of("Django"))
_flask_mail = partial(Configuration, library="Flask-Mail", version=version_of("Flask-Mail"))
_mailman = partial(Configuration, library="Flask-Mailman", version=version_of("Flask-Mailman"))
_fastapi = partial(Configuration, library="FastAPI-Mail", version=version_of("fastapi-mail"))
_repoze = partial(Configuration, library="repoze.sendmail", version=version_of("repoze.sendmail"))

CONFIGURATIONS = [
    _django(mode="starttls", words="`EMAIL_USE_TLS = True`", send=partial(django, use_tls=True)),
    _django(mode="implicit", words="`EMAIL_USE_SSL = True`", send=partial(django, use_ssl=True)),
    *with_the_line(
        _flask_mail(
            mode="starttls",
            words="`MAIL_USE_TLS = True`",
            send=partial(flask_mail, MAIL_USE_TLS=True),
        )
    ),
    *with_the_line(
        _flask_mail(
            mode="implicit",
            words="`MAIL_USE_SSL = True`",
            send=partial(flask_mail, MAIL_USE_SSL=True),
        )
    ),
    *with_the_line(
        _mailman(
            mode="starttls",
            words="`MAIL_USE_TLS = True`",
            send=partial(flask_mailman, MAIL_USE_TLS=True),
        )
    ),
    _mailman(
        mode="implicit",
        words="`MAIL_USE_SSL = True`",
        send=partial(flask_mailman, MAIL_USE_SSL=True),
    ),
    _fastapi(
        mode="starttls", words="`MAIL_STARTTLS=True`", send=partial(fastapi_mail, starttls=True)
    ),
    _fastapi(
        mode="implicit", words="`MAIL_SSL_TLS=True`", send=partial(fastapi_mail, starttls=False)
    ),
    _repoze(mode="starttls", words="`SMTPMailer()`", send=repoze_sendmail),
    _repoze(
        mode="starttls",
        words="`SMTPMailer(force_tls=True)`",
        send=partial(repoze_sendmail, force_tls=True),
    ),
    _repoze(
        mode="starttls",
        words="`SMTPMailer(force_tls=True)` and `smtp = VerifyingSMTP`",
        send=partial(repoze_sendmail, smtp=VerifyingSMTP, force_tls=True),
        fixes=("`SMTPMailer()`", "`SMTPMailer(force_tls=True)`"),
    ),
    *with_the_line(
        _repoze(
            mode="implicit", words="`SMTPMailer(ssl=True)`", send=partial(repoze_sendmail, ssl=True)
        )
    ),
]
