"""What the marker takes: a trap's options, and what holds for the test itself."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._server.options import Options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_mailtrap._hostile.scenario import Scenario
    from pytest_mailtrap._text.choices import Mode

_PLAYED = ("mode", "scenarios", "skip_scenarios", "strict")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerOptions(Options):
    """
    What `@pytest.mark.mailtrap` takes: the options of the test's trap, and what holds for the test itself.

    *guard* says whether connections to mail ports of other hosts fail; None stands for what holds for the whole run.
    *mode*, *scenarios* and *skip_scenarios* choose what `hostile_mailtrap` and `assert_refuses_hostile_servers()` play,
    *strict* makes failures of what are remarks of the default family.
    """

    guard: bool | None = None
    mode: Mode = "starttls"
    scenarios: tuple[Any, ...] | None = None  # ids, or Scenario objects
    skip_scenarios: Mapping[str, str] | None = None
    strict: bool = False

    def chosen_scenarios(self) -> tuple[Scenario, ...]:
        """What `hostile_mailtrap` plays; ValueError where a scenario is unknown, or skipped without a reason."""
        from pytest_mailtrap._hostile.scenarios import check_skips, family

        check_skips(self.skip_scenarios or {})
        return family(self.mode, scenarios=self.scenarios)

    def check_names(self) -> None:
        """ValueError where a scenario is unknown, or skipped without a reason; in which mode they are played may be said later."""
        if self.scenarios is None and self.skip_scenarios is None:
            return
        from pytest_mailtrap._hostile.scenarios import check_skips, named

        check_skips(self.skip_scenarios or {})
        if self.scenarios is not None:
            named(self.scenarios)

    def plays(self) -> dict[str, Any]:
        """The same as keywords of `assert_refuses_hostile_servers()`."""
        return {name: getattr(self, name) for name in _PLAYED}

    def for_the_trap(self, *, intercept: bool | tuple[str, ...] | None = None) -> Options:
        """The part that a trap takes; *intercept* is what holds where the marker says nothing of it."""
        part = {field.name: getattr(self, field.name) for field in fields(Options)}
        if self.intercept is None:
            part["intercept"] = intercept
        return Options(**part)
