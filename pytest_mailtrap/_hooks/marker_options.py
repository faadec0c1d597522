"""What the marker takes: a trap's options, and options of the test itself."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._server.options import Options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_mailtrap._hostile.scenario import Scenario
    from pytest_mailtrap._text.choices import Mode

_HOSTILE = ("mode", "scenarios", "skip_scenarios", "strict")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerOptions(Options):
    """
    What `@pytest.mark.mailtrap` takes: the options of the test's trap, and options of the test itself.

    *guard* is whether connections to mail ports of other hosts fail; None means the setting of the whole run.
    *mode*, *scenarios* and *skip_scenarios* choose the scenarios of `hostile_mailtrap` and
    `assert_refuses_hostile_servers()`;
    *strict* turns the remarks of the default set into failures.
    """

    guard: bool | None = None
    mode: Mode = "starttls"
    scenarios: tuple[Any, ...] | None = None  # ids, or Scenario objects
    skip_scenarios: Mapping[str, str] | None = None
    strict: bool = False

    def chosen_scenarios(self) -> tuple[Scenario, ...]:
        """The scenarios of `hostile_mailtrap`; ValueError if one is unknown, or skipped without a reason."""
        from pytest_mailtrap._hostile.scenarios import check_skips, family

        check_skips(self.skip_scenarios or {})
        return family(self.mode, scenarios=self.scenarios)

    def check_names(self) -> None:
        """ValueError if a scenario is unknown, or skipped without a reason; the mode may be given later."""
        if self.scenarios is None and self.skip_scenarios is None:
            return
        from pytest_mailtrap._hostile.scenarios import check_skips, named

        check_skips(self.skip_scenarios or {})
        if self.scenarios is not None:
            named(self.scenarios)

    def hostile_options(self) -> dict[str, Any]:
        """The options for hostile servers, as keywords of `assert_refuses_hostile_servers()`."""
        return {name: getattr(self, name) for name in _HOSTILE}

    def for_the_trap(self, *, intercept: bool | tuple[str, ...] | None = None) -> Options:
        """The part that a trap takes; *intercept* applies if the marker does not set it."""
        part = {field.name: getattr(self, field.name) for field in fields(Options)}
        if self.intercept is None:
            part["intercept"] = intercept
        return Options(**part)
