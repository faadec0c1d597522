"""
What was said on a connection, line by line.

Rules of this file: a secret never gets in (the recorder redacts before it stores), and nothing that a client sent
can reach a terminal as a control character (rendering escapes it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, overload

from pytest_mailtrap._facts.unknown_commands import REDACTED, VERBS, shown
from pytest_mailtrap._text.printable import printable
from pytest_mailtrap._text.terms import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

# Enough for every legal line (RFC 5321, section 4.5.3.1) and short enough that garbage takes little memory.
_LONGEST = 1024

# The IANA registry "SASL Mechanisms", and others that mail clients try.
_MECHANISMS = frozenset(
    b"ANONYMOUS CRAM-MD5 DIGEST-MD5 EXTERNAL GSSAPI LOGIN NTLM OAUTHBEARER PLAIN SCRAM-SHA-1 SCRAM-SHA-1-PLUS "
    b"SCRAM-SHA-256 SCRAM-SHA-256-PLUS SCRAM-SHA-512 SCRAM-SHA-512-PLUS XOAUTH XOAUTH2".split()
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a transcript."""

    speaker: Literal["C", "S", "-"]
    """
    "C" for the client, "S" for the trap and "-" for an event such as the start of TLS.
    """

    text: str
    """The line as text without its line ending."""

    encrypted: bool
    """Whether the line was sent inside TLS."""

    def __str__(self) -> str:
        return f"-- {self.text}" if self.speaker == "-" else f"{self.speaker}: {self.text}"


class Transcript(Sequence[Line]):
    """
    The lines of a connection; `str()` returns them as text with `C:` and `S:`.

    Secrets are redacted: the arguments of AUTH, every client line after a 334 reply, and what could be one in a line that is not a command.
    `text in transcript` searches that text.
    """

    __slots__ = ("_entries", "_length")

    def __init__(self, entries: list[bytes], length: int) -> None:
        self._entries = entries
        self._length = length

    def __len__(self) -> int:
        return min(self._length, len(self._entries))

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> list[Line]: ...
    def __getitem__(self, index: int | slice) -> Line | list[Line]:
        if isinstance(index, slice):
            return [_line(self._entries[i]) for i in range(*index.indices(len(self)))]
        return _line(self._entries[range(len(self))[index]])

    def __iter__(self) -> Iterator[Line]:
        return map(_line, self._entries[: self._length])

    def __contains__(self, item: object) -> bool:
        if isinstance(item, str):
            return item in str(self)
        return any(line == item for line in self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Transcript) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # a value that grows with its connection has no stable hash

    def __str__(self) -> str:
        return "\n".join(map(str, self))

    def __repr__(self) -> str:
        return f"<Transcript of {plural(len(self), 'line')}>"


class Recorder:
    """
    Writes one connection's transcript; only the connection's own thread calls it.

    Entries are stored as bytes with a two-byte mark in front (speaker, inside TLS or not): this takes a
    tenth of the memory of objects, which matters if ten thousand messages are kept.
    """

    __slots__ = ("_entries", "_expects_secret", "_in_auth", "encrypted")

    def __init__(self) -> None:
        self._entries: list[bytes] = []
        self._expects_secret = False
        self._in_auth = False
        self.encrypted = False

    def client(self, line: bytes) -> None:
        self._add(b"C", self._without_secret(line.rstrip(b"\r\n")[:_LONGEST]))

    def _without_secret(self, line: bytes) -> bytes:
        if self._expects_secret:
            self._expects_secret = False
            # "*" aborts the exchange and is not a secret (RFC 4954, section 4).
            return line if line == b"*" else REDACTED
        words = line[:64].upper().split()
        if b"AUTH" in words or line[:4].upper() == b"AUTH":
            self._in_auth = True
            return _redact_auth(line)
        if self._in_auth and (not words or words[0] not in VERBS):
            # A client that was refused and sends its credentials nevertheless.
            return REDACTED
        self._in_auth = False
        return line if words and words[0] in VERBS else shown(line)

    def server(self, reply: bytes) -> None:
        lines = reply.removesuffix(b"\r\n").split(b"\r\n")
        # The client's next line is part of the exchange, whatever it looks like.
        self._expects_secret = lines[-1][:3] == b"334"
        for line in lines:
            self._add(b"S", line[:_LONGEST])

    def event(self, text: str) -> None:
        self._add(b"-", text.encode("utf-8", "backslashreplace"))

    def _add(self, speaker: bytes, line: bytes) -> None:
        self._entries.append(speaker + (b"+" if self.encrypted else b" ") + line)

    def copy(self) -> Recorder:
        """A recorder with the same entries up to now."""
        copied = Recorder()
        copied._entries = list(self._entries)
        return copied

    def snapshot(self, *, and_next: int = 0) -> Transcript:
        """The transcript up to now, and the next *and_next* lines; later lines are not part of it."""
        return Transcript(self._entries, len(self._entries) + and_next)


def _redact_auth(line: bytes) -> bytes:
    # A garbled AUTH line may have the secret anywhere: only what is known, and where it belongs, is kept.
    words = line.split(None, 2)
    if words[0].upper() != b"AUTH":
        return REDACTED
    known = len(words) > 1 and words[1].upper() in _MECHANISMS
    kept = words[:2] if known else words[:1]
    return b" ".join(kept if len(words) == len(kept) else [*kept, REDACTED])


def _line(entry: bytes) -> Line:
    speaker = chr(entry[0])
    if speaker not in ("C", "S"):
        return Line("-", printable(entry[2:]), entry[1:2] == b"+")
    return Line(speaker, printable(entry[2:]), entry[1:2] == b"+")  # type: ignore[arg-type]  # narrowed above
