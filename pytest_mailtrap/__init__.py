"""
An in-process encrypted mail trap for pytest.

Nothing heavy is imported here: every pytest run of a project that has this plugin installed pays for this file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mailtrap import smime
    from pytest_mailtrap._client_hello import ClientHello
    from pytest_mailtrap._connection import Connection
    from pytest_mailtrap._factory import MailTrapFactory
    from pytest_mailtrap._faults import Rule
    from pytest_mailtrap._guard import MailGuardError
    from pytest_mailtrap._hostile import HostileMailTrap
    from pytest_mailtrap._judgement import Verdict
    from pytest_mailtrap._message import Attachment, CapturedMessage
    from pytest_mailtrap._scenario import Scenario
    from pytest_mailtrap._transcript import Line, Transcript
    from pytest_mailtrap._transport import Auth, Transport
    from pytest_mailtrap._trap import MailTrap

_HOMES = {
    "Verdict": "_judgement",
    "Scenario": "_scenario",
    "Rule": "_faults",
    "HostileMailTrap": "_hostile",
    "Attachment": "_message",
    "Auth": "_transport",
    "CapturedMessage": "_message",
    "ClientHello": "_client_hello",
    "Connection": "_connection",
    "Line": "_transcript",
    "MailGuardError": "_guard",
    "MailTrap": "_trap",
    "MailTrapFactory": "_factory",
    "Transcript": "_transcript",
    "Transport": "_transport",
}

__all__ = [
    "Attachment",
    "Auth",
    "CapturedMessage",
    "ClientHello",
    "Connection",
    "HostileMailTrap",
    "Line",
    "MailGuardError",
    "MailTrap",
    "MailTrapFactory",
    "Rule",
    "Scenario",
    "Transcript",
    "Transport",
    "Verdict",
    "smime",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name == "smime":  # a module of its own
        return import_module(f"{__name__}.smime")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
