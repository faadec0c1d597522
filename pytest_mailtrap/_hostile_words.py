"""
The words for verdicts on clients of hostile servers: verdicts in, text out.

Rules of this file: pure; the fact first, then server and client, then the smallest evidence, then expected and received, then what to
change. At most 18 lines of 72 columns.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from pytest_mailtrap._hostile_advice import SLOW, control_remedy, remedy
from pytest_mailtrap._judgement import is_explained_by_its_error
from pytest_mailtrap._kept_words import kept_lines
from pytest_mailtrap._layout import COLUMNS, LINES, clip, compose, height, shortened, with_rows
from pytest_mailtrap._outcomes import concerning, diagnosis, happenings, where
from pytest_mailtrap._pages import MORE
from pytest_mailtrap._terms import plural
from pytest_mailtrap._transcript import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_mailtrap._connection import Connection
    from pytest_mailtrap._judgement import Attempt, Verdict
    from pytest_mailtrap._kept_words import Kept
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
    "forged": "EHLO was refused inside TLS",
    "forbidden-command": "never offered inside TLS",
    "inconclusive": "never offered inside TLS",
}
_LEAKED = {"login": "AUTH", "command": "commands"}
# What a client overlooks that does verify certificates, by the flaw of the one that it accepted.
_OVERLOOKED = {
    "host-mismatch": "name",
    "cn-only": "name",
    "partial-wildcard": "name",
    "wrong-purpose": "purpose",
}
# What a database raises where another thread does not see what the test has written.
_DATABASES = ("django.db.", "sqlite3.", "psycopg.", "psycopg2.", "sqlalchemy.exc.")
_FACTS = {
    "spoke-out-of-turn": "believed a reply forged before TLS",
    "forbidden-command": "sent AUTH, which was not offered inside TLS",
    "forged": "believed a reply forged before TLS",
    "inconclusive": "inconclusive, the client sends AUTH unasked",
    "inconclusive-session": "inconclusive, the client goes on after a refused EHLO",
    "never-connected": "nothing connected to the hostile server",
    "never-met": "left before the server could be hostile",
    "went-without": "sent the message without REQUIRETLS",
    "needs-unused": "the message does not ask for REQUIRETLS",
    "false-success": "reported success without a reply",
    "lost": "reported success, and nothing arrived",
    "hung": "send() did not come back",
    "control-characters": "terminal escapes in the log",
    "not-delivered": "nothing arrived",
    "other-mode": "the client uses the other kind of port",
}
_CAME = {"lost": ", and nothing arrived", "false-success": " without a reply"}
_EXPECTED = {
    "spoke-out-of-turn": "what came before TLS is discarded",
    "forged": "QUIT, as EHLO and HELO are refused inside TLS",
    "forbidden-command": "no AUTH, as EHLO inside TLS offers none",
    "never-connected": "a connection to this server, and nothing sent on it",
    "never-met": "EHLO and STARTTLS, or a handshake, as at the good one",
    "went-without": "an error, as with 5.7.30 (RFC 8689)",
    "needs-unused": "MAIL FROM:<...> REQUIRETLS at the good server",
    "false-success": "an error, as the server never said 250",
    "lost": "an error for the caller of send()",
    "hung": "an error after the client's own timeout",
    "control-characters": "what the server said, escaped",
}


def explain_verdict(verdict: Verdict) -> str:
    """Say what the client did wrong with one hostile server, and what to change."""
    cause = _cause(verdict)
    blocks = [
        _evidence(verdict),
        [
            f"  - expected: {_EXPECTED.get(cause, 'nothing is sent to this server')}",
            f"  + received: {_received(verdict)}",
        ],
        _places(verdict),
        remedy(
            _remedied(verdict),
            verdict.mode,
            _clients(verdict),
            is_ambiguous=verdict.attempt.is_ambiguous,
        ),
    ]
    who = _who(verdict)
    if height(who, *blocks) > LINES:
        who = _who(verdict, lines=1)
    blocks[-1] = shortened(blocks[-1], height(who, *blocks) - LINES)
    return compose(fact(verdict), who, *blocks)


def _clients(verdict: Verdict) -> tuple[str, ...]:
    """Whom the error or the program's name shows, else whoever connected."""
    seen = [verdict.attempt.clients]
    if verdict.connection is not None:
        seen.append(verdict.connection.clients)
    seen += [connection.clients for connection in reversed(verdict.connections)]
    return next(filter(None, seen), ())


