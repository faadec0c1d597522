"""
The words for verdicts on clients of hostile servers: verdicts in, text out.

Rules of this file: pure; the fact first, then server and client, then the smallest evidence, then expected and received, then what to
change. At most 18 lines of 72 columns.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from pytest_mailtrap._hostile_advice import SLOW, control_remedy, remedy
from pytest_mailtrap._layout import COLUMNS, LINES, clip, compose
from pytest_mailtrap._outcomes import diagnosis, happenings, where
from pytest_mailtrap._transcript import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_mailtrap._judgement import Attempt, Verdict
    from pytest_mailtrap._layout import Block

_MODES = {"starttls": "STARTTLS", "implicit": "implicit TLS"}
_CHANNELS = {
    "cleartext": "sent in cleartext",
    "impostor": "sent to an impostor",
    "outdated": "sent over outdated TLS",
    "weak": "sent under a weak key",
}
_NOTES = {
    "cleartext": "not inside TLS",
    "impostor": "to an impostor",
    "outdated": "outdated TLS",
    "weak": "weak key",
    "spoke-out-of-turn": "not waited for",
    "forbidden-command": "never offered inside TLS",
    "inconclusive": "never offered inside TLS",
}
_LEAKED = {"login": "AUTH", "command": "commands"}
_IMPLIED = frozenset({"commands"})
_FACTS = {
    "spoke-out-of-turn": "believed a reply forged before TLS",
    "forbidden-command": "sent AUTH, which was not offered inside TLS",
    "inconclusive": "inconclusive, the client sends AUTH unasked",
    "went-without": "sent the message without REQUIRETLS",
    "needs-unused": "the message does not ask for REQUIRETLS",
    "false-success": "reported success without a reply",
    "lost": "reported success, and nothing arrived",
    "hung": "send() did not come back",
    "control-characters": "terminal escapes in the log",
    "not-delivered": "nothing arrived",
    "other-mode": "the client uses the other kind of port",
}
_EXPECTED = {
    "spoke-out-of-turn": "what came before TLS is discarded",
    "forbidden-command": "no AUTH, as EHLO inside TLS offers none",
    "went-without": "an error, as with 5.7.30 (RFC 8689)",
    "needs-unused": "MAIL FROM:<...> REQUIRETLS at the good server",
    "false-success": "an error, as the server never said 250",
    "lost": "an error for the caller of send()",
    "hung": "an error after the client's own timeout",
    "control-characters": "what the server said, escaped",
}


def explain_verdict(verdict: Verdict) -> str:
    """Say what the client did wrong with one hostile server, and what to change."""
    rest = [
        _evidence(verdict),
        [
            f"  - expected: {_EXPECTED.get(verdict.outcome, 'nothing is sent to this server')}",
            f"  + received: {_received(verdict)}",
        ],
        remedy(_cause(verdict), verdict.mode),
    ]
    who = _who(verdict)
    if 2 + len(who) + sum(len(block) + 1 for block in rest if block) > LINES:
        who = _who(verdict, lines=1)
    return compose(fact(verdict), who, *rest)


def explain_control(
    verdict: Verdict, *, trap: str, port: int, tls_port: int, intercepts: bool = False
) -> str:
    """Say why a client that could not send to a good server proves nothing; *trap* is what the test calls it."""
    if verdict.outcome in ("not-delivered", "hung"):
        head = "the control failed: nothing arrived at a good server"
        cause = _control_cause(verdict, intercepts=intercepts)
    else:
        head = f"the control failed: {fact(verdict)}"
        cause = _cause(verdict)
    advice = control_remedy(cause, verdict.mode, trap=trap)
    return compose(
        head,
        _labelled("the client", _client(verdict.attempt)),
        _evidence(verdict) or _whereto(verdict) or happenings(verdict.connections, port, tls_port),
        [*advice, *SLOW] if verdict.attempt.hung else advice,
    )


def explain_family(verdicts: Sequence[Verdict]) -> str:
    """Say which hostile servers got what, in one table: what they got, and under it who."""
    failed = [verdict for verdict in verdicts if verdict.failed]
    total = sum(verdict.scenario.id != "ok" for verdict in verdicts)
    table = _family_table(failed)
    causes = dict.fromkeys(_cause(verdict) for verdict in failed)
    advice = [remedy(cause, failed[0].mode) for cause in causes]
    blocks = [table, *advice]
    if 1 + sum(len(block) + 1 for block in blocks) > LINES:
        # The table is what cannot be done without; each scenario alone gives its advice in full.
        blocks = [*filter(None, (table, _in_short(advice, LINES - 3 - len(table))))]
    text = [f"the client fails at {len(failed)} of {total} hostile servers"]
    for block in blocks:
        text += ["", *block]
    return "\n".join(map(clip, text))


def _in_short(advice: Sequence[Block], room: int) -> Block:
    """The sentences without their examples, as many as there is room for; never a part of one."""
    shown: Block = []
    for lines in advice:
        sentence = "\n".join(line for line in lines if not line.startswith("  ")).rstrip(":")
        if len(shown) + len(sentence.splitlines()) <= room:
            shown += sentence.splitlines()
    return shown


def _family_table(failed: Sequence[Verdict]) -> Block:
    groups: dict[str, list[str]] = {}
    for verdict in failed:
        groups.setdefault(fact(verdict), []).append(verdict.scenario.id)
    return [
        line
        for what, ids in groups.items()
        for line in (f"  {what}:", *_wrapped(", ".join(ids), "      "))
    ]


def _wrapped(text: str, indent: str) -> Block:
    return textwrap.wrap(
        text, COLUMNS, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )


def fact(verdict: Verdict) -> str:
    """What the client did, in at most 58 characters."""
    if verdict.outcome != "leaked":
        return _FACTS[verdict.outcome]
    things = [_LEAKED.get(thing, thing) for thing in verdict.leaked]
    if len(things) > 1:
        # An envelope says more than that there were commands, a password more than AUTH.
        things = [thing for thing in things if thing not in _IMPLIED] or things[:1]
    return f"{_and(things)} {_CHANNELS[verdict.channel or 'cleartext']}"


def _cause(verdict: Verdict) -> str:
    """The key of the remedy."""
    if verdict.outcome == "leaked":
        return verdict.channel or "cleartext"
    return verdict.outcome


def _whereto(verdict: Verdict) -> Block:
    """The port that the client used instead of that of the mode."""
    if verdict.outcome != "other-mode":
        return []
    return [
        f"  - expected: the {_MODES[verdict.mode]} port",
        f"  + received: the {where(verdict.connections[0])}",
    ]


def _control_cause(verdict: Verdict, *, intercepts: bool) -> str:
    cause = diagnosis(verdict.connections, intercepts=intercepts)
    errors = [connection.handshake_error or "" for connection in verdict.connections]
    is_led = any(connection.transport.server_host for connection in verdict.connections)
    if cause == "nothing-sent" and any("without a TLS handshake" in error for error in errors):
        return "wrong-port-intercepted" if is_led else "wrong-port"
    if is_led:
        return cause
    asked = {c.transport.sni for c in verdict.connections} - {None, "localhost"}
    if cause == "context-out-of-reach" and (asked or "ostname mismatch" in _error(verdict.attempt)):
        return "wrong-host"
    return cause


def _who(verdict: Verdict, *, lines: int = 2) -> Block:
    """The server, and the client in so many lines."""
    server = f"{verdict.scenario.id} ({_MODES[verdict.mode]}): {verdict.scenario.summary}"
    return [
        *_labelled("the server", server),
        *(
            []
            if verdict.outcome == "needs-unused"
            else _labelled("the client", _client(verdict.attempt), lines)
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


def _client(attempt: Attempt) -> str:
    if attempt.hung:
        return f"did not come back within {attempt.seconds:.1f} s"
    if attempt.error is not None and attempt.reported:
        return f"raised {_error(attempt)}"
    return "reported a failure" if attempt.reported else "reported success"


def _error(attempt: Attempt) -> str:
    if attempt.error is None:
        return ""
    reason = getattr(attempt.error, "verify_message", "") or str(attempt.error)
    text = printable(reason.encode("utf-8", "backslashreplace"))
    name = type(attempt.error).__name__
    return f"{name}: {text}" if text else name


def _evidence(verdict: Verdict) -> Block:
    """The start of TLS if there was one, the line that decided, and its reply."""
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
        f"      {str(lines[at])[:36]}   <-- {_NOTES.get(_cause(verdict), 'here')}",
        *(f"      {line}" for line in lines[at + 1 : at + 2]),
    ]


def _turns(line: str) -> bool:
    """Whether a line tells how far the client got with TLS."""
    return line == "C: STARTTLS" or line.startswith(
        ("-- TLS", "S: 454", "S: 5", "S: 354 Go", "S: 220 R")
    )


def _received(verdict: Verdict) -> str:
    if verdict.outcome == "hung":
        return f"silence for {verdict.attempt.seconds:.1f} s, until the trap hung up"
    return fact(verdict)


def _and(things: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(things[:-1]), things[-1]]))
