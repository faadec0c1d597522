"""
The mailbox of a From field, read strictly, and how addresses are compared.

`email.utils` reads too much into a malformed field (CVE-2023-27043); here a field has exactly
one plain mailbox, or none.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from pytest_mailtrap._mime.defects import Defect

MAX_FIELD = 10_000
MAX_ADDRESS = 320

# RFC 5322 atext with the non-ASCII characters of RFC 6532.
_ATEXT = r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\x80-\U0010ffff]"
_DISPLAY = re.compile(rf"(?:{_ATEXT}|\.)+")
_DOT_ATOM = re.compile(rf"{_ATEXT}+(?:\.{_ATEXT}+)*")
_QUOTED = re.compile(r'"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\x20-\x7e\t])*)"')
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_SPACE = re.compile(r"[ \t]+")
_ENCODED_WORD = re.compile(r"=\?[^?]*\?[^?]*\?")


class _MalformedError(ValueError):
    """The field is not exactly one mailbox; *code* is the code of the problem."""

    def __init__(self, note: str, code: str = "from-malformed") -> None:
        super().__init__(note)
        self.code = code


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A display name and an address, both without quoting."""

    display_name: str
    address: str


def parse_mailbox(value: bytes) -> Mailbox | Defect:
    """The one mailbox of a From or Sender field (unfolded), or what is wrong with it."""
    try:
        return _Parser(_text(value)).mailbox()
    except _MalformedError as error:
        return Defect(error.code, error.args[0])


def _text(value: bytes) -> str:
    if len(value) > MAX_FIELD:
        raise _MalformedError("it is too long")
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _MalformedError("it is not UTF-8") from error
    if any(character < " " and character != "\t" for character in text) or "\x7f" in text:
        raise _MalformedError("it has a control character")
    return text


class _Parser:
    """RFC 5322 section 3.4, one mailbox, without the obsolete forms."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def mailbox(self) -> Mailbox:
        start = self._skip()
        if self.at == len(self.text):
            raise _MalformedError("it is empty")
        bare = self._address_or_none()
        if bare is None:
            self.at = start
            mailbox = self._name_and_angle_address()
        else:
            mailbox = Mailbox("", bare)
        self._skip()
        self._end()
        return mailbox

    def _end(self) -> None:
        if self.at == len(self.text):
            return
        if self.text[self.at] == ",":
            raise _MalformedError("a second one follows", "from-several")
        raise _MalformedError(f"unexpected {self.text[self.at]!a}")

    def _address_or_none(self) -> str | None:
        """An addr-spec that ends the field or is followed by a comment or a comma."""
        try:
            address = self._address()
        except _MalformedError:
            return None
        self._skip()
        return address if self.at == len(self.text) or self.text[self.at] == "," else None

    def _name_and_angle_address(self) -> Mailbox:
        words = []
        while (word := self._word()) is not None:
            words.append(word)
            self._skip()
        if not self._taken("<"):
            self._not_an_angle(words)
        address = self._address()
        if not self._taken(">"):
            raise _MalformedError("the address is not closed by '>'")
        return Mailbox(" ".join(words), address)

    def _not_an_angle(self, words: list[str]) -> None:
        if self.at == len(self.text):
            raise _MalformedError("it has no address")
        if self.text[self.at] == ":" and words:
            raise _MalformedError("it is a group")
        if self.text[self.at] == ",":
            raise _MalformedError("a second one follows", "from-several")
        raise _MalformedError(f"unexpected {self.text[self.at]!a}")

    def _word(self) -> str | None:
        if match := _QUOTED.match(self.text, self.at):
            self.at = match.end()
            return re.sub(r"\\(.)", r"\1", match[1])
        # A dot is not allowed in a display name, but "John Q. Public" is common.
        match = _DISPLAY.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match[0]

    def _address(self) -> str:
        if match := _QUOTED.match(self.text, self.at):
            local = re.sub(r"\\(.)", r"\1", match[1])
            if not _DOT_ATOM.fullmatch(local):
                raise _MalformedError("the local part is quoted and is not a plain name")
        elif match := _DOT_ATOM.match(self.text, self.at):
            local = match[0]
        else:
            raise _MalformedError("the local part is missing")
        self.at = match.end()
        if not self._taken("@"):
            raise _MalformedError("the address has no '@'")
        domain = _DOT_ATOM.match(self.text, self.at)
        if domain is None:
            raise _MalformedError("the domain is missing")
        self.at = domain.end()
        address = f"{local}@{domain[0]}"
        if len(address) > MAX_ADDRESS or _ENCODED_WORD.search(local) or not _visible(address):
            raise _MalformedError("the address is not plain")
        return address

    def _taken(self, character: str) -> bool:
        if self.text[self.at : self.at + 1] != character:
            return False
        self.at += 1
        return True

    def _skip(self) -> int:
        """Skip spaces and comments."""
        while self.at < len(self.text):
            if match := _SPACE.match(self.text, self.at):
                self.at = match.end()
            elif self.text[self.at] == "(":
                self._comment()
            else:
                break
        return self.at

    def _comment(self) -> None:
        depth, start = 0, self.at
        while self.at < len(self.text):
            character = self.text[self.at]
            self.at += 2 if character == "\\" else 1
            depth += (character == "(") - (character == ")")
            if depth == 0:
                break
        if depth:
            raise _MalformedError("a comment is not closed")
        # Parsers that don't know comments would find an address in there.
        if re.search("[<>@]", self.text[start : self.at]):
            raise _MalformedError("a comment contains what looks like an address")


def _visible(text: str) -> bool:
    """Whether the text has neither spaces nor invisible characters."""
    return text.isascii() or not any(unicodedata.category(one)[0] in "CZ" for one in text)


def normalise(address: str) -> str | None:
    """
    The form in which addresses are compared, or None if it is not a plain address.

    The local part is lowercased, as in RFC 8550, section 3, but only its ASCII letters:
    Unicode case folding would make look-alikes equal.
    """
    local, at, domain = address.rpartition("@")
    if not at or len(address) > MAX_ADDRESS or not _DOT_ATOM.fullmatch(local):
        return None
    if not _visible(address):
        return None
    host = ascii_domain(domain)
    return None if host is None else f"{_lower(local)}@{host}"


def _lower(text: str) -> str:
    return "".join(character.lower() if character.isascii() else character for character in text)


def ascii_domain(domain: str) -> str | None:
    """The domain in lower case with A-labels, or None if it is not a plain name."""
    labels = [_ascii_label(label) for label in domain.split(".")]
    return None if None in labels else ".".join(label for label in labels if label)


def _ascii_label(label: str) -> str | None:
    if label.isascii():
        return label.lower() if _LABEL.fullmatch(label) and len(label) <= 63 else None
    encoded = a_label(label)
    return None if encoded is None or len(encoded) > 63 else encoded


def a_label(label: str) -> str | None:
    """
    The A-label of a label that is not ASCII (RFC 5891), or None if the label is not in its normal form.

    This is not the codec "idna": that is IDNA 2003, which turns faß.de into fass.de, somebody else's domain.
    """
    # Full-width letters, ligatures and the Kelvin sign are equivalent to other characters, and are refused.
    if unicodedata.normalize("NFKC", label) != label:
        return None
    return "xn--" + unicodedata.normalize("NFC", label.lower()).encode("punycode").decode("ascii")


def same_mailbox(one: str, other: str) -> bool:
    """Whether two addresses name the same mailbox."""
    normal = normalise(one)
    return normal is not None and normal == normalise(other)
