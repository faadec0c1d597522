"""
The hostile servers: how each behaves, and what a secure client does.

Rules of this file: values only; nothing here says how a server is run, or how a client is judged.
The ids follow the IANA registry "STARTTLS Validation Result Types" (RFC 8460, section 6.6) where it has a word.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pytest_mailtrap._faults import MAX_DELAY, Rule
from pytest_mailtrap._options import MODES, TLS_VERSIONS

if TYPE_CHECKING:
    import trustme

    from pytest_mailtrap._options import Options

Expected = Literal["refuse", "deliver", "either"]
# A certificate that does not hold, a version of TLS that is too old, a key that is too short.
Flaw = Literal["impostor", "outdated", "weak"]
# Given the good CA and the names the server is known by: the key, the certificate and its chain, as PEM.
CertificateMaker = Callable[["trustme.CA", tuple[str, ...]], bytes]
CERTIFICATES = (
    "good",
    "not-trusted",
    "self-signed",
    "expired",
    "not-yet-valid",
    "host-mismatch",
    "missing-intermediate",
    "wrong-purpose",
    "cn-only",
    "partial-wildcard",
    "weak-key",
)
# A client that has given up on TLS waits for a greeting on the TLS port; one that has not speaks at once.
_GREETS_AFTER = 0.1
# How long a forged reply has time to be believed, before the true one comes.
_LATE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """
    One way of a mail server to be hostile; `hostile_mailtrap` plays it.

    *id* is in kebab-case and names the test; *summary* says what the server does, in one line.
    *modes* says where it exists: on the STARTTLS port, on the port for implicit TLS, or on both.
    *expected* of a secure client: "refuse" (nothing may be sent to this server), "deliver" (over TLS), or "either" of them.
    *certificate* is "good", the name of a flaw such as "expired", or a function that is given the good CA (a `trustme.CA`) and
    the names of the server, and gives key, certificate and chain as PEM.
    *minimum_tls*, *maximum_tls*, *starttls*, *auth_without_tls* and *client_certificates* mean what they mean for every trap.
    *rules* are faults: what is done in place of the right reply.
    *greets_after* lets the port for implicit TLS greet in cleartext after so many seconds of silence.
    *forbids* names commands that must not come inside TLS either, since they were not offered there.
    *needs* names an option of MAIL that a message must not be sent without; the application has to use it where it can.
    *must_not_log* are texts of the server's that would do harm in the application's log, as they stand.
    *by_default* False is for what only some applications withstand: it is played where it is named.
    *priority* is 1 for what every client should withstand, 3 for what is a matter of taste.
    """

    id: str
    summary: str
    modes: tuple[str, ...] = MODES
    expected: Expected = "refuse"
    certificate: str | CertificateMaker = "good"
    minimum_tls: str = "TLSv1.2"
    maximum_tls: str = "TLSv1.3"
    starttls: str = "offer"
    auth_without_tls: bool = False
    client_certificates: str = "ignore"
    rules: tuple[Rule, ...] = field(default=(), repr=False)
    greets_after: float | None = None
    forbids: tuple[str, ...] = ()
    needs: str | None = None
    must_not_log: tuple[str, ...] = ()
    by_default: bool = True
    priority: int = 1

    def __post_init__(self) -> None:
        for name in ("modes", "rules", "forbids", "must_not_log"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not re.fullmatch(r"[a-z0-9]+(?:[.-][a-z0-9]+)*", self.id):
            raise ValueError(f"id must be in kebab-case, got {self.id!r}")
        if not self.modes or not set(self.modes) <= set(MODES):
            raise ValueError(f"modes must be some of {', '.join(MODES)}, got {self.modes!r}")
        if self.expected not in ("refuse", "deliver", "either"):
            raise ValueError(f"expected must be refuse, deliver or either, got {self.expected!r}")
        if not callable(self.certificate) and self.certificate not in CERTIFICATES:
            raise ValueError(
                f"certificate must be one of {', '.join(CERTIFICATES)} or a function, got {self.certificate!r}"
            )
        for rule in self.rules:
            if not isinstance(rule, Rule):
                raise TypeError(f"rules must be Rule objects, got {rule!r}")

    def options(self, base: Options) -> Options:
        """The options of a trap that plays it; accounts and limits are those of *base*."""
        return dataclasses.replace(
            base,
            starttls=self.starttls,
            auth_without_tls=self.auth_without_tls,
            client_certificates=self.client_certificates,
            minimum_tls=self.minimum_tls,
            maximum_tls=self.maximum_tls,
        )

    @property
    def flaw(self) -> Flaw | None:
        """Why its TLS must not be relied on, None where it may be."""
        if self.expected != "refuse":
            return None
        if self.is_outdated:
            return "outdated"
        if self.certificate == "weak-key":
            return "weak"
        return "impostor" if self.certificate != "good" else None

    @property
    def is_outdated(self) -> bool:
        """Whether it speaks only versions of TLS that RFC 8996 forbids."""
        return TLS_VERSIONS.index(self.maximum_tls) < TLS_VERSIONS.index("TLSv1.2")

    def __str__(self) -> str:
        return self.id


def _always(command: str, **what: object) -> Rule:
    return Rule(command=command, times=None, **what)  # type: ignore[arg-type]  # Rule checks them


def _stripping(name: str, summary: str, *rules: Rule, starttls: str = "offer") -> Scenario:
    """A server, or somebody in between, that keeps the client from TLS and takes everything in cleartext."""
    return Scenario(
        id=name,
        summary=summary,
        modes=("starttls",),
        starttls=starttls,
        auth_without_tls=True,
        rules=rules,
    )


def _handshake(name: str, summary: str, rule: Rule, *modes: str, priority: int = 1) -> Scenario:
    """A server that promises TLS and does not deliver it; a second try finds it willing to do without."""
    return Scenario(
        id=name,
        summary=summary,
        modes=modes,
        auth_without_tls=True,
        rules=(rule,),
        greets_after=_GREETS_AFTER,
        priority=priority,
    )


def _certificate(
    name: str, summary: str, *, priority: int = 1, by_default: bool = True
) -> Scenario:
    return Scenario(
        id=f"certificate-{name}",
        summary=summary,
        certificate=name,
        by_default=by_default,
        priority=priority,
    )


def _version(version: str) -> Scenario:
    return Scenario(
        id=f"tls-{version.removeprefix('TLSv') if '.' in version else '1.0'}-only",
        summary=f"speaks no TLS newer than {version}",
        minimum_tls=version,
        maximum_tls=version,
    )


_NO_AUTH_INSIDE = (
    _always("EHLO", inside_tls=True, offers={"AUTH": None}),
    _always("AUTH", inside_tls=True, code=502, text="5.5.1 AUTH is not offered"),
)
_FORGED = b"250-localhost\r\n250-8BITMIME\r\n250-AUTH PLAIN LOGIN\r\n250 HELP\r\n"
_READY = b"220 Ready to start TLS\r\n"
# Escape sequences that clear the screen and set its title, a lone CR, and all in one line of 8 KiB.
_TERMINAL = b"550 5.7.1 \x1b[2J\x1b]0;owned\x07 refused\rAccepted "
_HOSTILE_REPLY = _TERMINAL + b"A" * (8190 - len(_TERMINAL)) + b"\r\n"

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(id="ok", summary="does everything right: the control", expected="deliver"),
    Scenario(
        id="auth-before-tls",
        summary="offers AUTH in cleartext as well",
        modes=("starttls",),
        expected="either",
        auth_without_tls=True,
    ),
    _stripping("starttls-not-supported", "offers no STARTTLS", starttls="off"),
    _stripping(
        "starttls-stripped",
        "shows 250-XXXXXXXA where STARTTLS stood",
        _always("EHLO", offers={"STARTTLS": "XXXXXXXA"}),
        _always("STARTTLS", code=500, text="5.5.1 Command unrecognized"),
    ),
    _stripping(
        "starttls-refused",
        "offers STARTTLS, then answers it with 454",
        _always("STARTTLS", code=454, text="4.7.0 TLS not available due to temporary reason"),
    ),
    _stripping(
        "starttls-not-implemented",
        "offers STARTTLS, then answers it with 502",
        _always("STARTTLS", code=502, text="5.5.1 Command not implemented"),
    ),
    _stripping(
        "starttls-wrong-reply",
        "offers STARTTLS, then answers it with 354",
        _always("STARTTLS", code=354, text="Go ahead"),
    ),
    _stripping(
        "ehlo-refused",
        "refuses EHLO, as servers did before there was ESMTP",
        _always("EHLO", code=502, text="5.5.1 Command not implemented"),
        starttls="off",
    ),
    _stripping(
        "plaintext-after-220",
        "answers STARTTLS with 220 and goes on in cleartext",
        _always("STARTTLS", code=220, text="Ready to start TLS", obey=False),
    ),
    _handshake(
        "handshake-garbage",
        "answers the TLS handshake with bytes that are no TLS",
        _always("HANDSHAKE", raw=b"This is no TLS, whatever you expected.\r\n"),
        "starttls",
    ),
    _handshake(
        "handshake-closed",
        "closes the connection when the TLS handshake begins",
        _always("HANDSHAKE", disconnect=True),
        *MODES,
    ),
    _handshake(
        "handshake-stalled",
        "falls silent when the TLS handshake begins",
        _always("HANDSHAKE", delay=MAX_DELAY),
        *MODES,
        priority=2,
    ),
    _certificate("not-trusted", "shows a certificate of a CA that nobody trusts"),
    _certificate("self-signed", "shows a certificate that it has signed itself"),
    _certificate("expired", "shows a certificate that ended yesterday"),
    _certificate("not-yet-valid", "shows a certificate that begins tomorrow"),
    _certificate("host-mismatch", "shows a certificate for another host"),
    _certificate(
        "missing-intermediate", "does not send the CA between its certificate and the root"
    ),
    _certificate("wrong-purpose", "shows a certificate that is good for clients only"),
    # Python's own ssl accepts it, unless told otherwise: context.hostname_checks_common_name = False.
    _certificate(
        "cn-only",
        "has its name only in the certificate's common name",
        priority=3,
        by_default=False,
    ),
    _certificate(
        "partial-wildcard", "shows a certificate for l*, or whatever begins so", priority=3
    ),
    _certificate("weak-key", "shows a certificate with an RSA key of 1024 bits", priority=3),
    _version("TLSv1"),
    _version("TLSv1.1"),
    Scenario(
        id="response-injection",
        summary="has a forged EHLO reply behind its 220, for the client to take for one inside TLS",
        modes=("starttls",),
        expected="either",
        rules=(
            _always("STARTTLS", raw=_READY + _FORGED, obey=True),
            _always("EHLO", inside_tls=True, delay=_LATE, until_input=True),
        ),
    ),
    Scenario(
        id="response-injection-fragment",
        summary="has half a line behind its 220: 250-AUTH PLAIN LOGIN, which it does not offer inside TLS",
        modes=("starttls",),
        expected="either",
        rules=(
            _always("STARTTLS", raw=_READY + b"250-AUTH PLAIN LOGIN ", obey=True),
            *_NO_AUTH_INSIDE,
        ),
        forbids=("AUTH",),
    ),
    Scenario(
        id="stale-capabilities",
        summary="offers AUTH before TLS, and no longer inside",
        modes=("starttls",),
        expected="either",
        auth_without_tls=True,
        rules=_NO_AUTH_INSIDE,
        forbids=("AUTH",),
        priority=2,
    ),
    Scenario(
        id="auth-never-offered",
        summary="never offers AUTH",
        expected="either",
        rules=_NO_AUTH_INSIDE,
    ),
    Scenario(
        id="implicit-plaintext",
        summary="greets in cleartext on the port for implicit TLS",
        modes=("implicit",),
        starttls="off",
        auth_without_tls=True,
        greets_after=0,
    ),
    Scenario(
        id="client-certificate-required",
        summary="demands a certificate of the client",
        expected="either",
        client_certificates="require",
        priority=2,
    ),
    Scenario(
        id="truncated-after-data",
        summary="is cut off after the message, before it has answered",
        expected="either",
        rules=(Rule(command="END-OF-MESSAGE", disconnect=True),),
        priority=2,
    ),
    Scenario(
        id="requiretls-not-offered",
        summary="does not offer REQUIRETLS (RFC 8689)",
        expected="either",
        rules=(
            _always("EHLO", offers={"REQUIRETLS": None}),
            _always(
                "MAIL", matching=" REQUIRETLS", code=555, text="5.5.4 REQUIRETLS is not offered"
            ),
        ),
        needs="REQUIRETLS",
        by_default=False,
        priority=3,
    ),
    Scenario(
        id="hostile-reply-text",
        summary="refuses mail with terminal escapes, a lone CR and 8 KiB of text",
        expected="either",
        rules=(_always("MAIL", inside_tls=True, raw=_HOSTILE_REPLY),),
        must_not_log=("\x1b[2J", "\x1b]0;owned", "refused\rAccepted"),
        priority=3,
    ),
)
_BY_ID = {scenario.id: scenario for scenario in SCENARIOS}
OK = _BY_ID["ok"]
BASELINE = _BY_ID["auth-never-offered"]


def family(
    mode: str,
    *,
    scenarios: Iterable[str | Scenario] | None = None,
) -> tuple[Scenario, ...]:
    """The scenarios of a mode, or those named; ValueError where one is unknown or does not exist in that mode."""
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, got {mode!r}")
    if scenarios is None:
        return tuple(s for s in SCENARIOS if mode in s.modes and s.by_default)
    if isinstance(scenarios, str):
        raise TypeError(f"scenarios must be a list of ids or Scenario objects, got {scenarios!r}")
    chosen = tuple(map(scenario_named, scenarios))
    if not chosen:
        raise ValueError("scenarios names none")
    for scenario in chosen:
        if mode not in scenario.modes:
            raise ValueError(
                f"the scenario {scenario.id!r} does not exist in mode {mode!r}, only in {' and '.join(scenario.modes)}"
            )
    return chosen


def scenario_named(given: str | Scenario) -> Scenario:
    """The scenario with this id; ValueError with the known ones."""
    if isinstance(given, Scenario):
        return given
    if given not in _BY_ID:
        raise ValueError(f"unknown scenario {given!r}, expected one of {', '.join(_BY_ID)}")
    return _BY_ID[given]


def check_skips(skips: Mapping[str, str]) -> None:
    """Each skip names a scenario and its reason."""
    if not isinstance(skips, Mapping):
        raise TypeError(f"skip_scenarios must be a mapping of ids to reasons, got {skips!r}")
    for name, reason in skips.items():
        scenario_named(name)
        if not isinstance(reason, str) or not reason.strip():
            raise ValueError(f"skip_scenarios: {name!r} needs its reason, got {reason!r}")
