"""
One TLS handshake on a connection: from the client's first bytes to TLS, or to the reason why there is none.

Rules of this file: all of it runs on the trap's event loop; it always has a deadline; the first failure is recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._facts.certificates import of_der
from pytest_mailtrap._facts.client_hello import ClientHello, parse_client_hello
from pytest_mailtrap._smtp import handshake_failures
from pytest_mailtrap._smtp.faults import ends
from pytest_mailtrap._smtp.tls import TLSError, TLSLayer

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import Callable, Sequence

    from pytest_mailtrap._facts.connection_facts import EndedBy, Facts
    from pytest_mailtrap._smtp.connection_protocol import SMTPConnectionProtocol
    from pytest_mailtrap._smtp.faults import Rule

HANDSHAKE_SECONDS = 10.0


class Handshake:
    """
    The handshake that a *protocol* expects, which gets all its bytes; it ends in `secure()` or with the connection.

    *choose_context* returns the SSL context for what the client offered.
    *rules* returns the rules for this handshake; it is called when the client's first bytes have come.
    """

    def __init__(
        self,
        protocol: SMTPConnectionProtocol,
        *,
        choose_context: Callable[[ClientHello | None], ssl.SSLContext],
        rules: Callable[[], Sequence[Rule]],
    ) -> None:
        self._protocol = protocol
        self._facts = protocol.facts
        self._recorder = protocol.facts.recorder
        self._choose_context = choose_context
        self._rules = rules
        # What came before there was a TLS layer.
        self._received = b""
        self._layer: TLSLayer | None = None
        self._begun_at = 0.0
        self._is_stalled = False
        self._deadline = self._new_deadline()

    @property
    def has_begun(self) -> bool:
        """Whether the client has sent anything."""
        return self._received != b""

    # -- the protocol's side --------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Continue with what the client sends."""
        layer = self._layer
        if layer is None:
            if not self.has_begun and not self._may_begin(data):
                return
            self._received += data
            if self._is_stalled:
                return
            hello = parse_client_hello(self._received)
            if hello == "incomplete":
                return
            layer = self._layer = self._begin(hello)
            data = self._received
        self._go_on(layer, data)
        if self._facts.handshake_error is not None and not self._protocol.closing:
            self._protocol.shut()  # it cannot be a handshake, although OpenSSL waits for more

    def left(self, verb: str, cause: EndedBy) -> None:
        """The client has "closed" or "reset" the connection."""
        words = handshake_failures.left(
            verb, implicit=self._protocol.implicit, has_begun=self._layer is not None
        )
        self._fail(words, cause)

    def cancel(self) -> None:
        """Cancel the deadline."""
        self._deadline.cancel()

    # -- what the rules want --------------------------------------------------------------

    def _may_begin(self, data: bytes) -> bool:
        """Apply the rules to the handshake; return whether it begins now."""
        for rule in self._rules():
            if rule.raw is not None:
                self._recorder.event("the trap sends bytes that are not TLS")
                self._protocol.send_raw(rule.raw)
            if ends(rule):
                self._fail("the trap aborted the handshake", "server")
                note_client_hello(self._facts, data)
                self._protocol.shut()
                return False
            if rule.delay:
                self._stall(data, rule.delay)
                return False
        return True

    def _stall(self, data: bytes, seconds: float) -> None:
        self._recorder.event(f"silence for {seconds:g} s")
        note_client_hello(self._facts, data)
        self._received = data
        self._is_stalled = True
        self._deadline.cancel()
        self._deadline = self._protocol.loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        if not self._protocol.closing:
            self._is_stalled = False
            self._deadline = self._new_deadline()
            self._protocol.buffer_updated(0)

    # -- TLS ------------------------------------------------------------------------------

    def _begin(self, hello: ClientHello | None) -> TLSLayer:
        """Choose the certificate for what the client asks for."""
        if hello is None and not self._received.startswith(b"\x16\x03"):
            words = handshake_failures.no_tls(self._received, implicit=self._protocol.implicit)
            self._fail(words, "server")
        self._facts.record(client_hello=hello, sni=hello.server_name if hello else None)
        self._begun_at = self._protocol.loop.time()
        return TLSLayer(self._choose_context(hello))

    def _go_on(self, layer: TLSLayer, data: bytes) -> None:
        hello = self._protocol.connection.client_hello
        layer.feed(data)
        try:
            done = layer.handshake(hello.versions if hello else ())
        except TLSError as failure:
            # Our own alert, if OpenSSL made one, is still sent to the client.
            self._protocol.send_raw(layer.outgoing())
            self._fail(failure.words, "alert" if failure.alert else "server")
            self._protocol.shut()
            return
        # The session tickets of TLS 1.3 are sent at once: they acknowledge the client's last flight. Without that,
        # Nagle's algorithm makes a client wait 40 ms before it sends its EHLO.
        self._protocol.send_raw(layer.outgoing())
        if done:
            self._recorder.encrypted = True
            self._record_session(layer.object)
            self._protocol.secure(layer)

    def _record_session(self, session: ssl.SSLObject) -> None:
        version, cipher = session.version(), session.cipher()
        der = session.getpeercert(binary_form=True)
        self._facts.record(
            tls_version=version,
            cipher=cipher[0] if cipher else None,
            cipher_bits=cipher[2] if cipher else None,
            negotiated_by="implicit" if self._protocol.implicit else "starttls",
            alpn=session.selected_alpn_protocol(),
            session_reused=bool(session.session_reused),
            client_certificate=of_der(der) if der else None,
            handshake_seconds=self._protocol.loop.time() - self._begun_at,
            ehlo=None,  # what was said before TLS does not count (RFC 3207, section 4.2)
        )
        self._recorder.event(f"{version}, {cipher[0] if cipher else None}")

    # -- what goes wrong ------------------------------------------------------------------

    def _fail(self, words: str, cause: EndedBy) -> None:
        self._facts.fail_handshake(words)
        self._protocol.end(cause)

    def _new_deadline(self) -> asyncio.TimerHandle:
        return self._protocol.loop.call_later(HANDSHAKE_SECONDS, self._time_out)

    def _time_out(self) -> None:
        words = handshake_failures.too_slow(
            HANDSHAKE_SECONDS, implicit=self._protocol.implicit, has_begun=self.has_begun
        )
        self._fail(words, "timeout")
        self._protocol.abort()


def note_client_hello(facts: Facts, data: bytes) -> None:
    """Record what a client offers, if the handshake is refused."""
    hello = parse_client_hello(data)
    if isinstance(hello, ClientHello):
        facts.record(client_hello=hello, sni=hello.server_name)
