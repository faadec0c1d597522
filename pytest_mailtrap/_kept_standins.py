"""
Which mocks are there in place of smtplib, or of something in it.

A mock is, or one that it came from is, where `mock.patch()` or pytest's `monkeypatch` put it in the place of something of
smtplib's, where it lies in a module under one of smtplib's names, or where one of smtplib's classes is its spec.

Rules of this file: it changes no mock, and asks none for an attribute, which would make a new one; of other objects only
the type is looked at, since asking a proxy for its class may wake up what is behind it.
"""

from __future__ import annotations

import sys
import weakref
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

CLASSES = ("SMTP", "SMTP_SSL", "LMTP")
SENDING = ("sendmail", "send_message")
_MODULE = "smtplib"
# Of what lies under such a name and replaced something else, such as aiosmtplib's SMTP.
_OTHER = ""


class Known(NamedTuple):
    """What a mock is there for: something called *name*, or a method of it that sends."""

    mock: weakref.ref[Any]
    name: str
    is_method: bool


class StandIns:
    """The mocks that are known to be there for something, by their identity: their equality and hash belong to the test."""

    def __init__(self) -> None:
        self._known: dict[int, Known] = {}
        self._namespaces: list[dict[str, Any]] = []
        self._modules = 0

    def renew(self) -> None:
        """Look again for the modules that have one of smtplib's names."""
        self._modules = 0

    def known(self, mock: object) -> Known | None:
        return self._known.get(id(mock))

    # -- what is learnt -----------------------------------------------------------------------

    def add_patch(self, patching: Any) -> None:
        """Remember what a `mock.patch()` that has just begun has put in the place of something of smtplib's."""
        self.add_replacement(patching.target, patching.attribute, patching.temp_original)

    def add_replacement(self, target: object, attribute: str, original: object) -> None:
        """Remember what has been put in the place of *original*, if that was something of smtplib's."""
        if type(original).__name__ == "NotSetType":  # pytest's, for what the target has inherited
            original = _inherited(target, attribute)
        name = self._replaced(original, target, attribute)
        if name is not None:
            self._add(getattr(target, attribute), name, is_method=attribute in SENDING)

    def add_result(self, mock: object, result: object) -> None:
        """Remember what a known mock has returned: with a name or a parent of its own it does not tell where it came from."""
        name = self._known[id(mock)].name
        if _is_detached(result):
            self._add(result, name)
        for method in map(_names(result).get, SENDING):
            if _is_detached(method):
                self._add(method, name, is_method=True)

    def _add(self, value: Any, name: str, *, is_method: bool = False) -> None:
        if isinstance(value, FunctionType):
            value = getattr(value, "mock", value)  # an autospec of a function is a function
        number, known = id(value), self._known
        reference = weakref.ref(value, lambda _: known.pop(number, None))
        known[number] = Known(reference, name, is_method)

    def _replaced(self, original: object, target: object, attribute: str) -> str | None:
        """What was replaced: one of smtplib's classes, its module, something else under one of their names, or None."""
        kind = type(original)
        if kind is ModuleType:
            return _MODULE if original.__name__ == _MODULE else None  # type: ignore[attr-defined]  # modules have one
        if issubclass(kind, type):
            return _class_name(original) or (_OTHER if attribute in CLASSES else None)
        if _own(original) is not None:
            return self._known_as(original)
        if attribute in SENDING:
            return _class_name(target) or _class_name(type(target))
        return _class_name(kind)

    # -- what is told -------------------------------------------------------------------------

    def class_of(self, mock: object) -> str | None:
        """The class of smtplib that *mock*, a method, belongs to; None where it is not smtplib's."""
        chain = [*_chain(mock)]
        for lower, step in zip([None, *chain], chain, strict=False):
            if (name := self._known_as(step)) is not None:
                return _class_in(name, lower)
        lying = dict(self._lying())
        for lower, step in zip([None, *chain], chain, strict=False):
            if (name := lying.get(id(step))) is not None:
                return _class_in(name, lower)
        return None

    def _known_as(self, mock: object) -> str | None:
        if (known := self._known.get(id(mock))) is not None:
            return known.name
        return _class_name((_own(mock) or {}).get("_spec_class"))

    def _lying(self) -> Iterator[tuple[int, str]]:
        """What lies under smtplib's names, and what it gives, by identity; real classes and modules are not looked at."""
        for namespace in self._found():
            for name in (*CLASSES, _MODULE):
                for value in _given(namespace.get(name)):
                    yield id(value), name
        yield id(sys.modules.get(_MODULE)), _MODULE
        for known in [*self._known.values()]:
            for value in _given(known.mock()):
                yield id(value), known.name

    def _found(self) -> list[dict[str, Any]]:
        if self._modules != len(sys.modules):
            self._modules = len(sys.modules)
            namespaces = filter(None, map(_namespace, [*sys.modules.values()]))
            names = {*CLASSES, _MODULE}
            self._namespaces = [found for found in namespaces if not names.isdisjoint(found)]
        return self._namespaces


