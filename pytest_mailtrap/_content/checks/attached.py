"""The attachments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_mailtrap._content.deceptive import DECEPTIVE
from pytest_mailtrap._content.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_mailtrap._content.checks.check import Check
    from pytest_mailtrap._content.mail import Mail

_EXECUTABLE = re.compile(
    r"\.(?:exe|scr|com|bat|cmd|ps1|js|jse|vbs|hta|msi|jar|lnk|iso|reg)\s*$", re.I
)


def _attachments(mail: Mail) -> Iterator[Finding]:
    content = mail.content
    for part in content.attachments:
        if part.said.name is None:
            if part.said.content_id is None and not part.said.content_type.startswith(
                ("text/", "message/")
            ):
                yield Finding(code="attachment-nameless", about=part.said.content_type)
        elif _EXECUTABLE.search(part.said.name):
            yield Finding(code="attachment-executable", about=part.said.name)
        elif DECEPTIVE.search(part.said.name):
            yield Finding(code="attachment-name-deceptive", about=part.said.name)


CHECKS: tuple[Check, ...] = (_attachments,)
