"""
A hostile server as a value: how it behaves, and what a secure client does with it.

Rules of this file: nothing here says how a server is run, or how a client is judged.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pytest_mailtrap._server.behavior import Behavior
from pytest_mailtrap._server.certificate_flaws import CERTIFICATES
from pytest_mailtrap._smtp.faults import Rule
from pytest_mailtrap._text.numbers import is_seconds
from pytest_mailtrap._text.terms import MODES, TLS_VERSIONS

if TYPE_CHECKING:
    from pytest_mailtrap._server.certificate_flaws import CertificateMaker, CertificateName
    from pytest_mailtrap._server.inbox import Observer
    from pytest_mailtrap._server.options import Options
    from pytest_mailtrap._text.choices import ClientCertificates, Mode, StartTLS, TLSVersion

# pytest looks for this in the globals of a function, too: the `__init__` that dataclass generates has no other place
# for it.
__tracebackhide__ = True

Expected = Literal["refuse", "deliver", "either"]
# An invalid certificate, a TLS version that is too old, a key that is too short.
Flaw = Literal["impostor", "outdated", "weak"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One way for a mail server to be hostile; `hostile_mailtrap` runs it."""

    id: str
    """The name of the scenario in kebab-case; it names the test."""

    summary: str
    """What the server does, in one line."""

    modes: tuple[Mode, ...] = MODES
    """Where the scenario applies: on the STARTTLS port, on the port for implicit TLS, or on both."""

    expected: Expected = "refuse"
    """What a secure client does: "refuse" (send nothing to this server), "deliver" (over TLS), or "either"."""

    certificate: CertificateName | CertificateMaker = "good"
    """
    "good", the name of a flaw such as "expired", or a function.
    Such a function gets the good CA (a `trustme.CA`) and the names of the server.
    It returns key, certificate and chain as PEM.
    """

    minimum_tls: TLSVersion = "TLSv1.2"
    """The oldest TLS version that the server supports, as for every trap."""

    maximum_tls: TLSVersion = "TLSv1.3"
    """The newest TLS version that the server supports, as for every trap."""

    starttls: StartTLS = "offer"
    """Whether the server offers or requires STARTTLS, as for every trap."""

    auth_without_tls: bool = False
    """Whether the server offers and accepts AUTH in cleartext, as for every trap."""

    client_certificates: ClientCertificates = "ignore"
    """Whether the server asks clients for a certificate, as for every trap."""

    rules: tuple[Rule, ...] = field(default=(), repr=False)
    """Faults: what the server does instead of the correct reply."""

    greets_after: float | None = None
    """Makes the port for implicit TLS greet in cleartext after this many seconds of silence; None means never."""

    forbids: tuple[str, ...] = ()
    """Commands that must not be sent inside TLS either, since they were not offered there."""

    baseline: str = "auth-never-offered"
    """The id of the scenario that shows whether the client always sends the commands in `forbids`, which proves nothing."""

    needs: str | None = None
    """
    An option of MAIL that no message may be sent without, or None.
    The application must use it with a good server.
    """

    must_not_log: tuple[str, ...] = ()
    """Texts from the server that would do harm if they appeared unescaped in the application's log."""

    by_default: bool = True
    """False for what only some applications withstand: such a scenario runs only if it is named."""

    advisory: bool = False
    """
    Whether it is a remark, not a failure, that a client accepts the server's TLS.
    It stays a failure if the scenario is named or `strict` is set.
    """

    priority: int = 1
    """1 for what every client should withstand, 3 for a matter of taste."""

    def __post_init__(self) -> None:
        for name in ("modes", "rules", "forbids", "must_not_log"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not re.fullmatch(r"[a-z0-9]+(?:[.-][a-z0-9]+)*", self.id):
            raise ValueError(f"id must be in kebab-case, got {self.id!r}")
        if not self.modes or not set(self.modes) <= set(MODES):
            raise ValueError(f"modes must be one or more of {', '.join(MODES)}, got {self.modes!r}")
        if self.expected not in ("refuse", "deliver", "either"):
            raise ValueError(f"expected must be refuse, deliver or either, got {self.expected!r}")
        if not callable(self.certificate) and self.certificate not in CERTIFICATES:
            raise ValueError(
                f"certificate must be one of {', '.join(CERTIFICATES)} or a function, got {self.certificate!r}"
            )
        if self.greets_after is not None and not (
            is_seconds(self.greets_after) and self.greets_after >= 0
        ):
            raise ValueError(
                f"greets_after must be a number of seconds or None, got {self.greets_after!r}"
            )
        for rule in self.rules:
            if not isinstance(rule, Rule):
                raise TypeError(f"rules must be Rule objects, got {rule!r}")

    def __str__(self) -> str:
        return self.id


def behavior_of(scenario: Scenario, base: Options, observer: Observer | None = None) -> Behavior:
    """The behavior of a server that runs *scenario*; passwords and limits are those of *base*."""
    options = dataclasses.replace(
        base,
        starttls=scenario.starttls,
        auth_without_tls=scenario.auth_without_tls,
        client_certificates=scenario.client_certificates,
        minimum_tls=scenario.minimum_tls,
        maximum_tls=scenario.maximum_tls,
    )
    return Behavior(
        options,
        certificate=scenario.certificate,
        greets_after=scenario.greets_after,
        rules=scenario.rules,
        observer=observer,
    )


def flaw_of(scenario: Scenario) -> Flaw | None:
    """Why the server's TLS must not be trusted; None if it can be."""
    if scenario.expected != "refuse":
        return None
    if is_outdated(scenario):
        return "outdated"
    if scenario.certificate == "weak-key":
        return "weak"
    return "impostor" if scenario.certificate != "good" else None


def is_outdated(scenario: Scenario) -> bool:
    """Whether the server supports only TLS versions that RFC 8996 forbids."""
    return TLS_VERSIONS.index(scenario.maximum_tls) < TLS_VERSIONS.index("TLSv1.2")


def hostile_from(scenario: Scenario, mode: str) -> Literal["connect", "greeting", "tls"]:
    """How far a client must get to meet the hostile behavior: to connect, to send EHLO, or to ask for TLS."""
    before_tls = {rule.command for rule in scenario.rules if rule.inside_tls is not True}
    if "CONNECT" in before_tls:
        return "connect"
    is_greeting = scenario.starttls == "off" or before_tls & {"EHLO", "HELO"}
    return "greeting" if mode == "starttls" and is_greeting else "tls"


def refuses_session(scenario: Scenario) -> bool:
    """Whether commands are forbidden because EHLO is refused, and not only because they were not offered."""
    return "MAIL" in scenario.forbids
