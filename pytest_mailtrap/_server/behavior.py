"""What a trap is at one moment: its options, the rules it follows, and where it keeps what comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._server.inbox import Inbox
from pytest_mailtrap._smtp.faults import Rules

if TYPE_CHECKING:
    from pytest_mailtrap._hostile.scenario import Scenario
    from pytest_mailtrap._server.certificate_flaws import CertificateMaker
    from pytest_mailtrap._server.inbox import Observer
    from pytest_mailtrap._server.options import Options


class Behavior:
    """A connection belongs to the stage on which it came in, and keeps it when the next one is set."""

    __slots__ = ("certificate", "greets_after", "inbox", "options", "rules", "scenario")

    def __init__(
        self,
        options: Options,
        *,
        scenario: Scenario | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.options = options
        self.scenario = scenario
        self.certificate: str | CertificateMaker = "good"
        self.greets_after: float | None = None
        self.rules = Rules()
        if scenario is not None:
            self.options = scenario.options(options)
            self.certificate = scenario.certificate
            self.greets_after = scenario.greets_after
            self.rules = Rules(scenario.rules)
        self.inbox = Inbox(self.options, observer)
