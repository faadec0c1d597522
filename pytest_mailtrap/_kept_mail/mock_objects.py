"""
What a mock knows of itself, and what any object has, read without asking the object.

Rules of this file: a mock is asked for no attribute, which would make a new one; a proxy is not woken by asking it for its class
or its attributes, so only the type of an object is looked at, and its dictionary where Python itself made that.
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
    """What a mock knows of itself; None for what is no mock."""
    if not any(title(cls) in _MOCKS for cls in bases(value)):
        return None
    return object.__getattribute__(value, "__dict__")  # type: ignore[no-any-return]  # a mock's names


def is_detached(value: object) -> bool:
    """Whether it is a mock that does not tell where it came from."""
    known = own(value)
    return known is not None and known["_mock_new_parent"] is None


def chain(mock: object) -> Iterator[object]:
    """The mock, what it came from, and so on."""
    while (known := own(mock)) is not None:
        yield mock
        mock = known["_mock_new_parent"]


def part(value: object, name: str) -> object:
    """What a mock has under a name, if it has been asked for that or given it, or what another object has of its own."""
    found = names(value).get(name)
    return (own(value) or {}).get("_mock_children", {}).get(name) if found is None else found


def connections_of(value: object) -> Iterator[object]:
    """The connection that a mock was told to return, and what `with` gives for it."""
    connection = (own(value) or {}).get("_mock_return_value")
    yield connection
    entering = (own(connection) or {}).get("__enter__")
    yield (own(entering) or {}).get("_mock_return_value")
    if type(entering) is FunctionType:  # a mock puts one of its own around a function
        for function in at_hand(entering):
            if type(function) is FunctionType:
                yield from at_hand(function)


def at_hand(function: FunctionType) -> Iterator[object]:
    """What a function may return of what was there before its call."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:
            continue  # not yet filled
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    for name in function.__code__.co_names:
        yield function.__globals__.get(name)


def names(value: object) -> dict[str, Any]:
    """The attributes that an object has of its own; none where it would have to be asked."""
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
    """The names of a module; one that loads itself when it is first asked for something is not asked."""
    if not issubclass(type(module), ModuleType):
        return None
    return object.__getattribute__(module, "__dict__")  # type: ignore[no-any-return]  # a module's names


def held(target: object, attribute: str) -> object:
    """What a module, a class or an object has of its own under a name; None where it would have to be asked."""
    if issubclass(type(target), type):
        return _names_of_class(target).get(attribute)
    found = (namespace(target) or names(target)).get(attribute)
    slot = inherited(target, attribute) if found is None else None
    return slot.__get__(target) if type(slot) is MemberDescriptorType else found


def inherited(target: object, attribute: str) -> object:
    """What an object or a class would have under a name, but for what it has of its own."""
    classes = _mro(target) if issubclass(type(target), type) else bases(target)
    found = (_names_of_class(c) for c in classes if c is not target)
    return next((it[attribute] for it in found if attribute in it), None)


def bases(value: object) -> tuple[type, ...]:
    """The classes of an object, its own first."""
    return _mro(type(value))


def title(cls: object) -> tuple[object, str]:
    """The module and the name of a class; its metaclass may have a word in both, and is not asked."""
    return _names_of_class(cls).get("__module__"), type.__dict__["__name__"].__get__(cls)


def _mro(cls: object) -> tuple[type, ...]:
    return type.__dict__["__mro__"].__get__(cls)  # type: ignore[no-any-return]  # of a class


def _names_of_class(cls: object) -> dict[str, Any]:
    return type.__dict__["__dict__"].__get__(cls)  # type: ignore[no-any-return]  # of a class
