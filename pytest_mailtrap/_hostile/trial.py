"""
The application's `send()`, tried on one server after the other.

Rules of this file: it lets the application try and collects what was seen; what that means is decided in `_hostile.verdicts`, and worded in
`_hostile.verdict_text`.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import time
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._hostile.background import Background
from pytest_mailtrap._hostile.family_text import explain_family
from pytest_mailtrap._hostile.log_watch import watching_the_log
from pytest_mailtrap._hostile.redaction import Redactor
from pytest_mailtrap._hostile.scenario import behavior_of, is_outdated
from pytest_mailtrap._hostile.scenarios import NOT_TRUSTED, OK, check_skips, family, scenario_named
from pytest_mailtrap._hostile.send_call import attempt
from pytest_mailtrap._hostile.verdict_text import explain_control, explain_verdict, remark
from pytest_mailtrap._hostile.verdicts import (
    Verdict,
    has_met,
    is_decided,
    is_explained_by_its_error,
    is_kept_waiting,
    is_matter_of_taste,
    judge,
    uses,
)
from pytest_mailtrap._server.tls_certificates import can_speak
from pytest_mailtrap._text.numbers import is_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_mailtrap._hostile.scenario import Scenario
    from pytest_mailtrap._hostile.verdicts import Attempt
    from pytest_mailtrap._server.behavior import Behavior
    from pytest_mailtrap._server.inbox import Inbox
    from pytest_mailtrap._server.running_server import RunningServer
    from pytest_mailtrap._text.choices import Mode

DEFAULT_TIMEOUT = 10.0
_LATE_SECONDS = 2.0


def raise_if_failed(verdict: Verdict, running_server: RunningServer, *, trap: str) -> None:
    """AssertionError with the words of a verdict that is one, from the client's own error; *trap* is what the test calls it."""
    __tracebackhide__ = True
    if not verdict.failed:
        return
    # The client's own error is shown where it is what there is to be looked at.
    cause = verdict.attempt.cause if is_explained_by_its_error(verdict) else None
    if verdict.scenario.id == OK.id:
        raise AssertionError(
            explain_control(
                verdict,
                trap=trap,
                port=running_server.server.port,
                tls_port=running_server.server.tls_port,
                intercepts=running_server.has_intercepted,
                kept=running_server.kept(),
            )
        ) from cause
    raise AssertionError(explain_verdict(verdict)) from cause


def assert_family_refused(
    running_server: RunningServer, send: Callable[..., Any], **keywords: Any
) -> tuple[Verdict, ...]:  # the keywords of judge_family()
    """The work of `MailTrap.assert_refuses_hostile_servers()`."""
    __tracebackhide__ = True
    verdicts = judge_family(running_server, send, **keywords)
    raise_if_failed(verdicts[0], running_server, trap="mailtrap")
    if any(verdict.failed for verdict in verdicts):
        raise AssertionError(explain_family(verdicts))
    return verdicts


def judge_family(
    running_server: RunningServer,
    send: Callable[..., Any],
    *,
    mode: Mode,
    scenarios: Iterable[str | Scenario] | None = None,
    skip_scenarios: Mapping[str, str] | None = None,
    strict: bool = False,
    timeout: float | None = DEFAULT_TIMEOUT,
    may_fail_silently: bool = False,
) -> tuple[Verdict, ...]:
    """
    The verdict on each scenario, the control first; on the control alone where that fails.

    Where no scenarios are named, those that are advisory are so, unless *strict* says otherwise.
    """
    __tracebackhide__ = True
    chosen = family(mode, scenarios=scenarios)
    skipped = skip_scenarios or {}
    check_skips(skipped)
    server = running_server.server
    port = server.tls_port if mode == "implicit" else server.port
    send = addressed(send, running_server.host, port, keeps_own=running_server.is_intercepting)
    is_strict = strict or scenarios is not None
    trial = Trial(running_server, mode, send, timeout, may_fail_silently, strict=is_strict)
    with running_server.trust():
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
    return not is_outdated(scenario) or can_speak(scenario.maximum_tls)


def addressed(
    send: Callable[..., Any], host: str, port: int, *, keeps_own: bool
) -> Callable[[], Any]:
    """
    *send* with host and port, by name where it has parameters of these names; as it is where it takes none.

    With *keeps_own* it is called without where that is possible.
    """
    __tracebackhide__ = True
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
    __tracebackhide__ = True
    if callable(send):
        return
    if inspect.iscoroutine(send):
        send.close()  # nobody will await it
    raise TypeError(
        "send must be a function, which is called several times: "
        f"pass the function, not its result (send, not send()), got {type(send).__name__}"
    )


