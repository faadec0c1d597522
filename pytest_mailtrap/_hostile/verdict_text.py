"""
The failure messages for verdicts on clients of hostile servers: verdicts in, text out.

Rules of this file: pure; the fact first, then server and client, the smallest evidence, expected and received, then what
to change. At most 18 lines of 72 columns.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from pytest_mailtrap._assertions.kept_mail_text import kept_lines
from pytest_mailtrap._assertions.outcomes import (
    concerning,
    diagnosis,
    happenings,
    is_surmise,
    speaks_of_a_rejection,
    where,
)
from pytest_mailtrap._facts.connection_facts import facts_of
from pytest_mailtrap._hostile.advice import SLOW, control_remedy, remedy
from pytest_mailtrap._hostile.scenario import refuses_session
from pytest_mailtrap._hostile.verdicts import is_explained_by_its_error
from pytest_mailtrap._text.layout import COLUMNS, LINES, compose, height, shortened
from pytest_mailtrap._text.printable import printable
from pytest_mailtrap._text.terms import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_mailtrap._assertions.kept_mail_text import Kept
    from pytest_mailtrap._facts.connection import Connection
    from pytest_mailtrap._hostile.verdicts import Attempt, Verdict
    from pytest_mailtrap._text.layout import Block

_MODES = {"starttls": "STARTTLS", "implicit": "implicit TLS"}
_CHANNELS = {
    "cleartext": "sent in cleartext",
    "impostor": "sent to an impostor",
    "outdated": "sent over outdated TLS",
    "weak": "sent over weak-key TLS",
}
_NOTES = {
    "cleartext": "not inside TLS",
    "impostor": "to an impostor",
    "outdated": "outdated TLS",
    "weak": "weak key",
    "spoke-out-of-turn": "reply not awaited",
    "forged": "EHLO was refused inside TLS",
    "forbidden-command": "never offered inside TLS",
    "inconclusive": "never offered inside TLS",
}
_LEAKED = {"login": "AUTH", "command": "commands"}
# What a client overlooks although it verifies certificates, by the flaw of the certificate that it accepted.
_OVERLOOKED = {
    "host-mismatch": "name",
    "cn-only": "name",
    "partial-wildcard": "name",
    "wrong-purpose": "purpose",
}
# What a database raises if another thread does not see what the test has written.
_DATABASES = ("django.db.", "sqlite3.", "psycopg.", "psycopg2.", "sqlalchemy.exc.")
_FACTS = {
    "spoke-out-of-turn": "accepted a reply forged before TLS",
    "forbidden-command": "sent AUTH, which was not offered inside TLS",
    "forged": "accepted a reply forged before TLS",
    "inconclusive": "inconclusive: the client sends AUTH even if not offered",
    "inconclusive-session": "inconclusive: the client continues after a refused EHLO",
    "never-connected": "nothing connected to the hostile server",
    "never-met": "disconnected before the server could be hostile",
    "went-without": "sent the message without REQUIRETLS",
    "needs-unused": "the message does not ask for REQUIRETLS",
    "false-success": "reported success without a reply",
    "lost": "reported success, and nothing arrived",
    "hung": "send() did not return",
    "control-characters": "terminal escape sequences in the log",
    "not-delivered": "nothing arrived",
    "other-mode": "the client uses the other kind of port",
}
_EXPECTED = {
    "spoke-out-of-turn": "data received before TLS is discarded",
    "forged": "QUIT, as EHLO and HELO are refused inside TLS",
    "forbidden-command": "no AUTH, as EHLO inside TLS does not offer it",
    "never-connected": "a connection to this server on which nothing is sent",
    "never-met": "EHLO and STARTTLS, or a handshake, as with the good server",
    "went-without": "an error, such as 5.7.30 (RFC 8689)",
    "needs-unused": "MAIL FROM:<...> REQUIRETLS to the good server",
    "false-success": "an error, as the server never replied 250",
    "lost": "an error for the caller of send()",
    "hung": "an error after the client's own timeout",
    "control-characters": "the server's reply, escaped",
}


def explain_verdict(verdict: Verdict) -> str:
    """Say what the client did wrong with one hostile server, and what to change."""
    cause = cause_of(verdict)
    blocks = [
        _evidence(verdict),
        [
            f"  - expected: {_EXPECTED.get(cause, 'nothing is sent to this server')}",
            f"  + received: {_received(verdict)}",
        ],
        _places(verdict),
        remedy(
            remedied(verdict),
            verdict.mode,
            clients_of(verdict),
            is_ambiguous=verdict.attempt.is_ambiguous,
        ),
    ]
    who = _who(verdict)
    if height(who, *blocks) > LINES:
        who = _who(verdict, lines=1)
    blocks[-1] = shortened(blocks[-1], height(who, *blocks) - LINES)
    return compose(fact(verdict), who, *blocks)


def clients_of(verdict: Verdict) -> tuple[str, ...]:
    """The clients that the error or the program's name shows, else those that connected."""
    seen = [verdict.attempt.clients]
    if verdict.connection is not None:
        seen.append(facts_of(verdict.connection).clients)
    seen += [facts_of(connection).clients for connection in reversed(verdict.connections)]
    return next(filter(None, seen), ())


