"""How a message was sent, and how its sender logged in: values."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from pytest_mailtrap._facts.certificates import as_der, of_der

if TYPE_CHECKING:
    from cryptography import x509

    from pytest_mailtrap._facts.client_hello import ClientHello


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """How one message was sent from the client to the trap."""

    tls_version: str | None
    """What `ssl.SSLObject.version()` reports, or None for cleartext."""

    cipher: str | None
    """OpenSSL's name for the cipher suite, or None for cleartext."""

    cipher_bits: int | None
    """The number of the cipher's secret bits, or None for cleartext."""

    negotiated_by: Literal["starttls", "implicit"] | None
    """How TLS began, or None for cleartext."""

    sni: str | None
    """The server name the client asked for (RFC 6066, section 3), or None."""

    alpn: str | None
    """The negotiated protocol (RFC 7301); it is None, as none is registered for SMTP."""

    session_reused: bool
    """Whether an earlier TLS session was resumed."""

    client_certificate: x509.Certificate | None
    """A verified certificate of the client, or None."""

    client_hello: ClientHello | None = field(repr=False)
    """What the client offered, or None if no TLS was begun."""

    peer: tuple[str, int]
    """The client's address and port."""

    ehlo: str | None
    """The name the client gave in EHLO or HELO, or None."""

    handshake_seconds: float | None
    """The time in seconds from the ClientHello to the end of the handshake, or None for cleartext."""

    server_host: str | None = None
    """
    The host that the client meant to reach, or None if it meant the trap itself.
    It is an address, or a name in lower case with A-labels and without a final dot.
    """

    requested_port: int | None = None
    """The port that the client meant to reach, or None if it meant the trap itself."""

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
    """One AUTH exchange (RFC 4954), even if it was refused."""

    mechanism: str
    """The SASL mechanism in upper case, such as PLAIN."""

    username: str
    """The user name that the client sent."""

    password: str = field(repr=False)
    """
    The password that the client sent, for tests that check it; empty if the client never sent one.
    No repr, transcript or report shows it.
    """

    encrypted: bool
    """Whether the credentials were sent inside TLS."""

    accepted: bool
    """Whether the trap accepted the credentials."""
