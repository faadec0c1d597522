"""
The application's `send()`, tried against one server after the other.

Rules of this file: it runs the application and collects what was seen.
What that means is decided in `_hostile.verdicts`, and the words are in `_hostile.verdict_text`.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
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
from pytest_mailtrap._system import clock
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
    """Raise AssertionError, from the client's own error, if *verdict* is a failure; *trap* is its name in the test."""
    __tracebackhide__ = True
    if not verdict.failed:
        return
    # The client's own error is shown if it explains the failure.
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
    """The implementation of `MailTrap.assert_refuses_hostile_servers()`."""
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
    The verdict on each scenario, the control first; only the control's if it fails.

    Advisory scenarios lead to remarks, unless *scenarios* is given or *strict* is set.
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
    """Whether this Python's OpenSSL can run such a server."""
    return not is_outdated(scenario) or can_speak(scenario.maximum_tls)


def addressed(
    send: Callable[..., Any], host: str, port: int, *, keeps_own: bool
) -> Callable[[], Any]:
    """
    *send* with host and port, by name if it has parameters of these names; unchanged if it takes no arguments.

    With *keeps_own* it is called without arguments if that is possible.
    TypeError if *send* is not a function, or takes other arguments.
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
        raise TypeError(
            f"send must take host and port, or no arguments, got {send!r} with {signature}"
        )
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
        send.close()  # it will never be awaited
    raise TypeError(
        "send must be a function, which is called several times: "
        f"pass the function, not its result (send, not send()), got {type(send).__name__}"
    )


class Trial:
    """
    One application, tried against one server after the other.

    With *strict* nothing is a matter of taste; *after* is called with each scenario and the behavior that ran it.
    ValueError if *timeout* is not a positive number of seconds or None.
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
                f"timeout must be a positive number of seconds that a thread can wait, or None, got {timeout!r}"
            )
        self._server = running_server
        self._mode = mode
        self._send = send
        self._timeout = timeout
        self._may_fail_silently = may_fail_silently
        self._strict = strict
        self._after = after
        self._redact = Redactor(running_server.credentials.known)
        self._tried: dict[int, Verdict] = {}
        self._is_late = False
        self._sends_in_a_thread = False

    def control(self) -> Verdict:
        """The verdict on the good server, which runs once: a client that cannot send at all refuses everything."""
        return self._try_once(OK)

    def verdict(self, scenario: Scenario) -> Verdict:
        """The verdict on *scenario*, after the control."""
        control = self.control()
        if scenario.needs and not uses(scenario.needs, control.connections):
            return Verdict(scenario=scenario, mode=self._mode, outcome="needs-unused")
        verdict = self._try_once(scenario)
        if verdict.outcome == "forbidden-command" and self._does_so_anyway(scenario):
            return dataclasses.replace(verdict, outcome="inconclusive")
        if verdict.channel in ("weak", "impostor"):
            # A client that checks no certificate needs a different fix than a client that overlooks one flaw.
            trusts_anybody = self._try_once(NOT_TRUSTED).channel == "impostor"
            verdict = dataclasses.replace(verdict, trusts_anybody=trusts_anybody)
        if is_matter_of_taste(verdict) and not self._strict:
            verdict = dataclasses.replace(verdict, remark=True)
            if not verdict.trusts_anybody:  # else there are worse findings
                self._server.remark(remark(verdict))
        return verdict

    def _does_so_anyway(self, scenario: Scenario) -> bool:
        """Whether the client sends the forbidden commands even if nothing misled it."""
        baseline = scenario_named(scenario.baseline)
        return self._try_once(baseline).outcome == "forbidden-command"

    def _try_once(self, scenario: Scenario) -> Verdict:
        # By identity: a user's scenario may have any id, and rules that cannot be hashed.
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
        Whether the client did not meet the server, but may do so next time: a pool may have kept an old connection.

        With the good server this needs a reported failure: a client that reports none has kept its mail.
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
        Wait for mail that is sent in the background: a client that is late once is late again.

        A connection that is still open then is in use, perhaps for another attempt without protection.
        A client that is still waiting for the server when the time is up counts as hanging.
        """
        if how.reported or how.hung:
            return how
        if scenario is OK:
            self._is_late = not inbox.count()
        deadline = clock.monotonic() + _LATE_SECONDS
        while not self._is_over(scenario, inbox, background):
            if clock.monotonic() >= deadline:
                return self._hanging(how, inbox)
            if scenario is OK:
                # Threads that ended before the mail came did not send it.
                self._sends_in_a_thread = background.is_at_work
            clock.sleep(0.01)
        return how

    def _is_over(self, scenario: Scenario, inbox: Inbox, background: Background) -> bool:
        """Whether nothing more can come that says something about the client."""
        if scenario.expected == "deliver":
            return bool(inbox.count()) or not self._is_late
        connections = inbox.connections()
        if is_decided(scenario, self._mode, connections):
            return True
        if not self._is_late and inbox.count():
            return True  # its connection may be kept for the next message
        if background.is_at_work or any(c.ended_by is None for c in connections):
            return False
        if not self._is_late:
            return True
        return self._sends_in_a_thread and bool(connections) and background.is_done

    def _hanging(self, how: Attempt, inbox: Inbox) -> Attempt:
        """*how*, as a call that hung if a client is still in a handshake that the server does not answer."""
        if not any(map(is_kept_waiting, inbox.connections())):
            return how
        told = f"was still waiting for the server {_LATE_SECONDS:g} s after send() returned"
        return dataclasses.replace(how, hung=True, told=told, seconds=how.seconds + _LATE_SECONDS)
