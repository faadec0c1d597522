"""
How a failure message is laid out: its blocks, its size, and its table of messages.

Rules of this file: pure; it knows no assertion. At most 18 lines of 72 columns: with `CI` set, pytest prints them twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._transcript import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_mailtrap._message import CapturedMessage
    from pytest_mailtrap._policy import Violation
    from pytest_mailtrap._transport import Transport

LINES = 18
COLUMNS = 72
Block = list[str]


def compose(verdict: str, *blocks: Block) -> str:
    """Put the blocks together, the first one cut where the whole would grow too long."""
    parts = [block for block in blocks if block]
    lines = [verdict]
    surplus = 1 + sum(len(part) + 1 for part in parts) - LINES
    for place, part in enumerate(parts):
        if place == 0 and surplus > 0:
            # The table of messages is the one that can be long, and the one that can be cut.
            kept = max(1, len(part) - surplus - 1)
            part = [*part[:kept], f"  ... and {len(part) - kept} more"]
        lines += ["", *part]
    return "\n".join(clip(line) for line in lines)


def clip(line: str) -> str:
    """A line as a terminal may show it: within its columns, and without control characters."""
    line = printable(line.encode("utf-8", "backslashreplace"))
    return line if len(line) <= COLUMNS else f"{line[: COLUMNS - 3]}..."


def verdict(count: int, total: int, fact: str) -> str:
    return f"{count} of {total} messages {fact}"


def table(
    violations: Sequence[Violation], messages: Mapping[int, CapturedMessage], hows: Sequence[str]
) -> Block:
    """Every message on an aligned line; where there are many, the culprits first."""
    width = max((len(how) for how in hows), default=0)
    digits = len(str(max(messages, default=0)))
    rows = {
        number: f"  {f'#{number}':<{digits + 1}}  {how:<{width}}  {summary(message)}"
        for (number, message), how in zip(messages.items(), hows, strict=True)
    }
    if len(rows) > 3:
        culprits = dict.fromkeys(violation.number for violation in violations)
        return [rows[number] for number in {**culprits, **dict.fromkeys(rows)}]
    return list(rows.values())


def summary(message: CapturedMessage) -> str:
    """Subject and recipients on one line, harmless in a terminal."""
    return f'"{message.headline}" -> {", ".join(message.rcpt_tos)}'


def how_sent(transport: Transport) -> str:
    if transport.tls_version is None:
        return "no TLS"
    kind = "STARTTLS" if transport.negotiated_by == "starttls" else "implicit TLS"
    return f"{transport.tls_version}, {kind}"
