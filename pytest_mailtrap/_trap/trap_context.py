"""
What `mailtrap_factory()` returns: a context manager that runs a trap for one `with` block.

Rules of this file: nothing runs before the block is entered; if it is used as if it were the trap, the error says what is missing.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, NoReturn

from pytest_mailtrap._trap.fault_scripting import unfired_faults

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from pytest_mailtrap._trap.mail_trap import MailTrap

_WITH = "mailtrap_factory() returns a context manager: with mailtrap_factory() as trap:"
CALLED = "Call mailtrap_factory: with mailtrap_factory() as trap:"
_ONCE = "mailtrap_factory() creates a trap for one `with` block: call it again for another one"


class TrapContext(AbstractContextManager["MailTrap"]):
    """Runs a trap inside its `with` block; by its end, scripted faults must have happened."""

    def __init__(self, run: Callable[[], AbstractContextManager[MailTrap]]) -> None:
        self._run = run
        self._running: AbstractContextManager[MailTrap] | None = None

    def __enter__(self) -> MailTrap:
        __tracebackhide__ = True
        if self._running is not None:
            raise RuntimeError(_ONCE)
        self._running = self._run()
        self._trap = self._running.__enter__()
        return self._trap

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        __tracebackhide__ = True
        if self._running is None:
            raise RuntimeError(_WITH)
        text = unfired_faults(self._trap) if kind is None else None
        self._running.__exit__(kind, error, traceback)
        if text is not None:
            raise AssertionError(text)

    # A correct test never uses any of these on a context manager.

    def __getattr__(self, name: str) -> NoReturn:
        __tracebackhide__ = True
        if name.startswith("__"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        raise AttributeError(_WITH)

    def __len__(self) -> NoReturn:
        __tracebackhide__ = True
        raise TypeError(_WITH)

    def __iter__(self) -> NoReturn:
        __tracebackhide__ = True
        raise TypeError(_WITH)

    def __contains__(self, message: object) -> NoReturn:
        __tracebackhide__ = True
        raise TypeError(_WITH)

    def __getitem__(self, index: object) -> NoReturn:
        __tracebackhide__ = True
        raise TypeError(_WITH)
