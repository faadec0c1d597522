"""
What a client gave away to a hostile server, as pure decisions: observations in, verdicts out.

Rules of this file: no I/O, no wording, nothing heavy imported.
A client is judged by what it sent and what it reported to its caller, never by how it closed or which alert it sent:
asyncio's clients reject a certificate with a bare end of file; GnuTLS, curl and Java finish the handshake first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar

from pytest_mailtrap._hostile.scenario import flaw_of, hostile_from

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_mailtrap._facts.connection import Connection
    from pytest_mailtrap._facts.transcript import Line
    from pytest_mailtrap._hostile.scenario import Scenario
    from pytest_mailtrap._text.choices import Mode

T = TypeVar("T")
Outcome = Literal[
    "refused",
    "delivered",
    "leaked",
    "spoke-out-of-turn",
    "forbidden-command",
    "went-without",
    "false-success",
    "lost",
    "hung",
    "control-characters",
    "never-connected",
    "inconclusive",
    "not-delivered",
    "other-mode",
    "needs-unused",
]
Channel = Literal["cleartext", "impostor", "outdated", "weak"]
PASSING = frozenset({"refused", "delivered"})
# Commands that say something about the mail; EHLO, HELO, STARTTLS, NOOP, RSET and QUIT do not.
_ENVELOPE = frozenset({"MAIL", "RCPT", "VRFY", "EXPN"})
_BODY = frozenset({"DATA", "BDAT"})
_REDACTED = "[redacted]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How one call of the application's `send()` ended."""

    # Not in the repr: its text may hold a password, which *told* does not.
    error: BaseException | None = field(default=None, repr=False)
    """What `send()` raised, or None."""

    reported: bool = False
    """Whether the caller of `send()` could know that it failed."""

    hung: bool = False
    """Whether `send()` did not return in time, or a program it had started did not end in time."""

    seconds: float = 0.0
    """How long `send()` ran, in seconds."""

    told: str = ""
    """What `send()` reported to its caller, in words, without the passwords that the trap knows."""

    is_ambiguous: bool = False
    """Whether `send()` returned a number, which may be a status as well as a count."""

    cause: BaseException | None = field(default=None, repr=False)
    """The same as `error` if it can be shown without giving away a password, else None."""

    places: tuple[str, ...] = ()
    """The lines of the user's own code that `error` passed through."""

    clients: tuple[str, ...] = ()
    """The mail libraries or programs that the error or result names."""

    has_own_thread: bool = False
    """Whether `send()` ran in its own thread."""

    escapes: str | None = None
    """A record of the application's log that contains the server's control characters unescaped, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The result of one scenario."""

    scenario: Scenario
    """The scenario that was run."""

    mode: Mode
    """The mode in which it was run: STARTTLS or implicit TLS."""

    outcome: Outcome
    """
    The values "refused" and "delivered" (over valid TLS) are passes.
    "inconclusive" is neither a pass nor a failure; all others are failures.
    "never-connected" means that no client got as far as the hostile behavior of the server: nothing was refused.
    """

    leaked: tuple[str, ...] = ()
    """What the server got: "password", "login" (AUTH without its password), "envelope", "message", "command"."""

    channel: Channel | None = None
    """
    How the server got it: in "cleartext", over TLS to an "impostor", over "outdated" TLS, or TLS with a "weak" key.
    None means that nothing leaked.
    """

    connection: Connection | None = field(default=None, repr=False)
    """The connection that shows the outcome, or None."""

    decisive: int | None = None
    """The index of the line that shows the outcome in the transcript of `connection`, or None."""

    attempt: Attempt = field(default_factory=Attempt, repr=False)
    """How `send()` ended."""

    connections: tuple[Connection, ...] = field(default=(), repr=False)
    """All connections that were made."""

    remark: bool = False
    """Whether the verdict is worth a remark but not a failure: a matter of taste, in a scenario that was not asked for."""

    trusts_anybody: bool | None = None
    """Whether a client that accepted a bad certificate also accepts one from any CA; None if that was not tried."""

    @property
    def passed(self) -> bool:
        """Whether the application did what a secure application does."""
        return self.outcome in PASSING

    @property
    def failed(self) -> bool:
        """Whether the application did not do so; an inconclusive verdict or a remark has neither passed nor failed."""
        return not (self.passed or self.remark or self.outcome == "inconclusive")


