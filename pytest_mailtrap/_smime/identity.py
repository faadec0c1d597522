"""A certificate with its private key: what signs and what decrypts."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)

from pytest_mailtrap._smime.certificates.addresses import certificate_addresses

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

# A text with such an ending is the name of a file, not a secret.
_SUFFIXES = (".cer", ".crt", ".key", ".p12", ".pem", ".pfx")


class IdentityFiles(NamedTuple):
    """Where an identity was written: PEM files; *chain* contains the certificate and those above it."""

    certificate: Path
    private_key: Path
    chain: Path


@dataclass(frozen=True, slots=True)
class Identity:
    """
    One mailbox owner: a certificate, its private key, and the certificates above it.

    The private key never appears in the representation.
    """

    certificate: x509.Certificate
    """The owner's certificate."""

    private_key: PrivateKeyTypes = field(repr=False)
    """The key that belongs to the certificate."""

    chain: tuple[x509.Certificate, ...] = ()
    """The intermediate certificates, nearest issuer first, without the root."""

    def __post_init__(self) -> None:
        __tracebackhide__ = True
        object.__setattr__(self, "chain", tuple(self.chain))
        if _spki(self.certificate.public_key()) != _spki(self.private_key.public_key()):
            subject = self.certificate.subject.rfc4514_string()
            raise ValueError(f"private_key does not belong to the certificate of {subject!r}")

    @classmethod
    def from_pem(
        cls,
        certificate: bytes | str | os.PathLike[str],
        private_key: bytes | str | os.PathLike[str] | None = None,
        *,
        password: bytes | str | None = None,
    ) -> Identity:
        """
        Read PEM text, or files that contain it: the certificate first, then those of its chain.

        Without *private_key*, the key must be in the same text as the certificate.
        """
        # The arguments are secrets, and --showlocals would print them.
        __tracebackhide__ = True
        text = _pem(certificate)
        leaf, *chain = x509.load_pem_x509_certificates(text)
        key_text = text if private_key is None else _pem(private_key)
        key = load_pem_private_key(key_text, _password(password))
        return cls(leaf, key, tuple(chain))

    @classmethod
    def from_pkcs12(
        cls, data: bytes | str | os.PathLike[str], password: bytes | str | None = None
    ) -> Identity:
        """Read PKCS#12 (.p12, .pfx): its bytes, or the path of a file."""
        # The arguments are secrets, and --showlocals would print them.
        __tracebackhide__ = True
        held = data if isinstance(data, bytes) else _file(data)
        key, leaf, chain = pkcs12.load_key_and_certificates(held, _password(password))
        if key is None or leaf is None:
            raise ValueError("the PKCS#12 data must contain a certificate and its private key")
        return cls(leaf, key, tuple(chain))

    @property
    def address(self) -> str | None:
        """The first address in the certificate, or None if there is none."""
        names = certificate_addresses(self.certificate)
        return names[0] if names else None

    @property
    def certificate_pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def chain_pem(self) -> bytes:
        """The certificate and the intermediate certificates above it."""
        return b"".join(one.public_bytes(Encoding.PEM) for one in (self.certificate, *self.chain))

    @property
    def private_key_pem(self) -> bytes:
        """The private key, unencrypted PKCS#8."""
        return self.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def pkcs12(self, password: bytes | str) -> bytes:
        """Certificate, key and chain as PKCS#12, which mail programs can import."""
        # The arguments are secrets, and --showlocals would print them.
        __tracebackhide__ = True
        encryption = BestAvailableEncryption(_encoded(password))
        # PKCS#12 can contain every kind of key that an S/MIME certificate can have.
        key: Any = self.private_key
        return pkcs12.serialize_key_and_certificates(
            None, key, self.certificate, list(self.chain) or None, encryption
        )

    def write(self, directory: str | os.PathLike[str]) -> IdentityFiles:
        """Write PEM files to *directory*, for programs that read nothing else; only the owner may read the key."""
        folder = Path(directory)
        files = IdentityFiles(folder / "certificate.pem", folder / "key.pem", folder / "chain.pem")
        files.certificate.write_bytes(self.certificate_pem)
        files.chain.write_bytes(self.chain_pem)
        files.private_key.touch(mode=0o600)
        files.private_key.write_bytes(self.private_key_pem)
        return files


def _spki(key: Any) -> bytes:  # Any: the key types of cryptography share no base class
    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _pem(source: bytes | str | os.PathLike[str]) -> bytes:
    """PEM text as given, or the content of the file named."""
    __tracebackhide__ = True
    if isinstance(source, bytes) or (isinstance(source, str) and "-----BEGIN" in source):
        return _encoded(source)
    return _file(source)


def _file(path: str | os.PathLike[str]) -> bytes:
    """
    The content of a file.

    A text that is not the name of one may be a password or a key without PEM armor, and is not shown.
    """
    __tracebackhide__ = True
    names_a_file = not isinstance(path, str) or path.lower().endswith(_SUFFIXES)
    # Path.is_file() raises an error that contains the whole text if it is too long for a name.
    if not names_a_file and not os.path.isfile(path):
        raise FileNotFoundError("neither PEM text nor the path of a file")
    return Path(path).read_bytes()


def _encoded(text: bytes | str) -> bytes:
    __tracebackhide__ = True
    return text.encode() if isinstance(text, str) else text


def _password(password: bytes | str | None) -> bytes | None:
    __tracebackhide__ = True
    return None if password is None else _encoded(password)
