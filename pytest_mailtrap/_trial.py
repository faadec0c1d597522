"""
The application's `send()`, tried on one server after the other.

Rules of this file: it lets the application try and collects what was seen; what that means is decided in `_judgement`, and worded in
`_hostile_words`.
"""

from __future__ import annotations

import functools
import inspect
import time
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._attempt import attempt
from pytest_mailtrap._certs import can_speak
from pytest_mailtrap._hostile_words import explain_control, explain_family, explain_verdict
from pytest_mailtrap._judgement import Verdict, judge, sent_auth, uses
from pytest_mailtrap._numbers import is_seconds
from pytest_mailtrap._scenarios import BASELINE, OK, check_skips, family

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_mailtrap._inbox import Inbox
    from pytest_mailtrap._judgement import Attempt
    from pytest_mailtrap._scenario import Scenario
    from pytest_mailtrap._stage import Stage
    from pytest_mailtrap._station import Station

DEFAULT_TIMEOUT = 10.0
_LATE_SECONDS = 2.0


def raise_if_failed(verdict: Verdict, station: Station, *, trap: str) -> None:
    """AssertionError with the words of a verdict that is one; *trap* is what the test calls it."""
    __tracebackhide__ = True
    if not verdict.failed:
        return
    if verdict.scenario.id == OK.id:
        raise AssertionError(
            explain_control(
                verdict,
                trap=trap,
                port=station.server.port,
                tls_port=station.server.tls_port,
                intercepts=station.has_intercepted,
            )
        )
    raise AssertionError(explain_verdict(verdict))


def assert_family_refused(
    station: Station, send: Callable[..., Any], **keywords: Any
) -> tuple[Verdict, ...]:  # the keywords of judge_family()
    """The work of `MailTrap.assert_refuses_hostile_servers()`."""
    __tracebackhide__ = True
    verdicts = judge_family(station, send, **keywords)
    raise_if_failed(verdicts[0], station, trap="mailtrap")
    if any(verdict.failed for verdict in verdicts):
        raise AssertionError(explain_family(verdicts))
    return verdicts


def judge_family(
    station: Station,
    send: Callable[..., Any],
    *,
    mode: str,
    scenarios: Iterable[str | Scenario] | None = None,
    skip_scenarios: Mapping[str, str] | None = None,
    timeout: float | None = DEFAULT_TIMEOUT,
    may_fail_silently: bool = False,
) -> tuple[Verdict, ...]:
    """The verdict on each scenario, the control first; on the control alone where that fails."""
    chosen = family(mode, scenarios=scenarios)
    skipped = skip_scenarios or {}
    check_skips(skipped)
    server = station.server
    port = server.tls_port if mode == "implicit" else server.port
    send = addressed(send, station.host, port, keeps_own=station.is_intercepting)
    trial = Trial(station, mode, send, timeout, may_fail_silently)
    with station.trust():
        control = trial.control()
        if control.failed:
            return (control,)
        return (
            control,
            *(
                trial.verdict(scenario)
                for scenario in chosen
                if scenario.id not in (OK.id, *skipped) and is_available(scenario)
            ),
        )


def is_available(scenario: Scenario) -> bool:
    """Whether this Python's OpenSSL can be such a server."""
    return not scenario.is_outdated or can_speak(scenario.maximum_tls)


def addressed(
    send: Callable[..., Any], host: str, port: int, *, keeps_own: bool
) -> Callable[[], Any]:
    """
    *send* with host and port, by name where it has parameters of these names; as it is where it takes none.

    With *keeps_own* it is called without where that is possible.
    """
    _check_callable(send)
    try:
        signature = inspect.signature(send)
    except (TypeError, ValueError):  # a builtin without one
        return send
    by_name = {"host": host, "port": port}
    if keeps_own and _fits(signature):
        return send
    if by_name.keys() <= signature.parameters.keys() and _fits(signature, **by_name):
        return functools.partial(send, **by_name)
    if _fits(signature, host, port):
        return functools.partial(send, host, port)
    if _fits(signature, **by_name):
        return functools.partial(send, **by_name)
    if not _fits(signature):
        raise TypeError(f"send must take host and port, or nothing, got {send!r} with {signature}")
    return send


def _fits(signature: inspect.Signature, *arguments: object, **keywords: object) -> bool:
    try:
        signature.bind(*arguments, **keywords)
    except TypeError:
        return False
    return True


def _check_callable(send: object) -> None:
    if not callable(send):
        raise TypeError(f"send must be a function, which is called several times, got {send!r}")


class Trial:
    """
    One application, tried on one server after the other.

    *played* is told of each stage that has been played.
    """

    def __init__(
        self,
        station: Station,
        mode: str,
        send: Callable[[], Any],
        timeout: float | None,
        may_fail_silently: bool,
        *,
        played: Callable[[Stage], None] = lambda _stage: None,
    ) -> None:
        if timeout is not None and not (is_seconds(timeout) and timeout > 0):
            raise ValueError(
                f"timeout must be a positive number of seconds that can be waited for, or None, got {timeout!r}"
            )
        self._station = station
        self._mode = mode
        self._send = send
        self._timeout = timeout
        self._may_fail_silently = may_fail_silently
        self._played = played
        self._control: Verdict | None = None
        self._unasked: bool | None = None
        self._is_late = False

    def control(self) -> Verdict:
        """The good server, once: a client that cannot send at all refuses everything."""
        if self._control is None:
            self._control = self._try(OK)
        return self._control

    def verdict(self, scenario: Scenario) -> Verdict:
        """What becomes of *scenario*, after the control."""
        control = self.control()
        if scenario.needs and not uses(scenario.needs, control.connections):
            return Verdict(scenario=scenario, mode=self._mode, outcome="needs-unused")
        verdict = self._try(scenario)
        if verdict.outcome == "forbidden-command" and self._sends_auth_unasked():
            return self._judge(scenario, verdict, sends_auth_unasked=True)
        return verdict

    def _sends_auth_unasked(self) -> bool:
        if self._unasked is None:
            self._unasked = sent_auth(self._try(BASELINE).connections)
        return self._unasked

    def _try(self, scenario: Scenario) -> Verdict:
        with self._station.playing(scenario) as stage:
            how = attempt(
                self._send,
                timeout=self._timeout,
                cut=self._station.server.drop,
                must_not_log=scenario.must_not_log,
            )
            self._await_late_mail(scenario, stage.inbox, how)
            self._station.server.settle_until_quiet()
            connections = stage.inbox.connections()
        self._played(stage)
        return judge(
            scenario, self._mode, connections, how, may_fail_silently=self._may_fail_silently
        )

    def _await_late_mail(self, scenario: Scenario, inbox: Inbox, how: Attempt) -> None:
        """Give mail that is sent in the background its time: a client that is late once is late again."""
        if how.reported or how.hung:
            return
        if scenario is OK:
            self._is_late = not inbox.count()
        if self._is_late:
            deadline = time.monotonic() + _LATE_SECONDS
            seen = inbox.count if scenario.expected == "deliver" else inbox.connections
            while not seen() and time.monotonic() < deadline:
                time.sleep(0.01)

    def _judge(self, scenario: Scenario, verdict: Verdict, *, sends_auth_unasked: bool) -> Verdict:
        return judge(
            scenario,
            self._mode,
            verdict.connections,
            verdict.attempt,
            may_fail_silently=self._may_fail_silently,
            sends_auth_unasked=sends_auth_unasked,
        )
