"""What is known about an S/MIME message: frozen values, no behavior."""

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
    """Header fields by name, ignoring case."""

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
    """One signature and who made it."""

    addresses: tuple[str, ...]
    """The mail addresses that the certificate names; empty if the certificate was not found."""

    certificate: x509.Certificate | None
    """The signer's certificate; None if it was not found."""

    digest: str
    """The name of the digest algorithm."""

    signature_algorithm: str
    """The name of the signature algorithm."""

    signing_time: datetime.datetime | None
    """The time that the signer claims, or None if there is none; it proves nothing."""

    valid: bool
    """Whether the mathematics and the signed attributes are correct; this says nothing about trust."""

    trusted: bool | None
    """Whether the certificate leads to a trust anchor; None means that this was not checked."""

    problems: tuple[Problem, ...]
    """What is wrong with this signature or its certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """
    One recipient entry of an encrypted layer.

    *issuer* and *serial*, or *key_identifier*, name the certificate, as the message does.
    """

    kind: Literal["key-transport", "key-agreement", "kem", "kek", "password", "other"]
    """How the recipient gets the key of the content."""

    algorithm: str
    """The name of the algorithm that protects this key."""

    issuer: str | None = None
    """The name of the certificate's issuer, or None if the message does not give it."""

    serial: int | None = None
    """The certificate's serial number, or None if the message does not give it."""

    key_identifier: bytes | None = None
    """The certificate's key identifier, or None if the message does not give it."""

    certificate: x509.Certificate | None = None
    """The recipient's certificate; None unless a given certificate fits."""

    addresses: tuple[str, ...] = ()
    """The mail addresses that the certificate names; empty unless a given certificate fits."""

    decrypted: bool | None = None
    """Whether the given identity that fits opened the entry; None if none fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One cryptographic layer."""

    kind: Kind
    """What the layer does: whether it is signed, encrypted, compressed, or only carries certificates."""

    valid: bool | None
    """
    Whether all signatures verify, or the layer decrypted or decompressed.
    For an encrypted layer it is None if no identity was given.
    """

    problems: tuple[Problem, ...] = ()
    """What is wrong with the layer, including the problems of its signers."""

    warnings: tuple[Problem, ...] = ()
    """What is odd about the layer, but not wrong."""

    signers: tuple[Signer, ...] = ()
    """The signatures of a signed layer."""

    recipients: tuple[Recipient, ...] = ()
    """The recipient entries of an encrypted layer."""

    algorithms: tuple[str, ...] = ()
    """The names of the algorithms that the layer uses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SMIMEFacts:
    """What is known about one message."""

    signed: bool
    """Whether all checks passed."""

    encrypted: bool
    """Whether the outermost layer is encrypted, and decrypted if an identity was given."""

    layers: tuple[Layer, ...]
    """The cryptographic layers, from the outside in."""

    signers: tuple[Signer, ...]
    """The signatures of all layers."""

    recipients: tuple[Recipient, ...]
    """The recipient entries of all layers."""

    problems: tuple[Problem, ...]
    """What is wrong with the message, including the problems of the layers."""

    warnings: tuple[Problem, ...]
    """What is odd about the message, but not wrong, including the warnings of the layers."""

    errant: tuple[Problem, ...]
    """Signatures and encryption that don't cover the message."""

    protected_headers: Fields
    """The header fields that are protected; empty if there are none."""

    content: bytes = field(repr=False)
    """The bytes that the innermost layer holds."""
