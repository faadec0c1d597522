"""
Scripted faults: what a server does instead of what it should do, as a table of rules.

Rules of this file: values and counting, no I/O; one kind of table serves ordinary traps and hostile servers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from pytest_mailtrap._text.numbers import is_count, is_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable

# pytest looks for this in the globals of a function, too: the `__init__` that dataclass generates has no other place
# for it.
__tracebackhide__ = True

COMMANDS = (
    "CONNECT",
    "HANDSHAKE",
    "EHLO",
    "HELO",
    "STARTTLS",
    "AUTH",
    "MAIL",
    "RCPT",
    "DATA",
    "END-OF-MESSAGE",
    "RSET",
    "NOOP",
    "VRFY",
    "EXPN",
    "HELP",
    "QUIT",
)
# What a rule can be for and no client sends as a command.
EVENTS = frozenset({"CONNECT", "HANDSHAKE", "END-OF-MESSAGE"})
# Commands that the trap does not implement: RFC 821, 1985, 2033, 2645, 3030, 4468, and Postfix.
_NOT_IMPLEMENTED = frozenset(
    {"ATRN", "BDAT", "BURL", "ETRN", "LHLO", "SAML", "SEND", "SOML", "TURN", "XCLIENT", "XFORWARD"}
)
# RFC 5321, section 4.1.5: a command that begins with X is private.
_PRIVATE = re.compile(r"X[A-Z0-9-]{1,20}")
# Less than the trap itself waits for the next command.
MAX_DELAY = 50.0
_ALIASES = {".": "END-OF-MESSAGE"}
_NONE = type(None)
_KINDS: tuple[tuple[str, tuple[type, ...], str], ...] = (
    ("text", (str,), "a string"),
    ("raw", (bytes, _NONE), "bytes or None"),
    ("matching", (str, _NONE), "a string or None"),
    ("until_input", (bool,), "True or False"),
    ("disconnect", (bool,), "True or False"),
    ("obey", (bool, _NONE), "True, False or None"),
    ("inside_tls", (bool, _NONE), "True, False or None"),
    ("offers", (Mapping, _NONE), "a mapping or None"),
)
_CODES = "200 to 259, 300 to 359, 400 to 459 or 500 to 559"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """
    What the server does when *command* comes for the *nth* time, and for the next *times* - 1 times.

    *code* and *text* are the reply.
    ValueError or TypeError if a value is wrong, or if the rule does nothing.
    """

    command: str
    """
    An SMTP command, even one that the trap does not implement, "CONNECT" (the greeting), "HANDSHAKE" (the client's first bytes of TLS) or
    "END-OF-MESSAGE" (the final dot, also written ".").
    """

    code: int | None = None
    """
    The code of the reply, or None for no reply of this kind.
    With 4xx and 5xx the command is not carried out, with 2xx it is; `obey` overrides that.
    421 closes the connection (RFC 5321, section 3.8).
    """

    text: str = ""
    """The text of the reply; several lines make a multiline reply."""

    raw: bytes | None = None
    """
    Bytes that are sent unchanged instead of a reply, or None.
    If they begin with a code, that counts like `code`.
    """

    delay: float = 0.0
    """A delay in seconds, before everything else."""

    until_input: bool = False
    """Whether the delay ends when the client sends something too early."""

    disconnect: bool = False
    """Whether to cut the connection, without closing TLS, after `raw` or instead of a reply."""

    offers: Mapping[str, str | None] | None = None
    """
    Changes what EHLO offers: it maps a keyword to its replacement, or to None to leave it out.
    None changes nothing.
    """

    obey: bool | None = None
    """Whether the command is carried out; None means that the code decides."""

    matching: str | None = None
    """
    Limits the rule to commands whose argument contains this text; upper and lower case are the same.
    None means no limit.
    """

    inside_tls: bool | None = None
    """Limits the rule to commands inside (True) or outside (False) TLS; None means both."""

    nth: int = 1
    """The first occurrence of the command that the rule applies to, counted from 1."""

    times: int | None = 1
    """How many occurrences the rule applies to; with None, every one from then on."""

    def __post_init__(self) -> None:
        __tracebackhide__ = True
        object.__setattr__(self, "command", command_name(self.command))
        if self.code is not None:
            _check_code(self.code, self.command)
        _check_kinds(self)
        if not (is_seconds(self.delay) and 0 <= self.delay <= MAX_DELAY):
            raise ValueError(f"delay must be 0 to {MAX_DELAY:g} seconds, got {self.delay!r}")
        _check_count("nth", self.nth)
        if self.times is not None:
            _check_count("times", self.times)
        if not (self.delay or ends(self) or self.offers):
            raise ValueError(
                f"a rule for {self.command} must say what to do: code, raw, delay, offers or disconnect"
            )

    def __str__(self) -> str:
        what = [
            f"reply({self.command!r}, {self.code})" if self.code is not None else "",
            f"delay({self.command!r}, {self.delay:g})" if self.delay else "",
            f"disconnect({self.command!r})" if self.disconnect else "",
        ]
        named = next(filter(None, what), f"rule for {self.command}")
        extra = [
            f"nth={self.nth}" if self.nth > 1 else "",
            f"matching={self.matching!r}" if self.matching is not None else "",
        ]
        more = ", ".join(filter(None, extra))
        return f"{named[:-1]}, {more})" if more and named.endswith(")") else named


# By the first digit of the code.
_DEFAULT_TEXTS = ("", "", "OK", "Go on", "Try again later", "Not accepted")


def ends(rule: Rule) -> bool:
    """Whether nothing else can happen to the same command."""
    return rule.code is not None or rule.raw is not None or rule.disconnect


def carries_out(rule: Rule) -> bool:
    """Whether the command takes effect nevertheless."""
    if rule.obey is not None:
        return rule.obey
    code = rule.code if rule.code is not None else _code_of(rule.raw)
    return code is None or code < 300 or (rule.command == "DATA" and code < 400)


def reply_of(rule: Rule) -> bytes | None:
    """The reply as it is sent, or None for aiosmtpd's reply."""
    if rule.raw is not None or rule.code is None:
        return rule.raw
    lines = rule.text.splitlines() or [_DEFAULT_TEXTS[rule.code // 100]]
    last = len(lines) - 1
    return "".join(
        f"{rule.code}{' ' if at == last else '-'}{line}\r\n" for at, line in enumerate(lines)
    ).encode("utf-8", "surrogateescape")


def concerns(rule: Rule, command: str, argument: str, *, encrypted: bool) -> bool:
    """Whether *rule* is about this command."""
    return (
        rule.command == command
        and rule.inside_tls in (None, encrypted)
        and (rule.matching is None or rule.matching.casefold() in argument.casefold())
    )


class Rules:
    """A table of rules and how often each has fired; the server's thread counts, the test's thread may add rules."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._entries = [_RuleCounter(rule) for rule in rules]

    def add(self, rule: Rule) -> None:
        self._entries = [*self._entries, _RuleCounter(rule)]

    def take(self, command: str, argument: str = "", *, encrypted: bool) -> list[Rule]:
        """The rules that act on this occurrence; after a reply or a cut, later rules do not see it."""
        acting = []
        for entry in self._entries:
            if not concerns(entry.rule, command, argument, encrypted=encrypted):
                continue
            if entry.comes_up():
                acting.append(entry.rule)
                if ends(entry.rule):
                    break
        return acting

    def concern(self, command: str) -> bool:
        """Whether there is a rule for *command*, under whatever conditions."""
        return any(entry.rule.command == command for entry in self._entries)

    def count(self) -> int:
        return len(self._entries)

    def unfired(self) -> list[Unfired]:
        """The rules that have never acted."""
        return [Unfired(e.rule, e.seen) for e in self._entries if not e.fired]


class Unfired(NamedTuple):
    """A rule that never acted, and how often its command came."""

    rule: Rule
    seen: int


class _RuleCounter:
    __slots__ = ("fired", "rule", "seen")

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.seen = 0
        self.fired = 0

    def comes_up(self) -> bool:
        """Count an occurrence; return whether the rule acts on it."""
        rule = self.rule
        if rule.times is not None and self.fired >= rule.times:
            return False
        self.seen += 1
        if self.seen < rule.nth:
            return False
        self.fired += 1
        return True


def command_name(given: object) -> str:
    """The name of the command in its canonical form; ValueError if unknown, which lists the known ones."""
    __tracebackhide__ = True
    name = _ALIASES.get(given, given.upper()) if isinstance(given, str) else given
    if isinstance(name, str) and (
        name in COMMANDS or name in _NOT_IMPLEMENTED or _PRIVATE.fullmatch(name)
    ):
        return name
    raise ValueError(
        f"command must be one of {', '.join(COMMANDS)}, one that the trap does not implement "
        f"({', '.join(sorted(_NOT_IMPLEMENTED))}) or one that begins with X, got {given!r}"
    )


def _code_of(reply: bytes | None) -> int | None:
    """The code that a reply begins with, or None."""
    first = (reply or b"")[:3]
    return int(first) if len(first) == 3 and first.isdigit() else None


def _check_kinds(rule: Rule) -> None:
    """Check the types now: a wrong type would be an error inside the trap when the rule is used."""
    __tracebackhide__ = True
    for name, kind, words in _KINDS:
        if not isinstance(given := getattr(rule, name), kind):
            raise TypeError(f"{name} must be {words}, got {given!r}")
    offers = rule.offers or {}
    if not all(isinstance(k, str) and isinstance(v, str | None) for k, v in offers.items()):
        raise TypeError(f"offers must map keywords to strings or None, got {rule.offers!r}")


def _check_code(code: object, command: str) -> None:
    __tracebackhide__ = True
    if command == "HANDSHAKE":
        raise ValueError("HANDSHAKE takes no reply: SMTP is silent when TLS begins")
    # RFC 5321, section 4.2.1: the second digit is 0 to 5.
    if not isinstance(code, int) or code // 100 not in (2, 3, 4, 5) or code % 100 > 59:
        raise ValueError(f"code must be {_CODES}, got {code!r}")


def _check_count(name: Literal["nth", "times"], count: object) -> None:
    __tracebackhide__ = True
    if not is_count(count):
        raise ValueError(f"{name} must be a positive whole number, got {count!r}")