def _places(verdict: Verdict) -> Block:
    """Where the client's own error came from, if pytest must not show the error itself."""
    attempt = verdict.attempt
    is_shown = attempt.error is None or attempt.cause is not None
    if is_shown or not attempt.places or not is_explained_by_its_error(verdict):
        return []
    return ["  its error passed through:", *(f"      {place}" for place in attempt.places[-2:])]


def explain_control(
    verdict: Verdict,
    *,
    trap: str,
    port: int,
    tls_port: int,
    intercepts: bool = False,
    kept: Sequence[Kept] = (),
) -> str:
    """
    Say why a client that could not send to a good server proves nothing.

    *trap* is the name of the trap in the test, *kept* is the mail that did not leave the process.
    """
    attempt = verdict.attempt
    if verdict.outcome in ("not-delivered", "hung"):
        head = "the control failed: no mail arrived at the good server"
        cause = _control_cause(verdict, intercepts=intercepts)
    else:
        head = f"the control failed: {fact(verdict)}"
        cause = remedied(verdict)
    concerned = concerning(cause, verdict.connections, reported=attempt.reported)
    is_elsewhere = kept and cause in ("no-connection", "not-intercepted")
    advice = (
        kept_lines(kept)
        if is_elsewhere
        else control_remedy(
            cause,
            verdict.mode,
            trap=trap,
            clients=clients_of(verdict),
            name=(facts_of(concerned).misnamed if concerned else "") or "",
            reported=attempt.reported,
        )
    )
    happened = _evidence(verdict) or _whereto(verdict)
    blocks = [
        happened or happenings(verdict.connections, port, tls_port, room=6),
        _places(verdict),
        list(SLOW) if attempt.hung else [],
        advice,
    ]
    client = _labelled("the client", attempt.told, 3)
    blocks[-1] = shortened(blocks[-1], height(client, *blocks) - LINES)
    return compose(head, client, *blocks)


def explain_outside(connections: Sequence[Connection]) -> str:
    """Say that a client connected to the hostile server outside of an assertion that could judge it."""
    were = "was" if len(connections) == 1 else "were"
    return "\n".join(
        [
            f"{plural(len(connections), 'connection')} to the hostile server {were} made outside of",
            "assert_client_refuses(): pass the function, not its result:",
            "  hostile_mailtrap.assert_client_refuses(send), not send()",
            "",
            *happenings(connections, 0, 0, room=6),
        ]
    )


def fact(verdict: Verdict) -> str:
    """What the client did, in at most 58 characters."""
    if verdict.outcome != "leaked":
        return _FACTS[cause_of(verdict)]
    # Anything else that leaked says more than "commands", and a password says more than "AUTH".
    leaked = verdict.leaked
    implied = {"command"} if len(leaked) > 1 else set()
    implied |= {"login"} if "password" in leaked else set()
    things = [_LEAKED.get(thing, thing) for thing in leaked if thing not in implied]
    return f"{_and(things)} {_CHANNELS[verdict.channel or 'cleartext']}"


def remark(verdict: Verdict) -> str:
    """The remark on a client that is configured well, except for a matter of taste."""
    return f"accepts a server that {verdict.scenario.summary} ({verdict.scenario.id})"


