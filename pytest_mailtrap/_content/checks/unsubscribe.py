"""Unsubscribing from lists."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_mailtrap._content.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_mailtrap._content.checks.check import Check
    from pytest_mailtrap._content.mail import Mail
    from pytest_mailtrap._content.reading import Content

_UNSUBSCRIBE = re.compile(r"unsubscribe|abmelden|abbestellen|désinscri|darse de baja", re.I)
_BRACKETED = re.compile(r"<([^<>]{1,2000})>")


def _unsubscribe(mail: Mail) -> Iterator[Finding]:
    content = mail.content
    field, post = content.value("list-unsubscribe"), content.value("list-unsubscribe-post")
    if field is None:
        if _looks_bulk(content):
            yield Finding(code="list-unsubscribe-missing")
        elif post is not None:
            yield Finding(code="one-click-alone")
        return
    addresses = [match.strip().lower() for match in _BRACKETED.findall(field)]
    https = any(address.startswith("https:") for address in addresses)
    if not addresses:
        yield Finding(code="list-unsubscribe-unreadable", about=field)
    elif post is None:
        yield Finding(code="one-click-missing")
    elif post.strip().lower() != "list-unsubscribe=one-click":
        yield Finding(code="one-click-wrong", about=post)
    elif not https:
        yield Finding(code="one-click-without-https", about=field)


def _looks_bulk(content: Content) -> bool:
    if content.value("list-id") or (content.value("precedence") or "").lower() in ("bulk", "list"):
        return True
    links = content.html_facts.links if content.html_facts else ()
    return any(_UNSUBSCRIBE.search(link.text) or _UNSUBSCRIBE.search(link.url) for link in links)


CHECKS: tuple[Check, ...] = (_unsubscribe,)
