"""The keywords of `mailtrap_factory()`, for type checkers and editors; `Options` checks their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_mailtrap._text.choices import (
        ClientCertificates,
        PolicyMode,
        StartTLS,
        TLSVersion,
    )


class MailTrapOptions(TypedDict, total=False):
    """How a trap behaves: the keywords of `mailtrap_factory()`, and of `@pytest.mark.mailtrap` as far as they are about the trap."""

    starttls: StartTLS
    """
    "offer" (the default), "require" or "off".
    With "require", every command but EHLO, STARTTLS, AUTH, NOOP and QUIT is refused before TLS.
    """

    require_auth: bool
    """Whether to refuse mail without AUTH; False by default."""

    credentials: tuple[str, str] | Mapping[str, str] | Literal["any"] | None
    """
    A `(username, password)` pair, a mapping of user names to passwords, or "any" to accept any pair.
    Without them, or with None, they are those of the run, or the trap makes up a pair.
    """

    auth_without_tls: bool
    """Whether to offer and accept AUTH in cleartext as well; False by default."""

    client_certificates: ClientCertificates
    """Whether to ask clients for a certificate issued by the trap's CA; "ignore" by default."""

    minimum_tls: TLSVersion
    """The oldest TLS version that the trap supports; "TLSv1.2" by default."""

    maximum_tls: TLSVersion
    """The newest TLS version that the trap supports; "TLSv1.3" by default."""

    max_message_size: int | None
    """The limit that SIZE announces, in bytes; None (the default) means no limit."""

    trust: bool
    """
    Whether clients with default settings trust the trap's CA while it runs; see `MailTrap.trust()`.
    False by default.
    """

    intercept: bool | Iterable[str] | None
    """True for mail to any host, or a list of hosts whose mail should arrive here; see `MailTrap.intercept()`."""

    policy: PolicyMode | None
    """
    What happens at the end of the test if its messages do not meet the requirements.
    None means the policy of the run.
    """

    require: Iterable[str] | None
    """
    Requirements in addition to those of the run, or to `tls` if the run has none.
    It cannot be combined with `require_only`.
    """

    require_only: Iterable[str] | None
    """
    Requirements that replace those of the run.
    It cannot be combined with `require`.
    """

    reason: str | None
    """Why less is required than in the rest of the run."""
