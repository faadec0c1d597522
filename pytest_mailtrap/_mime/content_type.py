"""Reading Content-Type and Content-Disposition strictly: one meaning, or none."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+"
# Programs in C stop reading at a NUL.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_TYPE = re.compile(rf"\s*({_NAME})/({_NAME})\s*")
_DISPOSITION = re.compile(rf"\s*({_NAME})\s*")
_PARAMETER = re.compile(
    rf';\s*(?:({_NAME})\s*=\s*(?:"((?:[^"\\\r\n]|\\.)*)"|([^\s;"()<>,\\]+))\s*)?'
)


@dataclass(frozen=True, slots=True)
class ContentType:
    """
    A media type with its parameters in order, names and type in lower case.

    *clean* is False if parsers may read the field in different ways.
    """

    type: str
    parameters: tuple[tuple[str, str], ...] = ()
    clean: bool = True

    def __getitem__(self, name: str) -> str | None:
        """The first parameter called *name*."""
        return next((value for key, value in self.parameters if key == name), None)

    def ambiguous(self, name: str) -> bool:
        """Whether the parameter occurs twice, or is split or encoded as in RFC 2231."""
        keys = [key for key, _ in self.parameters if key == name or key.startswith(f"{name}*")]
        return len(keys) > 1 or keys not in ([], [name])


PLAIN = ContentType("text/plain")


def parse_content_type(value: str) -> ContentType:
    """What the field says; a value that cannot be read is `text/plain` and not clean."""
    value, clean = _without_comments(value)
    clean = clean and not _CONTROL.search(value)
    head = _TYPE.match(value)
    if head is None:
        return ContentType("text/plain", clean=False)
    parameters, complete = _parameters(value[head.end() :])
    kind = f"{head[1]}/{head[2]}".lower()
    return ContentType(kind, parameters, clean and complete)


def parse_filename(value: str) -> str | None:
    """The file name of a Content-Disposition field."""
    value, _ = _without_comments(value)
    head = _DISPOSITION.match(value)
    if head is None:
        return None
    parameters, _ = _parameters(value[head.end() :])
    return dict(reversed(parameters)).get("filename")


def _parameters(text: str) -> tuple[tuple[tuple[str, str], ...], bool]:
    found, at = [], 0
    while match := _PARAMETER.match(text, at):
        at = match.end()
        if match[1]:
            quoted = match[2]
            value = match[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            found.append((match[1].lower(), value))
    return tuple(found), at == len(text)


def _without_comments(value: str) -> tuple[str, bool]:
    """The value with RFC 5322 comments replaced by spaces; False if a comment is not closed."""
    if "(" not in value:
        return value, True
    kept, depth, quoted, escaped = [], 0, False, False
    for character in value:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"' and not depth:
            quoted = not quoted
        elif character == "(" and not quoted:
            depth += 1
        elif character == ")" and depth:
            depth -= 1
            # A comment separates the text around it (RFC 5322, section 3.2.2).
            kept.append(" ")
            continue
        if not depth:
            kept.append(character)
    return "".join(kept), depth == 0
