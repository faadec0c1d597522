"""
The section "Captured mail" under a failing test: its mail in, text out.

Rules of this file: it shows what arrived, and says what to change if the evidence proves it; what it shows has already
been redacted and made printable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._assertions.failure_text import advise
from pytest_mailtrap._assertions.kept_mail_text import kept_lines
from pytest_mailtrap._assertions.message_table import how_sent, summary
from pytest_mailtrap._assertions.outcomes import (
    CERTAIN,
    concerning,
    diagnosis,
    is_proven,
    outcome,
    speaks_of_a_login,
    speaks_of_a_rejection,
    telling,
)
from pytest_mailtrap._clients.frames import raised_here
from pytest_mailtrap._clients.identification import client_of_error
from pytest_mailtrap._hostile.reported_failure import chain, is_program, words_of_error
from pytest_mailtrap._run.files.record import connection_lines, message_lines
from pytest_mailtrap._text.terms import plural

if TYPE_CHECKING:
    from pytest_mailtrap._facts.connection_facts import BaseConnection
    from pytest_mailtrap._message.captured_message import CapturedMessage
    from pytest_mailtrap._run.mail_of_test import MailOfTest

_MOST_MESSAGES = 20
_MOST_DIALOGUE = 60


def captured(mail_of_test: MailOfTest, error: BaseException) -> str:
    """
    One line per message, what stayed in the process, the transcript of the decisive connection, and what to change.

    *error* is what the test failed with: advice that it already gives is not repeated.
    """
    # The transcript comes first: a message that it accepts is then among those below, even if clients are still sending.
    place, lines = _deciding(mail_of_test) if mail_of_test.connections else (0, [])
    failure = str(error)
    first = mail_of_test.messages[:_MOST_MESSAGES]
    width = max((len(how_sent(m.transport)) for m in first), default=0)
    rows = [
        f"{f'#{n}':<3}  {how_sent(m.transport):<{width}}  {summary(m)}"
        for n, m in enumerate(first, 1)
    ]
    more = len(mail_of_test.messages) - len(rows)
    table = [*rows, *([f"... and {more} more"] if more > 0 else [])]
    kept = [line for line in kept_lines(mail_of_test.kept()) if line not in failure]
    table = [*(table or ["no message reached a trap"]), *kept]
    # pytest also shows what earlier runs of the test have left.
    again = [f"rerun {mail_of_test.rerun}:"] if mail_of_test.rerun else []
    if not mail_of_test.connections:
        return "\n".join([*again, *table])
    connection = mail_of_test.connections[place]
    carried = [
        f"#{n}" for n, m in enumerate(mail_of_test.messages, 1) if m.connection is connection
    ]
    what = f" ({', '.join(carried[:5])})" if carried else f" ({outcome(connection)})"
    head = f"connection {place + 1} of {len(mail_of_test.connections)}{what}:"
    shown = [*again, *table, "", head, *(f"    {line}" for line in lines)]
    advice = _advice(mail_of_test, error)
    is_new = advice and advice[0] not in failure
    return "\n".join([*shown, *(["", *advice] if is_new else [])])


def _advice(mail_of_test: MailOfTest, error: BaseException) -> list[str]:
    """
    What the assertions would say about the connections since the last one that carried mail, if it is certain what
    happened to them.

    A mere inference must fit the error: one of a mail client, or one of a test that looks at its mail although none
    arrived.
    """
    idle: list[BaseConnection] = []
    for connection in telling(mail_of_test.connections):
        idle = [] if connection.messages else [*idle, connection]
    cause = diagnosis(idle, reported=True)
    if cause not in CERTAIN:
        return []
    has_proof = is_proven(cause, concerning(cause, idle, reported=True))
    if not (has_proof or _fits(cause, error, has_mail=bool(mail_of_test.messages))):
        return []
    return advise(idle, may_be_late=False, reported=True)


def _fits(cause: str, error: BaseException, *, has_mail: bool) -> bool:
    """Whether *error* fits a cause that is only inferred."""
    if _is_of_the_test(error):
        return not has_mail
    words = " ".join(map(words_of_error, chain(error)))
    if cause == "never-upgraded":
        return bool(client_of_error(error)) and (is_program(error) or speaks_of_a_login(words))
    if cause == "gave-up-before-tls" and isinstance(error, OSError):
        return True  # a context reads certificates and keys from files
    return bool(client_of_error(error)) or speaks_of_a_rejection(words)


def _is_of_the_test(error: BaseException) -> bool:
    """Whether a test that looks at its mail raises it: `assert len(mailtrap)`, `[message] = mailtrap`, `mailtrap[0]`."""
    kind = type(error)
    if isinstance(error, AssertionError) or kind.__name__ == "Failed":  # pytest.fail()
        return True
    is_unpacking = kind is ValueError and str(error).startswith("not enough values to unpack")
    return is_unpacking or (isinstance(error, LookupError) and raised_here(error))


def _deciding(mail_of_test: MailOfTest) -> tuple[int, list[str]]:
    """The index of a connection that failed, else of one whose mail violates the policy or was in cleartext, else of the last."""
    likely = telling(mail_of_test.connections)
    for connection in likely:
        if connection.handshake_error:
            return mail_of_test.place(connection), _tail(connection_lines(connection.transcript))
    message = _culprit(mail_of_test)
    if message is not None:
        return mail_of_test.place(message.connection), _tail(message_lines(message.transcript))
    return mail_of_test.place(likely[-1]), _tail(connection_lines(likely[-1].transcript))


def _culprit(mail_of_test: MailOfTest) -> CapturedMessage | None:
    numbers = [
        b.message for p in mail_of_test.policies() for b in mail_of_test.breaches(p) if b.message
    ]
    if numbers:
        return mail_of_test.messages[numbers[0] - 1]
    bare = [message for message in mail_of_test.messages if not message.transport.encrypted]
    return next(iter(bare or mail_of_test.messages[-1:]), None)


def _tail(lines: list[str]) -> list[str]:
    surplus = len(lines) - _MOST_DIALOGUE
    return (
        lines
        if surplus <= 0
        else [f"... {plural(surplus, 'line')} before", *lines[-_MOST_DIALOGUE:]]
    )
