"""What a trap does at one moment: its options, the rules it follows, and the inbox it fills."""

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
    How a trap behaves; a connection keeps the behavior it started with, even when the trap gets another one.

    *certificate* is "good", the name of a flaw, or a function that makes a certificate.
    *greets_after* makes the port for implicit TLS greet in cleartext after this many seconds of silence.
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
