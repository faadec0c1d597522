"""
What a reviewer would remark about the content of a message, as pure decisions: content in, findings out.

Rules of this file: no I/O, no text (see `_content.remarks`); every function checks one thing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parseaddr, parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from pytest_mailtrap._content.html_scan import is_remote

if TYPE_CHECKING:
    from pytest_mailtrap._content.contents import Content
    from pytest_mailtrap._content.html_scan import Link

_ONCE = ("from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id", "references")
_LONGEST_SUBJECT = 100
_GMAIL_CLIPS = 102 * 1024
_PLACEHOLDER = re.compile(
    r"\{\{[^{}]{0,80}\}\}|\{%[^%]{0,80}%\}|%\([a-z_]\w{0,40}\)[sd]|\$\{\w{1,40}\}|<%=?[^%]{0,80}%>"
    r"|\[object Object\]|(?:Dear|Hi|Hello|Hallo) (?:None|null|undefined|nan)\b"
)
_HOST_IN_TEXT = re.compile(
    r"\s*(?:https?://)?((?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24})(?:[/:?#]\S*)?\s*", re.I
)
_LOCAL_DOMAIN = re.compile(
    r"(?:^|[@.])localhost(?:\.localdomain)?$|\.(?:local|internal|test)$", re.I
)
_LOCAL_HOST = re.compile(r"^(?:localhost|127\.|0\.0\.0\.0|::1$|10\.|192\.168\.|testserver$)", re.I)
_IP_HOST = re.compile(r"^(?:\d{1,3}(?:\.\d{1,3}){3}|.*:.*)$")
_UNSUBSCRIBE = re.compile(r"unsubscribe|abmelden|abbestellen|désinscri|darse de baja", re.I)
_BRACKETED = re.compile(r"<([^<>]{1,2000})>")
_EXECUTABLE = re.compile(
    r"\.(?:exe|scr|com|bat|cmd|ps1|js|jse|vbs|hta|msi|jar|lnk|iso|reg)\s*$", re.I
)
_SAFE_SCHEMES = ("http", "https", "mailto", "tel", "sms", "")
# Control characters, and characters that reorder or hide text, so that a name looks like a different one.
DECEPTIVE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentFinding:
    """A finding; *about* is what it refers to, quoted from the message, or empty."""

    code: str
    about: str = ""


Found = Iterator[ContentFinding]


def findings(content: Content, *, mail_from: str = "") -> list[ContentFinding]:
    """All findings about a message; *mail_from* is its envelope sender."""
    found = [finding for check in _CHECKS for finding in check(content)]
    found += _alignment(content, mail_from)
    return list(dict.fromkeys(found))


def _required_fields(content: Content) -> Found:
    for name in ("date", "from", "message-id", "subject"):
        if not (content.value(name) or "").strip():
            yield ContentFinding(code=f"{name}-missing")
    if not any(content.value(name) for name in ("to", "cc", "bcc")):
        yield ContentFinding(code="recipients-missing")
    if content.value("bcc"):
        yield ContentFinding(code="bcc-visible", about=content.value("bcc") or "")
    for name in _ONCE:
        if len(content.values(name)) > 1:
            yield ContentFinding(code="field-repeated", about=name.title())


def _date(content: Content) -> Found:
    value = content.value("date")
    if not value:
        return
    try:
        parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        yield ContentFinding(code="date-unreadable", about=value)


def _sender(content: Content) -> Found:
    value = content.value("from")
    if not value:
        return
    name, address = _address(value)
    domain = address.rpartition("@")[2]
    if "@" not in address:
        yield ContentFinding(code="from-unreadable", about=value)
    elif _LOCAL_DOMAIN.search(domain) and not domain.lower().endswith(".test"):
        yield ContentFinding(code="from-local", about=address)
    other = _address(name)[1] if "@" in name else ""
    if other and other.lower() != address.lower():
        yield ContentFinding(code="from-name-is-address", about=name)


def _alignment(content: Content, mail_from: str) -> Found:
    visible = _domain(_address(content.value("from") or "")[1])
    envelope = _domain(mail_from)
    if visible and envelope and not _related(visible, envelope):
        yield ContentFinding(code="envelope-other-domain", about=f"{envelope}, {visible}")


# Most mail of a run is from the same few senders.
@lru_cache(maxsize=64)
def _address(value: str) -> tuple[str, str]:
    try:
        return parseaddr(value)
    except RecursionError:  # it recurses into nested comments
        return "", ""


def _domain(address: str) -> str:
    _, at, domain = address.rpartition("@")
    return domain.lower() if at else ""


def _related(one: str, other: str) -> bool:
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def _subject(content: Content) -> Found:
    subject = content.value("subject") or ""
    if len(subject) > _LONGEST_SUBJECT:
        yield ContentFinding(code="subject-long", about=f"{len(subject)} characters")
    letters = [c for c in subject if c.isalpha()]
    if len(letters) >= 10 and all(c.isupper() for c in letters):
        yield ContentFinding(code="subject-shouts")


def _deceptive(content: Content) -> Found:
    for name in ("subject", "from", "to", "cc", "reply-to"):
        if DECEPTIVE.search(content.value(name) or ""):
            yield ContentFinding(code="control-characters", about=name.title())


def _wire_format(content: Content) -> Found:
    if content.raw_8bit_header:
        yield ContentFinding(code="header-8bit")
    if content.bare_newlines:
        yield ContentFinding(code="bare-newline")
    if content.long_lines:
        yield ContentFinding(code="line-too-long")


def _structure(content: Content) -> Found:
    for part in content.parts:
        if part.complaint:
            yield ContentFinding(code=part.complaint, about=part.number and f"part {part.number}")
    if len(content.parts) > 1 and not content.value("mime-version"):
        yield ContentFinding(code="mime-version-missing")
    for body in (content.html, content.text):
        if body is not None and body.complaint:
            yield ContentFinding(code=body.complaint, about=body.part.said.charset or "")


def _alternatives(content: Content) -> Found:
    if content.html is None:
        return
    if content.text is None:
        yield ContentFinding(code="text-alternative-missing")
    elif not content.text.text.strip() and content.html_facts and content.html_facts.text.strip():
        yield ContentFinding(code="text-alternative-empty")
    elif _precedes_in_alternative(content):
        yield ContentFinding(code="alternatives-reversed")


def _precedes_in_alternative(content: Content) -> bool:
    """Whether the HTML comes before the text: the last alternative is the preferred one (RFC 2046, section 5.1.4)."""
    if content.html is None or content.text is None:
        return False
    html, text = content.html.part, content.text.part
    parent = next((p for p in content.parts if p.number == html.number.rpartition(".")[0]), None)
    siblings = html.number.rpartition(".")[0] == text.number.rpartition(".")[0]
    alternative = parent is not None and parent.said.content_type == "multipart/alternative"
    return siblings and alternative and html.start < text.start


def _html(content: Content) -> Found:
    facts = content.html_facts
    if facts is None or content.html is None:
        return
    if content.html.part.size > _GMAIL_CLIPS:
        yield ContentFinding(code="html-clipped", about=f"{content.html.part.size // 1024} kB")
    for name in facts.active:
        yield ContentFinding(code="active-content", about=name)
    if facts.handlers:
        yield ContentFinding(code="event-handlers")
    if not facts.language:
        yield ContentFinding(code="language-missing")


def _images(content: Content) -> Found:
    facts = content.html_facts
    if facts is None:
        return
    known = {part.said.content_id for part in content.parts if part.said.content_id}
    without_alt = sum(image.alt is None and not image.tiny for image in facts.images)
    if without_alt:
        yield ContentFinding(
            code="image-alt-missing", about=f"{without_alt} of {len(facts.images)} images"
        )
    for image in facts.images:
        if is_remote(image.url):
            yield ContentFinding(
                code="tracking-pixel" if image.tiny else "remote-image", about=image.url
            )
        elif image.url.lower().startswith("data:"):
            yield ContentFinding(code="image-data-uri")
        elif image.url.lower().startswith("cid:") and image.url[4:] not in known:
            yield ContentFinding(code="image-part-missing", about=image.url)
    for url in facts.remote:
        yield ContentFinding(code="remote-content", about=url)


def _links(content: Content) -> Found:
    for link in content.html_facts.links if content.html_facts else ():
        for code in link_codes(link):
            yield ContentFinding(code=code, about=link.url)


def link_codes(link: Link) -> list[str]:
    """The codes of the findings about one link."""
    parts = _split(link.url)
    if parts is None:
        return ["link-unreadable"]
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if scheme not in _SAFE_SCHEMES:
        return ["link-scheme"]
    if not scheme and not link.url.startswith("#") and not _PLACEHOLDER.search(link.url):
        return ["link-relative"]
    codes = []
    if scheme == "http":
        codes.append("link-http")
    if parts.username is not None:
        codes.append("link-userinfo")
    if _LOCAL_HOST.search(host):
        codes.append("link-local")
    elif _IP_HOST.match(host):
        codes.append("link-ip-address")
    if "xn--" in host or not host.isascii():
        codes.append("link-idn")
    shown = _HOST_IN_TEXT.fullmatch(link.text)
    if shown and host and not _related(shown[1].lower(), host):
        codes.append("link-other-host")
    return codes


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url.strip())
        _ = parts.hostname, parts.username
    except ValueError:
        return None
    return parts


def _placeholders(content: Content) -> Found:
    texts = {
        "Subject": content.value("subject") or "",
        "text": content.text.text if content.text else "",
        "HTML": content.html_facts.text if content.html_facts else "",
    }
    for where, text in texts.items():
        if match := _PLACEHOLDER.search(text):
            yield ContentFinding(code="placeholder", about=f"{where}: {match[0]}")


def _unsubscribe(content: Content) -> Found:
    field, post = content.value("list-unsubscribe"), content.value("list-unsubscribe-post")
    if field is None:
        if _looks_bulk(content):
            yield ContentFinding(code="list-unsubscribe-missing")
        elif post is not None:
            yield ContentFinding(code="one-click-alone")
        return
    addresses = [match.strip().lower() for match in _BRACKETED.findall(field)]
    https = any(address.startswith("https:") for address in addresses)
    if not addresses:
        yield ContentFinding(code="list-unsubscribe-unreadable", about=field)
    elif post is None:
        yield ContentFinding(code="one-click-missing")
    elif post.strip().lower() != "list-unsubscribe=one-click":
        yield ContentFinding(code="one-click-wrong", about=post)
    elif not https:
        yield ContentFinding(code="one-click-without-https", about=field)


def _looks_bulk(content: Content) -> bool:
    if content.value("list-id") or (content.value("precedence") or "").lower() in ("bulk", "list"):
        return True
    links = content.html_facts.links if content.html_facts else ()
    return any(_UNSUBSCRIBE.search(link.text) or _UNSUBSCRIBE.search(link.url) for link in links)


def _attachments(content: Content) -> Found:
    for part in content.attachments:
        if part.said.name is None:
            if part.said.content_id is None and not part.said.content_type.startswith(
                ("text/", "message/")
            ):
                yield ContentFinding(code="attachment-nameless", about=part.said.content_type)
        elif _EXECUTABLE.search(part.said.name):
            yield ContentFinding(code="attachment-executable", about=part.said.name)
        elif DECEPTIVE.search(part.said.name):
            yield ContentFinding(code="attachment-name-deceptive", about=part.said.name)


_CHECKS: tuple[Callable[[Content], Found], ...] = (
    _required_fields,
    _date,
    _sender,
    _subject,
    _deceptive,
    _wire_format,
    _structure,
    _alternatives,
    _placeholders,
    _links,
    _images,
    _html,
    _unsubscribe,
    _attachments,
)
