"""
One TCP connection with TLS inside it.

The wire owns the TCP transport and, once there is TLS, the TLS layer; the SMTP dialogue on top hears
and says cleartext at all times. So it sees what asyncio's own TLS hides: the ClientHello, handshakes that fail,
and the alert that goes with them (asyncio drops the server's, CPython gh-98078).

Rules of this file: all of it runs on the trap's event loop; the first cause of an end is the one recorded.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from pytest_mailtrap import _handshake_words
from pytest_mailtrap._client_hello import ClientHello, parse_client_hello
from pytest_mailtrap._connection import Connection, Facts
from pytest_mailtrap._tls import TLSError, TLSLayer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from pytest_mailtrap._connection import EndedBy
    from pytest_mailtrap._faults import Rule

HANDSHAKE_SECONDS = 10.0


class Speaker(Protocol):
    """What the wire needs of the dialogue on top of it."""

    def begin(self) -> None:
        """The connection is there, and nothing has been said on it."""

    def hear(self, data: bytes) -> None:
        """The client says something."""

    def hear_end(self) -> None:
        """The client will say no more."""

    def go_on(self) -> None:
        """The wire is not what it was: it can take more, or has TLS now."""


class Wire(asyncio.BufferedProtocol):
    """
    One accepted TCP connection.

    *buffer* is what the loop reads into; nothing stays there from one reading to the next.
    *implicit* begins with a handshake; otherwise TLS begins when the dialogue calls `expect_tls()`.
    *choose_context* gives the SSL context for what the client offered.
    *at_handshake* gives the rules for this handshake, asked when the client's first bytes are here.
    *greets_after* is for servers that are not what they should be: so many seconds of silence on the implicit-TLS port, and they greet in cleartext.
    *arrived* tells what the client at an address had asked for (host and port), None where it came of its own accord.
    """

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        buffer: memoryview,
        implicit: bool,
        choose_context: Callable[[ClientHello | None], ssl.SSLContext],
        dialogue: Callable[[Wire], Speaker],
        at_handshake: Callable[[], Sequence[Rule]] = tuple,
        greets_after: float | None = None,
        on_open: Callable[[Wire], None],
        on_close: Callable[[Wire], None],
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
        self._make_dialogue = dialogue
        self._at_handshake = at_handshake
        self._greets_after = greets_after
        self._greeting: asyncio.TimerHandle | None = None
        self._is_stalled = False
        # A hostile server has answered STARTTLS, and will not do what it said.
        self.breaks_promise = False
        self._on_open = on_open
        self._on_close = on_close
        self._on_error = on_error
        self._tls: TLSLayer | None = None
        self._secured = False
        # None while no handshake is under way; else the bytes received before a TLS layer was chosen.
        self._hello: bytes | None = None
        self._handshake_started = 0.0
        self._deadline: asyncio.TimerHandle | None = None
        self._dialogue: Speaker | None = None
        self._has_spoken = False
        self._is_parting = False
        self._closing = False
        # The trap has closed: what has come in before that, and was not read, is no longer for anybody.
        self.has_shut = False
        # The client does not take what is said to it: it is enough for now.
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
        """Asyncio would only log an error, and the client would wait for ever: it is the test's."""
        try:
            work(*arguments)
        except Exception as error:
            self._on_error(error)
            self.abort()

    def _receive(self, data: memoryview) -> None:
        if self._secured:
            self._receive_tls(data)
        else:
            self._receive_cleartext(bytes(data))

    def _receive_cleartext(self, data: bytes) -> None:
        if self._hello is not None:
            self._receive_handshake(data)
        elif data.startswith(b"\x16\x03") and (self.breaks_promise or not self._has_spoken):
            self._refuse_misplaced_tls(data)
        elif self._dialogue is not None:
            self._has_spoken = True
            self._dialogue.hear(data)

    def eof_received(self) -> bool:
        self.last_activity = self.loop.time()
        if self._hello is not None and not self._secured:
            self._fail_handshake(self._words_for_end("closed"), "eof")
            return False
        self.end("eof")
        if self._dialogue is None or self._closing:
            return False
        self._dialogue.hear_end()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None and self._hello is not None and not self._secured:
            self._fail_handshake(self._words_for_end("reset"), "reset")
        self.end("reset" if error is not None else "eof")
        self._closing = True
        self._clear_deadline()
        if self._dialogue is not None:
            self._dialogue.hear_end()
        self._on_close(self)

    def pause_writing(self) -> None:
        self.is_full = True

    def resume_writing(self) -> None:
        self.is_full = False
        if self._dialogue is not None:
            self._dialogue.go_on()

    # -- the dialogue's side --------------------------------------------------------------

    @property
    def secured(self) -> bool:
        """Whether what is said now goes inside TLS."""
        return self._secured

    @property
    def closing(self) -> bool:
        return self._closing

    def send(self, data: bytes) -> None:
        # A client that has reset is known to asyncio first, which warns of every further write.
        if self._closing or self._tcp.is_closing():
            return
        if self._secured and self._tls is not None:
            self._tls.write(data)
            if self._is_parting:
                return
            data = self._tls.outgoing()
        self._tcp.write(data)

    def expect_tls(self) -> None:
        """Take what the client sends now for its handshake, which ends in `secured` or in `closing`."""
        self._hello = b""
        self._deadline = self.loop.call_later(HANDSHAKE_SECONDS, self._handshake_timed_out)

    def end(self, cause: EndedBy) -> None:
        """Record why the connection ends; the first cause stays."""
        if self.facts.ended_by is None:
            self.facts.ended_by = cause

    def part(self) -> None:
        """Let the last reply leave together with the end of TLS: `close()` follows at once."""
        self._is_parting = True

    def close(self) -> None:
        """Say what is still to be said, then close."""
        if self._closing:
            return
        self.end("server")
        if self._secured and self._tls is not None:
            self._tls.shutdown()
            self._tcp.write(self._tls.outgoing())
        self._shut()

    def cut(self) -> None:
        """Close the TCP connection without closing TLS, as when a cable is cut."""
        if not self._closing:
            self.end("server")
            self._shut()

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
        self._dialogue = self._make_dialogue(self)
        self._dialogue.begin()

    def _greet_in_cleartext(self) -> None:
        if self._hello == b"" and not self._closing:
            self._hello = None
            self._clear_deadline()
            self._start_dialogue()

    def _receive_handshake(self, data: bytes) -> None:
        if self._tls is None:
            if self._hello == b"" and not self._may_begin(data):
                return
            self._hello = (self._hello or b"") + data
            if self._is_stalled:
                return
            hello = parse_client_hello(self._hello)
            if hello == "incomplete":
                return
            data = self._begin_tls(hello)
        self._go_on(data)
        if self.facts.handshake_error is not None and not self._closing:
            self._shut()  # it can be no handshake, though OpenSSL waits for more of it

    def _may_begin(self, data: bytes) -> bool:
        """Let the rules do what they want with the handshake; whether there will be one now."""
        for rule in self._at_handshake():
            if rule.raw is not None:
                self.recorder.event("the trap sends bytes that are no TLS")
                self._tcp.write(rule.raw)
            if rule.ends_it:
                self._fail_handshake("the trap broke off the handshake", "server")
                self._note_what_came(data)
                self._shut()
                return False
            if rule.delay:
                self._stall(data, rule.delay)
                return False
        return True

    def _note_what_came(self, data: bytes) -> None:
        hello = parse_client_hello(data)
        if isinstance(hello, ClientHello):
            self.facts.record(client_hello=hello, sni=hello.server_name)

    def _stall(self, data: bytes, seconds: float) -> None:
        self.recorder.event(f"silence for {seconds:g} s")
        self._note_what_came(data)
        self._hello = data
        self._is_stalled = True
        self._clear_deadline()
        self._deadline = self.loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        if not self._closing:
            self._is_stalled = False
            self._deadline = self.loop.call_later(HANDSHAKE_SECONDS, self._handshake_timed_out)
            self.buffer_updated(0)

    def _begin_tls(self, hello: ClientHello | None) -> bytes:
        """Choose the certificate for what the client asks for; gives back the bytes received so far."""
        received = self._hello or b""
        if hello is None and not received.startswith(b"\x16\x03"):
            self._fail_handshake(
                _handshake_words.no_tls(received, implicit=self.implicit), "server"
            )
        self.facts.record(client_hello=hello, sni=hello.server_name if hello else None)
        self._handshake_started = self.loop.time()
        self._tls = TLSLayer(self._choose_context(hello))
        return received

    def _go_on(self, data: bytes) -> None:
        if self._tls is None:
            return
        hello = self.connection.client_hello
        self._tls.feed(data)
        try:
            done = self._tls.handshake(hello.versions if hello else ())
        except TLSError as failure:
            # Our own alert, if OpenSSL made one, still goes to the client.
            self._tcp.write(self._tls.outgoing())
            self._fail_handshake(failure.words, "alert" if failure.alert else "server")
            self._shut()
            return
        # The session tickets of TLS 1.3 go at once: they acknowledge the client's last flight, for which Nagle's
        # algorithm makes a client wait 40 ms before it sends its EHLO.
        self._tcp.write(self._tls.outgoing())
        if done:
            self._secure()
            self._receive_tls(b"")

    def _secure(self) -> None:
        self._clear_deadline()
        self._secured = True
        self._has_spoken = False
        self.recorder.encrypted = True
        self._record_session()
        if self._dialogue is None:
            self._start_dialogue()
        else:
            self._dialogue.go_on()

    def _record_session(self) -> None:
        assert self._tls is not None  # noqa: S101  # for the type checker
        session = self._tls.object
        version, cipher = session.version(), session.cipher()
        der = session.getpeercert(binary_form=True)
        self.facts.record(
            tls_version=version,
            cipher=cipher[0] if cipher else None,
            cipher_bits=cipher[2] if cipher else None,
            negotiated_by="implicit" if self.implicit else "starttls",
            alpn=session.selected_alpn_protocol(),
            session_reused=bool(session.session_reused),
            client_certificate=_certificate(der) if der else None,
            handshake_seconds=self.loop.time() - self._handshake_started,
            ehlo=None,  # what was said before TLS does not count (RFC 3207, section 4.2)
        )
        self.recorder.event(f"{version}, {cipher[0] if cipher else None}")

    def _receive_tls(self, data: bytes | memoryview) -> None:
        assert self._tls is not None  # noqa: S101  # for the type checker
        self._tls.feed(data)
        try:
            while not self._closing and (plain := self._tls.read()):
                self._has_spoken = True
                if self._dialogue is not None:
                    self._dialogue.hear(plain)
        except TLSError as failure:
            if not self._has_spoken:
                # Such as the alert of a client that finished the handshake first and judged the certificate then.
                self.facts.handshake_error = failure.words
            self.recorder.event(failure.words)
            self.end("alert" if failure.alert else "server")
            self._shut()
            return
        if self._tls.closed_by_peer and not self._closing:
            self.end("close_notify")
            if self._dialogue is not None:
                self._dialogue.hear_end()

    # -- what goes wrong ------------------------------------------------------------------

    def _fail_handshake(self, words: str, cause: EndedBy) -> None:
        self._note_handshake_error(words)
        self.end(cause)

    def _note_handshake_error(self, words: str) -> None:
        if self.facts.handshake_error is None:
            self.facts.handshake_error = words
            self.recorder.event(words)

    def _handshake_timed_out(self) -> None:
        words = _handshake_words.too_slow(
            HANDSHAKE_SECONDS, implicit=self.implicit, has_begun=self._hello != b""
        )
        self._fail_handshake(words, "timeout")
        self.abort()

    def _words_for_end(self, verb: str) -> str:
        return _handshake_words.left(verb, implicit=self.implicit, has_begun=self._tls is not None)

    def _refuse_misplaced_tls(self, data: bytes) -> None:
        self._note_what_came(data)
        if self.breaks_promise or self.implicit:
            # What a server says to a line that is no command; the client's TLS ends on it.
            self._note_handshake_error("client spoke TLS, but the trap goes on in cleartext")
            self.send(b"500 5.5.2 Syntax error, command unrecognized\r\n")
            return
        self._fail_handshake("client spoke implicit TLS, but this is the STARTTLS port", "server")
        self._shut()

    # -- small things ---------------------------------------------------------------------

    def _shut(self) -> None:
        self._closing = self.has_shut = True
        self._clear_deadline()
        self._tcp.close()

    def _clear_deadline(self) -> None:
        for timer in (self._deadline, self._greeting):
            if timer is not None:
                timer.cancel()
        self._deadline = self._greeting = None


def _certificate(der: bytes) -> Any:  # x509.Certificate; imported only where a client shows one
    from cryptography import x509

    return x509.load_der_x509_certificate(der)
