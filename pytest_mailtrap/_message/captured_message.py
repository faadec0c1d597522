"""One captured message: the envelope, the exact bytes, and how they were sent."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._message.message_content import MessageContent
from pytest_mailtrap._smime import availability

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from datetime import datetime

    from pytest_mailtrap._facts.connection import Connection
    from pytest_mailtrap._facts.received_message import ReceivedMessage
    from pytest_mailtrap._facts.transcript import Transcript
    from pytest_mailtrap._facts.transport import Auth, Transport
    from pytest_mailtrap._smime.facts import SMIMEFacts
    from pytest_mailtrap._smime.identity import Identity
    from pytest_mailtrap._smime.issue.certificate_store import CertificateStore, StoredCertificates
    from pytest_mailtrap._smime.settings import Trust
    from pytest_mailtrap._text.choices import Mechanism, MinimumTLS, WeakAlgorithm


class _Cache(dict[str, Any]):
    """Values derived from a message; a copy of the message derives them again."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return _Cache, ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class CapturedMessage(MessageContent):
    """
    A message that the trap accepted, with the facts about the connection that carried it.

    A message is equal only to itself.
    A deep copy, even one made by `pickle`, has all of these facts, and its connection stays as it was at the time of copying.
    Neither depends on the trap.
    """

    mail_from: str
    """The address in MAIL FROM; "" for the null reverse-path."""

    rcpt_tos: tuple[str, ...]
    """The addresses in RCPT TO that the trap accepted, in order."""

    mail_options: tuple[str, ...]
    """The parameters of MAIL FROM, such as "BODY=8BITMIME", in the client's own upper and lower case."""

    rcpt_options: tuple[str, ...]
    """The parameters of all RCPT TO in one tuple, in the client's own upper and lower case."""

    smtp_utf8: bool
    """Whether the client asked for SMTPUTF8 (RFC 6531)."""

    raw: bytes
    """Exactly the bytes that were sent, with dot-stuffing removed (RFC 5321 section 4.5.2); nothing is added, and no line ending changed."""

    transport: Transport
    """How the message was sent: TLS version, cipher, server name, client certificate."""

    auth: Auth | None
    """The authentication that the trap accepted before this message; None if there was none."""

    connection: Connection
    """The connection that carried the message, which may have gone on after it."""

    transcript: Transcript
    """What was said on the connection up to the reply that accepted this message; secrets are redacted."""

    received_at: datetime
    """When the trap accepted the message: an aware datetime in UTC."""

    # The S/MIME certificates that the trap issued.
    _certificates: CertificateStore | StoredCertificates
    _cache: _Cache = field(default_factory=_Cache, init=False)

    @property
    def smime(self) -> SMIMEFacts:
        """
        The facts about its S/MIME signatures and encryption, verified against the trap's CA as of the time of receipt.

        Nothing is decrypted here; `inspect_smime()` accepts other trust anchors, and keys.
        """
        return self._derived("smime", self.inspect_smime)

    def inspect_smime(
        self,
        *,
        trust: Trust = None,
        identities: Identity | Iterable[Identity] = (),
        allow: Iterable[WeakAlgorithm] = (),
        match_from: bool = True,
    ) -> SMIMEFacts:
        """Inspect its S/MIME layers again; the keywords are those of `smime.inspect`, and *trust* None means the trap's CA."""
        __tracebackhide__ = True
        availability.require()
        from pytest_mailtrap._smime.inspection import inspect_with
        from pytest_mailtrap._smime.settings import settings

        # Certificates issued by the trap identify recipients; a signer's certificate must be in the message.
        checked = settings(
            trust=self._certificates.trust if trust is None else trust,
            intermediates=(),
            identities=identities,
            at=self.received_at,
            allow=allow,
            match_from=match_from,
            readers=self._certificates.certificates,
        )
        return inspect_with(self.raw, checked)

    def decrypt(self, identity: Identity) -> CapturedMessage:
        """
        Remove the outermost encryption: returns a new message with the same envelope and transport.

        Raises ValueError if the message is not encrypted, or not for *identity*.
        """
        __tracebackhide__ = True
        availability.require()
        from pytest_mailtrap._smime.opening import decrypt

        return replace(self, raw=decrypt(self.raw, identity))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the exact bytes to *path*, as an `.eml` file that any mail program can open; returns the path."""
        target = Path(path)
        target.write_bytes(self.raw)
        return target

    def assert_sent_over_tls(self, *, minimum: MinimumTLS = "TLSv1.2") -> None:
        """
        Fail unless this message was sent over TLS version *minimum* ("TLSv1.2" or "TLSv1.3") or newer.

        This does not show whether the client verified the trap's certificate.
        """
        __tracebackhide__ = True
        from pytest_mailtrap._assertions.assertions import assert_sent_over_tls

        assert_sent_over_tls({1: self}, minimum=minimum)

    def assert_authenticated(
        self, *, username: str | None = None, mechanism: Mechanism | None = None
    ) -> None:
        """
        Fail unless the client authenticated before this message, and every password was sent inside TLS.

        *username* and *mechanism* ("PLAIN", "LOGIN") require a certain user and AUTH mechanism.
        """
        __tracebackhide__ = True
        from pytest_mailtrap._assertions.assertions import assert_authenticated

        assert_authenticated({1: self}, username=username, mechanism=mechanism)

    def assert_smime_signed(
        self,
        *,
        by: str | Iterable[str] | None = None,
        trust: Trust = None,
        allow: Iterable[WeakAlgorithm] = (),
        match_from: bool = True,
        identities: Identity | Iterable[Identity] = (),
    ) -> None:
        """
        Fail unless a valid S/MIME signature by the sender in From covers this message.

        *by* is an address, or several addresses that must all have signed.
        *trust* says which CAs are trusted: the trap's CA (None), certificates, PEM, a path, or "any" to check only the mathematics.
        *allow* names weak algorithms to accept: "md5", "sha1", "dsa", "short-rsa".
        *match_from* False allows a From that names somebody other than the signer.
        *identities* decrypt the encryption around the signature.
        """
        __tracebackhide__ = True
        from pytest_mailtrap._assertions.assertions import assert_smime_signed

        assert_smime_signed(
            {1: self}, by=by, trust=trust, allow=allow, match_from=match_from, identities=identities
        )

    def assert_smime_encrypted(
        self,
        *,
        to: str | Iterable[str] | None = None,
        identities: Identity | Iterable[Identity] | None = None,
        authenticated: bool = False,
    ) -> None:
        """
        Fail unless this message is S/MIME encrypted to all its envelope recipients, and to nobody else.

        *to* names the readers, if they are not the envelope recipients.
        *identities* must be able to decrypt it; without them, only the recipient entries are compared.
        *authenticated* requires AES-GCM or AES-CCM (RFC 5083), which detect changes.
        """
        __tracebackhide__ = True
        from pytest_mailtrap._assertions.assertions import assert_smime_encrypted

        assert_smime_encrypted({1: self}, to=to, identities=identities, authenticated=authenticated)

    def __repr__(self) -> str:
        from pytest_mailtrap._assertions.message_table import headline

        how = self.transport.tls_version or "no TLS"
        return f"<CapturedMessage {how}, {headline(self)!r} -> {', '.join(self.rcpt_tos)}>"


def capture(
    received: ReceivedMessage, certificates: CertificateStore | StoredCertificates
) -> CapturedMessage:
    """The message as a test sees it; *certificates* are the S/MIME ones that its trap issues."""
    return CapturedMessage(
        mail_from=received.mail_from,
        rcpt_tos=received.rcpt_tos,
        mail_options=received.mail_options,
        rcpt_options=received.rcpt_options,
        smtp_utf8=received.smtp_utf8,
        raw=received.raw,
        transport=received.transport,
        auth=received.auth,
        connection=received.connection,
        transcript=received.transcript,
        received_at=received.received_at,
        _certificates=certificates,
    )
