"""The keywords of `mailtrap_factory()`, for type checkers and editors; `Options` checks their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_mailtrap._text.choices import (
        ClientCertificates,
        PolicyMode,
        StartTLS,
        TLSVersion,
    )


class MailTrapOptions(TypedDict, total=False):
    """
    How a trap behaves: the keywords of `mailtrap_factory()`, and of `@pytest.mark.mailtrap` as far as they are about the trap.

    *starttls* is "offer", "require" (every command but EHLO, STARTTLS, AUTH, NOOP and QUIT is refused before TLS) or "off".
    *credentials* is a `(username, password)` pair or a mapping of user names to passwords; without them the trap makes up a pair.
    *max_message_size* is in bytes.
    *intercept* is True for mail to any host, or a list of hosts.
    *require* adds requirements to those of the run, *require_only* replaces them; *reason* says why that is less.
    """

    starttls: StartTLS
    require_auth: bool
    credentials: tuple[str, str] | Mapping[str, str] | None
    auth_without_tls: bool
    client_certificates: ClientCertificates
    minimum_tls: TLSVersion
    maximum_tls: TLSVersion
    max_message_size: int | None
    trust: bool
    intercept: bool | Iterable[str] | None
    policy: PolicyMode | None
    require: Iterable[str] | None
    require_only: Iterable[str] | None
    reason: str | None
