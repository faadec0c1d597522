"""The bytes as they were sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_mailtrap._content.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_mailtrap._content.checks.check import Check
    from pytest_mailtrap._content.mail import Mail


_NOT_ASCII = re.compile(rb"[\x80-\xff]")


def _wire_format(mail: Mail) -> Iterator[Finding]:
    if _NOT_ASCII.search(mail.content.data, 0, mail.content.parts[0].start):
        yield Finding(code="header-8bit")
    if mail.wire_format.bare_newlines:
        yield Finding(code="bare-newline")
    if mail.wire_format.long_lines:
        yield Finding(code="line-too-long")


CHECKS: tuple[Check, ...] = (_wire_format,)
