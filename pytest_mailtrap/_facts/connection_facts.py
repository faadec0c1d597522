"""What becomes known of one TCP connection: written by the protocol, read by everybody."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal

from pytest_mailtrap._facts.carried_messages import CarriedMessages
from pytest_mailtrap._facts.transcript import Recorder
from pytest_mailtrap._facts.transport import Transport
from pytest_mailtrap._text.terms import plural

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_mailtrap._facts.client_hello import ClientHello
    from pytest_mailtrap._facts.transcript import Transcript
    from pytest_mailtrap._facts.transport import Auth

EndedBy = Literal["quit", "close_notify", "eof", "reset", "alert", "timeout", "server"]


# The values of a transport before anything is known about it.
_CLEARTEXT = dict.fromkeys(field.name for field in fields(Transport)) | {"session_reused": False}


class Facts:
    """What becomes known about a connection; written by its protocol, read through `Connection`."""

    __slots__ = (
        "_made",
        "clients",
        "ended_by",
        "handshake_error",
        "messages",
        "recorder",
        "shown_for",
        "spoke_out_of_turn",
        "travel",
        "trusted",
    )

    def __init__(self) -> None:
        self.recorder = Recorder()
        self.messages = CarriedMessages()
        self.handshake_error: str | None = None
        # Whether `trust()` or an interception made clients with default settings trust the trap's CA when it began.
        self.trusted = False
        # The host that the presented certificate is for; None for the trap's own names.
        self.shown_for: str | None = None
        # The mail libraries or programs that the client may be.
        self.clients: tuple[str, ...] = ()
        self.ended_by: EndedBy | None = None
        self.spoke_out_of_turn = False
        self.travel: dict[str, Any] = _CLEARTEXT
        # The `Transport` made from *travel*, and *travel* itself: each new fact creates a new dictionary.
        self._made: tuple[dict[str, Any], Transport] | None = None

    def record(self, **facts: Any) -> None:
        """Record what has become known about the transport, under the names that `Transport` uses."""
        self.travel = {**self.travel, **facts}

    def fail_handshake(self, words: str) -> None:
        """Record that there is no TLS, and why; the first reason is kept."""
        if self.handshake_error is None:
            self.handshake_error = words
            self.recorder.event(words)

    @property
    def transport(self) -> Transport:
        """What is known about the transport by now."""
        travel, made = self.travel, self._made
        if made is None or made[0] is not travel:
            made = self._made = (travel, Transport(**travel))
        return made[1]

    @property
    def misnamed(self) -> str | None:
        """The host that the client asked for by SNI (RFC 6066, section 3) if the certificate was not for it, else None."""
        sni: str | None = self.travel["sni"]
        if sni is None or sni.lower().removesuffix(".") == (self.shown_for or "localhost"):
            return None
        return sni

    def known(self) -> dict[str, Any]:
        """All that is known by now except the messages, as a copy that does not grow with the connection."""
        return {
            "transport": self.transport,
            "recorder": self.recorder.copy(),
            "handshake_error": self.handshake_error,
            "trusted": self.trusted,
            "shown_for": self.shown_for,
            "clients": self.clients,
            "ended_by": self.ended_by,
            "spoke_out_of_turn": self.spoke_out_of_turn,
        }

    @classmethod
    def of(cls, known: dict[str, Any]) -> Facts:
        """The facts that `known()` returned."""
        facts, values = cls(), dict(known)
        transport = values.pop("transport")
        facts.record(**{field.name: getattr(transport, field.name) for field in fields(transport)})
        for name, value in values.items():
            setattr(facts, name, value)
        return facts


class BaseConnection:
    """A `Connection`, as far as it can be known without its messages."""

    __slots__ = ("_facts", "_settle", "auths", "implicit_tls")

    def __init__(self, *, implicit_tls: bool, facts: Facts, settle: Callable[[], None]) -> None:
        self.implicit_tls = implicit_tls
        self.auths: tuple[Auth, ...] = ()
        self._facts = facts
        self._settle = settle

    @property
    def transport(self) -> Transport:
        """What is known by now about TLS and the rest of the transport."""
        return self._facts.transport

    @property
    def messages(self) -> tuple[object, ...]:
        """The messages it carried, in order."""
        return self._facts.messages.of(self)

    @property
    def ended_by(self) -> EndedBy | None:
        """Why it ended, None while it is open."""
        return self._settled().ended_by

    @property
    def handshake_error(self) -> str | None:
        """What went wrong in the TLS handshake, in words, or None."""
        return self._settled().handshake_error

    @property
    def spoke_out_of_turn(self) -> bool:
        """Whether the client continued before its command was answered; only hostile servers check that."""
        return self._settled().spoke_out_of_turn

    @property
    def is_open(self) -> bool:
        """Whether its end is not known yet, as far as the trap has read what the client sent."""
        return self._facts.ended_by is None

    @property
    def settle(self) -> Callable[[], None]:
        """What lets its trap read all that clients have already sent; the same one for all connections of a trap."""
        return self._settle

    def _settled(self) -> Facts:
        """Let the trap read what the client has already sent: an alert, or the end of the connection."""
        if self.is_open:
            self._settle()
        return self._facts

    @property
    def peer(self) -> tuple[str, int]:
        """The client's address and port."""
        peer: tuple[str, int] = self._facts.travel["peer"]
        return peer

    @property
    def transcript(self) -> Transcript:
        """What was said on the connection so far."""
        return self._facts.recorder.snapshot()

    @property
    def client_hello(self) -> ClientHello | None:
        """What the client offered, or None if no TLS was begun."""
        hello: ClientHello | None = self._facts.travel["client_hello"]
        return hello

    def __getstate__(self) -> dict[str, Any]:
        known = self._settled().known()
        return {
            "implicit_tls": self.implicit_tls,
            "auths": self.auths,
            "known": known,
            "messages": list(self.messages),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.implicit_tls = state["implicit_tls"]
        self.auths = state["auths"]
        self._facts = Facts.of(state["known"])
        self._facts.messages = CarriedMessages(state["messages"])
        # A copy has no server to read the rest from.
        self._settle = lambda: None

    def __repr__(self) -> str:
        how = self._facts.travel["tls_version"] or "cleartext"
        error = self._facts.handshake_error
        end = f", {error}" if error else ""
        messages = plural(len(self._facts.messages), "message")
        return f"<Connection from {self.peer[0]}:{self.peer[1]}, {how}, {messages}{end}>"


def facts_of(connection: BaseConnection) -> Facts:
    """What is known about it, and meant for messages and advice rather than for tests."""
    return connection._facts  # noqa: SLF001  # both classes are in this file
