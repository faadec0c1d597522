"""The facts of one TCP connection, as they become known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pytest_mailtrap._transcript import Recorder
from pytest_mailtrap._transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_mailtrap._client_hello import ClientHello
    from pytest_mailtrap._message import CapturedMessage
    from pytest_mailtrap._transcript import Transcript
    from pytest_mailtrap._transport import Auth

EndedBy = Literal["quit", "close_notify", "eof", "reset", "alert", "timeout", "server"]


@dataclass(slots=True)
class Facts:
    """What becomes known of a connection; written by its wire, read through `Connection`."""

    recorder: Recorder = field(default_factory=Recorder)
    messages: list[CapturedMessage] = field(default_factory=list)
    handshake_error: str | None = None
    trusted: bool = False
    ended_by: EndedBy | None = None
    spoke_out_of_turn: bool = False


class Connection:
    """
    One TCP connection to the trap, also one that carried no message or failed in the handshake.

    It grows while it is open: *ended_by* is None until it has ended, *handshake_error* None unless a handshake
    failed (then it says what went wrong in words), *transport* is what is true now.

    *ended_by* is "quit" (the client said QUIT), "close_notify" (it closed TLS in order), "eof" (it closed the
    TCP connection without either), "reset", "alert" (it sent a TLS alert), "timeout" (a deadline of the trap
    passed) or "server" (the trap closed).

    *implicit_tls* tells on which port it came: `tls_port`, or else `port`.
    *auths* holds every AUTH exchange, also the refused ones.
    """

    __slots__ = ("_facts", "_settle", "auths", "implicit_tls", "transport")

    def __init__(
        self,
        peer: tuple[str, int],
        *,
        implicit_tls: bool,
        facts: Facts,
        settle: Callable[[], None],
    ) -> None:
        self.implicit_tls = implicit_tls
        self.transport: Transport = _cleartext(peer)
        self.auths: tuple[Auth, ...] = ()
        self._facts = facts
        self._settle = settle

    @property
    def messages(self) -> tuple[CapturedMessage, ...]:
        """The messages it carried, in order."""
        return tuple(self._facts.messages)

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
        """Whether the client went on before its command was answered; only hostile servers wait for that."""
        return self._settled().spoke_out_of_turn

    @property
    def trusted(self) -> bool:
        """Whether `trust()` or an interception let clients with default settings trust the trap's CA when it came."""
        return self._facts.trusted

    def _settled(self) -> Facts:
        """Let the trap take in what the client has already sent: an alert, or the end of the connection."""
        if self._facts.ended_by is None:
            self._settle()
        return self._facts

    @property
    def peer(self) -> tuple[str, int]:
        """The client's address and port."""
        return self.transport.peer

    @property
    def transcript(self) -> Transcript:
        """What was said on it so far."""
        return self._facts.recorder.snapshot()

    @property
    def client_hello(self) -> ClientHello | None:
        """What the client offered, None where no TLS was begun."""
        return self.transport.client_hello

    def __repr__(self) -> str:
        how = self.transport.tls_version or "cleartext"
        error = self._facts.handshake_error
        end = f", {error}" if error else ""
        return f"<Connection from {self.peer[0]}:{self.peer[1]}, {how}, {len(self.messages)} messages{end}>"


def _cleartext(peer: tuple[str, int]) -> Transport:
    return Transport(
        tls_version=None,
        cipher=None,
        cipher_bits=None,
        negotiated_by=None,
        sni=None,
        alpn=None,
        session_reused=False,
        client_certificate=None,
        client_hello=None,
        peer=peer,
        ehlo=None,
        handshake_seconds=None,
    )
