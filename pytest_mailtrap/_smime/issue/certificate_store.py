"""The S/MIME certificates known here: the throwaway CA, and those issued under it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._facts.certificates import as_der, of_der
from pytest_mailtrap._smime import availability
from pytest_mailtrap._text.terms import guess

if TYPE_CHECKING:
    import trustme
    from cryptography import x509
    from typing_extensions import Unpack

    from pytest_mailtrap._smime.identity import Identity
    from pytest_mailtrap._smime.issue.keywords import IdentityKeywords


class CertificateStore:
    """
    Issues S/MIME identities, and remembers their certificates.

    An encrypted message names its recipients only by issuer and serial number: the certificates turn these
    into addresses.
    """

    def __init__(self, ca: trustme.CA) -> None:
        self._ca = ca
        self._issued: list[x509.Certificate] = []

    @property
    def trust(self) -> bytes:
        """The CA's certificate as PEM."""
        return self._ca.cert_pem.bytes()

    @property
    def certificates(self) -> tuple[x509.Certificate, ...]:
        return tuple(self._issued)

    def issue(
        self, address: str | None, *addresses: str, **keywords: Unpack[IdentityKeywords]
    ) -> Identity:
        __tracebackhide__ = True
        availability.require()
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        from pytest_mailtrap._smime.issue.keywords import IdentityKeywords
        from pytest_mailtrap._smime.issue.minting import mint_identity

        known = tuple(IdentityKeywords.__annotations__)
        for name in keywords:
            if name not in known:
                raise TypeError(
                    f"unknown smime_identity keyword {name!r}{guess(name, known)}, expected one of {', '.join(known)}"
                )
        key: Any = load_pem_private_key(self._ca.private_key_pem.bytes(), None)
        certificate = x509.load_pem_x509_certificate(self.trust)
        identity = mint_identity(certificate, key, address, *addresses, **keywords)
        self._issued.append(identity.certificate)
        return identity

    def __reduce__(self) -> tuple[Any, ...]:
        # Without the CA's private key.
        return _excerpt, (self.trust, tuple(map(as_der, self._issued)))


@dataclass(frozen=True, slots=True)
class StoredCertificates:
    """The certificates that a store contained when it was copied; it cannot issue any."""

    trust: bytes
    certificates: tuple[x509.Certificate, ...] = field(repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return _excerpt, (self.trust, tuple(map(as_der, self.certificates)))


def _excerpt(trust: bytes, certificates: tuple[bytes, ...]) -> StoredCertificates:
    return StoredCertificates(trust, tuple(map(of_der, certificates)))
