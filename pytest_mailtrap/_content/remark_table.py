"""All codes with their meanings, in the order of the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._content.meanings import (
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

if TYPE_CHECKING:
    from pytest_mailtrap._content.meaning import Meaning

# The titles of the sections in the documentation.
MEANINGS_BY_TOPIC: dict[str, dict[str, Meaning]] = {
    "The header": {**header.MEANINGS, **sender.MEANINGS},
    "The bytes on the wire": wire.MEANINGS,
    "The structure": structure.MEANINGS,
    "Templates": templates.MEANINGS,
    "Links": links.MEANINGS,
    "HTML": html.MEANINGS,
    "Accessibility": accessibility.MEANINGS,
    "Lists": unsubscribe.MEANINGS,
    "Attachments": attached.MEANINGS,
}
MEANINGS: dict[str, Meaning] = {
    code: meaning for topic in MEANINGS_BY_TOPIC.values() for code, meaning in topic.items()
}
