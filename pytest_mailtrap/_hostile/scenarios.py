"""
The hostile servers, and which of them belong to the family of a mode.

The ids follow the IANA registry "STARTTLS Validation Result Types" (RFC 8460, section 6.6) if it has a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from textwrap import fill, indent
from typing import TYPE_CHECKING

from pytest_mailtrap._hostile.scenario import Scenario
from pytest_mailtrap._smtp.faults import MAX_DELAY, Rule
from pytest_mailtrap._text.terms import MODES, guess

if TYPE_CHECKING:
    from pytest_mailtrap._server.certificate_flaws import CertificateName
    from pytest_mailtrap._text.choices import Mode, StartTLS, TLSVersion

# A client that has given up on TLS waits for a greeting on the TLS port; a client that uses TLS sends its hello at once.
_GREETS_AFTER = 0.1


def _always(command: str, **what: object) -> Rule:
    return Rule(command=command, times=None, **what)  # type: ignore[arg-type]  # Rule checks them


def _stripping(name: str, summary: str, *rules: Rule, starttls: StartTLS = "offer") -> Scenario:
    """A server, or an attacker in between, that keeps the client from using TLS and accepts everything in cleartext."""
    return Scenario(
        id=name,
        summary=summary,
        modes=("starttls",),
        starttls=starttls,
        auth_without_tls=True,
        rules=rules,
    )


def _handshake(name: str, summary: str, rule: Rule, *modes: Mode, priority: int = 1) -> Scenario:
    """A server that promises TLS and does not provide it; a second attempt without TLS succeeds."""
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
    name: CertificateName,
    summary: str,
    *,
    priority: int = 1,
    by_default: bool = True,
    advisory: bool = False,
) -> Scenario:
    return Scenario(
        id=f"certificate-{name}",
        summary=summary,
        certificate=name,
        by_default=by_default,
        advisory=advisory,
        priority=priority,
    )


def _version(version: TLSVersion) -> Scenario:
    return Scenario(
        id=f"tls-{version.removeprefix('TLSv') if '.' in version else '1.0'}-only",
        summary=f"does not support TLS newer than {version}",
        minimum_tls=version,
        maximum_tls=version,
    )


_NO_AUTH_INSIDE = (
    _always("EHLO", inside_tls=True, offers={"AUTH": None}),
    _always("AUTH", inside_tls=True, code=502, text="5.5.1 AUTH is not offered"),
)
# Without EHLO or HELO there can be no mail (RFC 5321, section 4.1.4): a client that continues accepted a forged reply.
_NO_SESSION_INSIDE = tuple(
    _always(command, inside_tls=True, code=502, text="5.5.1 Command not implemented")
    for command in ("EHLO", "HELO")
)
_INJECTION_BASELINE = "response-injection-baseline"
_FORGED = b"250-localhost\r\n250-8BITMIME\r\n250-AUTH PLAIN LOGIN\r\n250 HELP\r\n"
_READY = b"220 Ready to start TLS\r\n"
# Escape sequences that clear the screen and set its title, and a lone CR, in one line of 8 KiB.
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
    _stripping("starttls-not-supported", "does not offer STARTTLS", starttls="off"),
    _stripping(
        "starttls-stripped",
        "replies 250-XXXXXXXA in place of STARTTLS",
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
        "refuses EHLO, as servers did before ESMTP",
        _always("EHLO", code=502, text="5.5.1 Command not implemented"),
        starttls="off",
    ),
    _stripping(
        "plaintext-after-220",
        "answers STARTTLS with 220 and continues in cleartext",
        _always("STARTTLS", code=220, text="Ready to start TLS", obey=False),
    ),
    _handshake(
        "handshake-garbage",
        "answers the TLS handshake with bytes that are not TLS",
        _always("HANDSHAKE", raw=b"This is not TLS, whatever you expected.\r\n"),
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
    _certificate("not-trusted", "presents a certificate from an untrusted CA"),
    _certificate("self-signed", "presents a self-signed certificate"),
    _certificate("expired", "presents a certificate that expired yesterday"),
    _certificate("not-yet-valid", "presents a certificate that becomes valid tomorrow"),
    _certificate("host-mismatch", "presents a certificate for another host, impostor.example"),
    _certificate("missing-intermediate", "does not send the certificate of its intermediate CA"),
    _certificate("wrong-purpose", "presents a certificate that is valid for clients only"),
    # Python's own ssl accepts it, unless configured otherwise: context.hostname_checks_common_name = False.
    _certificate(
        "cn-only",
        "presents a certificate with the host name only as the common name",
        priority=3,
        by_default=False,
    ),
    _certificate(
        "partial-wildcard",
        "presents a certificate for a partial wildcard, such as l*",
        priority=3,
        advisory=True,
    ),
    _certificate(
        "weak-key",
        "presents a certificate with a 1024-bit RSA key",
        priority=3,
        advisory=True,
    ),
    _version("TLSv1"),
    _version("TLSv1.1"),
    Scenario(
        id="response-injection",
        summary="sends a forged EHLO reply after its 220, and refuses EHLO and HELO inside TLS",
        modes=("starttls",),
        rules=(_always("STARTTLS", raw=_READY + _FORGED, obey=True), *_NO_SESSION_INSIDE),
        forbids=("AUTH", "MAIL"),
        baseline=_INJECTION_BASELINE,
    ),
    Scenario(
        id=_INJECTION_BASELINE,
        summary="refuses EHLO and HELO inside TLS, without a forged reply",
        modes=("starttls",),
        rules=_NO_SESSION_INSIDE,
        forbids=("AUTH", "MAIL"),
        baseline=_INJECTION_BASELINE,
        by_default=False,
    ),
    Scenario(
        id="response-injection-fragment",
        summary="sends half a line, 250-AUTH PLAIN LOGIN, after its 220; no AUTH in TLS",
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
        summary="offers AUTH before TLS, but not inside",
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
        forbids=("AUTH",),
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
        summary="requires a client certificate",
        expected="either",
        client_certificates="require",
        priority=2,
    ),
    Scenario(
        id="truncated-after-data",
        summary="closes the connection after the message, without a reply",
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
        summary="refuses MAIL with a reply of terminal escapes, a lone CR and 8 KiB of text",
        expected="either",
        rules=(_always("MAIL", inside_tls=True, raw=_HOSTILE_REPLY),),
        must_not_log=("\x1b[2J", "\x1b]0;owned", "refused\rAccepted"),
        priority=3,
    ),
)
_BY_ID = {scenario.id: scenario for scenario in SCENARIOS}
OK = _BY_ID["ok"]
NOT_TRUSTED = _BY_ID["certificate-not-trusted"]


def family(
    mode: str,
    *,
    scenarios: Iterable[str | Scenario] | None = None,
) -> tuple[Scenario, ...]:
    """The scenarios of a mode, or those named; ValueError if one is unknown or does not exist in that mode."""
    __tracebackhide__ = True
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, got {mode!r}")
    if scenarios is None:
        return tuple(s for s in SCENARIOS if mode in s.modes and s.by_default)
    chosen = named(scenarios)
    for scenario in chosen:
        if mode not in scenario.modes:
            raise ValueError(
                f"the scenario {scenario.id!r} does not exist in mode {mode!r}, only in {' and '.join(scenario.modes)}"
            )
    return chosen


def named(scenarios: Iterable[str | Scenario]) -> tuple[Scenario, ...]:
    """The scenarios with these ids; ValueError if one is unknown, or if there are none."""
    __tracebackhide__ = True
    if isinstance(scenarios, str) or not isinstance(scenarios, Iterable):
        raise TypeError(f"scenarios must be a list of ids or Scenario objects, got {scenarios!r}")
    chosen = tuple(map(scenario_named, scenarios))
    if not chosen:
        raise ValueError("scenarios must name at least one scenario")
    return chosen


def scenario_named(given: str | Scenario) -> Scenario:
    """The scenario with this id; else ValueError, which lists the known ids."""
    __tracebackhide__ = True
    if isinstance(given, Scenario):
        return given
    if not isinstance(given, str) or given not in _BY_ID:
        raise ValueError(_unknown(given))
    return _BY_ID[given]


def _unknown(given: object) -> str:
    """The message for an unknown id; it fits into the columns of a failure, even after the name of the marker."""
    known = fill(", ".join(_BY_ID), 70, break_on_hyphens=False)
    meant = guess(given, _BY_ID).replace(" (", "\n(")
    return f"unknown scenario {given!r}{meant}, expected one of\n{indent(known, '  ')}"


def check_skips(skips: Mapping[str, str]) -> None:
    """Check that each skip names a scenario and a reason."""
    __tracebackhide__ = True
    if not isinstance(skips, Mapping):
        raise TypeError(f"skip_scenarios must be a mapping of ids to reasons, got {skips!r}")
    for name, reason in skips.items():
        scenario_named(name)
        if not isinstance(reason, str) or not reason.strip():
            raise ValueError(f"skip_scenarios: {name!r} needs a reason, got {reason!r}")
