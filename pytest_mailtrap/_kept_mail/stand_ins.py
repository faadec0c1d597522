"""
Which mocks replace smtplib, or something in it.

A mock does so if it, or one of its parents, was put in the place of something in smtplib by `mock.patch()` or pytest's
`monkeypatch`, if a module has it under one of smtplib's names, or if one of smtplib's classes is its spec.

Rules of this file: it changes no mock; `_kept_mail.mock_objects` reads what a mock or another object is.
"""

from __future__ import annotations

import sys
import weakref
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mailtrap._kept_mail.mock_objects import (
    at_hand,
    bases,
    chain,
    connections_of,
    held,
    inherited,
    is_detached,
    namespace,
    own,
    part,
    title,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

CLASSES = ("SMTP", "SMTP_SSL", "LMTP")
SENDING = ("sendmail", "send_message")
_MODULE = "smtplib"
# For something under such a name that replaces something else, such as aiosmtplib's SMTP.
_OTHER = ""
# The type of pytest's marker for a missing attribute: since 9.1, and before.
_NOT_SET = ("NotSetType", "Notset")
# The parameters of smtplib's sending methods.
_PARAMETERS = frozenset({"from_addr", "to_addrs", "msg", "mail_options", "rcpt_options"})


class Known(NamedTuple):
    """
    What a stand-in replaces: something called *name*, or one of its sending methods.

    *place* is where it was put. A mock belongs to one test; the next test may put other objects elsewhere, to replace
    something else.
    """

    stand_in: weakref.ref[Any]
    name: str
    is_method: bool
    place: tuple[int, str] | None


class Lying(NamedTuple):
    """
    An object under one of smtplib's names, or returned by one.

    *is_sure* is whether it is a connection, and not just an object that a function mentions.
    """

    thing: object
    name: str
    is_sure: bool = True


class StandIns:
    """The mocks that are known to replace something, by identity: their equality and hash belong to the test."""

    def __init__(self) -> None:
        self._known: dict[int, Known] = {}
        self._looked_at: dict[tuple[int, str, int], weakref.ref[Any]] = {}
        self._namespaces: list[dict[str, Any]] = []
        self._modules = 0

    def renew(self) -> None:
        """Look again for the modules that have one of smtplib's names."""
        self._modules = 0

    def known(self, mock: object) -> Known | None:
        return self._known.get(id(mock))

    # -- what is recorded ---------------------------------------------------------------------

    def add_patch(self, patching: Any) -> None:
        """Remember what a `mock.patch()` that has just started has put in the place of something in smtplib."""
        self.add_replacement(patching.target, patching.attribute, patching.temp_original)

    def add_begun(self, patching: Any) -> None:
        """Do so for one that may have started before watching began; each replacement is examined once."""
        value, looked_at = held(patching.target, patching.attribute), self._looked_at
        where = id(patching.target), patching.attribute, id(value)
        if where not in looked_at:
            self.add_patch(patching)
            looked_at[where] = weakref.ref(value, lambda _: looked_at.pop(where, None))

    def add_replacement(self, target: object, attribute: str, original: object) -> None:
        """Remember what has been put in the place of *original*, if that was something in smtplib."""
        if title(type(original))[1] in _NOT_SET:
            original = inherited(target, attribute)
        name = self._replaced(original, target, attribute)
        if name is not None:
            place = id(target), attribute
            self._add(held(target, attribute), name, is_method=attribute in SENDING, place=place)

    def add_result(self, mock: object, result: object) -> None:
        """Remember what a known mock has returned: with its own name or parent, it does not reveal its origin."""
        name = self._known[id(mock)].name
        if is_detached(result):
            self._add(result, name)
        for connection in (result, *connections_of(mock)):
            self._add_methods(connection, name)

    def _add(
        self,
        value: Any,
        name: str,
        *,
        is_method: bool = False,
        place: tuple[int, str] | None = None,
    ) -> None:
        if type(value) is FunctionType:
            value = getattr(value, "mock", value)  # an autospec of a function is a function
        connections = at_hand(value) if type(value) is FunctionType else [value]
        for connection in connections:
            self._add_methods(connection, name)
        if name == _MODULE and own(value) is None:
            for inner in CLASSES:
                if own(stand_in := held(value, inner)) is not None:
                    self._add(stand_in, inner)
        number, known = id(value), self._known
        reference = weakref.ref(value, lambda _: known.pop(number, None))
        known[number] = Known(reference, name, is_method, place)

    def _add_methods(self, connection: object, name: str) -> None:
        """Add the sending methods of a connection that do not reveal that they belong to it."""
        for method in SENDING:
            mock = part(connection, method)
            if (known := own(mock)) is not None and known["_mock_new_parent"] is not connection:
                self._add(mock, name, is_method=True)

    def _replaced(self, original: object, target: object, attribute: str) -> str | None:
        """What was replaced: one of smtplib's classes, the module, something else under one of their names, or None."""
        known = self._known.get(id(original))
        if known is not None and (own(original) or known.place == (id(target), attribute)):
            return known.name
        if attribute in CLASSES and target is sys.modules.get(_MODULE):
            return attribute
        if own(original) is not None:
            return self._known_as(original)
        if attribute in SENDING:
            return _class_name(target) or _class_name(type(target))
        if type(original) is ModuleType and namespace(original)["__name__"] == _MODULE:  # type: ignore[index]  # it is one
            return _MODULE
        found = _class_name(original) or _class_name(type(original))
        is_other = original is not None and attribute in (*CLASSES, _MODULE)
        return found or (_OTHER if is_other else None)

    # -- what is looked up --------------------------------------------------------------------

    def class_of(self, mock: object, args: tuple[Any, ...], keywords: dict[str, Any]) -> str | None:
        """The smtplib class to which *mock*, a method called with these arguments, belongs, or None."""
        if not _PARAMETERS.issuperset(keywords):
            return None
        steps = [*chain(mock)]
        for lower, step in zip([None, *steps], steps, strict=False):
            if (name := self._known_as(step)) is not None:
                return _class_in(name, lower)
        takes = _is_mail(args, keywords)
        lying = {id(it.thing): it.name for it in self._lying() if it.is_sure or takes}
        for lower, step in zip([None, *steps], steps, strict=False):
            if (name := lying.get(id(step))) is not None:
                return _class_in(name, lower)
        return None

    def _known_as(self, mock: object) -> str | None:
        if (known := self._known.get(id(mock))) is not None:
            return known.name
        return _class_name((own(mock) or {}).get("_spec_class"))

    def _lying(self) -> Iterator[Lying]:
        """The objects under smtplib's names, and what they return; real classes and modules are ignored."""
        for found in self._found():
            for name in (*CLASSES, _MODULE):
                yield from _given(found.get(name), name)
        yield Lying(sys.modules.get(_MODULE), _MODULE)
        for known in [*self._known.values()]:
            yield from _given(known.stand_in(), known.name)

    def _found(self) -> list[dict[str, Any]]:
        if self._modules != len(sys.modules):
            self._modules = len(sys.modules)
            namespaces = filter(None, map(namespace, [*sys.modules.values()]))
            wanted = {*CLASSES, _MODULE}
            self._namespaces = [found for found in namespaces if not wanted.isdisjoint(found)]
        return self._namespaces


def _given(value: object, name: str) -> Iterator[Lying]:
    """A stand-in and its connections, with the methods that do not reveal where they came from."""
    if type(value) is FunctionType:
        for thing in at_hand(value):
            yield Lying(thing, name, is_sure=False)
    elif own(value) is not None:
        yield Lying(value, name)
        for connection in connections_of(value):
            yield Lying(connection, name)
            for method in SENDING:
                yield Lying(part(connection, method), name)
    elif name == _MODULE and value is not sys.modules.get(_MODULE):
        for inner in CLASSES:
            if own(stand_in := held(value, inner)) is not None:
                yield from _given(stand_in, inner)


def _is_mail(args: tuple[Any, ...], keywords: dict[str, Any]) -> bool:
    """Whether a call has the arguments of smtplib's methods: sender, recipients and text, or an email message."""
    message = args[0] if args else keywords.get("msg")
    is_message = ("email.message", "Message") in map(title, bases(message))
    return is_message or len(args) + len(keywords) >= len(("sender", "recipients", "text"))


def _class_in(name: str, lower: object) -> str | None:
    """The class that is meant by a step below something called *name*: below the module, the next step is the class."""
    if name != _MODULE:
        return name or None
    below = own(lower) or {}
    return next((c for c in CLASSES if c == below.get("_mock_new_name")), None)


def _class_name(value: object) -> str | None:
    """The name of the smtplib class that a class is, or is derived from."""
    if not issubclass(type(value), type):
        return None
    titles = map(title, type.__dict__["__mro__"].__get__(value))
    return next((name for module, name in titles if module == _MODULE and name in CLASSES), None)
