"""What is known about an S/MIME message: frozen values, no behaviour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import datetime

    from cryptography import x509

    from pytest_mailtrap._smime.problems import Problem

Kind = Literal["signed", "enveloped", "authenveloped", "compressed", "certs-only"]


class Fields(Mapping[str, str]):
    """Header fields by name, whatever the case of the name."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = {name.lower(): (name, value) for name, value in fields.items()}

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()][1]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._fields.values())

    def __len__(self) -> int:
        return len(self._fields)

    def __hash__(self) -> int:
        return hash(frozenset(self.items()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """
    One signature and who made it.

    *valid* is about the mathematics and the signed attributes alone.
    *trusted* says whether the certificate leads to a trust anchor; None means it was not asked.
    *signing_time* is what the signer claims; it proves nothing.
    *certificate* is None when it was not found.
    """

    addresses: tuple[str, ...]
    certificate: x509.Certificate | None
    digest: str
    signature_algorithm: str
    signing_time: datetime.datetime | None
    valid: bool
    trusted: bool | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """
    One recipient entry of an encrypted layer.

    *issuer* and *serial*, or *key_identifier*, name the certificate, as the message does.
    *certificate* and *addresses* are known only if a given certificate fits.
    *decrypted* says whether the given identity that fits opened it; None when none fits.
    """

    kind: Literal["key-transport", "key-agreement", "kem", "kek", "password", "other"]
    algorithm: str
    issuer: str | None = None
    serial: int | None = None
    key_identifier: bytes | None = None
    certificate: x509.Certificate | None = None
    addresses: tuple[str, ...] = ()
    decrypted: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """
    One cryptographic layer.

    *valid* says that all signatures verify, or that it decrypted or decompressed; for an
    encrypted layer it is None when no identity was given.
    *problems* include those of its signers.
    """

    kind: Kind
    valid: bool | None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    signers: tuple[Signer, ...] = ()
    recipients: tuple[Recipient, ...] = ()
    algorithms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SMIMEFacts:
    """
    What is known about one message.

    *signed* says that every check holds.
    *encrypted* says that the outermost layer is encrypted, and decrypted if an identity was given.
    *layers* stand from the outside in; *problems* and *warnings* include those of the layers.
    *errant* lists signatures and encryption that don't cover the message.
    *content* is what the innermost layer holds.
    """

    signed: bool
    encrypted: bool
    layers: tuple[Layer, ...]
    signers: tuple[Signer, ...]
    recipients: tuple[Recipient, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    errant: tuple[Problem, ...]
    protected_headers: Fields
    content: bytes = field(repr=False)
