"""
What a mock knows about itself, and the attributes of any object, read without attribute access on the object.

Rules of this file: no attribute of a mock is accessed, which would create a new one; nor are the class or the
attributes of a proxy, which would load its target: only the type of an object is examined, and its dictionary if
Python itself created that.
"""

from __future__ import annotations

from types import (
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    ModuleType,
    SimpleNamespace,
)
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOCKS = frozenset({("unittest.mock", "NonCallableMock"), ("mock.mock", "NonCallableMock")})
_HEAP_TYPE = 1 << 9
_MADE_BY_PYTHON = "dictionary for instance variables"


def own(value: object) -> dict[str, Any] | None:
    """The internal attributes of a mock; None for anything that is not a mock."""
    if not any(title(cls) in _MOCKS for cls in bases(value)):
        return None
    return object.__getattribute__(value, "__dict__")  # type: ignore[no-any-return]  # a mock's names


def is_detached(value: object) -> bool:
    """Whether it is a mock that does not reveal where it came from."""
    known = own(value)
    return known is not None and known["_mock_new_parent"] is None


def chain(mock: object) -> Iterator[object]:
    """The mock, its parent, and so on."""
    while (known := own(mock)) is not None:
        yield mock
        mock = known["_mock_new_parent"]


def part(value: object, name: str) -> object:
    """A mock's attribute, if it has been accessed or set before, or another object's own attribute."""
    found = names(value).get(name)
    return (own(value) or {}).get("_mock_children", {}).get(name) if found is None else found


def connections_of(value: object) -> Iterator[object]:
    """The connection that a mock is set to return, and what `with` yields for it."""
    connection = (own(value) or {}).get("_mock_return_value")
    yield connection
    entering = (own(connection) or {}).get("__enter__")
    yield (own(entering) or {}).get("_mock_return_value")
    if type(entering) is FunctionType:  # a mock wraps a function in one of its own
        for function in at_hand(entering):
            if type(function) is FunctionType:
                yield from at_hand(function)


def at_hand(function: FunctionType) -> Iterator[object]:
    """The objects that a function may return and that exist before its call."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:
            continue  # not filled yet
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    for name in function.__code__.co_names:
        yield function.__globals__.get(name)


def names(value: object) -> dict[str, Any]:
    """An object's own attributes; none if reading them would run its code."""
    for cls in bases(value):
        found = _names_of_class(cls).get("__dict__")
        if found is None:
            continue
        is_pythons = (
            type(found) is GetSetDescriptorType
            and type.__dict__["__flags__"].__get__(cls) & _HEAP_TYPE
            and (found.__doc__ or "").startswith(_MADE_BY_PYTHON)
        )
        if is_pythons or cls is SimpleNamespace:
            given: dict[str, Any] = found.__get__(value, type(value))
            return given
        return {}
    return {}


def namespace(module: object) -> dict[str, Any] | None:
    """The names in a module, without triggering a lazy import."""
    if not issubclass(type(module), ModuleType):
        return None
    return object.__getattribute__(module, "__dict__")  # type: ignore[no-any-return]  # a module's names


def held(target: object, attribute: str) -> object:
    """The own attribute of a module, a class or an object; None if reading it would run code of the object."""
    if issubclass(type(target), type):
        return _names_of_class(target).get(attribute)
    found = (namespace(target) or names(target)).get(attribute)
    slot = inherited(target, attribute) if found is None else None
    return slot.__get__(target) if type(slot) is MemberDescriptorType else found


def inherited(target: object, attribute: str) -> object:
    """The attribute that an object or a class inherits, ignoring its own."""
    classes = _mro(target) if issubclass(type(target), type) else bases(target)
    found = (_names_of_class(c) for c in classes if c is not target)
    return next((it[attribute] for it in found if attribute in it), None)


def bases(value: object) -> tuple[type, ...]:
    """The classes of an object, its own first."""
    return _mro(type(value))


def title(cls: object) -> tuple[object, str]:
    """The module and the name of a class, ignoring what its metaclass makes of them."""
    return _names_of_class(cls).get("__module__"), type.__dict__["__name__"].__get__(cls)


def _mro(cls: object) -> tuple[type, ...]:
    return type.__dict__["__mro__"].__get__(cls)  # type: ignore[no-any-return]  # of a class


def _names_of_class(cls: object) -> dict[str, Any]:
    return type.__dict__["__dict__"].__get__(cls)  # type: ignore[no-any-return]  # of a class
