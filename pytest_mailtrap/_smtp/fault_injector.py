"""
Applies the rules to one connection: it is called for each command, and does what the rules say instead.

Rules of this file: it runs on the trap's event loop, knows no particular command, and stops waiting when the client has disconnected.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._smtp.faults import EVENTS, ends, reply_of
from pytest_mailtrap._smtp.faults import carries_out as is_carried_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence

    from pytest_mailtrap._smtp.connection_protocol import SMTPConnectionProtocol
    from pytest_mailtrap._smtp.faults import Rule, Rules
    from pytest_mailtrap._smtp.line_reader import LineReader

Command = Any  # aiosmtpd's methods: an argument or None in, an awaitable out


class FaultInjector:
    """
    The rules, applied to one connection.

    *passed_over* is called for commands that are not carried out.
    """

    def __init__(
        self,
        rules: Rules,
        protocol: SMTPConnectionProtocol,
        reader: LineReader,
        *,
        passed_over: Callable[[str, str | None], None],
    ) -> None:
        self._rules = rules
        self._protocol = protocol
        self._line_reader = reader
        self._passed_over = passed_over
        self._in_place: bytes | None = None
        self._offers: Mapping[str, str | None] = {}
        self._turned_away = False

    def over(self, names: Collection[str], command: Callable[[str], Command]) -> Any:
        """A table of the commands with these *names*; each command asks the rules first."""
        return _Table(self, names, command)

    async def command(self, name: str, method: Command, argument: str | None) -> None:
        """Carry out one of aiosmtpd's commands, or what the rules say instead."""
        if self._turned_away and name != "QUIT":
            self._reply(b"503 5.5.1 No service here; only QUIT is accepted\r\n")
            return
        acting = self.take(name, argument or "")
        if not all(is_carried_out(rule) for rule in acting):
            self._passed_over(name, argument)
        await self.perform(acting, functools.partial(method, argument))

    def take(self, command: str, argument: str = "") -> list[Rule]:
        return self._rules.take(command, argument, encrypted=self._protocol.secured)

    def concerns(self, command: str) -> bool:
        """Whether there is a rule for *command*, which may be one that aiosmtpd does not know."""
        return command not in EVENTS and self._rules.concern(command)

    @property
    def has_reply(self) -> bool:
        """Whether a rule supplies the reply to the command that is being carried out."""
        return self._in_place is not None

    async def greet(self, talk: Callable[[], Awaitable[None]]) -> None:
        """Begin the session; after a greeting of 4xx or 5xx only QUIT is accepted (RFC 5321, section 3.1)."""
        acting = self.take("CONNECT")
        if (rule := _last(acting)) is not None and not is_carried_out(rule):
            self._turned_away = True
        await self.perform(acting, talk, carries_out=True)

    async def perform(
        self,
        acting: Sequence[Rule],
        obey: Callable[[], Awaitable[None]],
        *,
        carries_out: bool = False,
    ) -> None:
        """Do what the rules say; *obey* carries the command out, if that is to happen."""
        self._offers = {k: v for rule in acting for k, v in (rule.offers or {}).items()}
        for rule in acting:
            await self._wait(rule)
        final = _last(acting)
        if final is None:
            await obey()
        elif final.disconnect:
            self._cut(final)
        elif final.code == 421:
            self._reply(reply_of(final))
            self._hang_up()
        elif carries_out or is_carried_out(final):
            self._in_place = reply_of(final)
            await obey()
            self._in_place = None
        else:
            self._reply(reply_of(final))

    async def _wait(self, rule: Rule) -> None:
        if rule.until_input:
            if await self._line_reader.arrives_within(rule.delay):
                self._protocol.facts.spoke_out_of_turn = True
                self._protocol.recorder.event("the client continues before this is answered")
        elif rule.delay:
            self._protocol.recorder.event(f"silence for {rule.delay:g} s")
            await self._line_reader.ends_within(rule.delay)

    def instead_of(self, reply: bytes) -> bytes:
        """The reply to send instead of aiosmtpd's *reply*; an error reply of aiosmtpd is kept."""
        if self._in_place is None or (reply[:1] not in b"23" and not self._turned_away):
            return reply
        reply, self._in_place = self._in_place, None
        return reply

    def offered(self, keywords: list[str]) -> list[str]:
        """What EHLO offers, with the changes that the rules make."""
        changed = [self._offers.get(keyword.split(" ")[0], keyword) for keyword in keywords]
        return [keyword for keyword in changed if keyword is not None]

    def _reply(self, reply: bytes | None) -> None:
        if reply is not None:
            self._protocol.recorder.server(reply)
            self._protocol.send(reply)

    def _cut(self, rule: Rule) -> None:
        self._reply(reply_of(rule))
        self._protocol.recorder.event("the trap cuts the connection")
        self._protocol.cut()
        raise ConnectionResetError("cut by a rule")

    def _hang_up(self) -> None:
        self._protocol.close()
        raise ConnectionResetError("closed after a 421")


class _Table(Mapping[str, "_Ruled"]):
    """Commands by name; each is looked up when it comes, as a session has only a few."""

    def __init__(
        self, injector: FaultInjector, names: Collection[str], command: Callable[[str], Command]
    ) -> None:
        self._injector = injector
        self._names = names
        self._command = command

    def __getitem__(self, name: str) -> _Ruled:
        if name not in self._names and not self._injector.concerns(name):
            raise KeyError(name)
        return _Ruled(self._injector, name, self._command(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class _Ruled:
    """A command of aiosmtpd that asks the rules first."""

    __slots__ = ("_injector", "_method", "_name")

    def __init__(self, injector: FaultInjector, name: str, method: Command) -> None:
        self._injector = injector
        self._name = name
        self._method = method

    def __call__(self, argument: str | None) -> Awaitable[None]:
        return self._injector.command(self._name, self._method, argument)

    def __getattr__(self, name: str) -> Any:
        """What aiosmtpd's decorators have set on the command, such as its syntax."""
        return getattr(self._method, name)


def _last(acting: Sequence[Rule]) -> Rule | None:
    """The rule that ends the command's handling, if there is one; there is at most one."""
    return acting[-1] if acting and ends(acting[-1]) else None
