"""
The data of the report: one block for each message, and one for each test, which lists its messages.

Rules of this file: no message makes it raise; at most one message is in memory at a time, and of a big one only
the embedded part; files are found by the names in the record, never by those in a message.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import count
from os import SEEK_END
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._content.checks.links import link_codes
from pytest_mailtrap._content.html_scan import is_remote
from pytest_mailtrap._content.mail import Envelope, Mail
from pytest_mailtrap._content.reading import Content, read
from pytest_mailtrap._content.remarks import remarks
from pytest_mailtrap._content.wire_format import WireFormat, wire_format
from pytest_mailtrap._message.opened import opened
from pytest_mailtrap._system import files
from pytest_mailtrap._system.files import joined

if TYPE_CHECKING:
    from pytest_mailtrap._mime.parts import Bytes, Part

# A record is JSON: `_run.files.schema.TestRecord` says what is in it. Nothing is relied on here, since even an
# interrupted run is reported.
Record = Mapping[str, Any]

# Of one message; anything beyond is listed but not embedded.
LARGEST_MESSAGE = 2 * 1024 * 1024
# Of all messages: browsers can still open a file of this size.
LARGEST_REPORT = 96 * 1024 * 1024
_LEAST = 16 * 1024
_MAP_FROM = 1024 * 1024
_LARGEST_OPENED = 8 * 1024 * 1024
# How much of a body is checked; a mail program does not show more either (Gmail clips at 102 kB).
_LONGEST_BODY = 512 * 1024
# Of each kind, in one message.
_MOST_PARTS = 200
_MOST_LINKS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Data for the page: *kind* is "test" or "message"."""

    kind: str
    id: str
    data: dict[str, Any]


@dataclass(slots=True)
class Budget:
    """How many bytes of messages may still be embedded."""

    left: int = LARGEST_REPORT
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def spend(self, size: int) -> int:
        """How many of *size* bytes may be embedded."""
        granted = min(size, LARGEST_MESSAGE, max(self.left, _LEAST))
        self.left -= granted
        return granted


def test_blocks(test: Record, root: str, budget: Budget) -> Iterator[Block]:
    """The blocks of one test: its messages, then the test itself, which lists them."""
    violations = list(test.get("violations") or ())
    rows = []
    for message in test.get("messages") or ():
        block = _message_block(message, test, root, budget)
        violated = any(v.get("message") == message.get("number") for v in violations)
        rows.append(_row(message, block, violated=violated))
        yield block
    kept = {key: value for key, value in test.items() if key not in ("messages", "connections")}
    connections = [
        {**connection, "place": place}
        for place, connection in enumerate(test.get("connections") or ())
        if connection.get("handshake_error") or not connection.get("messages")
    ]
    yield Block(
        kind="test",
        id=f"t{next(budget.numbers)}",
        data={**kept, "messages": rows, "connections": connections},
    )


def _row(message: Record, block: Block, *, violated: bool) -> dict[str, Any]:
    """What the list shows about a message, and what the search covers."""
    transport, smime, data = message.get("transport") or {}, message.get("smime") or {}, block.data
    levels = [finding["level"] for finding in data["findings"]]
    problems = levels.count("problem") + len(smime.get("problems") or ())
    return {
        "id": block.id,
        "number": message.get("number"),
        "subject": message.get("subject"),
        "from": message.get("from") or message.get("mail_from"),
        "to": message.get("to"),
        "rcpt_tos": message.get("rcpt_tos") or [],
        "message_id": message.get("message_id"),
        "received_at": message.get("received_at"),
        "size": message.get("size"),
        "tls_version": transport.get("tls_version"),
        "signed": bool(smime.get("signed")),
        "encrypted": bool(smime.get("encrypted")),
        "smime": bool(smime.get("layers") or smime.get("problems")),
        "attachments": data["attachments"],
        "problems": problems,
        "violated": violated,
    }


def _message_block(message: Record, test: Record, root: str, budget: Budget) -> Block:
    connections = test.get("connections") or []
    place = message.get("connection")
    connection: Record = {}
    if isinstance(place, int) and 0 <= place < len(connections):
        connection = connections[place]
    about = {
        "message": dict(message),
        "connection": {k: connection.get(k) for k in ("implicit_tls", "ended_by", "auths", "peer")},
    }
    return Block(
        kind="message",
        id=f"m{next(budget.numbers)}",
        data=about | _read(message, test, root, budget),
    )


