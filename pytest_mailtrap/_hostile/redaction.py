"""
Removes the passwords that a trap knows from the application's texts before they are shown.

Rules of this file: pure; a password is found in every form: as it is, percent-encoded, in base64, or escaped by
`repr()`, JSON or HTML.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Pairs = tuple[tuple[str, str], ...]

REDACTED = "[redacted]"
# A shorter password is only found as a separate word: "x" is in half of all texts.
_SHORTEST = 4


class Redactor:
    """Replaces the passwords of *credentials*: a mapping of user names to passwords, or what returns the pairs known by now."""

    def __init__(self, credentials: Mapping[str, str] | Callable[[], Pairs] | None = None) -> None:
        if credentials is None or isinstance(credentials, Mapping):
            pairs = tuple((credentials or {}).items())
            self._pairs: Callable[[], Pairs] = lambda: pairs
        else:
            self._pairs = credentials
        self._compiled: tuple[Pairs, re.Pattern[str] | None] = ((), None)

    def __call__(self, text: str) -> str:
        """*text* without the passwords."""
        pattern = self._pattern()
        return text if pattern is None else pattern.sub(REDACTED, text)

    def finds_any(self, text: str) -> bool:
        """Whether a password is in *text*."""
        pattern = self._pattern()
        return pattern is not None and pattern.search(text) is not None

    def _pattern(self) -> re.Pattern[str] | None:
        pairs = self._pairs()
        if self._compiled[0] != pairs:
            self._compiled = pairs, _pattern_of(pairs)
        return self._compiled[1]


def _pattern_of(pairs: Pairs) -> re.Pattern[str] | None:
    # The longest first: a part that is left over would still give something away.
    longest_first = sorted(pairs, key=lambda it: len(it[1]), reverse=True)
    found = [
        form
        for name, password in longest_first
        if password
        for form in sorted((*_encoded(name, password), *_written(password)), key=len)[::-1]
    ]
    return re.compile("|".join(dict.fromkeys(found))) if found else None


def _written(password: str) -> Iterator[str]:
    """Patterns for the password as text: as it is, percent-encoded (RFC 3986, section 2.1) or escaped."""
    yield _whole(password, "".join(_character(c) for c in password))
    as_bytes = repr(password.encode("utf-8", "surrogatepass"))[2:-1]
    plain = (repr(password)[1:-1], as_bytes, json.dumps(password)[1:-1])
    for escaped in (*plain, *_as_html(password)):
        if escaped != password:
            yield _whole(password, re.escape(escaped))


def _as_html(password: str) -> Iterator[str]:
    """As `html.escape()` writes it, with or without quotes, as templates, PHP and XML write it, and in ASCII."""
    escaped = html.escape(password)
    for apostrophe in ("&#x27;", "&#39;", "&#039;", "&apos;"):
        yield (written := escaped.replace("&#x27;", apostrophe))
        yield written.replace("&quot;", "&#34;")
    yield html.escape(password, quote=False)
    yield escaped.encode("ascii", "xmlcharrefreplace").decode()
    yield html.escape(json.dumps(password)[1:-1])


def _whole(password: str, pattern: str) -> str:
    return pattern if len(password) >= _SHORTEST else rf"(?<!\w){pattern}(?!\w)"


def _character(character: str) -> str:
    octets = character.encode("utf-8", "surrogatepass")
    encoded = "".join(f"%(?i:{octet:02x})" for octet in octets)
    plus = r"|\+" if character == " " else ""  # as forms encode it
    return f"(?:{re.escape(character)}|{encoded}{plus})"


def _encoded(name: str, password: str) -> Iterator[str]:
    """Patterns for base64: of the password, of AUTH PLAIN's response (RFC 4616), and of text that contains it."""
    user, secret = (part.encode("utf-8", "surrogatepass") for part in (name, password))
    for raw in (b"\0" + user + b"\0" + secret, user + b"\0" + user + b"\0" + secret, secret):
        yield from _both_alphabets(base64.b64encode(raw))
    if len(password) < _SHORTEST:
        return
    for before in range(3):
        # Characters that also encode neighboring octets are left out: they differ from text to text.
        coded = base64.b64encode(b"\0" * before + secret)
        first = -(-before * 8 // 6)
        yield from _both_alphabets(coded[first : (before + len(secret)) * 8 // 6])


def _both_alphabets(coded: bytes) -> Iterator[str]:
    text = re.escape(coded.decode("ascii").rstrip("="))
    yield f"{text}=*"
    if "/" in text or "+" in text:
        yield f"{text.replace('/', '_').replace(re.escape('+'), '-')}=*"  # RFC 4648, section 5
