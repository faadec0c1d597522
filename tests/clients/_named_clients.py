"""Mail clients as applications call them, for the tests of client identification."""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import smtplib
import ssl

from pytest_mailtrap._facts.connection_facts import facts_of

FROM, TO, MAIL = "a@example.org", "b@example.org", b"Subject: Hi\r\n\r\nHello\r\n"


def connected(trap):
    """The clients of the trap's connections, each named once."""
    return {facts_of(connection).clients for connection in trap.connections}


def smtplib_sends(trap):
    with smtplib.SMTP(trap.host, trap.port, timeout=5) as client:
        client.starttls(context=ssl.create_default_context())
        client.sendmail(FROM, [TO], MAIL)


def django_sends(trap):
    from django.conf import settings
    from django.core.mail import EmailMessage
    from django.core.mail.backends.smtp import EmailBackend

    if not settings.configured:
        settings.configure()
    # Django 6.1 wants an alias, older versions do not mind it.
    backend = EmailBackend(alias="default", host=trap.host, port=trap.port, use_tls=True)
    backend.send_messages([EmailMessage("Hi", "Hello", FROM, [TO])])


def flask_mail_sends(trap):
    from flask import Flask
    from flask_mail import Mail, Message

    app = Flask("shop")
    app.config.update(MAIL_SERVER=trap.host, MAIL_PORT=trap.port)
    with app.app_context():
        Mail(app).send(Message("Hi", sender=FROM, recipients=[TO], body="Hello"))


def fastapi_mail_sends(trap):
    from fastapi_mail import ConnectionConfig, FastMail, MessageSchema, MessageType

    config = ConnectionConfig(
        MAIL_USERNAME=trap.username,
        MAIL_PASSWORD=trap.password,
        MAIL_SERVER=trap.host,
        MAIL_PORT=trap.port,
        MAIL_FROM=FROM,
        MAIL_STARTTLS=True,
        MAIL_SSL_TLS=False,
    )
    letter = MessageSchema(subject="Hi", recipients=[TO], body="x", subtype=MessageType.plain)
    asyncio.run(FastMail(config).send_message(letter))


async def aiosmtplib_send(trap, **keywords):
    import aiosmtplib

    options = {"hostname": trap.host, "port": trap.port, **keywords}
    await aiosmtplib.send(MAIL.decode(), sender=FROM, recipients=[TO], **options)


def aiosmtplib_sends(trap):
    asyncio.run(aiosmtplib_send(trap))


def logging_sends(trap):
    logger = logging.Logger("shop")
    logger.addHandler(logging.handlers.SMTPHandler((trap.host, trap.port), FROM, [TO], "Hi"))
    logger.error("out of stock")


SENDERS = {
    "smtplib": smtplib_sends,
    "Django": django_sends,
    "Flask-Mail": flask_mail_sends,
    "FastAPI-Mail": fastapi_mail_sends,
    "aiosmtplib": aiosmtplib_sends,
    "logging": logging_sends,
}
