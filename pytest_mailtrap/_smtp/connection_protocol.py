"""
One TCP connection with TLS inside it.

The protocol owns the TCP transport and, inside TLS, the TLS layer; the SMTP session on top reads and writes cleartext
at all times. So it sees what asyncio's own TLS hides: the ClientHello, handshakes that fail, and their alerts
(asyncio drops the server's, CPython gh-98078).

Rules of this file: all of it runs on the trap's event loop; the first cause of an end is recorded.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from pytest_mailtrap._facts.connection import Connection
from pytest_mailtrap._facts.connection_facts import Facts
from pytest_mailtrap._smtp.handshake import Handshake, note_client_hello
from pytest_mailtrap._smtp.tls import TLSError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from pytest_mailtrap._facts.client_hello import ClientHello
    from pytest_mailtrap._facts.connection_facts import EndedBy
    from pytest_mailtrap._smtp.faults import Rule
    from pytest_mailtrap._smtp.tls import TLSLayer

# A record with a handshake message, of any version (RFC 8446, section 5.1).
_BEGINNING_OF_TLS = b"\x16\x03"


class Session(Protocol):
    """What the protocol needs from the session on top of it."""

    def begin(self) -> None:
        """The connection has begun, and nothing has been sent on it."""

    def data_received(self, data: bytes) -> None:
        """The client has sent *data*."""

    def eof_received(self) -> None:
        """The client will send no more."""

    def resume(self) -> None:
        """The state of the connection has changed: it can take more data, or uses TLS now."""


class SMTPConnectionProtocol(asyncio.BufferedProtocol):
    """
    One accepted TCP connection.

    *buffer* is what the loop reads into; its content is only valid until the next read.
    With *implicit* it begins with a handshake; otherwise TLS begins when the session calls `expect_tls()`.
    *choose_context* and *at_handshake* are for its `Handshake`.
    *greets_after* is for hostile servers: they greet in cleartext after this many seconds of silence on the implicit TLS port.
    *arrived* returns the host and port that the client at an address had asked for, or None if it was not redirected.
    """

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        buffer: memoryview,
        implicit: bool,
        choose_context: Callable[[ClientHello | None], ssl.SSLContext],
        session: Callable[[SMTPConnectionProtocol], Session],
        at_handshake: Callable[[], Sequence[Rule]] = tuple,
        greets_after: float | None = None,
        on_open: Callable[[SMTPConnectionProtocol], None],
        on_close: Callable[[SMTPConnectionProtocol], None],
        on_error: Callable[[BaseException], None],
        settle: Callable[[], None],
        arrived: Callable[[tuple[str, int]], tuple[str, int] | None] = lambda _peer: None,
    ) -> None:
        self.loop = loop
        self._buffer = buffer
        self.implicit = implicit
        self.last_activity = loop.time()
        self.facts = Facts()
        self.recorder = self.facts.recorder
        self._settle = settle
        self._arrived = arrived
        self._choose_context = choose_context
        self._new_session = session
        self._at_handshake = at_handshake
        self._greets_after = greets_after
        self._greeting: asyncio.TimerHandle | None = None
        # A hostile server has answered STARTTLS, and will not begin TLS.
        self.breaks_promise = False
        self._on_open = on_open
        self._on_close = on_close
        self._on_error = on_error
        self._tls: TLSLayer | None = None
        # Set while a handshake is expected or under way.
        self._handshake: Handshake | None = None
        self._session: Session | None = None
        self._has_spoken = False
        # Of a client that sends what may be TLS one octet at a time.
        self._first_octet = b""
        self._is_parting = False
        self._closing = False
        # The trap has closed the connection: what came before that and was not read is ignored.
        self.has_shut = False
        # The client does not read what is sent to it: send no more for now.
        self.is_full = False

    # -- asyncio's side -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # asyncio's contract; for the type checker
        self._tcp = transport
        peer = transport.get_extra_info("peername") or ("", 0)
        self.facts.record(peer=(peer[0], peer[1]))
        self.connection = Connection(
            implicit_tls=self.implicit, facts=self.facts, settle=self._settle
        )
        if (requested := self._arrived(self.connection.peer)) is not None:
            self.facts.record(server_host=requested[0], requested_port=requested[1])
        self._guarded(self._open)

    def _open(self) -> None:
        self._on_open(self)
        self._begin()

    def _begin(self) -> None:
        if not self.implicit or self._greets_after == 0:
            self._start_dialogue()
            return
        self.expect_tls()
        if self._greets_after is not None:
            self._greeting = self.loop.call_later(self._greets_after, self._greet_in_cleartext)

    def get_buffer(self, _size: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, size: int) -> None:
        self.last_activity = self.loop.time()
        if not self._closing:
            self._guarded(self._receive, self._buffer[:size])

    def _guarded(self, work: Callable[..., None], *arguments: Any) -> None:
        """Pass errors on to the test: asyncio would only log them, and the client would wait forever."""
        try:
            work(*arguments)
        except Exception as error:
            self._on_error(error)
            self.abort()

    def _receive(self, data: memoryview) -> None:
        if self._tls is not None:
            self._receive_tls(self._tls, data)
        else:
            self._receive_cleartext(bytes(data))

    def _receive_cleartext(self, data: bytes) -> None:
        if self._handshake is not None:
            self._handshake.receive(data)
            return
        data, self._first_octet = self._first_octet + data, b""
        if self.breaks_promise or not self._has_spoken:
            if data == _BEGINNING_OF_TLS[:1]:
                self._first_octet = data  # the next one decides
                return
            if data.startswith(_BEGINNING_OF_TLS):
                self._refuse_misplaced_tls(data)
                return
        self._pass_on(data)

    def _pass_on(self, data: bytes) -> None:
        if self._session is not None and data:
            self._has_spoken = True
            self._session.data_received(data)

    def eof_received(self) -> bool:
        self.last_activity = self.loop.time()
        if self._handshake is not None:
            self._handshake.left("closed", "eof")
            return False
        self._pass_on(self._first_octet)
        self.end("eof")
        if self._session is None or self._closing:
            return False
        self._session.eof_received()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None and self._handshake is not None:
            self._handshake.left("reset", "reset")
        self.end("reset" if error is not None else "eof")
        self._closing = True
        self._clear_timers()
        if self._session is not None:
            self._session.eof_received()
        self._on_close(self)
        self._let_go()

    def _let_go(self) -> None:
        """
        Drop what leads back to the trap.

        The trap's messages are then freed together with it, and not when the garbage collector next looks at old objects.
        """
        self._handshake = None
        del self._choose_context, self._new_session, self._at_handshake
        del self._on_open, self._on_close, self._on_error, self._settle

    def pause_writing(self) -> None:
        self.is_full = True

    def resume_writing(self) -> None:
        self.is_full = False
        if self._session is not None:
            self._session.resume()

    # -- the session's side ---------------------------------------------------------------

    @property
    def secured(self) -> bool:
        """Whether what is sent now goes inside TLS."""
        return self._tls is not None

    @property
    def closing(self) -> bool:
        return self._closing

    def send(self, data: bytes) -> None:
        # asyncio learns first that a client has reset the connection, and then warns about every further write.
        if self._closing or self._tcp.is_closing():
            return
        if self._tls is not None:
            self._tls.write(data)
            if self._is_parting:
                return
            data = self._tls.outgoing()
        self._tcp.write(data)

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are, not inside TLS."""
        self._tcp.write(data)

    def expect_tls(self) -> None:
        """Treat what the client sends now as its handshake, which ends in `secured` or in `closing`."""
        if self._closing:
            return
        self._handshake = Handshake(
            self, choose_context=self._choose_context, rules=self._at_handshake
        )

    def end(self, cause: EndedBy) -> None:
        """Record why the connection ends; the first cause is kept."""
        if self.facts.ended_by is None:
            self.facts.ended_by = cause

    def part(self) -> None:
        """Send the last reply together with the end of TLS: `close()` follows at once."""
        self._is_parting = True

    def close(self) -> None:
        """End TLS, if there is any, then close."""
        if self._closing:
            return
        self.end("server")
        if self._tls is not None:
            self._tls.shutdown()
            self._tcp.write(self._tls.outgoing())
        self.shut()

    def cut(self) -> None:
        """Close the TCP connection without closing TLS, as if a cable were cut."""
        if not self._closing:
            self.end("server")
            self.shut()

    def shut(self) -> None:
        """Close the TCP connection; the cause must have been recorded before."""
        self._closing = self.has_shut = True
        self._clear_timers()
        self._tcp.close()

    def session_ended(self, *, failed: bool) -> None:
        """The session has had its last command; if it *failed*, nobody has closed the connection yet."""
        if failed:
            self.close()
        self._session = None

    def _clear_timers(self) -> None:
        if self._greeting is not None:
            self._greeting.cancel()
        if self._handshake is not None:
            self._handshake.cancel()

    def abort(self) -> None:
        """Cut the connection at once."""
        self.end("server")
        self._closing = self.has_shut = True
        self._tcp.abort()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._tcp.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._tcp.pause_reading()

    def resume_reading(self) -> None:
        self._tcp.resume_reading()

    # -- TLS ------------------------------------------------------------------------------

    def _start_dialogue(self) -> None:
        self._session = self._new_session(self)
        self._session.begin()

    def _greet_in_cleartext(self) -> None:
        if self._handshake is not None and not self._handshake.has_begun and not self._closing:
            self._clear_timers()
            self._handshake = None
            self._start_dialogue()

    def secure(self, tls: TLSLayer) -> None:
        """The handshake is done: what is sent from now on goes inside *tls*, in which data may have come already."""
        self._clear_timers()
        self._handshake, self._tls = None, tls
        self._has_spoken = False
        if self._session is None:
            self._start_dialogue()
        else:
            self._session.resume()
        self._receive_tls(tls, b"")

    def _receive_tls(self, tls: TLSLayer, data: bytes | memoryview) -> None:
        tls.feed(data)
        try:
            while not self._closing and (plain := tls.read()):
                self._has_spoken = True
                if self._session is not None:
                    self._session.data_received(plain)
        except TLSError as failure:
            if not self._has_spoken:
                # Such as the alert of a client that finishes the handshake first and then checks the certificate.
                self.facts.handshake_error = failure.words
            self.recorder.event(failure.words)
            self.end("alert" if failure.alert else "server")
            self.shut()
            return
        if tls.closed_by_peer and not self._closing:
            self.end("close_notify")
            if self._session is not None:
                self._session.eof_received()

    def _refuse_misplaced_tls(self, data: bytes) -> None:
        note_client_hello(self.facts, data)
        if self.breaks_promise or self.implicit:
            # The reply to a line that is not a command; it makes the client's TLS fail.
            self.facts.fail_handshake("client spoke TLS, but the trap continues in cleartext")
            self.send(b"500 5.5.2 Syntax error, command unrecognized\r\n")
            return
        self.facts.fail_handshake("client spoke implicit TLS, but this is the STARTTLS port")
        self.end("server")
        self.shut()
