"""How a message travelled, and who its sender said it was: values."""

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
    How one message travelled from the client to the trap.

    *tls_version* is what `ssl.SSLObject.version()` reports, or None for cleartext.
    *cipher* is OpenSSL's name of the cipher suite, *cipher_bits* its secret bits.
    *negotiated_by* is None for cleartext.
    *sni* is the server name the client asked for (RFC 6066, section 3), or None.
    *alpn* is the protocol agreed on; None, as there is no registered one for SMTP.
    *client_certificate* is a verified certificate of the client, or None.
    *client_hello* is what the client offered, or None where no TLS was begun.
    *peer* is the client's address and port; *ehlo* the name it gave in EHLO or HELO.
    *handshake_seconds* is the time from the ClientHello to the end of the handshake.
    *server_host* and *requested_port* are what the client meant to reach, None where it meant the trap itself:
    a name in lower case with A-labels and without a final dot, as in *sni*, or an address.
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
        """Whether TLS protected the message on its way."""
        return self.tls_version is not None

    def __reduce__(self) -> tuple[Any, ...]:
        # A certificate is an object of OpenSSL's, which cannot be pickled; its bytes can.
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
    One AUTH exchange (RFC 4954), also one that was refused.

    *encrypted* tells whether the credentials went inside TLS.
    *accepted* tells whether the trap took them.
    *password* is here for tests that check it; no repr, transcript or report shows it.
    It is empty where the client never sent one.
    """

    mechanism: str
    username: str
    password: str = field(repr=False)
    encrypted: bool
    accepted: bool
