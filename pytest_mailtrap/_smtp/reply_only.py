"""
Commands that change nothing in a session and only have a reply: VRFY, EXPN, and all that aiosmtpd does not know.

Rules of this file: if a test has scripted the reply, that is the reply, no matter whether aiosmtpd could have carried the command out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._smtp.engine import SMTP

if TYPE_CHECKING:
    from pytest_mailtrap._smtp.fault_injector import FaultInjector


class ReplyOnlyCommands(SMTP):
    """The part of a session that answers these commands."""

    _injector: FaultInjector

    async def smtp_VRFY(self, arg: str | None) -> None:
        if not self._injector.has_reply:
            await super().smtp_VRFY(arg or "")
        elif not await self.check_auth_needed("VRFY"):
            await self.push("250 OK")  # the scripted reply goes out in its place

    async def smtp_EXPN(self, arg: str | None) -> None:
        if self._injector.has_reply:
            await self.push("250 OK")
        else:
            await super().smtp_EXPN(arg or "")

    async def unknown_command(self, _arg: str | None) -> None:
        """A command that aiosmtpd does not know, but a rule does."""
        await self.push(
            "250 OK" if self._injector.has_reply else "500 Error: command not recognized"
        )


for _name in ("VRFY", "EXPN"):
    # The texts for HELP, which aiosmtpd's decorator has set on the methods that ours override.
    vars(getattr(ReplyOnlyCommands, f"smtp_{_name}")).update(vars(getattr(SMTP, f"smtp_{_name}")))
