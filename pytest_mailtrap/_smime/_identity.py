"""A certificate with its private key: what signs and what decrypts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes


@dataclass(frozen=True, slots=True)
class Identity:
    """
    One mailbox owner: a certificate, its private key, and the certificates above it.

    *chain* holds the intermediate certificates, nearest issuer first, without the root.
    The private key never appears in the representation.
    """

    certificate: x509.Certificate
    private_key: PrivateKeyTypes = field(repr=False)
    chain: tuple[x509.Certificate, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "chain", tuple(self.chain))
        if _spki(self.certificate.public_key()) != _spki(self.private_key.public_key()):
            subject = self.certificate.subject.rfc4514_string()
            raise ValueError(f"private_key does not belong to the certificate of {subject!r}")

    @classmethod
    def from_pem(
        cls,
        certificate: bytes | str,
        private_key: bytes | str | None = None,
        *,
        password: bytes | str | None = None,
    ) -> Identity:
        """
        Read PEM text: the certificate first, then those of its chain.

        Without *private_key* the key is looked for in the same text as the certificate.
        """
        leaf, *chain = x509.load_pem_x509_certificates(_encoded(certificate))
        key_text = certificate if private_key is None else private_key
        key = load_pem_private_key(_encoded(key_text), _password(password))
        return cls(leaf, key, tuple(chain))

    @classmethod
    def from_pkcs12(cls, data: bytes, password: bytes | str | None = None) -> Identity:
        """Read a PKCS#12 file (.p12, .pfx)."""
        key, leaf, chain = pkcs12.load_key_and_certificates(data, _password(password))
        if key is None or leaf is None:
            raise ValueError("the PKCS#12 data must hold a certificate and its private key")
        return cls(leaf, key, tuple(chain))


def _spki(key: Any) -> bytes:  # Any: the key types of cryptography share no base class
    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _encoded(text: bytes | str) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _password(password: bytes | str | None) -> bytes | None:
    return None if password is None else _encoded(password)
