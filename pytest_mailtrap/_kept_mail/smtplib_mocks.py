"""
Mocks of smtplib: they accept mail but do not send it.

Rules of this file: a call of a mock that is unrelated to mail costs a few comparisons; a mock behaves as it always
does, and an error in recognizing it does not affect the test.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import wraps
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._kept_mail.keeper import Keeper, keeping, note_departure
from pytest_mailtrap._kept_mail.stand_ins import CLASSES, StandIns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from pytest_mailtrap._kept_mail.keeper import Function, Place, Places, Tell

_MOCKS = ("unittest.mock", "mock.mock")
stand_ins = StandIns()


def renew() -> None:
    """Look again for replacements of smtplib, including those made before watching began."""
    stand_ins.renew()
    for name in _MOCKS:
        patch = getattr(sys.modules.get(name), "_patch", None)
        for patching in getattr(patch, "_active_patches", ()):
            with suppress(Exception):
                stand_ins.add_begun(patching)


def keeper(name: str) -> Keeper:
    """For a mock of the smtplib class *name*."""
    return Keeper(
        place=f"a mock of smtplib.{name}",
        setting="@pytest.mark.mailtrap(intercept=True) instead of the mock",
    )


def _mock(module: ModuleType, tell: Tell) -> Iterator[Place]:
    def calling(original: Function) -> Function:
        @wraps(original)
        def __call__(self: Any, /, *args: Any, **keywords: Any) -> Any:  # noqa: N807  # this is its name
            __tracebackhide__ = True
            own = self.__dict__
            name = own.get("_mock_new_name") or own.get("_mock_name")
            known = stand_ins.known(self)
            # Every mock call passes here.
            is_named = type(name) is str and (name == "send_message" or name == "sendmail")
            if is_named or (known is not None and known.is_method):
                return _sending(original, tell, self, args, keywords)
            result = original(self, *args, **keywords)
            if known is not None:
                with suppress(Exception):
                    stand_ins.add_result(self, result)
            return result

        return __call__

    yield module.CallableMixin, "__call__", calling
    yield module._patch, "__enter__", _patching  # noqa: SLF001  # the class of what patch() and patch.object() return


def _sending(
    original: Function, tell: Tell, mock: Any, args: tuple[Any, ...], keywords: dict[str, Any]
) -> Any:
    __tracebackhide__ = True
    with keeping(tell) as told:
        result = original(mock, *args, **keywords)
        # A coroutine belongs to another library, such as aiosmtplib.
        name = None if type(result) is CoroutineType else _class_of(mock, args, keywords)
        if name is not None:
            told(keeper(name), 1)
    return result


def _class_of(mock: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> str | None:
    with suppress(Exception):
        return stand_ins.class_of(mock, args, keywords)
    return None


def _patching(original: Function) -> Function:
    @wraps(original)
    def __enter__(self: Any) -> Any:  # noqa: N807  # this is its name
        __tracebackhide__ = True
        result = original(self)
        with suppress(Exception):
            stand_ins.add_patch(self)
        return result

    return __enter__


def _monkeypatch(module: ModuleType, _tell: Tell) -> Iterator[Place]:
    yield module.MonkeyPatch, "setattr", _setting


def _setting(original: Function) -> Function:
    @wraps(original)
    def setattr(self: Any, *args: Any, **keywords: Any) -> None:  # noqa: A001  # this is its name
        __tracebackhide__ = True
        original(self, *args, **keywords)
        with suppress(Exception):
            stand_ins.add_replacement(*self._setattr[-1])

    return setattr


def _smtplib(module: ModuleType, _tell: Tell) -> Iterator[Place]:
    def sending(original: Function) -> Function:
        @wraps(original)
        def data(*args: Any, **keywords: Any) -> Any:
            __tracebackhide__ = True
            note_departure()
            return original(*args, **keywords)

        return data

    yield _real_class(module), "data", sending


def _real_class(module: ModuleType) -> Any:
    """smtplib.SMTP, even while a mock is in its place."""
    classes = [c for name in CLASSES if isinstance(c := vars(module)[name], type)]
    return next(b for c in classes for b in c.__mro__ if b.__name__ == "SMTP")


PLACES: dict[str, Places] = {
    **dict.fromkeys(_MOCKS, _mock),
    "_pytest.monkeypatch": _monkeypatch,
    "smtplib": _smtplib,
}
