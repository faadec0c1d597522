"""The links."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from pytest_mailtrap._content import domains
from pytest_mailtrap._content.checks.templates import PLACEHOLDER
from pytest_mailtrap._content.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_mailtrap._content.checks.check import Check
    from pytest_mailtrap._content.html_scan import Link
    from pytest_mailtrap._content.mail import Mail

_HOST_IN_TEXT = re.compile(
    r"\s*(?:https?://)?((?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24})(?:[/:?#]\S*)?\s*", re.I
)
_LOCAL_HOST = re.compile(r"^(?:localhost|127\.|0\.0\.0\.0|::1$|10\.|192\.168\.|testserver$)", re.I)
_IP_HOST = re.compile(r"^(?:\d{1,3}(?:\.\d{1,3}){3}|.*:.*)$")
_SAFE_SCHEMES = ("http", "https", "mailto", "tel", "sms", "")


def _links(mail: Mail) -> Iterator[Finding]:
    content = mail.content
    for link in content.html_facts.links if content.html_facts else ():
        for code in link_codes(link):
            yield Finding(code=code, about=link.url)


def link_codes(link: Link) -> list[str]:
    """The codes of the findings about one link."""
    parts = _split(link.url)
    if parts is None:
        return ["link-unreadable"]
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if scheme not in _SAFE_SCHEMES:
        return ["link-scheme"]
    if not scheme and not link.url.startswith("#") and not PLACEHOLDER.search(link.url):
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
    if domains.available() and shown and host and not domains.are_related(shown[1].lower(), host):
        codes.append("link-other-host")
    return codes


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url.strip())
        _ = parts.hostname, parts.username
    except ValueError:
        return None
    return parts


CHECKS: tuple[Check, ...] = (_links,)