def cause_of(verdict: Verdict) -> str:
    """The key of the texts for a verdict."""
    if verdict.outcome == "leaked":
        return verdict.channel or "cleartext"
    if verdict.outcome == "never-connected" and verdict.connections:
        return "never-met"
    if refuses_session(verdict.scenario):
        if verdict.outcome == "forbidden-command":
            return "forged"
        if verdict.outcome == "inconclusive":
            return "inconclusive-session"
    return verdict.outcome


def remedied(verdict: Verdict) -> str:
    """The key of the remedy, which depends on whether the client verifies certificates at all."""
    cause = cause_of(verdict)
    if cause == "weak" and verdict.trusts_anybody:
        return "impostor"
    if cause == "impostor" and verdict.trusts_anybody is False:
        return _OVERLOOKED.get(str(verdict.scenario.certificate), cause)
    return "forged" if cause == "spoke-out-of-turn" else cause


def _whereto(verdict: Verdict) -> Block:
    """The port that the client used instead of that of the mode."""
    if verdict.outcome != "other-mode":
        return []
    return [
        f"  - expected: the {_MODES[verdict.mode]} port",
        f"  + received: the {where(verdict.connections[0])}",
    ]


def _control_cause(verdict: Verdict, *, intercepts: bool) -> str:
    cause = diagnosis(verdict.connections, intercepts=intercepts, reported=verdict.attempt.reported)
    attempt = verdict.attempt
    concerned = concerning(cause, verdict.connections, reported=attempt.reported)
    if (
        attempt.reported
        and is_surmise(cause, concerned)
        and not speaks_of_a_rejection(attempt.told)
    ):
        return "broken-off"
    if not verdict.connections and _needs_the_tests_thread(verdict.attempt):
        return "other-thread"
    return cause


def _needs_the_tests_thread(attempt: Attempt) -> bool:
    """Whether a database error kept it from sending, in a thread that cannot see the test's transaction."""
    if not attempt.has_own_thread or attempt.error is None:
        return False
    names = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(attempt.error).__mro__]
    return any(name.startswith(_DATABASES) or name.endswith("DoesNotExist") for name in names)


def _who(verdict: Verdict, *, lines: int = 2) -> Block:
    """The server and the client, each in a few lines."""
    server = f"{verdict.scenario.id} ({_MODES[verdict.mode]}): {verdict.scenario.summary}"
    return [
        *_labelled("the server", server),
        *(
            []
            if verdict.outcome == "needs-unused"
            else _labelled("the client", verdict.attempt.told, lines)
        ),
    ]


def _labelled(label: str, text: str, lines: int = 2) -> Block:
    return textwrap.wrap(
        f"  {label}  {text}",
        COLUMNS,
        subsequent_indent=" " * 14,
        break_on_hyphens=False,
        max_lines=lines,
        placeholder=" ...",
    )


def _evidence(verdict: Verdict) -> Block:
    """The start of TLS if there was one, the decisive line, and its reply."""
    if verdict.outcome == "control-characters" and verdict.attempt.escapes is not None:
        raw = verdict.attempt.escapes[:60].encode("utf-8", "backslashreplace")
        return ["  in the log:", f"      {printable(raw)}"]
    if verdict.connection is None or verdict.decisive is None:
        return []
    lines = list(verdict.connection.transcript)
    at = verdict.decisive
    before = [line for line in lines[:at] if _turns(str(line))][-1:]
    return [
        "  on the wire:",
        *(f"      {line}" for line in before),
        f"      {str(lines[at])[:36]}   <-- {_NOTES.get(cause_of(verdict).removesuffix('-session'), 'here')}",
        *(f"      {line}" for line in lines[at + 1 : at + 2]),
    ]


def _turns(line: str) -> bool:
    """Whether a line shows how far the client got with TLS."""
    return line == "C: STARTTLS" or line.startswith(
        ("-- TLS", "S: 454", "S: 5", "S: 354 Go", "S: 220 R")
    )


def _received(verdict: Verdict) -> str:
    if verdict.outcome == "hung" and verdict.attempt.error is None:
        return f"silence for {verdict.attempt.seconds:.1f} s, until the trap closed the connection"
    return fact(verdict)


def _and(things: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(things[:-1]), things[-1]]))
