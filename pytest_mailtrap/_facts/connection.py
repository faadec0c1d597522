"""One TCP connection, as a test sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._facts.connection_facts import BaseConnection

if TYPE_CHECKING:
    from pytest_mailtrap._message.captured_message import CapturedMessage


class Connection(BaseConnection):
    """
    One TCP connection to the trap, even if it carried no message or failed in the handshake.

    It changes while it is open.
    *ended_by* is None until it has ended.
    *handshake_error* is None unless a handshake failed; then it says in words what went wrong.
    *transport* has the facts as they are now.

    *ended_by* is "quit" (the client sent QUIT), "close_notify" (it closed TLS properly), "eof" (it closed the
    TCP connection without either), "reset", "alert" (it sent a TLS alert), "timeout" (a deadline of the trap
    passed) or "server" (the trap closed the connection).

    *implicit_tls* is True for a connection to `tls_port`, False for one to `port`.
    *auths* has every AUTH exchange, even the refused ones.

    A copy, even one by `pickle`, has what was known when it was made, and does not change any more.
    """

    __slots__ = ()

    @property
    def messages(self) -> tuple[CapturedMessage, ...]:
        """The messages it carried, in order."""
        return self._facts.messages.of(self)
