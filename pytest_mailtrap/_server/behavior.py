"""What a trap is at one moment: its options, the rules it follows, and where it keeps what comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._server.inbox import Inbox
from pytest_mailtrap._smtp.faults import Rules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_mailtrap._server.certificate_flaws import CertificateMaker, CertificateName
    from pytest_mailtrap._server.inbox import Observer
    from pytest_mailtrap._server.options import Options
    from pytest_mailtrap._smtp.faults import Rule


class Behavior:
    """
    A connection belongs to the behavior under which it came in, and keeps it when the next one begins.

    *certificate* is "good", the name of a flaw, or a function that makes one.
    *greets_after* lets the port for implicit TLS greet in cleartext after so many seconds of silence.
    """

    __slots__ = ("certificate", "greets_after", "inbox", "options", "rules")

    def __init__(
        self,
        options: Options,
        *,
        certificate: CertificateName | CertificateMaker = "good",
        greets_after: float | None = None,
        rules: Iterable[Rule] = (),
        observer: Observer | None = None,
    ) -> None:
        self.options = options
        self.certificate = certificate
        self.greets_after = greets_after
        self.rules = Rules(rules)
        self.inbox = Inbox(options, observer)
