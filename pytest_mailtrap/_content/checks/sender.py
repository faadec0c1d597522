"""The sender: From, and the domain of MAIL FROM."""

from __future__ import annotations

import re
from email.utils import parseaddr
from functools import lru_cache
from typing import TYPE_CHECKING

from pytest_mailtrap._content import domains
from pytest_mailtrap._content.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_mailtrap._content.checks.check import Check
    from pytest_mailtrap._content.mail import Mail

_LOCAL_DOMAIN = re.compile(
    r"(?:^|[@.])localhost(?:\.localdomain)?$|\.(?:local|internal|test)$", re.I
)


def _sender(mail: Mail) -> Iterator[Finding]:
    content = mail.content
    value = content.value("from")
    if not value:
        return
    name, address = _address(value)
    domain = address.rpartition("@")[2]
    if "@" not in address:
        yield Finding(code="from-unreadable", about=value)
    elif _LOCAL_DOMAIN.search(domain) and not domain.lower().endswith(".test"):
        yield Finding(code="from-local", about=address)
    other = _address(name)[1] if "@" in name else ""
    if other and other.lower() != address.lower():
        yield Finding(code="from-name-is-address", about=name)


def _alignment(mail: Mail) -> Iterator[Finding]:
    if not domains.available():
        return
    content, mail_from = mail.content, mail.envelope.mail_from
    visible = _domain(_address(content.value("from") or "")[1])
    envelope = _domain(mail_from)
    if visible and envelope and not domains.are_related(visible, envelope):
        yield Finding(code="envelope-other-domain", about=f"{envelope}, {visible}")


@lru_cache(maxsize=64)
def _address(value: str) -> tuple[str, str]:
    try:
        return parseaddr(value)
    except RecursionError:  # it recurses into nested comments
        return "", ""


def _domain(address: str) -> str:
    _, at, domain = address.rpartition("@")
    return domain.lower() if at else ""


CHECKS: tuple[Check, ...] = (
    _sender,
    _alignment,
)