class Trial:
    """
    One application, tried on one server after the other.

    With *strict* nothing is a matter of taste; *after* is called with each scenario and the behavior that ran it.
    """

    def __init__(
        self,
        running_server: RunningServer,
        mode: Mode,
        send: Callable[[], Any],
        timeout: float | None,
        may_fail_silently: bool,
        *,
        strict: bool = False,
        after: Callable[[Scenario, Behavior], None] = lambda _scenario, _behavior: None,
    ) -> None:
        __tracebackhide__ = True
        if timeout is not None and not (is_seconds(timeout) and timeout > 0):
            raise ValueError(
                f"timeout must be a positive number of seconds that can be waited for, or None, got {timeout!r}"
            )
        self._server = running_server
        self._mode = mode
        self._send = send
        self._timeout = timeout
        self._may_fail_silently = may_fail_silently
        self._strict = strict
        self._after = after
        self._redact = Redactor(running_server.passwords)
        self._tried: dict[int, Verdict] = {}
        self._is_late = False
        self._sends_in_a_thread = False

    def control(self) -> Verdict:
        """The good server, once: a client that cannot send at all refuses everything."""
        return self._try_once(OK)

    def verdict(self, scenario: Scenario) -> Verdict:
        """What becomes of *scenario*, after the control."""
        control = self.control()
        if scenario.needs and not uses(scenario.needs, control.connections):
            return Verdict(scenario=scenario, mode=self._mode, outcome="needs-unused")
        verdict = self._try_once(scenario)
        if verdict.outcome == "forbidden-command" and self._does_so_anyway(scenario):
            return dataclasses.replace(verdict, outcome="inconclusive")
        if verdict.channel in ("weak", "impostor"):
            # What cures a client that looks at no certificate is not what cures one that overlooks something.
            trusts_anybody = self._try_once(NOT_TRUSTED).channel == "impostor"
            verdict = dataclasses.replace(verdict, trusts_anybody=trusts_anybody)
        if is_matter_of_taste(verdict) and not self._strict:
            verdict = dataclasses.replace(verdict, remark=True)
            if not verdict.trusts_anybody:  # else there is worse to be said of it
                self._server.remark(remark(verdict))
        return verdict

    def _does_so_anyway(self, scenario: Scenario) -> bool:
        """Whether the client sends what is forbidden even where nobody has led it to."""
        baseline = scenario_named(scenario.baseline)
        return self._try_once(baseline).outcome == "forbidden-command"

    def _try_once(self, scenario: Scenario) -> Verdict:
        # By identity: a scenario of the user's may have any id, and rules that have no hash.
        if id(scenario) not in self._tried:
            self._tried[id(scenario)] = self._try(scenario)
        return self._tried[id(scenario)]

    def _try(self, scenario: Scenario) -> Verdict:
        behavior = behavior_of(scenario, self._server.options)
        with self._server.running(behavior):
            how = self._attempt(scenario, behavior.inbox)
            if self._deserves_another(scenario, behavior.inbox, how):
                how = self._attempt(scenario, behavior.inbox)
            connections = behavior.inbox.connections()
        self._after(scenario, behavior)
        return judge(
            scenario, self._mode, connections, how, may_fail_silently=self._may_fail_silently
        )

    def _attempt(self, scenario: Scenario, inbox: Inbox) -> Attempt:
        background = Background()
        with watching_the_log(scenario.must_not_log) as log:
            how = attempt(
                self._send,
                timeout=self._timeout,
                cut=self._server.server.drop,
                redact=self._redact,
            )
            how = self._await_late_mail(scenario, inbox, how, background)
            self._server.server.settle_until_quiet()
        if log.found is not None:
            how = dataclasses.replace(how, escapes=self._redact(log.found))
        return how

    def _deserves_another(self, scenario: Scenario, inbox: Inbox, how: Attempt) -> bool:
        """
        Whether nothing was met, though it may be the next time: a pool that kept the last server's connection reconnects.

        What does not even say that it failed has kept its mail; at the good server that is an answer.
        """
        if how.hung:
            return False
        if scenario.id == OK.id:
            return how.reported and not inbox.connections()
        return not has_met(scenario, self._mode, inbox.connections())

    def _await_late_mail(
        self, scenario: Scenario, inbox: Inbox, how: Attempt, background: Background
    ) -> Attempt:
        """
        Give mail that is sent in the background its time: a client that is late once is late again.

        What is still open then is in the middle of something, which may be that it tries again without protection.
        Who waits for the server even when that time is over hangs.
        """
        if how.reported or how.hung:
            return how
        if scenario is OK:
            self._is_late = not inbox.count()
        deadline = time.monotonic() + _LATE_SECONDS
        while not self._is_over(scenario, inbox, background):
            if time.monotonic() >= deadline:
                return self._hanging(how, inbox)
            if scenario is OK:
                # Of threads that have ended before the mail came, none has sent it.
                self._sends_in_a_thread = background.is_at_work
            time.sleep(0.01)
        return how

    def _is_over(self, scenario: Scenario, inbox: Inbox, background: Background) -> bool:
        """Whether nothing more is to come that would say something of the client."""
        if scenario.expected == "deliver":
            return bool(inbox.count()) or not self._is_late
        connections = inbox.connections()
        if is_decided(scenario, self._mode, connections):
            return True
        if not self._is_late and inbox.count():
            return True  # its connection may be kept for the next
        if background.is_at_work or any(c.ended_by is None for c in connections):
            return False
        if not self._is_late:
            return True
        return self._sends_in_a_thread and bool(connections) and background.is_done

    def _hanging(self, how: Attempt, inbox: Inbox) -> Attempt:
        """How it ended, for whom a client is still in a handshake that the server lets it wait for."""
        if not any(map(is_kept_waiting, inbox.connections())):
            return how
        told = f"was still waiting for the server {_LATE_SECONDS:g} s after send()"
        return dataclasses.replace(how, hung=True, told=told, seconds=how.seconds + _LATE_SECONDS)
