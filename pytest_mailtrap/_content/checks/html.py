"""What mail programs do with the HTML and its images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._content.finding import Finding
from pytest_mailtrap._content.html_scan import is_remote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_mailtrap._content.checks.check import Check
    from pytest_mailtrap._content.mail import Mail

_GMAIL_CLIPS = 102 * 1024


def _html(mail: Mail) -> Iterator[Finding]:
    content = mail.content
    facts = content.html_facts
    if facts is None or content.html is None:
        return
    if content.html.part.size > _GMAIL_CLIPS:
        yield Finding(code="html-clipped", about=f"{content.html.part.size // 1024} kB")
    for name in facts.active:
        yield Finding(code="active-content", about=name)
    if facts.handlers:
        yield Finding(code="event-handlers")


def _images(mail: Mail) -> Iterator[Finding]:
    content = mail.content
    facts = content.html_facts
    if facts is None:
        return
    known = {part.said.content_id for part in content.parts if part.said.content_id}
    for image in facts.images:
        if is_remote(image.url):
            yield Finding(code="tracking-pixel" if image.tiny else "remote-image", about=image.url)
        elif image.url.lower().startswith("data:"):
            yield Finding(code="image-data-uri")
        elif image.url.lower().startswith("cid:") and image.url[4:] not in known:
            yield Finding(code="image-part-missing", about=image.url)
    for url in facts.remote:
        yield Finding(code="remote-content", about=url)


CHECKS: tuple[Check, ...] = (
    _html,
    _images,
)
