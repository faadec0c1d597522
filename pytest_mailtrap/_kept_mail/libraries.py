"""
Mail libraries that keep mail in the process if configured to, or when they detect a test.

Rules of this file: a library's own method is called first, and its result and its settings show what it did;
no library is imported.
"""

from __future__ import annotations

import os
import sys
from functools import wraps
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._kept_mail.keeper import Keeper, keeping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from pytest_mailtrap._kept_mail.keeper import Function, Place, Places, Tell

_LONGEST_MODULE = 60 - len("from  import MAILERS")
DJANGO = Keeper(
    place="Django's memory backend",
    setting="settings.EMAIL_BACKEND = (  # pytest-django's fixture\n"
    '    "django.core.mail.backends.smtp.EmailBackend")',
)
FLASK_MAIL = Keeper(
    place="Flask-Mail (suppressed)",
    setting='app.config["MAIL_SUPPRESS_SEND"] = False  # before init_app',
)
FLASK_MAILMAN = Keeper(
    place="Flask-Mailman's memory backend",
    setting='app.config["MAIL_BACKEND"] = "smtp"  # before init_app',
)
FASTAPI_MAIL = Keeper(
    place="FastAPI-Mail (suppressed)", setting="ConnectionConfig(..., SUPPRESS_SEND=0)"
)


def _memory_backend(keeper_of: Callable[[ModuleType], Keeper]) -> Places:
    """For backends of Django's kind, which return how many messages they took."""

    def places(module: ModuleType, tell: Tell) -> Iterator[Place]:
        def making(original: Function) -> Function:
            @wraps(original)
            def send_messages(*args: Any, **keywords: Any) -> Any:
                __tracebackhide__ = True
                with keeping(tell) as told:
                    kept = original(*args, **keywords)
                    told(keeper_of(module), kept if isinstance(kept, int) else 0)
                return kept

            return send_messages

        yield module.EmailBackend, "send_messages", making

    return places


def _django_keeper(module: ModuleType) -> Keeper:
    """With the setting that applies to this project."""
    if not hasattr(module.mail, "mailers"):
        return DJANGO
    settings = getattr(sys.modules.get("django.conf"), "settings", None)
    return _mailers() if hasattr(settings, "MAILERS") else DJANGO


def _mailers() -> Keeper:
    """For projects with MAILERS (since Django 6.1), which replaces EMAIL_BACKEND: setting both is an error."""
    deployed = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    if not 0 < len(deployed) <= _LONGEST_MODULE:
        deployed = "your_settings"
    return Keeper(
        place=DJANGO.place,
        setting=f"from {deployed} import MAILERS\nsettings.MAILERS = MAILERS",
    )


def _flask_mail(module: ModuleType, tell: Tell) -> Iterator[Place]:
    def making(original: Function) -> Function:
        @wraps(original)
        def send(self: Any, *args: Any, **keywords: Any) -> Any:
            __tracebackhide__ = True
            # If sending is suppressed, a connection has no host to send to, and continues without one.
            if getattr(self, "host", self) is not None:
                return original(self, *args, **keywords)
            with keeping(tell) as told:
                result = original(self, *args, **keywords)
                told(FLASK_MAIL, 1)
            return result

        return send

    yield module.Connection, "send", making


def _fastapi_mail(module: ModuleType, tell: Tell) -> Iterator[Place]:
    def making(original: Function) -> Function:
        @wraps(original)
        async def send_message(self: Any, *args: Any, **keywords: Any) -> Any:
            __tracebackhide__ = True
            if not getattr(getattr(self, "config", None), "SUPPRESS_SEND", False):
                return await original(self, *args, **keywords)
            with keeping(tell) as told:
                result = await original(self, *args, **keywords)
                told(FASTAPI_MAIL, _number_of(*args, **keywords))
            return result

        return send_message

    yield module.FastMail, "send_message", making


def _number_of(message: object = None, *_: object, **__: object) -> int:
    return len(message) if isinstance(message, list) else 1


PLACES: dict[str, Places] = {
    "django.core.mail.backends.locmem": _memory_backend(_django_keeper),
    "flask_mail": _flask_mail,
    "flask_mailman.backends.locmem": _memory_backend(lambda _module: FLASK_MAILMAN),
    "fastapi_mail.fastmail": _fastapi_mail,
}
