"""
The text of a failure: violations in, text out.

Rules of this file: pure; the verdict first, then one line per message, then the smallest evidence, then
expected and received, then what to change, and no advice that the evidence contradicts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._assertions.advice import (
    advice_for,
    blocked_loop_advice,
    cleartext_advice,
    login_advice,
    version_advice,
)
from pytest_mailtrap._assertions.kept_mail_text import kept_lines
from pytest_mailtrap._assertions.message_table import how_sent, table
from pytest_mailtrap._assertions.outcomes import concerning, diagnosis, happenings, telling
from pytest_mailtrap._assertions.violations import numbered
from pytest_mailtrap._facts.connection_facts import facts_of
from pytest_mailtrap._text.layout import compose, verdict
from pytest_mailtrap._text.pages import read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_mailtrap._assertions.kept_mail_text import Kept
    from pytest_mailtrap._assertions.message import Message
    from pytest_mailtrap._assertions.violations import Violation
    from pytest_mailtrap._facts.connection_facts import BaseConnection
    from pytest_mailtrap._facts.transport import Transport
    from pytest_mailtrap._smtp.faults import Unfired
    from pytest_mailtrap._text.layout import Block

# The causes that a client shows if the event loop that it needs is blocked.
_OF_A_LOOP_THAT_STANDS = ("no-connection", "still-connected", "not-intercepted")
# With these causes, the missing mail may have stayed in the process; None: some mail arrived, and every connection sent something.
_OF_MAIL_ELSEWHERE = (None, "no-connection", "not-intercepted")


def explain_transport(
    violations: Sequence[Violation], messages: Mapping[int, Message], *, minimum: str
) -> str:
    """Say which messages were not sent over TLS version *minimum* or newer, and what to do."""
    codes = {violation.code for violation in violations}
    first = violations[0]
    culprit = messages[first.number]
    if codes == {"cleartext"}:
        fact = "was sent in cleartext"
    elif codes == {"tls-too-old"}:
        fact = f"was sent over TLS older than {minimum}"
    else:
        fact = f"was not sent over {minimum} or newer"
    if first.code == "cleartext":
        evidence = _evidence(culprit, "MAIL", "not inside TLS")
        received = f"cleartext ({_how_starttls_went(culprit)})"
        remedy = cleartext_advice(culprit.transcript, facts_of(culprit.connection).clients)
    else:
        evidence = []
        received = f"{culprit.transport.tls_version} ({_offered(culprit.transport)})"
        remedy = version_advice(culprit.transport, minimum)
    return compose(
        verdict(len(violations), len(messages), fact),
        table(_numbers(violations), messages, lambda n: how_sent(messages[n].transport)),
        _on_the_wire(first.number, evidence),
        [f"  - expected: {minimum} or newer", f"  + received: {received}"],
        remedy,
    )


def explain_auth(
    violations: Sequence[Violation],
    messages: Mapping[int, Message],
    *,
    username: str | None,
    mechanism: str | None,
) -> str:
    """Say which messages were not sent after the expected AUTH, inside TLS."""
    facts = {
        "password-in-cleartext": "was sent after a password in cleartext",
        "not-authenticated": "was sent without authentication",
        "other-username": "was sent by another user",
        "other-mechanism": "was sent with another AUTH mechanism",
    }
    codes = {violation.code for violation in violations}
    first = violations[0]
    culprit = messages[first.number]
    fact = facts[first.code] if len(codes) == 1 else "was not authenticated as expected"
    note = {"password-in-cleartext": "not inside TLS"}.get(first.code, "")
    verb = "MAIL" if first.code == "not-authenticated" else "AUTH"
    expected = " ".join(["AUTH", *([mechanism.upper()] if mechanism else []), "inside TLS"])
    return compose(
        verdict(len(violations), len(messages), fact),
        table(_numbers(violations), messages, lambda n: _how_authenticated(messages[n])),
        _on_the_wire(first.number, _evidence(culprit, verb, note)),
        [
            f"  - expected: {expected}{f' as {username!r}' if username else ''}",
            f"  + received: {_how_authenticated(culprit)}",
        ],
        _auth_remedy(first.code, culprit),
    )


def _auth_remedy(code: str, culprit: Message) -> Block:
    clients = facts_of(culprit.connection).clients
    if code == "password-in-cleartext":
        return login_advice(culprit.transcript, clients)
    if code == "not-authenticated" and culprit.connection.auths:
        # It tried to log in with credentials that the trap does not accept.
        return advice_for(diagnosis([culprit.connection]), clients=clients)
    return advice_for(code, clients=clients)


def explain_nothing(
    connections: Sequence[BaseConnection],
    *,
    port: int | None,
    tls_port: int | None,
    may_be_late: bool = True,
    in_a_loop: bool = False,
    intercepts: bool = False,
    kept: Sequence[Kept] = (),
) -> str:
    """
    Say what did happen when no message arrived; *in_a_loop* words the advice for a coroutine.

    The ports are None if there was no trap to send to; *kept* is the mail that stayed in the process.
    """
    cause = diagnosis(connections, intercepts=intercepts)
    return compose(
        f"no message reached {'a' if port is None else 'the'} trap",
        happenings(connections, port, tls_port, room=10),
        _whereabouts(cause, kept)
        or advise(connections, may_be_late=may_be_late, in_a_loop=in_a_loop, intercepts=intercepts),
    )


def advise(
    connections: Sequence[BaseConnection],
    *,
    intercepts: bool = False,
    may_be_late: bool = True,
    in_a_loop: bool = False,
    reported: bool = False,
) -> Block:
    """What to change, for the likeliest reason why these connections carried no mail; the keywords are those of `advice_for()`."""
    cause = diagnosis(connections, intercepts=intercepts, reported=reported)
    concerned = concerning(cause, connections, reported=reported)
    return advice_for(
        cause,
        clients=facts_of(concerned).clients if concerned else (),
        name=(facts_of(concerned).misnamed if concerned else "") or "",
        may_be_late=may_be_late,
        in_a_loop=in_a_loop,
        reported=reported,
    )


def explain_waiting(
    messages: Sequence[Message],
    connections: Sequence[BaseConnection],
    *,
    count: int,
    timeout: float,
    port: int,
    tls_port: int,
    blocked_a_loop: bool = False,
    intercepts: bool = False,
    kept: Sequence[Kept] = (),
) -> str:
    """
    Say what did arrive when fewer messages than expected came in time.

    *blocked_a_loop* says whether the wait blocked the caller's event loop; *kept* is the mail that stayed in the process.
    """
    idle = [connection for connection in telling(connections) if not connection.messages]
    cause = diagnosis(idle, intercepts=intercepts) if idle or not messages else None
    if whereabouts := _whereabouts(cause, kept):
        advice = whereabouts
    elif blocked_a_loop and cause in (None, *_OF_A_LOOP_THAT_STANDS):
        advice = blocked_loop_advice()
    else:
        advice = [] if cause is None else advise(idle, may_be_late=False, intercepts=intercepts)
    arrived = "no message" if count == 1 else f"{len(messages)} of {count} messages"
    return compose(
        f"{arrived} arrived within {timeout:g} s",
        table((), numbered(messages), lambda n: how_sent(messages[n - 1].transport)),
        happenings(idle, port, tls_port, room=5) if cause is not None else [],
        advice,
    )


def _whereabouts(cause: str | None, kept: Sequence[Kept]) -> list[str]:
    """Where the missing mail stayed, if no connection says more."""
    return kept_lines(kept) if cause in _OF_MAIL_ELSEWHERE else []


def explain_unfired(unfired: Sequence[Unfired], *, total: int) -> str:
    """Say which scripted faults never happened."""
    width = max(len(str(rule)) for rule, _ in unfired)
    rows = [f"  {rule!s:<{width}}  {_how_often(rule.command, seen)}" for rule, seen in unfired]
    return compose(
        f"{len(unfired)} of {total} scripted faults never happened",
        rows,
        [
            "Without the fault, the test does not test what it claims to: check",
            "whether the client gets that far.",
            read("faults"),
        ],
    )


def _numbers(violations: Sequence[Violation]) -> list[int]:
    return [violation.number for violation in violations]


def _how_often(command: str, seen: int) -> str:
    if not seen:
        return f"no matching {command} arrived"
    return f"{command} arrived {'once' if seen == 1 else f'{seen} times'}"


def _how_authenticated(message: Message) -> str:
    leaked = [auth for auth in message.connection.auths if not auth.encrypted]
    if leaked:
        return f"AUTH {leaked[0].mechanism} in cleartext"
    if message.auth is None:
        return _refused_login(message) or "no AUTH"
    return f"AUTH {message.auth.mechanism} as {message.auth.username!r}"


def _refused_login(message: Message) -> str | None:
    """The first login that was refused before the message was sent without one; None if there was none."""
    refused = message.connection.auths[:1]
    if not refused:
        return None
    lines = list(message.transcript)
    asked = [
        at
        for at, line in enumerate(lines)
        if line.speaker == "C" and line.text.upper().startswith("AUTH")
    ]
    replies = [line.text for line in lines[asked[0] if asked else 0 :] if line.speaker == "S"]
    codes = [reply[:3] for reply in replies if reply[:1] in ("4", "5")]
    return " ".join([f"AUTH {refused[0].mechanism}, refused", *(f"with {c}" for c in codes[:1])])


def _offered(transport: Transport) -> str:
    hello = transport.client_hello
    return f"the client offered {', '.join(hello.versions)}" if hello else "agreed with the client"


def _how_starttls_went(message: Message) -> str:
    lines = list(message.transcript)
    if any(line.speaker == "C" and line.text.upper().startswith("STARTTLS") for line in lines):
        return "STARTTLS was tried and refused"
    offered = any(line.speaker == "S" and line.text[4:].upper() == "STARTTLS" for line in lines)
    return "STARTTLS was offered, never used" if offered else "STARTTLS was not offered"


def _evidence(message: Message, verb: str, note: str) -> Block:
    """The decisive line and its reply; with a *note* (that it was not inside TLS), also the offer of STARTTLS before it."""
    lines = list(message.transcript)
    said = [
        i
        for i, line in enumerate(lines)
        if line.speaker == "C"
        and line.text.upper().startswith(verb)
        and not (note and line.encrypted)  # the note says: not inside TLS
    ]
    if not said:
        return []
    decisive = said[-1]
    offer = [
        line
        for line in lines[:decisive]
        if note and line.speaker == "S" and line.text[4:] == "STARTTLS"
    ]
    shown = [str(line) for line in offer[-1:]]
    shown.append(f"{str(lines[decisive])[:44]}   <-- {note}" if note else str(lines[decisive]))
    shown += [str(line) for line in lines[decisive + 1 : decisive + 2] if line.speaker == "S"]
    return shown


def _on_the_wire(number: int, evidence: Block) -> Block:
    return (
        [f"  #{number} on the wire:", *(f"      {line}" for line in evidence)] if evidence else []
    )
