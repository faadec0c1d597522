"""The MIME structure, the charsets, and how text and HTML stand beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._content.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_mailtrap._content.checks.check import Check
    from pytest_mailtrap._content.mail import Mail
    from pytest_mailtrap._content.reading import Content


def _structure(mail: Mail) -> Iterator[Finding]:
    content = mail.content
    for part in content.parts:
        if part.complaint:
            yield Finding(code=part.complaint, about=part.number and f"part {part.number}")
    if len(content.parts) > 1 and not content.value("mime-version"):
        yield Finding(code="mime-version-missing")
    for body in (content.html, content.text):
        if body is not None and body.complaint:
            yield Finding(code=body.complaint, about=body.part.said.charset or "")


def _alternatives(mail: Mail) -> Iterator[Finding]:
    content = mail.content
    if content.html is None:
        return
    if content.text is None:
        yield Finding(code="text-alternative-missing")
    elif not content.text.text.strip() and content.html_facts and content.html_facts.text.strip():
        yield Finding(code="text-alternative-empty")
    elif _precedes_in_alternative(content):
        yield Finding(code="alternatives-reversed")


def _precedes_in_alternative(content: Content) -> bool:
    """Whether the HTML comes before the text: the last alternative is the preferred one (RFC 2046, section 5.1.4)."""
    if content.html is None or content.text is None:
        return False
    html, text = content.html.part, content.text.part
    parent = next((p for p in content.parts if p.number == html.number.rpartition(".")[0]), None)
    siblings = html.number.rpartition(".")[0] == text.number.rpartition(".")[0]
    alternative = parent is not None and parent.said.content_type == "multipart/alternative"
    return siblings and alternative and html.start < text.start


CHECKS: tuple[Check, ...] = (
    _structure,
    _alternatives,
)
