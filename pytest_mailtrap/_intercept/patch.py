"""One attribute of a module or class, temporarily replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_MISSING = object()


class Patch:
    """
    Replaces the attribute *name* of *owner* with what *make* returns for the original.

    If somebody else has replaced it since, undo() does nothing. Their own undo would bring ours back, so
    a replacement must behave like the original when it is no longer needed.
    """

    def __init__(
        self, owner: Any, name: str, make: Callable[[Any], Any]
    ) -> None:  # any module or class, any callable
        self.owner = owner
        self.name = name
        # A method may be inherited: then there is nothing to restore, only something to delete.
        self._own = vars(owner).get(name, _MISSING)
        self.replacement = make(getattr(owner, name))
        setattr(owner, name, self.replacement)

    @property
    def is_in_place(self) -> bool:
        """Whether nobody else has replaced it since."""
        return vars(self.owner).get(self.name) is self.replacement

    def undo(self) -> None:
        if not self.is_in_place:
            return
        if self._own is _MISSING:
            delattr(self.owner, self.name)
        else:
            setattr(self.owner, self.name, self._own)
