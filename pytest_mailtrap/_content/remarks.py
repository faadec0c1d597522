"""All remarks on a message: every check, its findings with their meanings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._content.checks import (
    accessibility,
    attached,
    header,
    html,
    links,
    sender,
    structure,
    templates,
    unsubscribe,
    wire,
)
from pytest_mailtrap._content.remark import Remark
from pytest_mailtrap._content.remark_table import MEANINGS

if TYPE_CHECKING:
    from pytest_mailtrap._content.checks.check import Check
    from pytest_mailtrap._content.finding import Finding
    from pytest_mailtrap._content.mail import Mail

_CHECKS: tuple[Check, ...] = (
    *header.CHECKS,
    *sender.CHECKS,
    *wire.CHECKS,
    *structure.CHECKS,
    *templates.CHECKS,
    *links.CHECKS,
    *html.CHECKS,
    *accessibility.CHECKS,
    *unsubscribe.CHECKS,
    *attached.CHECKS,
)
_LONGEST_ABOUT = 500


def remarks(mail: Mail) -> tuple[Remark, ...]:
    """What a careful reader would point out about *mail*, each thing once."""
    found = dict.fromkeys(finding for check in _CHECKS for finding in check(mail))
    return tuple(map(_remark, found))


def _remark(finding: Finding) -> Remark:
    meaning = MEANINGS[finding.code]
    return Remark(
        code=finding.code,
        level=meaning.level,
        text=meaning.text,
        about=finding.about[:_LONGEST_ABOUT],
        cure=meaning.cure,
        reference=meaning.reference,
    )
