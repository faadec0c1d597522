"""The fields of the header, apart from the sender."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from pytest_mailtrap._content.deceptive import DECEPTIVE
from pytest_mailtrap._content.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_mailtrap._content.checks.check import Check
    from pytest_mailtrap._content.mail import Mail

_ONCE = ("from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id", "references")
_LONGEST_SUBJECT = 100


def _required_fields(mail: Mail) -> Iterator[Finding]:
    content = mail.content
    for name in ("date", "from", "message-id", "subject"):
        if not (content.value(name) or "").strip():
            yield Finding(code=f"{name}-missing")
    if not any(content.value(name) for name in ("to", "cc", "bcc")):
        yield Finding(code="recipients-missing")
    if content.value("bcc"):
        yield Finding(code="bcc-visible", about=content.value("bcc") or "")
    for name in _ONCE:
        if len(content.values(name)) > 1:
            yield Finding(code="field-repeated", about=name.title())


def _date(mail: Mail) -> Iterator[Finding]:
    content = mail.content
    value = content.value("date")
    if not value:
        return
    try:
        parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        yield Finding(code="date-unreadable", about=value)


def _subject(mail: Mail) -> Iterator[Finding]:
    content = mail.content
    subject = content.value("subject") or ""
    if len(subject) > _LONGEST_SUBJECT:
        yield Finding(code="subject-long", about=f"{len(subject)} characters")
    letters = [c for c in subject if c.isalpha()]
    if len(letters) >= 10 and all(c.isupper() for c in letters):
        yield Finding(code="subject-shouts")


def _deceptive(mail: Mail) -> Iterator[Finding]:
    content = mail.content
    for name in ("subject", "from", "to", "cc", "reply-to"):
        if DECEPTIVE.search(content.value(name) or ""):
            yield Finding(code="control-characters", about=name.title())


CHECKS: tuple[Check, ...] = (
    _required_fields,
    _date,
    _subject,
    _deceptive,
)
