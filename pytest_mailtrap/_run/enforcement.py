"""
Why a test fails because of its mail: every message and connection gets one verdict.

Rules of this file: it decides when there is a verdict and on what; `MailOfTest` decides what violates a policy,
`_run.policy_text` words it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from pytest_mailtrap._assertions.requirements import Breach
    from pytest_mailtrap._run.fixture_use import Naming
    from pytest_mailtrap._run.mail_of_test import MailOfTest, Mark
    from pytest_mailtrap._run.mail_recorder import MailRecorder
    from pytest_mailtrap._run.policy import Policy


class Enforcement:
    """
    Gives the failure texts of the running test.

    *naming* is set if the run requires tests that name the trap to send mail.
    *kept_mail_fails* is whether a test fails if its mail stays in the process.
    """

    def __init__(
        self, recorder: MailRecorder, *, naming: Naming | None, kept_mail_fails: bool
    ) -> None:
        self._recorder = recorder
        self._naming = naming
        self._kept_mail_fails = kept_mail_fails

    def at_the_end_of_the_call(self, item: pytest.Item) -> str | None:
        """The failure text for the mail, or the lack of mail, of a test that has otherwise passed; else None."""
        mail_of_test = self._recorder.mail_of_test
        mail_of_test.is_silent = self._is_silent(mail_of_test, item)
        return self.verdict() or _explained(
            mail_of_test, mail_of_test.policy, mail_of_test.silence()
        )

    def verdict(self, *, skipped: str | None = None) -> str | None:
        """The failure text for the mail without a verdict so far, or None; *skipped* is why the test skips afterwards."""
        mail_of_test = self._recorder.mail_of_test
        start, end = mail_of_test.judged, mail_of_test.mark()
        mail_of_test.judged_from, mail_of_test.judged = start, end
        if start == end:
            return None
        for policy in mail_of_test.policies():
            breaches = mail_of_test.breaches(policy, start=start, end=end)
            if (text := _explained(mail_of_test, policy, breaches, skipped=skipped)) is not None:
                return text
        # If a test skips, the mail that it kept would not have been sent either.
        return self._explained_kept(mail_of_test, start, end) if skipped is None else None

    def _explained_kept(self, mail_of_test: MailOfTest, start: Mark, end: Mark) -> str | None:
        kept = mail_of_test.kept(start=start, end=end)
        if not kept or mail_of_test.policy.mode != "enforce" or not self._kept_mail_fails:
            return None
        from pytest_mailtrap._assertions.kept_mail_text import explain_kept

        policy = mail_of_test.policy
        set_at = f"Policy {policy.mode}: {', '.join(policy.require)} ({policy.set_at})"
        return explain_kept(kept, set_at)

    def verdict_again(self, *, skipped: str) -> str | None:
        """The last verdict once more, for a test that turns out to have skipped."""
        mail_of_test = self._recorder.mail_of_test
        mail_of_test.judged = mail_of_test.judged_from
        return self.verdict(skipped=skipped)

    def skip_verdict(self) -> None:
        """The test has failed: what it has sent so far gets no verdict."""
        mail_of_test = self._recorder.mail_of_test
        mail_of_test.judged = mail_of_test.mark()

    def waive_mail_requirement(self) -> None:
        """The test turns out to have failed or skipped on its own: it did not have to send anything."""
        self._recorder.mail_of_test.is_silent = False

    def _is_silent(self, mail_of_test: MailOfTest, item: pytest.Item) -> bool:
        """Whether the test was supposed to send mail but sent none."""
        if (
            mail_of_test.has_mail
            or not mail_of_test.policy.demands_mail
            or not self._is_to_send(item)
        ):
            return False
        for server in mail_of_test.servers:
            server.server.settle_until_quiet()
        return not mail_of_test.has_mail

    def _is_to_send(self, item: pytest.Item) -> bool:
        if item.get_closest_marker("mailtrap") is not None:
            return True
        return self._naming is not None and self._naming.names("mailtrap")


def _explained(
    mail_of_test: MailOfTest, policy: Policy, breaches: list[Breach], *, skipped: str | None = None
) -> str | None:
    if policy.mode != "enforce" or not breaches:
        return None
    from pytest_mailtrap._run.policy_text import explain_policy

    return explain_policy(mail_of_test, policy, breaches, skipped=skipped)
