"""What a template has left behind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_mailtrap._content.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_mailtrap._content.checks.check import Check
    from pytest_mailtrap._content.mail import Mail

PLACEHOLDER = re.compile(
    r"\{\{[^{}]{0,80}\}\}|\{%[^%]{0,80}%\}|%\([a-z_]\w{0,40}\)[sd]|\$\{\w{1,40}\}|<%=?[^%]{0,80}%>"
    r"|\[object Object\]|(?:Dear|Hi|Hello|Hallo) (?:None|null|undefined|nan)\b"
)


def _placeholders(mail: Mail) -> Iterator[Finding]:
    content = mail.content
    texts = {
        "Subject": content.value("subject") or "",
        "text": content.text.text if content.text else "",
        "HTML": content.html_facts.text if content.html_facts else "",
    }
    for where, text in texts.items():
        if match := PLACEHOLDER.search(text):
            yield Finding(code="placeholder", about=f"{where}: {match[0]}")


CHECKS: tuple[Check, ...] = (_placeholders,)
