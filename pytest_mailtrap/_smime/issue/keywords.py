"""The keywords with which S/MIME identities are issued, for type checkers and editors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypedDict

if TYPE_CHECKING:
    import datetime
    from collections.abc import Collection

    from typing_extensions import Unpack

    from pytest_mailtrap._smime.identity import Identity

KeyName = Literal[
    "ec-p256", "ec-p384", "ec-p521", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519", "rsa-1024"
]
Purpose = Literal["emailProtection", "clientAuth", "serverAuth", "codeSigning", "any"]
KeyUsage = Literal[
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
]


class IdentityKeywords(TypedDict, total=False):
    """The keywords of `smime_identity()`; see `SMIMEIdentityFactory`."""

    key: KeyName
    not_before: datetime.datetime | None
    not_after: datetime.datetime | None
    purposes: Collection[Purpose]
    key_usage: Collection[KeyUsage] | None
    common_name: str | None
    self_signed: bool
    other_ca: bool


class SMIMEIdentityFactory(Protocol):
    """
    The fixture `smime_identity`: issues S/MIME certificates with their keys under the CA of all traps.

    `alice = smime_identity("alice@example.org", key="rsa-2048")`
    """

    def __call__(
        self, address: str | None, *addresses: str, **keywords: Unpack[IdentityKeywords]
    ) -> Identity:
        """
        Issue a certificate for *address* and any further *addresses*; None names nobody.

        *key* is the kind of key, "ec-p256" by default; "rsa-1024" is too weak, for negative controls.
        *not_before* and *not_after* are aware datetimes; the validity is the CA's by default.
        *purposes* is the extended key usage, ("emailProtection",) by default, *key_usage* what fits the key (RFC 5280, section 4.2.1.3); an
        empty one leaves the extension out.
        *common_name* is the subject's name; it never holds the address.
        *self_signed* and *other_ca* make certificates that must not be trusted.

        ValueError for a keyword's value that is unknown, a naive datetime, or both *self_signed* and *other_ca*.
        """
        ...