def _read(message: Record, test: Record, root: str, budget: Budget) -> dict[str, Any]:
    path = joined(root, str(test.get("directory") or ""), str(message.get("file") or ""))
    try:
        with _opened(path) as raw:
            return _contents(raw, message, budget)
    except OSError as error:
        return _unread(f"The bytes of this message cannot be read: {error.strerror or error}.")
    except Exception as error:  # whatever a message does to a parser, the others must be shown
        return _unread(f"This message cannot be parsed ({type(error).__name__})", path, budget)


@contextmanager
def _opened(path: str) -> Iterator[Bytes]:
    """The bytes of a file, memory-mapped if it is large."""
    with files.opened(path) as file:
        if file.seek(0, SEEK_END) < _MAP_FROM:
            file.seek(0)
            yield file.read()
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield mapped


def _unread(notice: str, path: str | None = None, budget: Budget | None = None) -> dict[str, Any]:
    source = ""
    if path is not None and budget is not None:
        with files.opened(path) as file:
            source = _latin(file.read(budget.spend(LARGEST_MESSAGE)))
    return {
        "findings": [],
        "attachments": 0,
        "headers": [],
        "parts": [],
        "links": [],
        "source": source,
        "notices": [notice],
    }


def _contents(raw: Bytes, message: Record, budget: Budget) -> dict[str, Any]:
    content = read(raw, limit=_LONGEST_BODY)
    inside = opened(content) if len(raw) <= _LARGEST_OPENED else None
    if inside is not None:
        content = read(inside, limit=_LONGEST_BODY)
    embedded = budget.spend(len(raw))
    visible = embedded if inside is None else budget.spend(len(inside))
    data = {
        "findings": _findings(content, wire_format(raw), message),
        "attachments": len(content.attachments),
        "headers": [[f.name, f.value] for f in content.fields],
        "parts": [_part(part, content, visible) for part in content.parts[:_MOST_PARTS]],
        "links": _links(content),
        "source": _latin(raw[:embedded]),
        "notices": _notices(content, len(raw), embedded, inside),
    }
    return data if inside is None else data | {"opened": _latin(inside[:visible])}


def _notices(content: Content, size: int, embedded: int, opened: bytes | None) -> list[str]:
    notices = []
    if opened is not None:
        notices.append("This is the content inside the signature; the source is as it was sent.")
    if embedded < size:
        notices.append(
            f"This message is truncated: {embedded:,} of its {size:,} bytes are in the report, "
            "so that it opens quickly. The .eml file that --mailtrap-save writes contains all of them."
        )
    if not content.fields:
        notices.append("This message has no header fields at all: this is its body.")
    return notices


def _findings(content: Content, wire: WireFormat, message: Record) -> list[dict[str, str]]:
    envelope = Envelope(
        mail_from=str(message.get("mail_from") or ""),
        rcpt_tos=tuple(map(str, message.get("rcpt_tos") or ())),
        smtp_utf8=bool(message.get("smtp_utf8")),
        ehlo=(message.get("transport") or {}).get("ehlo"),
    )
    found = remarks(Mail(content=content, wire_format=wire, envelope=envelope))
    return [asdict(remark) for remark in found]


def _links(content: Content) -> list[dict[str, Any]]:
    links = content.html_facts.links[:_MOST_LINKS] if content.html_facts else ()
    remote = (
        [i.url for i in content.html_facts.images if is_remote(i.url)] if content.html_facts else []
    )
    loaded = [*remote, *(content.html_facts.remote if content.html_facts else ())]
    return [
        {"kind": "link", "url": link.url[:2000], "text": link.text, "codes": link_codes(link)}
        for link in links
    ] + [
        {"kind": "loads", "url": url[:2000], "text": "", "codes": []}
        for url in loaded[:_MOST_LINKS]
    ]


def _part(part: Part, content: Content, embedded: int) -> dict[str, Any]:
    shown = "html" if content.html and content.html.part is part else ""
    shown = "text" if content.text and content.text.part is part else shown
    return {
        "number": part.number,
        "depth": part.depth,
        "type": part.said.content_type,
        "charset": part.said.charset,
        "encoding": part.said.encoding,
        "disposition": part.said.disposition,
        "name": part.said.name,
        "cid": part.said.content_id,
        "start": part.start,
        "end": part.end,
        "shown": shown,
        "attached": part in content.attachments,
        "complete": part.end <= embedded,
    }


def _latin(raw: bytes) -> str:
    """Bytes as a text of the same length: the page converts it back to bytes."""
    return raw.decode("latin-1")
