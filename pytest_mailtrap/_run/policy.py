"""
The policy of the run, of a test, or of a trap: a pure value.

`_assertions.requirements` decides what its requirements mean, `_run.policy_text` words a violation.

The modes are those of MTA-STS (RFC 8461, section 3.2): "none", "testing" (only report), "enforce".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_mailtrap._assertions.requirements import (
    DEFAULT,
    MAIL,
    added,
    includes,
    parse_requirements,
)
from pytest_mailtrap._text.terms import POLICIES

if TYPE_CHECKING:
    from pytest_mailtrap._run.files.schema import PolicyRecord
    from pytest_mailtrap._server.options import Options

MARKER = "@pytest.mark.mailtrap"
FACTORY = "mailtrap_factory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """
    What is required of mail.

    *origin* says, for people, where the policy was set, *required_by* where its requirements were set, if elsewhere;
    "" if nothing was set.
    *reason* is why it is weaker than the policy of the run.
    *before* is the policy to whose requirements it adds, if any.
    """

    mode: str = "none"
    require: tuple[str, ...] = ()
    origin: str = ""
    required_by: str = ""
    reason: str | None = None
    before: Policy | None = None

    @property
    def is_on(self) -> bool:
        return self.mode != "none"

    @property
    def demands_mail(self) -> bool:
        """Whether a test that uses a trap must send mail."""
        return self.is_on and MAIL in self.require

    def with_options(self, options: Options, origin: str) -> Policy:
        """This policy, as modified by *options*."""
        if all(it is None for it in (options.policy, options.require, options.require_only)):
            return self
        # A requirement set for a test is meant to be enforced, even if the run has no policy.
        mode = options.policy or (self.mode if self.origin else "enforce")
        return Policy(
            mode=mode,
            require=() if mode == "none" else self._require(options, origin),
            origin=origin,
            reason=options.reason,
            before=self if options.require_only is None else None,
        )

    def _require(self, options: Options, origin: str) -> tuple[str, ...]:
        """What is required, with the requirements that *options* add or put in their place."""
        if options.require_only is not None:
            # The requirement that there is mail belongs to the test; a trap cannot remove it.
            kept = [MAIL] if origin == FACTORY and MAIL in self.require else []
            return (*kept, *parse_requirements(options.require_only))
        return added(self.require or DEFAULT, parse_requirements(options.require or ()))

    @property
    def set_at(self) -> str:
        """Where it was set, for people."""
        return self.required_by or self.origin

    def required_at(self, requirement: str) -> str:
        """Where *requirement* was set, for people."""
        if self.before is not None and requirement in self.before.require:
            return self.before.required_at(requirement)
        return self.set_at

    def is_weaker_than(self, other: Policy) -> bool:
        """Whether some mail meets this policy but would not meet *other*."""
        if POLICIES.index(self.mode) < POLICIES.index(other.mode):
            return True
        return other.is_on and not includes(self.require, other.require)

    def weakening_error(self, other: Policy) -> str | None:
        """The error text if it is weaker than *other*, the policy of the run, and does not give a reason."""
        if self.reason is not None or not self.is_weaker_than(other):
            return None
        lacks = [name for name in other.require if not includes(self.require, [name])]
        addition = f"also require {', '.join(lacks)}, or " if lacks and self.is_on else ""
        return (
            f"{self.describe()} is weaker than {other.describe()}, set by {other.origin}: "
            f'{addition}give a reason with reason="..."'
        )

    def describe(self) -> str:
        """Such as "policy enforce (tls, smime-signed)"."""
        demands = f" ({', '.join(self.require)})" if self.is_on else ""
        return f"policy {self.mode}{demands}"

    def record(self) -> PolicyRecord:
        return {
            "mode": self.mode,  # type: ignore[typeddict-item]  # one of POLICIES, checked on input
            "require": list(self.require),
            "origin": self.origin,
            "reason": self.reason,
        }
