"""
Notification when a module has been imported, for modules that tests import while they run.

Rules of this file: the module's own loader does the import, and no trace of this one is left in the module.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class Imports:
    """A finder, first in `sys.meta_path`, that calls *imported* with each name in *names* after its import."""

    def __init__(self, names: Collection[str], imported: Callable[[str], None]) -> None:
        self._names = names
        self._imported = imported

    def begin(self) -> None:
        if self not in sys.meta_path:
            # At its end, pyfakefs removes whatever is first: its own finder has to stay there, or would be left behind.
            first = sys.meta_path[0] if sys.meta_path else None
            is_pyfakefs = type(first).__module__.startswith("pyfakefs.")
            sys.meta_path.insert(1 if is_pyfakefs else 0, self)

    def end(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, name: str, path: Any = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in self._names:
            return None
        for finder in [*sys.meta_path]:
            find = None if finder is self else getattr(finder, "find_spec", None)
            if find is not None and (spec := find(name, path, target)) is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader, self._imported)
                return spec  # type: ignore[no-any-return]  # whatever finders return
        return None


class _Loader:
    """Wraps the module's own loader, and calls *imported* when that has finished."""

    def __init__(self, loader: Any, imported: Callable[[str], None]) -> None:
        self._loader = loader
        self._imported = imported

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)  # type: ignore[no-any-return]  # whatever loaders return

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._imported(module.__name__)
