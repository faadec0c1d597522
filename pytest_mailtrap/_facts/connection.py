"""One TCP connection, as a test sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._facts.connection_facts import BaseConnection

if TYPE_CHECKING:
    from pytest_mailtrap._message.captured_message import CapturedMessage


class Connection(BaseConnection):
    """
    One TCP connection to the trap, also one that carried no message or failed in the handshake.

    It grows while it is open: *ended_by* is None until it has ended, *handshake_error* None unless a handshake
    failed (then it says what went wrong in words), *transport* is what is true now.

    *ended_by* is "quit" (the client said QUIT), "close_notify" (it closed TLS in order), "eof" (it closed the
    TCP connection without either), "reset", "alert" (it sent a TLS alert), "timeout" (a deadline of the trap
    passed) or "server" (the trap closed).

    *implicit_tls* tells on which port it came: `tls_port`, or else `port`.
    *auths* holds every AUTH exchange, also the refused ones.

    A copy, also by `pickle`, has what was known when it was made, and grows no more.
    """

    __slots__ = ()

    @property
    def messages(self) -> tuple[CapturedMessage, ...]:
        """The messages it carried, in order."""
        return tuple(self._facts.messages)
