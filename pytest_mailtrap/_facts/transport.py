"""How a message was sent, and how its sender logged in: values."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from pytest_mailtrap._facts.der import as_der, of_der

if TYPE_CHECKING:
    from cryptography import x509

    from pytest_mailtrap._facts.client_hello import ClientHello


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """
    How one message was sent from the client to the trap.

    *tls_version* is what `ssl.SSLObject.version()` reports, or None for cleartext.
    *cipher* is OpenSSL's name for the cipher suite, *cipher_bits* is the number of its secret bits.
    *negotiated_by* is how TLS began, or None for cleartext.
    *sni* is the server name the client asked for (RFC 6066, section 3), or None.
    *alpn* is the negotiated protocol (RFC 7301); it is None, as none is registered for SMTP.
    *session_reused* is whether an earlier TLS session was resumed.
    *client_certificate* is a verified certificate of the client, or None.
    *client_hello* is what the client offered, or None if no TLS was begun.
    *peer* is the client's address and port; *ehlo* is the name it gave in EHLO or HELO, or None.
    *handshake_seconds* is the time from the ClientHello to the end of the handshake, or None for cleartext.
    *server_host* and *requested_port* are what the client meant to reach, or None if it meant the trap itself.
    *server_host* is an address, or a name in lower case with A-labels and without a final dot.
    """

    tls_version: str | None
    cipher: str | None
    cipher_bits: int | None
    negotiated_by: Literal["starttls", "implicit"] | None
    sni: str | None
    alpn: str | None
    session_reused: bool
    client_certificate: x509.Certificate | None
    client_hello: ClientHello | None = field(repr=False)
    peer: tuple[str, int]
    ehlo: str | None
    handshake_seconds: float | None
    server_host: str | None = None
    requested_port: int | None = None

    @property
    def encrypted(self) -> bool:
        """Whether the message was sent inside TLS."""
        return self.tls_version is not None

    def __reduce__(self) -> tuple[Any, ...]:
        # A certificate object cannot be pickled; its bytes can.
        facts = {known.name: getattr(self, known.name) for known in fields(self)}
        certificate = facts.pop("client_certificate")
        return _transport_of, (facts, None if certificate is None else as_der(certificate))


def _transport_of(facts: dict[str, Any], certificate: bytes | None) -> Transport:
    return Transport(
        client_certificate=None if certificate is None else of_der(certificate), **facts
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """
    One AUTH exchange (RFC 4954), even if it was refused.

    *mechanism* is in upper case, such as PLAIN.
    *encrypted* is whether the credentials were sent inside TLS.
    *accepted* is whether the trap accepted them.
    *password* is here for tests that check it; no repr, transcript or report shows it.
    It is empty if the client never sent one.
    """

    mechanism: str
    username: str
    password: str = field(repr=False)
    encrypted: bool
    accepted: bool
