"""What pytest shows of the mail: the verdicts at the end of a test."""

from __future__ import annotations

from collections.abc import Callable

import pytest

# Each gives the text of a failure, or None; asked in their order when the test itself has passed.
Check = Callable[[], "str | None"]
_CHECKS = pytest.StashKey[list[Check]]()


def add_check(item: pytest.Item, check: Check) -> None:
    """Let *check* have a say at the end of the test's call phase."""
    item.stash.setdefault(_CHECKS, []).append(check)


def judge(item: pytest.Item) -> None:
    """Fail the test with what its first unhappy check says."""
    for check in item.stash.get(_CHECKS, []):
        if (text := check()) is not None:
            pytest.fail(text, pytrace=False)
