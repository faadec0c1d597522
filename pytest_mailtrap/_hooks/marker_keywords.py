"""The keywords of `@pytest.mark.mailtrap`, for type checkers and editors; `MarkerOptions` checks their values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._server.keywords import MailTrapOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_mailtrap._hostile.scenario import Scenario
    from pytest_mailtrap._text.choices import Mode


class MailTrapMarkerOptions(MailTrapOptions, total=False):
    """
    The keywords of `@pytest.mark.mailtrap`: those of the trap, and those of the test itself.

    pytest's markers accept anything; annotate a dictionary with this type to have its keywords checked:
    `STRICT: MailTrapMarkerOptions = {"starttls": "require"}`, then `@pytest.mark.mailtrap(**STRICT)`.
    """

    guard: bool | None
    """
    Whether connections to real mail servers fail; False allows e-mail APIs as well.
    None means the setting of the run.
    """

    mode: Mode
    """Which family of scenarios `hostile_mailtrap` and `assert_refuses_hostile_servers()` run; "starttls" by default."""

    scenarios: Iterable[str | Scenario] | None
    """
    Which scenarios to run: ids, or `Scenario` objects.
    None means the scenarios that run by default.
    """

    skip_scenarios: Mapping[str, str] | None
    """Which scenarios to skip, by id, and why; None skips none."""

    strict: bool
    """Whether the remarks of the default set count as failures; False by default."""