def _namespace(module: object) -> dict[str, Any] | None:
    """The names of a module; one that loads itself when it is first asked for something is not asked."""
    if not issubclass(type(module), ModuleType):
        return None
    return object.__getattribute__(module, "__dict__")  # type: ignore[no-any-return]  # a module's names


def _own(value: object) -> dict[str, Any] | None:
    """What a mock knows of itself; None for what is no mock."""
    own = _names(value)
    return own if "_mock_new_parent" in own else None


def _is_detached(value: object) -> bool:
    """Whether it is a mock that does not tell where it came from."""
    own = _own(value)
    return own is not None and own["_mock_new_parent"] is None


def _chain(mock: object) -> Iterator[object]:
    """The mock, what it came from, and so on."""
    while (own := _own(mock)) is not None:
        yield mock
        mock = own["_mock_new_parent"]


def _class_in(name: str, lower: object) -> str | None:
    """The class that is meant below something called *name*: below the module the next step down tells it."""
    if name != _MODULE:
        return name or None
    own = _own(lower) or {}
    return next((c for c in CLASSES if c == own.get("_mock_new_name")), None)


def _class_name(value: object) -> str | None:
    """The name of the class of smtplib that a class is, or is made from."""
    if not issubclass(type(value), type):
        return None
    for base in type.__dict__["__mro__"].__get__(value):
        if base.__name__ in CLASSES and base.__module__ == _MODULE:
            return str(base.__name__)
    return None


def _inherited(target: object, attribute: str) -> object:
    """What an object or a class would have under a name, but for what it has of its own."""
    kind = target if issubclass(type(target), type) else type(target)
    classes = [c for c in type.__dict__["__mro__"].__get__(kind) if c is not target]
    own = map(type.__dict__["__dict__"].__get__, classes)
    return next((names[attribute] for names in own if attribute in names), None)


def _given(value: object) -> Iterator[object]:
    """A mock and the connection it was told to return; what a function that takes its place has at hand."""
    if type(value) is FunctionType:
        connections = [*_at_hand(value)]
    elif (own := _own(value)) is not None:
        yield value
        connections = [own.get("_mock_return_value")]
    else:
        return
    for connection in connections:
        for entered in (connection, *_entered(connection)):
            yield entered
            # Those with a name of their own do not tell where they came from.
            yield from (_names(entered).get(name) for name in SENDING)


def _entered(connection: object) -> Iterator[object]:
    """What `with` gives for a mock of a connection, where it was told that."""
    entering = (_own(connection) or {}).get("__enter__")
    yield (_own(entering) or {}).get("_mock_return_value")
    if type(entering) is FunctionType:  # a mock puts one of its own around a function
        for function in _at_hand(entering):
            if type(function) is FunctionType:
                yield from _at_hand(function)


def _names(value: object) -> dict[str, Any]:
    """The attributes that an object has of its own."""
    try:
        names: dict[str, Any] = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return names if type(names) is dict else {}


def _at_hand(function: FunctionType) -> Iterator[object]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:
            continue  # not yet filled
    for name in function.__code__.co_names:
        yield function.__globals__.get(name)
