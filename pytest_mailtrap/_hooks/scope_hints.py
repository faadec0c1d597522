"""What to do where a fixture that lasts for longer asks for a trap that lasts for one test: words only."""

from __future__ import annotations

import re

# As pytest says it, from 7.4 to 9.
_MISMATCH = re.compile(
    r"ScopeMismatch: .* fixture (mailtrap|hostile_mailtrap) with an? (\w+) scoped"
)
_LONGER = """\
`mailtrap` lasts for one test. For a trap of scope "{scope}" use
mailtrap_factory:

    @pytest.fixture(scope="{scope}")
    def trap(mailtrap_factory):
        with mailtrap_factory() as trap:
            yield trap"""
_HOSTILE = """\
`hostile_mailtrap` lasts for one test, and plays one scenario: so must
the fixture that asks for it. A trap of scope "{scope}" plays all of them
in one test:

    with mailtrap_factory() as trap:
        trap.assert_refuses_hostile_servers(send)"""
_HINTS = {"mailtrap": _LONGER, "hostile_mailtrap": _HOSTILE}


def hint(failure: str) -> str | None:
    """What helps against this *failure* of pytest's, or None where it is another one."""
    found = _MISMATCH.match(failure)
    if (
        found is None or "mailtrap_factory()" in failure
    ):  # which a failure that is raised again has already
        return None
    return _HINTS[found[1]].format(scope=found[2])
