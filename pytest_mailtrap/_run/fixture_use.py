"""
Whether a test names a fixture: as an argument, by `usefixtures`, by `getfixturevalue()`, or through a fixture that it names.

An autouse fixture counts as named by the tests of the file that defines it; one in a conftest or a plugin is requested
by no test in particular, so that no test names what it requests.

Rules of this file: it does not import pytest; it is notified of each test that begins and of each fixture that is
set up.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest


class Naming:
    """
    Which fixtures have been requested by what, for the running test.

    *is_in_call* tells whether a test is past its setup: from then on, the test itself makes the requests.
    """

    def __init__(self, is_in_call: Callable[[pytest.Item], bool]) -> None:
        self._is_in_call = is_in_call
        self._item: pytest.Item | None = None
        self._roots: set[str] = set()
        # For each fixture those that it requests; fixtures with a wider scope than a test are not set up for each test.
        self._asked: dict[str, set[str]] = {}
        self._asked_for_all: dict[str, set[str]] = {}
        self._being_set_up: list[str] = []

    def begin(self, item: pytest.Item) -> None:
        """Another test begins."""
        self._item = item
        self._roots = _arguments(item) | _used(item)
        self._asked = {}

    @contextmanager
    def setting_up(self, fixture: pytest.FixtureDef[Any]) -> Iterator[None]:
        """While *fixture* is set up; whatever is set up meanwhile was requested by it."""
        name = fixture.argname
        if self._being_set_up:
            self._asked.setdefault(self._being_set_up[-1], set()).add(name)
        elif self._is_the_tests_own(fixture):
            self._roots.add(name)
        asked = self._asked if fixture.scope == "function" else self._asked_for_all
        asked.setdefault(name, set()).update(fixture.argnames)
        self._being_set_up.append(name)
        try:
            yield
        finally:
            self._being_set_up.pop()

    def _is_the_tests_own(self, fixture: pytest.FixtureDef[Any]) -> bool:
        if self._item is None:
            return False
        file = self._item.nodeid.partition("::")[0]
        return self._is_in_call(self._item) or fixture.baseid.partition("::")[0] == file

    def names(self, name: str) -> bool:
        """Whether the running test names the fixture *name*."""
        found: set[str] = set()
        new = set(self._roots)
        while new:
            found |= new
            asked = [self._asked.get(n, set()) | self._asked_for_all.get(n, set()) for n in new]
            new = set().union(*asked) - found
        return name in found


def _arguments(item: pytest.Item) -> set[str]:
    function = getattr(item, "function", None)
    try:
        return set() if function is None else set(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # some other callable
        return set()


def _used(item: pytest.Item) -> set[str]:
    return {str(name) for mark in item.iter_markers("usefixtures") for name in mark.args}
