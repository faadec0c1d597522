"""
A trap that plays one hostile server: what a test holds in its hand.

Rules of this file: the trying is `_hostile.trial`'s.
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

    It has everything a `MailTrap` has; messages and connections are those of its last try, without the control's.
    *mode* is "starttls" or "implicit".
    *strict* tells that an advisory scenario is to be a failure: where the test names it, or its marker says so.
    """

    def __init__(
        self, server: RunningServer, *, scenario: Scenario, mode: Mode, strict: bool = True
    ) -> None:
        server.run(behavior_of(scenario, server.options))
        super().__init__(server, plays={"mode": mode})
        self.scenario = scenario
        self.mode = mode
        self.strict = strict

    @property
    def port(self) -> int:
        """
        The port to configure the application with.

        In mode "implicit" it is that for implicit TLS, the same as `tls_port`.
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
        raise TypeError(
            "a hostile trap follows its scenario: put the rule into a Scenario of your own, "
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
        Do as `assert_client_refuses()`, and give the verdict instead of failing.

        Where the control fails, the verdict is that of the scenario `ok`.
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
        Fail if the application lets this server have what it must not have, or does not tell its caller that it failed.

        *send* makes the application send one message to `host` and `port`; a function or a coroutine function.
        It is given both where it cannot be called without.
        It is called twice: first this trap is a good server, on the same port, and the message must arrive there.
        Where nothing connects to the hostile server it is called once more, for a pool to reconnect; after that it has failed.
        Errors that it raises are what is hoped for.
        *timeout* is in seconds, for each call; a call that takes longer has failed.
        None calls it in the thread of the test, for code that is bound to its thread; in a transaction of Django's that
        happens by itself.
        *may_fail_silently* allows it to return as if all were well although nothing arrived, as a logging handler does.
        *strict* makes a failure of what is but a remark in the default family, such as a weak key; None says as the test does.

        Where the client's own habits make a verdict impossible, the test is skipped, and the reason says so.
        """
        __tracebackhide__ = True
        verdict = self.judge(
            send, timeout=timeout, may_fail_silently=may_fail_silently, strict=strict
        )
        raise_if_failed(verdict, self._server, trap="hostile_mailtrap")
        if verdict.outcome == "inconclusive":
            raise unittest.SkipTest(explain_verdict(verdict))
