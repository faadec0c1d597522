"""
A trap that runs one hostile scenario: the object that a test uses.

Rules of this file: the attempts are made by `_hostile.trial`.
"""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._hostile.scenario import behavior_of
from pytest_mailtrap._hostile.scenarios import OK
from pytest_mailtrap._hostile.trial import DEFAULT_TIMEOUT, Trial, addressed, raise_if_failed
from pytest_mailtrap._hostile.verdict_text import explain_outside, explain_verdict
from pytest_mailtrap._trap.mail_trap import MailTrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_mailtrap._hostile.scenario import Scenario
    from pytest_mailtrap._hostile.verdicts import Verdict
    from pytest_mailtrap._server.behavior import Behavior
    from pytest_mailtrap._server.running_server import RunningServer
    from pytest_mailtrap._smtp.faults import Rule
    from pytest_mailtrap._text.choices import Mode


class HostileMailTrap(MailTrap):
    """
    A mail trap that is hostile in one way: `scenario`.

    It has everything that a `MailTrap` has; messages and connections are those of the last attempt, without the control's.
    *mode* is "starttls" or "implicit".
    *strict* makes an advisory scenario a failure: if the test names the scenario, or its marker says so.
    """

    def __init__(
        self, server: RunningServer, *, scenario: Scenario, mode: Mode, strict: bool = True
    ) -> None:
        server.run(behavior_of(scenario, server.options))
        super().__init__(server, hostile={"mode": mode})
        self.scenario = scenario
        self.mode = mode
        self.strict = strict

    @property
    def port(self) -> int:
        """
        The port to configure in the application.

        In mode "implicit", it is the port for implicit TLS, the same as `tls_port`.
        """
        return self.tls_port if self.mode == "implicit" else super().port

    def _mail_note(self, failed: bool) -> str | None:
        """What is shown with the test's mail."""
        note = super()._mail_note(failed)
        outside = self._server.behavior.inbox.connections() if failed else []
        return explain_outside(outside) if outside else note

    def _show(self, scenario: Scenario, behavior: Behavior) -> None:
        if scenario is self.scenario:
            self._inbox = behavior.inbox

    def _add(self, rule: Rule) -> None:
        __tracebackhide__ = True
        raise TypeError(
            "a hostile trap follows its scenario: put the rule into your own Scenario, "
            f"Scenario(..., rules=[Rule(command={rule.command!r}, ...)])"
        )

    def judge(
        self,
        send: Callable[..., Any],
        *,
        timeout: float | None = DEFAULT_TIMEOUT,
        may_fail_silently: bool = False,
        strict: bool | None = None,
    ) -> Verdict:
        """
        Like `assert_client_refuses()`, but return the verdict instead of failing.

        If the control fails, the verdict is that of the scenario `ok`.
        """
        __tracebackhide__ = True
        send = addressed(send, self.host, self.port, keeps_own=True)
        trial = Trial(
            self._server,
            self.mode,
            send,
            timeout,
            may_fail_silently,
            strict=self.strict if strict is None else strict,
            after=self._show,
        )
        control = trial.control()
        if control.failed or self.scenario.id == OK.id:
            return control
        return trial.verdict(self.scenario)

    def assert_client_refuses(
        self,
        send: Callable[..., Any],
        *,
        timeout: float | None = DEFAULT_TIMEOUT,
        may_fail_silently: bool = False,
        strict: bool | None = None,
    ) -> None:
        """
        Fail if the application gives this server what it must not have, or does not report to its caller that sending failed.

        *send* makes the application send one message to `host` and `port`; it is a function or a coroutine function.
        It is passed both if it cannot be called without them.
        It is called twice: first this trap is a good server, on the same port, and the message must arrive there.
        If nothing connects to the hostile server, *send* is called once more, so that a pool can reconnect; if nothing connects then, the test fails.
        Errors that it raises are the desired result.
        *timeout* is in seconds, for each call; a call that takes longer is a failure.
        None calls *send* in the thread of the test, for code that is bound to its thread; in a Django transaction, that
        happens automatically.
        *may_fail_silently* allows it to return normally although nothing arrived, as a logging handler does.
        *strict* makes a failure of what is only a remark in the default set, such as a weak key; None leaves it to the trap's `strict`.

        If the client's own behavior makes a verdict impossible, the test is skipped, and the reason says so.
        """
        __tracebackhide__ = True
        verdict = self.judge(
            send, timeout=timeout, may_fail_silently=may_fail_silently, strict=strict
        )
        raise_if_failed(verdict, self._server, trap="hostile_mailtrap")
        if verdict.outcome == "inconclusive":
            raise unittest.SkipTest(explain_verdict(verdict))
