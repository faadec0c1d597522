"""The mail libraries that do not belong to a framework."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from functools import partial
from typing import Any
from urllib.parse import quote

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
from standard_library import CONTEXT


def aiosmtplib(server: Server, **security: bool) -> None:
    import aiosmtplib

    asyncio.run(
        aiosmtplib.send(
            message(),
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            **security,
        )
    )


def apprise(server: Server, *, mode: str) -> bool:
    import apprise

    credentials = f"{quote(server.username, safe='')}:{quote(server.password, safe='')}"
    notifier = apprise.Apprise()
    notifier.add(
        f"mailtos://{credentials}@example.org:{server.port}"
        f"?smtp={server.host}&mode={mode}&from={SENDER}&to={RECIPIENT}"
    )
    return bool(notifier.notify(title=SUBJECT, body=TEXT))


def emails(server: Server, **security: bool) -> bool:
    import emails

    letter = emails.Message(subject=SUBJECT, text=TEXT, mail_from=SENDER)
    response = letter.send(to=RECIPIENT, smtp=_emails(server, security))
    return bool(response.status_code == 250)


def emails_async(server: Server, **security: bool) -> bool:
    import emails

    letter = emails.Message(subject=SUBJECT, text=TEXT, mail_from=SENDER)
    response = asyncio.run(letter.send_async(to=RECIPIENT, smtp=_emails(server, security)))
    return bool(response.status_code == 250)


def _emails(server: Server, security: dict[str, bool]) -> dict[str, Any]:
    return {
        "host": server.host,
        "port": server.port,
        "user": server.username,
        "password": server.password,
        **security,
    }


def logbook(server: Server, *, verify: bool, **keywords: bool) -> None:
    import logbook

    handler = logbook.MailHandler(
        SENDER,
        [RECIPIENT],
        server_addr=(server.host, server.port),
        credentials=(server.username, server.password),
        secure=ssl.create_default_context() if verify else True,
        **keywords,
    )
    with logbook.Flags(errors="silent"), handler.applicationbound():
        logbook.Logger("shop").error(TEXT)


def notifiers(server: Server, **security: bool) -> None:
    from notifiers import get_notifier

    # A new one each time: get_notifier() would go on with the last connection.
    type(get_notifier("email"))().notify(
        message=TEXT,
        subject=SUBJECT,
        to=RECIPIENT,
        from_=SENDER,
        host=server.host,
        port=server.port,
        username=server.username,
        password=server.password,
        raise_on_errors=True,
        **security,
    )


def redmail(server: Server, *, verify: bool = False, **keywords: Any) -> None:
    from redmail import EmailSender

    if verify:
        keywords["context"] = ssl.create_default_context()
    sender = EmailSender(server.host, server.port, server.username, server.password, **keywords)
    sender.send(subject=SUBJECT, sender=SENDER, receivers=[RECIPIENT], text=TEXT)


def yagmail_starttls(server: Server, *, verify: bool) -> None:
    import yagmail

    starttls = {"context": ssl.create_default_context()} if verify else True
    with yagmail.SMTP(
        server.username,
        server.password,
        host=server.host,
        port=server.port,
        smtp_starttls=starttls,
        smtp_ssl=False,
    ) as client:
        client.send(RECIPIENT, SUBJECT, TEXT)


def yagmail_implicit(server: Server, *, verify: bool) -> None:
    import yagmail

    keywords = {"context": ssl.create_default_context()} if verify else {}
    with yagmail.SMTP(
        server.username, server.password, host=server.host, port=server.port, **keywords
    ) as client:
        client.send(RECIPIENT, SUBJECT, TEXT)


_aiosmtplib = partial(Configuration, library="aiosmtplib", version=version_of("aiosmtplib"))
_apprise = partial(Configuration, library="Apprise", version=version_of("apprise"))
_emails_of = partial(Configuration, library="emails", version=version_of("emails"))
_logbook = partial(Configuration, library="Logbook", version=version_of("Logbook"), silent=True)
_notifiers = partial(Configuration, library="notifiers", version=version_of("notifiers"))
_redmail = partial(Configuration, library="redmail", version=version_of("redmail"))
_yagmail = partial(Configuration, library="yagmail", version=version_of("yagmail"))

CONFIGURATIONS = [
    _aiosmtplib(mode="starttls", words="`send()`", send=aiosmtplib),
    _aiosmtplib(
        mode="starttls",
        words="`send(start_tls=True)`",
        send=partial(aiosmtplib, start_tls=True),
        fixes=("`send()`",),
    ),
    _aiosmtplib(
        mode="implicit", words="`send(use_tls=True)`", send=partial(aiosmtplib, use_tls=True)
    ),
    _apprise(
        mode="starttls", words="`mailtos://…?mode=starttls`", send=partial(apprise, mode="starttls")
    ),
    _apprise(mode="implicit", words="`mailtos://…?mode=ssl`", send=partial(apprise, mode="ssl")),
    *with_the_line(
        _emails_of(
            mode="starttls", words='`send(smtp={"tls": True})`', send=partial(emails, tls=True)
        )
    ),
    _emails_of(
        mode="starttls",
        words='`send_async(smtp={"tls": True})`',
        send=partial(emails_async, tls=True),
    ),
    *with_the_line(
        _emails_of(
            mode="implicit", words='`send(smtp={"ssl": True})`', send=partial(emails, ssl=True)
        )
    ),
    _emails_of(
        mode="implicit",
        words='`send_async(smtp={"ssl": True})`',
        send=partial(emails_async, ssl=True),
    ),
    _logbook(
        mode="starttls", words="`MailHandler(secure=True)`", send=partial(logbook, verify=False)
    ),
    _logbook(
        mode="starttls",
        words=f"`MailHandler(secure={CONTEXT})`",
        send=partial(logbook, verify=True),
        fixes=("`MailHandler(secure=True)`",),
    ),
    _logbook(
        mode="implicit",
        words="`MailHandler(secure=True, starttls=False)`",
        send=partial(logbook, verify=False, starttls=False),
    ),
    _logbook(
        mode="implicit",
        words=f"`MailHandler(secure={CONTEXT}, starttls=False)`",
        send=partial(logbook, verify=True, starttls=False),
        fixes=("`MailHandler(secure=True, starttls=False)`",),
    ),
    *with_the_line(
        _notifiers(mode="starttls", words="`notify(tls=True)`", send=partial(notifiers, tls=True))
    ),
    *with_the_line(
        _notifiers(mode="implicit", words="`notify(ssl=True)`", send=partial(notifiers, ssl=True))
    ),
    _redmail(mode="starttls", words="`EmailSender()`", send=redmail),
    _redmail(
        mode="starttls",
        words="`EmailSender(cls_smtp=VerifyingSMTP)`",
        send=partial(redmail, cls_smtp=VerifyingSMTP),
        fixes=("`EmailSender()`",),
    ),
    _redmail(
        mode="implicit",
        words="`EmailSender(cls_smtp=SMTP_SSL, use_starttls=False)`",
        send=partial(redmail, cls_smtp=smtplib.SMTP_SSL, use_starttls=False),
    ),
    _redmail(
        mode="implicit",
        words=f"`EmailSender(cls_smtp=SMTP_SSL, use_starttls=False, context={CONTEXT})`",
        send=partial(redmail, verify=True, cls_smtp=smtplib.SMTP_SSL, use_starttls=False),
        fixes=("`EmailSender(cls_smtp=SMTP_SSL, use_starttls=False)`",),
    ),
    _yagmail(
        mode="starttls",
        words="`SMTP(smtp_starttls=True, smtp_ssl=False)`",
        send=partial(yagmail_starttls, verify=False),
    ),
    _yagmail(
        mode="starttls",
        words=f'`SMTP(smtp_starttls={{"context": {CONTEXT}}}, smtp_ssl=False)`',
        send=partial(yagmail_starttls, verify=True),
        fixes=("`SMTP(smtp_starttls=True, smtp_ssl=False)`",),
    ),
    _yagmail(mode="implicit", words="`SMTP()`", send=partial(yagmail_implicit, verify=False)),
    _yagmail(
        mode="implicit",
        words=f"`SMTP(context={CONTEXT})`",
        send=partial(yagmail_implicit, verify=True),
        fixes=("`SMTP()`",),
    ),
]