def judge(
    scenario: Scenario,
    mode: Mode,
    connections: Sequence[Connection],
    attempt: Attempt,
    *,
    may_fail_silently: bool = False,
) -> Verdict:
    """Return the verdict on *scenario*, from what its server saw and how `send()` ended."""

    def verdict(outcome: Outcome, found: _Observation | None = None) -> Verdict:
        return Verdict(
            scenario=scenario,
            mode=mode,
            outcome=outcome,
            leaked=found.leaked if found else (),
            channel=found.channel if found else None,
            connection=found.connection if found else None,
            decisive=found.decisive if found else None,
            attempt=attempt,
            connections=tuple(connections),
        )

    if scenario.id == "ok" and _is_of_the_other_mode(mode, connections):
        return verdict("other-mode")
    if fault := _fault(scenario, mode, connections):
        return verdict(*fault)
    if attempt.hung:
        return verdict("hung")
    if scenario.id != "ok" and not has_met(scenario, mode, connections):
        return verdict("never-connected")
    if attempt.escapes is not None:
        return verdict("control-characters")
    if any(map(_accepted, connections)):
        return verdict("delivered")
    if attempt.reported:
        return verdict("not-delivered" if scenario.expected == "deliver" else "refused")
    if scenario.expected == "deliver":
        return verdict("not-delivered")
    if may_fail_silently:
        return verdict("refused")
    cut = _first(c for c in connections if c.messages)
    return verdict("false-success", _Observation(connection=cut)) if cut else verdict("lost")


def is_decided(scenario: Scenario, mode: str, connections: Sequence[Connection]) -> bool:
    """Whether the client has failed already, whatever else may come."""
    return _fault(scenario, mode, connections) is not None


def is_kept_waiting(connection: Connection) -> bool:
    """Whether the client is in a handshake that has not ended."""
    if connection.ended_by is not None or connection.transport.encrypted:
        return False
    last = [line for line in connection.transcript if line.speaker != "-"][-2:]
    begins = [_verb(line) or line.text[:3] for line in last] == ["STARTTLS", "220"]
    return connection.implicit_tls or begins


def has_met(scenario: Scenario, mode: str, connections: Iterable[Connection]) -> bool:
    """
    Whether a client got as far as the hostile behavior of the server.

    A probe that connects and disconnects has seen no certificate, and had nothing to refuse.
    """
    return any(_has_met(scenario, mode, connection) for connection in connections)


def _has_met(scenario: Scenario, mode: str, connection: Connection) -> bool:
    behavior = hostile_from(scenario, mode)
    if behavior == "connect" or connection.client_hello is not None:
        return True
    said = {_verb(line) for line in connection.transcript}
    return bool(said & {"EHLO", "HELO"}) if behavior == "greeting" else "STARTTLS" in said


def _is_of_the_other_mode(mode: str, connections: Sequence[Connection]) -> bool:
    """Whether all connections were to the port that this family does not attack: such a client proves nothing."""
    return bool(connections) and all(c.implicit_tls != (mode == "implicit") for c in connections)


def uses(option: str, connections: Iterable[Connection]) -> bool:
    """Whether a message with this option of MAIL was accepted."""
    return any(
        option in (given.upper() for given in message.mail_options)
        for connection in connections
        for message in connection.messages
    )


def is_explained_by_its_error(verdict: Verdict) -> bool:
    """Whether the application's own error explains the verdict, since nothing arrived that could be judged."""
    return verdict.outcome in ("not-delivered", "never-connected")


