"""What to do if a fixture with a wider scope requests a trap that exists for a single test: texts only."""

from __future__ import annotations

import re

# The text of pytest 7.4 to 9.
_MISMATCH = re.compile(
    r"ScopeMismatch: .* fixture (mailtrap|hostile_mailtrap) with an? (\w+) scoped"
)
_LONGER = """\
`mailtrap` exists for a single test. For a trap with scope "{scope}"
use mailtrap_factory:

    @pytest.fixture(scope="{scope}")
    def trap(mailtrap_factory):
        with mailtrap_factory() as trap:
            yield trap"""
_HOSTILE = """\
`hostile_mailtrap` exists for a single test and runs one scenario, so
the fixture that requests it needs function scope, too. A trap with
scope "{scope}" runs all scenarios in one test:

    with mailtrap_factory() as trap:
        trap.assert_refuses_hostile_servers(send)"""
_HINTS = {"mailtrap": _LONGER, "hostile_mailtrap": _HOSTILE}


def hint(failure: str) -> str | None:
    """The advice for this *failure* from pytest, or None if it is a different one."""
    found = _MISMATCH.match(failure)
    if (
        found is None or "mailtrap_factory()" in failure
    ):  # a failure that is raised again already has it
        return None
    return _HINTS[found[1]].format(scope=found[2])
