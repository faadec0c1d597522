"""One attribute of a module or class, replaced for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_MISSING = object()


class Patch:
    """
    Replaces the attribute *name* of *owner* by what *make* gives for the original.

    Undoing it leaves alone what somebody else has put over it in the meantime: their undoing would bring ours back,
    so a replacement must also behave when it is no longer wanted.
    """

    def __init__(
        self, owner: Any, name: str, make: Callable[[Any], Any]
    ) -> None:  # any module or class, any callable
        self.owner = owner
        self.name = name
        # A method may be inherited: then there is nothing to put back, only something to take away.
        self._own = vars(owner).get(name, _MISSING)
        self._replacement = make(getattr(owner, name))
        setattr(owner, name, self._replacement)

    @property
    def is_in_place(self) -> bool:
        """Whether nobody else has replaced it since."""
        return vars(self.owner).get(self.name) is self._replacement

    def undo(self) -> None:
        if not self.is_in_place:
            return
        if self._own is _MISSING:
            delattr(self.owner, self.name)
        else:
            setattr(self.owner, self.name, self._own)