def is_matter_of_taste(verdict: Verdict) -> bool:
    """Whether the only objection to the client is that it accepts TLS that some clients refuse."""
    return (
        verdict.scenario.advisory
        and verdict.outcome == "leaked"
        and verdict.channel in ("impostor", "weak")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Observation:
    connection: Connection
    decisive: int | None = None
    leaked: tuple[str, ...] = ()
    channel: Channel | None = None


def _fault(
    scenario: Scenario, mode: str, connections: Sequence[Connection]
) -> tuple[Outcome, _Observation] | None:
    """A forbidden action of the client, and where it happened; None if there was none."""
    if leak := _leak(scenario, mode, connections):
        return "leaked", leak
    if early := _first(c for c in connections if c.spoke_out_of_turn):
        return "spoke-out-of-turn", _Observation(connection=early, decisive=_early_line(early))
    if found := _forbidden(scenario, connections):
        return "forbidden-command", found
    if found := _without(scenario, connections):
        return "went-without", found
    return None


def _leak(scenario: Scenario, mode: str, connections: Sequence[Connection]) -> _Observation | None:
    """The connection that gave away the most of what a client must not give away."""
    findings = [
        finding
        for connection in connections
        if (finding := _leak_of(scenario, mode, connection)) is not None
    ]
    return max(findings, key=lambda finding: len(finding.leaked), default=None)


def _leak_of(scenario: Scenario, mode: str, connection: Connection) -> _Observation | None:
    leaked: dict[str, None] = {}
    channel: Channel | None = None
    decisive = None
    lines = list(connection.transcript)
    for at, line in enumerate(lines):
        through = _exposed(scenario, line)
        what = _worth(lines, at, implicit=mode == "implicit") if through else None
        if through and what:
            leaked[what] = None
            if channel is None:
                channel, decisive = through, at
    if not leaked:
        return None
    order = ("password", "login", "envelope", "message", "command")
    return _Observation(
        connection=connection,
        decisive=decisive,
        leaked=tuple(what for what in order if what in leaked),
        channel=channel,
    )


def _exposed(scenario: Scenario, line: Line) -> Channel | None:
    """The channel through which others can read this line; None if they cannot."""
    return flaw_of(scenario) if line.encrypted else "cleartext"


def _worth(lines: Sequence[Line], at: int, *, implicit: bool) -> str | None:
    """What a line gives away, or None."""
    line = lines[at]
    if line.speaker == "-":
        return "message" if line.text.startswith("message data") else None
    if line.speaker != "C":
        return None
    verb = _verb(line)
    if _REDACTED in line.text:
        return "password"
    if verb == "AUTH":
        return "login"
    if verb in _ENVELOPE:
        return "envelope"
    if verb in _BODY:
        return None if verb == "DATA" else "message"
    # On the port for implicit TLS nothing may be sent in cleartext (RFC 8314, section 3.3).
    is_command = implicit and not line.encrypted and verb.isalpha() and verb != "QUIT"
    return "command" if is_command else None


def _forbidden(scenario: Scenario, connections: Sequence[Connection]) -> _Observation | None:
    for connection in connections:
        for at, line in enumerate(connection.transcript):
            if line.encrypted and _verb(line) in scenario.forbids:
                return _Observation(connection=connection, decisive=at)
    return None


def _without(scenario: Scenario, connections: Sequence[Connection]) -> _Observation | None:
    if scenario.needs is None:
        return None
    for connection in connections:
        for message in connection.messages:
            if scenario.needs not in (option.upper() for option in message.mail_options):
                return _Observation(connection=connection)
    return None


def _accepted(connection: Connection) -> bool:
    """Whether the server replied, inside TLS, that it accepted a message of the client."""
    lines = list(connection.transcript)
    return any(
        line.speaker == "-"
        and line.encrypted
        and line.text.startswith("message data")
        and _next_reply(lines[at + 1 :]).startswith("2")
        for at, line in enumerate(lines)
    )


def _next_reply(lines: Sequence[Line]) -> str:
    spoken = _first(line for line in lines if line.speaker != "-")
    return spoken.text if spoken is not None and spoken.speaker == "S" else ""


def _early_line(connection: Connection) -> int | None:
    """The EHLO whose reply the client did not wait for."""
    lines = list(connection.transcript)
    places = [at for at, line in enumerate(lines) if line.encrypted and _verb(line) == "EHLO"]
    return places[0] if places else None


def _verb(line: Line) -> str:
    return line.text.split(" ")[0].upper() if line.speaker == "C" else ""


def _first(things: Iterable[T]) -> T | None:
    return next(iter(things), None)
