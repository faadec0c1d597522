"""
The server side of TLS without any I/O: bytes from the client in, bytes for the client out.

Rules of this file: it owns one `ssl.SSLObject` between two memory buffers, knows nothing about sockets, asyncio
or SMTP, and turns every failure into words that say which side gave up and why.
"""

from __future__ import annotations

import ssl

_READ = 1 << 14  # a record (RFC 8446, section 5.1): SSLObject.read() never returns more than one

# The client's reason for giving up: alerts of RFC 8446, section 6, as OpenSSL spells them.
_ALERTS = {
    "UNKNOWN_CA": "client rejected the certificate: unknown CA",
    "BAD_CERTIFICATE": "client rejected the certificate: bad certificate",
    "CERTIFICATE_UNKNOWN": "client rejected the certificate: certificate unknown",
    "CERTIFICATE_EXPIRED": "client rejected the certificate: certificate expired",
    "CERTIFICATE_REVOKED": "client rejected the certificate: certificate revoked",
    "UNSUPPORTED_CERTIFICATE": "client rejected the certificate: unsupported certificate",
    "ACCESS_DENIED": "client rejected the certificate: access denied",
    "UNRECOGNIZED_NAME": "client rejected the certificate: unrecognized name",
    "PROTOCOL_VERSION": "client rejected the TLS version",
    "INSUFFICIENT_SECURITY": "client rejected the cipher: insufficient security",
    "HANDSHAKE_FAILURE": "client gave up: handshake failure",
    "ILLEGAL_PARAMETER": "client gave up: illegal parameter",
    "DECODE_ERROR": "client gave up: decode error",
    "DECRYPT_ERROR": "client gave up: decrypt error",
    "BAD_RECORD_MAC": "client gave up: bad record MAC",
    "UNEXPECTED_MESSAGE": "client gave up: unexpected message",
    "INTERNAL_ERROR": "client gave up: internal error",
    "USER_CANCELLED": "client canceled the handshake",
    "NO_RENEGOTIATION": "client gave up: no renegotiation",
}
# The trap's reasons for giving up.
_REFUSALS = {
    "UNSUPPORTED_PROTOCOL": "no common TLS version: the client offers only {versions}",
    "VERSION_TOO_LOW": "no common TLS version: the client offers only {versions}",
    "NO_PROTOCOLS_AVAILABLE": "no common TLS version: the client offers only {versions}",
    "NO_SHARED_CIPHER": "no common cipher",
    "NO_SUITABLE_SIGNATURE_ALGORITHM": "no common signature algorithm",
    "NO_SUITABLE_KEY_SHARE": "no common key exchange group",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "client sent no certificate, and the trap requires one",
    "CERTIFICATE_VERIFY_FAILED": "the trap rejected the client's certificate: {detail}",
    "WRONG_VERSION_NUMBER": "the client's bytes are not a TLS handshake",
    "HTTP_REQUEST": "the client sent an HTTP request",
    "HTTPS_PROXY_REQUEST": "the client sent an HTTP proxy request",
}


class TLSError(Exception):
    """TLS failed: *words* say why; *alert* is True if the client sent the reason as an alert."""

    def __init__(self, words: str, *, alert: bool) -> None:
        super().__init__(words)
        self.words = words
        self.alert = alert


class TLSLayer:
    """One TLS connection, server side, in memory."""

    __slots__ = ("_incoming", "_outgoing", "closed_by_peer", "object")

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.closed_by_peer = False

    def feed(self, data: bytes | memoryview) -> None:
        self._incoming.write(data)

    def handshake(self, versions: tuple[str, ...] = ()) -> bool:
        """Continue the handshake; True when it is done. *versions* are the client's, for the error message."""
        try:
            self.object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise _failure(error, versions) from None
        return True

    def read(self) -> bytes:
        """The decrypted data; b"" if there is nothing more for now, or ever: see *closed_by_peer*."""
        if not self._incoming.pending and not self.object.pending():
            return b""  # SSLObject.read() would raise an exception, which takes longer than everything else
        try:
            data = self.object.read(_READ)
        except ssl.SSLWantReadError:
            return b""
        except ssl.SSLError as error:
            raise _failure(error, ()) from None
        # For a close_notify Python reads nothing; it does not raise the SSLZeroReturnError that it documents.
        self.closed_by_peer = not data
        return data

    def write(self, data: bytes) -> None:
        self.object.write(data)

    def shutdown(self) -> None:
        """Queue our close_notify (RFC 8446, section 6.1); do not wait for the client's."""
        try:
            self.object.unwrap()
        except ssl.SSLError:
            # SSLWantReadError: the alert is queued. Anything else: there is nothing left to close.
            return

    def outgoing(self) -> bytes:
        return self._outgoing.read()


def _failure(error: ssl.SSLError, versions: tuple[str, ...]) -> TLSError:
    reason = error.reason or ""
    words = _REFUSALS.get(reason)
    if words is not None:
        detail = getattr(error, "verify_message", "") or "not trusted"
        return TLSError(
            words.format(versions=", ".join(versions) or "others", detail=detail), alert=False
        )
    # Alerts are spelled SSLV3_ALERT_x, TLSV1_ALERT_x, TLSV13_ALERT_x or, for later ones, TLSV1_x.
    prefix, _, rest = reason.partition("_")
    name = rest.removeprefix("ALERT_")
    if prefix in ("SSLV3", "TLSV1", "TLSV13"):
        plain = name.replace("_", " ").lower()
        return TLSError(_ALERTS.get(name, f"client gave up: {plain}"), alert=True)
    return TLSError(f"TLS failed: {(reason or str(error)).replace('_', ' ').lower()}", alert=False)
