"""The table of messages in a failure: each message on a line of its own, aligned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._text.layout import COLUMNS, LINES, Rows
from pytest_mailtrap._text.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_mailtrap._assertions.message import Message
    from pytest_mailtrap._facts.transport import Transport

_SHORTEST = 12  # the least that is shown of a subject


def table(
    culprits: Iterable[int], messages: Mapping[int, Message], how: Callable[[int], str]
) -> Rows:
    """
    Every message on an aligned line; if there are many, the culprits first.

    *how* says, in a few words, how the message with a given number was sent.
    """
    first = dict.fromkeys(culprits if len(messages) > 3 else ())
    numbers = [*first, *(number for number in messages if number not in first)]
    # Never more lines than these are shown.
    width = max((len(how(number)) for number in numbers[:LINES]), default=0)
    digits = len(str(max(numbers, default=0)))
    room = COLUMNS - len("  #    ") - digits - width

    def row(number: int) -> str:
        name = f"#{number}"
        told = summary(messages[number], room)
        return f"  {name:<{digits + 1}}  {how(number):<{width}}  {told}"

    return Rows(numbers, row)


def summary(message: Message, room: int | None = None) -> str:
    """Subject and recipients on one line, safe in a terminal; a long subject is cut to leave *room* for the first recipient."""
    subject, recipients = headline(message), ", ".join(message.rcpt_tos)
    if room is not None:
        first = f"{message.rcpt_tos[0]}..." if len(message.rcpt_tos) > 1 else recipients
        kept = max(room - len(f'"" -> {first}'), _SHORTEST)
        subject = subject if len(subject) <= kept else f"{subject[: kept - 3]}..."
    return f'"{subject}" -> {recipients}'


def headline(message: Message) -> str:
    """The subject for one line of a terminal: never an error, never a control character."""
    try:
        subject = message.subject or ""
    except Exception:  # email's parser raises many things on a malformed header
        return "(unreadable subject)"
    return printable(subject.encode("utf-8", "surrogateescape"))


def how_sent(transport: Transport) -> str:
    if transport.tls_version is None:
        return "no TLS"
    kind = "STARTTLS" if transport.negotiated_by == "starttls" else "implicit TLS"
    return f"{transport.tls_version}, {kind}"
