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
    """The kind of key, "ec-p256" by default; "rsa-1024" is too weak, for negative controls."""

    not_before: datetime.datetime | None
    """The beginning of the validity, an aware datetime; that of the CA's validity by default."""

    not_after: datetime.datetime | None
    """The end of the validity, an aware datetime; that of the CA's validity by default."""

    purposes: Collection[Purpose]
    """The extended key usage, ("emailProtection",) by default; an empty one leaves the extension out."""

    key_usage: Collection[KeyUsage] | None
    """
    The key usage; None (the default) means what fits the key (RFC 5280, section 4.2.1.3).
    An empty one leaves the extension out.
    """

    common_name: str | None
    """
    The subject's name; it never holds the address.
    None means a default name.
    """

    self_signed: bool
    """
    Whether the certificate signs itself, so that it must not be trusted.
    It cannot be combined with `other_ca`.
    """

    other_ca: bool
    """
    Whether a CA that nobody trusts issues the certificate, so that it must not be trusted.
    It cannot be combined with `self_signed`.
    """


class SMIMEIdentityFactory(Protocol):
    """
    The fixture `smime_identity`: issues S/MIME certificates with their keys under the CA of all traps.

    `alice = smime_identity("alice@example.org", key="rsa-2048")`
    """

    def __call__(
        self, address: str | None, *addresses: str, **keywords: Unpack[IdentityKeywords]
    ) -> Identity:
        """
        Issue a certificate for *address* and any further *addresses*; None for one without an address.

        *key* is the kind of key, "ec-p256" by default; "rsa-1024" is too weak, for negative controls.
        *not_before* and *not_after* are aware datetimes; the validity is the CA's by default.
        *purposes* is the extended key usage, ("emailProtection",) by default, *key_usage* what fits the key (RFC 5280, section 4.2.1.3); an
        empty one leaves the extension out.
        *common_name* is the subject's name; it never holds the address.
        *self_signed* and *other_ca* make certificates that must not be trusted.

        ValueError for a keyword's value that is unknown, a naive datetime, or both *self_signed* and *other_ca*.
        """
        ...
