"""
An in-process encrypted mail trap for pytest.

Nothing heavy is imported here: every pytest run of a project that has this plugin installed pays for this file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mailtrap import smime
    from pytest_mailtrap._content.attachments import Attachment
    from pytest_mailtrap._content.remark import Remark
    from pytest_mailtrap._facts.client_hello import ClientHello
    from pytest_mailtrap._facts.connection import Connection
    from pytest_mailtrap._facts.transcript import Line, Transcript
    from pytest_mailtrap._facts.transport import Auth, Transport
    from pytest_mailtrap._hooks.marker_keywords import MailTrapMarkerOptions
    from pytest_mailtrap._hostile.scenario import Scenario
    from pytest_mailtrap._hostile.verdicts import Verdict
    from pytest_mailtrap._intercept.guard import MailGuardError
    from pytest_mailtrap._message.captured_message import CapturedMessage
    from pytest_mailtrap._server.keywords import MailTrapOptions
    from pytest_mailtrap._smime.identity import Identity
    from pytest_mailtrap._smime.issue.keywords import SMIMEIdentityFactory
    from pytest_mailtrap._smtp.faults import Rule
    from pytest_mailtrap._trap.hostile_mail_trap import HostileMailTrap
    from pytest_mailtrap._trap.mail_trap import MailTrap
    from pytest_mailtrap._trap.mail_trap_factory import MailTrapFactory

_HOMES = {
    "Identity": "_smime.identity",
    "MailTrapMarkerOptions": "_hooks.marker_keywords",
    "MailTrapOptions": "_server.keywords",
    "SMIMEIdentityFactory": "_smime.issue.keywords",
    "Verdict": "_hostile.verdicts",
    "Scenario": "_hostile.scenario",
    "Rule": "_smtp.faults",
    "HostileMailTrap": "_trap.hostile_mail_trap",
    "Attachment": "_content.attachments",
    "Auth": "_facts.transport",
    "CapturedMessage": "_message.captured_message",
    "ClientHello": "_facts.client_hello",
    "Connection": "_facts.connection",
    "Line": "_facts.transcript",
    "MailGuardError": "_intercept.guard",
    "MailTrap": "_trap.mail_trap",
    "MailTrapFactory": "_trap.mail_trap_factory",
    "Remark": "_content.remark",
    "Transcript": "_facts.transcript",
    "Transport": "_facts.transport",
}

__all__ = [
    "Attachment",
    "Auth",
    "CapturedMessage",
    "ClientHello",
    "Connection",
    "HostileMailTrap",
    "Identity",
    "Line",
    "MailGuardError",
    "MailTrap",
    "MailTrapFactory",
    "MailTrapMarkerOptions",
    "MailTrapOptions",
    "Remark",
    "Rule",
    "SMIMEIdentityFactory",
    "Scenario",
    "Transcript",
    "Transport",
    "Verdict",
    "smime",
]


# A type checker that saw this would assume that every name exists.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name == "smime":  # a module of its own
            return import_module(f"{__name__}.smime")
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
