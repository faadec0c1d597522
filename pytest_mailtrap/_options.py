"""What a trap can be told, by marker or by factory: one schema, checked in one place."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")

_CHOICES: dict[str, tuple[str, ...]] = {
    "starttls": ("offer", "require", "off"),
    "client_certificates": ("ignore", "request", "require"),
    "minimum_tls": TLS_VERSIONS,
    "maximum_tls": TLS_VERSIONS,
}
_SWITCHES = ("require_auth", "auth_without_tls", "trust")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """
    How a trap behaves; the keywords of `@pytest.mark.mailtrap` and of `mailtrap_factory`.

    *credentials* is a `(username, password)` pair or a mapping of user names to passwords; None lets the trap make up a pair.
    *max_message_size* is in bytes; None means no limit.
    *trust* lets clients with default settings trust the trap's CA while it runs; see `MailTrap.trust()`.
    """

    starttls: str = "offer"
    require_auth: bool = False
    credentials: tuple[str, str] | Mapping[str, str] | None = None
    auth_without_tls: bool = False
    client_certificates: str = "ignore"
    minimum_tls: str = "TLSv1.2"
    maximum_tls: str = "TLSv1.3"
    max_message_size: int | None = None
    trust: bool = False

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}"
                )
        for name in _SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be True or False, got {getattr(self, name)!r}")
        self._check_credentials()
        self._check_size()
        self._check_contradictions()

    @classmethod
    def of(cls, keywords: Mapping[str, Any]) -> Options:
        """Build from keywords; an unknown one is a TypeError that lists the known ones."""
        known = [field.name for field in fields(cls)]
        for name in keywords:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f" (did you mean {near[0]!r}?)" if near else ""
                raise TypeError(
                    f"unknown mailtrap option {name!r}{hint}, expected one of {', '.join(known)}"
                )
        return cls(**keywords)

    def accounts(self) -> Mapping[str, str] | None:
        """The accepted credentials as a mapping, or None when the trap makes them up."""
        if self.credentials is None or isinstance(self.credentials, Mapping):
            return self.credentials
        return dict([self.credentials])

    def _check_credentials(self) -> None:
        given = self.credentials
        if given is None:
            return
        pairs = list(given.items()) if isinstance(given, Mapping) else [given]
        if not pairs or not all(_is_pair(pair) for pair in pairs):
            # The value is not shown: it may hold a password.
            raise ValueError(
                "credentials must be a (username, password) pair of strings or a mapping of them"
            )

    def _check_size(self) -> None:
        size = self.max_message_size
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
            raise ValueError(f"max_message_size must be a positive number of bytes, got {size!r}")

    def _check_contradictions(self) -> None:
        if TLS_VERSIONS.index(self.minimum_tls) > TLS_VERSIONS.index(self.maximum_tls):
            raise ValueError(
                f"minimum_tls={self.minimum_tls!r} is newer than maximum_tls={self.maximum_tls!r}"
            )
        if self.starttls == "require" and self.auth_without_tls:
            raise ValueError(
                "starttls='require' refuses every command before TLS, so auth_without_tls=True contradicts it"
            )


def _is_pair(pair: object) -> bool:
    return (
        isinstance(pair, tuple | list)
        and len(pair) == 2
        and all(isinstance(part, str) and part for part in pair)
    )
