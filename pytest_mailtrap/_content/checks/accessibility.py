"""What readers need who do not see the message as its author does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._content.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_mailtrap._content.checks.check import Check
    from pytest_mailtrap._content.mail import Mail


def _alternatives(mail: Mail) -> Iterator[Finding]:
    facts = mail.content.html_facts
    images = facts.images if facts else ()
    without = sum(image.alt is None and not image.tiny for image in images)
    if without:
        yield Finding(code="image-alt-missing", about=f"{without} of {len(images)} images")


def _language(mail: Mail) -> Iterator[Finding]:
    facts = mail.content.html_facts
    if facts and not facts.language:
        yield Finding(code="language-missing")


CHECKS: tuple[Check, ...] = (_alternatives, _language)