def _places(verdict: Verdict) -> Block:
    """Where the client's own error came from, where pytest must not show it."""
    attempt = verdict.attempt
    is_shown = attempt.error is None or attempt.cause is not None
    if is_shown or not attempt.places or not is_explained_by_its_error(verdict):
        return []
    return ["  its error came through:", *(f"      {place}" for place in attempt.places[-2:])]


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

    *trap* is what the test calls it, *kept* is what has stayed in the process.
    """
    attempt = verdict.attempt
    if verdict.outcome in ("not-delivered", "hung"):
        head = "the control failed: nothing arrived at a good server"
        cause = _control_cause(verdict, intercepts=intercepts)
    else:
        head = f"the control failed: {fact(verdict)}"
        cause = _remedied(verdict)
    concerned = concerning(cause, verdict.connections, reported=attempt.reported)
    is_elsewhere = kept and cause in ("no-connection", "not-intercepted")
    advice = (
        kept_lines(kept)
        if is_elsewhere
        else control_remedy(
            cause,
            verdict.mode,
            trap=trap,
            clients=_clients(verdict),
            name=(concerned.misnamed if concerned else "") or "",
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
    """Say that a hostile server was met by a client that nobody was asked to judge."""
    return "\n".join(
        [
            f"{plural(len(connections), 'connection')} to the hostile server came outside of",
            "assert_client_refuses(): pass the function, not its result:",
            "  hostile_mailtrap.assert_client_refuses(send), not send()",
            "",
            *happenings(connections, 0, 0, room=6),
        ]
    )


def explain_family(verdicts: Sequence[Verdict]) -> str:
    """Say which hostile servers got what, in one table: what they got, and under it who."""
    failed = [verdict for verdict in verdicts if verdict.failed]
    total = sum(verdict.scenario.id != "ok" for verdict in verdicts)
    causes = dict.fromkeys(_remedied(verdict) for verdict in failed)
    clients = next(filter(None, map(_clients, failed)), ())
    is_ambiguous = any(verdict.attempt.is_ambiguous for verdict in failed)
    advice = [remedy(cause, failed[0].mode, clients, is_ambiguous=is_ambiguous) for cause in causes]
    groups = _groups(failed)
    # The least table names each fact and some who show it; the advice has the rest, and at last the table grows into it.
    advice = _advice_within(advice, LINES - height(_table(groups, 1)))
    table = _table_within(groups, LINES - height(*advice) - 1)
    if all(_cause(verdict) == "never-connected" for verdict in failed):
        head = f"nothing connected to {len(failed)} of {total} hostile servers"
    else:
        head = f"the client fails at {len(failed)} of {total} hostile servers"
    text = [head]
    for block in (table, *advice):
        text += ["", *block] if block else []
    return "\n".join(map(clip, text))


def _advice_within(advice: Sequence[Block], room: int) -> list[Block]:
    """As much of the advice as there is room for: whole, else without some rows, else the sentences alone."""
    fitting = [block for block in advice if block]
    pages = dict.fromkeys(line for block in fitting for line in block if line.startswith(MORE))
    for count in (3, 2, 1):
        blocks = [with_rows(block, count, keeps_page=False) for block in fitting]
        if pages:
            blocks[-1] = [*blocks[-1], *list(pages)[:1]]
        if sum(len(block) + 1 for block in blocks) <= room:
            return blocks
    return [_sentences(fitting, pages, room - 1)]


def _sentences(advice: Sequence[Block], pages: Iterable[str], room: int) -> Block:
    """The sentences with a row each where there is room for it, one below the other; never a part of a sentence."""
    last = list(pages)[:1]
    shown: Block = []
    for block in advice:
        for lines in (with_rows(block, n, keeps_page=False) for n in (1, 0)):
            if len(shown) + len(lines) + len(last) <= room:
                if not lines[-1].startswith("  "):
                    lines = [*lines[:-1], lines[-1].rstrip(":")]
                shown += lines
                break
    return [*shown, *last]


def _groups(failed: Sequence[Verdict]) -> dict[str, Block]:
    """What was seen, and the lines with the ids of the servers that saw it."""
    groups: dict[str, list[str]] = {}
    for verdict in failed:
        what = fact(verdict)
        if verdict.outcome in ("lost", "false-success") and verdict.attempt.told:
            # The whole of what it said, where that is more than the bare word.
            what = f"{verdict.attempt.told}{_CAME[verdict.outcome]}"
        groups.setdefault(what, []).append(verdict.scenario.id)
    return {what: _wrapped(", ".join(ids), "      ") for what, ids in groups.items()}


def _table(groups: Mapping[str, Block], most: int) -> Block:
    """The groups, with so many lines of ids each."""
    return [
        line
        for what, lines in groups.items()
        for line in (*_wrapped(f"{what}:", "  ")[:2], *_some(lines, most))
    ]


def _some(lines: Block, most: int) -> Block:
    if len(lines) <= most:
        return lines
    left = " ".join(lines[most:]).count(",") + 1
    kept = lines[:most]
    more = f" ... and {left} more"
    if len(kept[-1]) + len(more) > COLUMNS:
        *whole, _, _ = kept[-1].rsplit(",", 2)
        kept[-1], more = f"{','.join(whole)},", f" ... and {left + 1} more"
    kept[-1] = kept[-1].rstrip(",") + f",{more}"
    return kept


def _table_within(groups: Mapping[str, Block], room: int) -> Block:
    """The longest table there is room for."""
    longest = max(map(len, groups.values()))
    for most in range(longest, 1, -1):
        if len(table := _table(groups, most)) <= room:
            return table
    return _table(groups, 1)


def _wrapped(text: str, indent: str) -> Block:
    return textwrap.wrap(
        text, COLUMNS, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )


def fact(verdict: Verdict) -> str:
    """What the client did, in at most 58 characters."""
    if verdict.outcome != "leaked":
        return _FACTS[_cause(verdict)]
    # Whatever else leaked says more than that there were commands, a password more than that there was AUTH.
    leaked = verdict.leaked
    implied = {"command"} if len(leaked) > 1 else set()
    implied |= {"login"} if "password" in leaked else set()
    things = [_LEAKED.get(thing, thing) for thing in leaked if thing not in implied]
    return f"{_and(things)} {_CHANNELS[verdict.channel or 'cleartext']}"


def remark(verdict: Verdict) -> str:
    """What is remarked of a client that is well configured but for a matter of taste."""
    return f"accepts a server that {verdict.scenario.summary} ({verdict.scenario.id})"


def _cause(verdict: Verdict) -> str:
    """The key of the words."""
    if verdict.outcome == "leaked":
        return verdict.channel or "cleartext"
    if verdict.outcome == "never-connected" and verdict.connections:
        return "never-met"
    if verdict.scenario.refuses_session:
        if verdict.outcome == "forbidden-command":
            return "forged"
        if verdict.outcome == "inconclusive":
            return "inconclusive-session"
    return verdict.outcome


def _remedied(verdict: Verdict) -> str:
    """The key of the remedy: who accepts everybody is not cured by longer keys, nor who verifies by being told to verify."""
    cause = _cause(verdict)
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
    if not verdict.connections and _needs_the_tests_thread(verdict.attempt):
        return "other-thread"
    return cause


def _needs_the_tests_thread(attempt: Attempt) -> bool:
    """Whether a database kept it from sending, and it ran in a thread that sees nothing of the test's transaction."""
    if not attempt.has_own_thread or attempt.error is None:
        return False
    names = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(attempt.error).__mro__]
    return any(name.startswith(_DATABASES) or name.endswith("DoesNotExist") for name in names)


def _who(verdict: Verdict, *, lines: int = 2) -> Block:
    """The server, and the client in so many lines."""
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
        f"      {str(lines[at])[:36]}   <-- {_NOTES.get(_cause(verdict).removesuffix('-session'), 'here')}",
        *(f"      {line}" for line in lines[at + 1 : at + 2]),
    ]


def _turns(line: str) -> bool:
    """Whether a line tells how far the client got with TLS."""
    return line == "C: STARTTLS" or line.startswith(
        ("-- TLS", "S: 454", "S: 5", "S: 354 Go", "S: 220 R")
    )


def _received(verdict: Verdict) -> str:
    if verdict.outcome == "hung" and verdict.attempt.error is None:
        return f"silence for {verdict.attempt.seconds:.1f} s, until the trap hung up"
    return fact(verdict)


def _and(things: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(things[:-1]), things[-1]]))
