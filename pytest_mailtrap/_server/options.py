"""The options of a trap, from the marker or the factory: one schema, checked in one place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from pytest_mailtrap._intercept.hosts import checked
from pytest_mailtrap._text.numbers import is_count
from pytest_mailtrap._text.terms import MODES, POLICIES, TLS_VERSIONS, guess

if TYPE_CHECKING:
    from typing_extensions import Self

    from pytest_mailtrap._text.choices import ClientCertificates, PolicyMode, StartTLS, TLSVersion

_CHOICES: dict[str, tuple[str, ...]] = {
    "starttls": ("offer", "require", "off"),
    "client_certificates": ("ignore", "request", "require"),
    "minimum_tls": TLS_VERSIONS,
    "maximum_tls": TLS_VERSIONS,
    "policy": POLICIES,
    "mode": MODES,
}
# Options of a test that mean nothing to a trap; they are in `MarkerOptions`.
MARKER_ONLY = ("guard", "mode", "scenarios", "skip_scenarios", "strict")
_SWITCHES = ("require_auth", "auth_without_tls", "trust", "guard", "strict")
_REQUIREMENTS = ("require", "require_only")
_LISTS = ("intercept", "scenarios", *_REQUIREMENTS)
# Instead of a pair: any user name and password.
ANY_CREDENTIALS = "any"
# None means the setting of the whole run, or nothing at all.
_MAY_BE_NONE = frozenset({"policy", "guard", "intercept", "scenarios", *_REQUIREMENTS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """
    How a trap behaves; the keywords of `@pytest.mark.mailtrap` and of `mailtrap_factory`.

    *credentials* is a `(username, password)` pair, a mapping of user names to passwords, or "any" to accept any pair.
    With None, they are those of the run, or the trap makes up a pair.
    *max_message_size* is in bytes; None means no limit.
    *trust* makes clients with default settings trust the trap's CA while it runs; see `MailTrap.trust()`.
    *intercept* is True for mail to any host, or the hosts whose mail should arrive here; see `MailTrap.intercept()`.
    *policy* is what happens at the end of the test if its messages do not meet the requirements.
    None means the policy of the run.
    *require* adds requirements to those of the run (or to `tls`, if the run has none); *require_only* replaces them.
    *reason* says why this test or trap is checked less strictly than the run.

    ValueError or TypeError if a value is wrong or contradicts another one.
    """

    starttls: StartTLS = "offer"
    require_auth: bool = False
    # Not in the repr: pytest shows it with --showlocals.
    credentials: tuple[str, str] | Mapping[str, str] | Literal["any"] | None = field(
        default=None, repr=False
    )
    auth_without_tls: bool = False
    client_certificates: ClientCertificates = "ignore"
    minimum_tls: TLSVersion = "TLSv1.2"
    maximum_tls: TLSVersion = "TLSv1.3"
    max_message_size: int | None = None
    trust: bool = False
    intercept: bool | tuple[str, ...] | None = None
    policy: PolicyMode | None = None
    require: tuple[str, ...] | None = None
    require_only: tuple[str, ...] | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        for known in fields(self):
            self._check(known.name, getattr(self, known.name))
        self._check_credentials()
        self._check_size()
        self._check_contradictions()

    @classmethod
    def of(cls, keywords: Mapping[str, Any]) -> Self:
        """Build from keywords; TypeError for an unknown one, which lists the known ones."""
        known = [field.name for field in fields(cls)]
        for name in keywords:
            if name not in known:
                if name in MARKER_ONLY:
                    raise TypeError(
                        f"mailtrap option {name!r} is for @pytest.mark.mailtrap only, expected one of {', '.join(known)}"
                    )
                raise TypeError(
                    f"unknown mailtrap option {name!r}{guess(name, known)}, expected one of {', '.join(known)}"
                )
        return cls(**{name: _as_tuple(name, value) for name, value in keywords.items()})

    def passwords(self) -> Mapping[str, str] | None:
        """The accepted credentials as a mapping, or None if the trap makes them up."""
        if isinstance(self.credentials, str):
            return None
        if self.credentials is None or isinstance(self.credentials, Mapping):
            return self.credentials
        return dict([self.credentials])

    def _check(self, name: str, value: object) -> None:
        if value is None and name in _MAY_BE_NONE:
            return
        if name in _CHOICES and value not in _CHOICES[name]:
            raise ValueError(f"{name} must be one of {', '.join(_CHOICES[name])}, got {value!r}")
        if name in _SWITCHES and not isinstance(value, bool):
            raise TypeError(f"{name} must be True or False, got {value!r}")
        if name == "intercept" and not isinstance(value, bool):
            _check_hosts(value)
        if name in _REQUIREMENTS:
            _check_requirements(name, value)
        if (
            name == "reason"
            and value is not None
            and not (isinstance(value, str) and value.strip())
        ):
            raise TypeError(f"reason must be a non-empty string, got {value!r}")

    def _check_credentials(self) -> None:
        given = self.credentials
        if given is None or given == ANY_CREDENTIALS:
            return
        pairs = list(given.items()) if isinstance(given, Mapping) else [given]
        if not pairs or not all(_is_pair(pair) for pair in pairs):
            # The value is not shown: it may hold a password.
            raise ValueError(
                "credentials must be a (username, password) pair of strings, a mapping of them or 'any'"
            )

    def _check_size(self) -> None:
        size = self.max_message_size
        if size is not None and not is_count(size):
            raise ValueError(
                f"max_message_size must be a positive whole number of bytes, got {size!r}"
            )

    def _check_contradictions(self) -> None:
        if TLS_VERSIONS.index(self.minimum_tls) > TLS_VERSIONS.index(self.maximum_tls):
            raise ValueError(
                f"minimum_tls={self.minimum_tls!r} is newer than maximum_tls={self.maximum_tls!r}"
            )
        if self.starttls == "require" and self.auth_without_tls:
            raise ValueError(
                "starttls='require' refuses every command before TLS, so auth_without_tls=True contradicts it"
            )
        if self.require is not None and self.require_only is not None:
            raise ValueError(
                "require adds to what the run requires, require_only replaces it: give one of the two"
            )


def _as_tuple(name: str, value: Any) -> Any:
    if name in _LISTS and isinstance(value, Iterable) and not isinstance(value, str | Mapping):
        return tuple(value)
    return value


def _check_hosts(hosts: object) -> None:
    if isinstance(hosts, tuple) and hosts and all(isinstance(h, str) and h for h in hosts):
        for host in hosts:
            checked(host)
        return
    raise TypeError(f"intercept must be True, False or a list of host names, got {hosts!r}")


def _check_requirements(name: str, words: object) -> None:
    from pytest_mailtrap._assertions.requirements import parse_requirements

    if not isinstance(words, tuple) or not all(isinstance(word, str) for word in words):
        raise TypeError(f"{name} must be a list of requirements, got {words!r}")
    parse_requirements(words)


def check_for_a_trap(options: Options) -> None:
    """ValueError if a trap of the factory has a requirement that only a test can have."""
    from pytest_mailtrap._assertions.requirements import MAIL, parse_requirements

    if MAIL in parse_requirements((*(options.require or ()), *(options.require_only or ()))):
        raise ValueError(
            f"{MAIL!r} is a requirement for a test, not for a trap: put it into the test's marker, or into mailtrap_require"
        )


def _is_pair(pair: object) -> bool:
    return (
        isinstance(pair, tuple | list)
        and len(pair) == 2
        and all(isinstance(part, str) and part for part in pair)
    )
