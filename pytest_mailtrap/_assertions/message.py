"""What the assertions need of a message: the facts of a `CapturedMessage` that they check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from pytest_mailtrap._facts.connection_facts import BaseConnection
    from pytest_mailtrap._facts.transcript import Transcript
    from pytest_mailtrap._facts.transport import Auth, Transport
    from pytest_mailtrap._smime.facts import SMIMEFacts
    from pytest_mailtrap._smime.identity import Identity
    from pytest_mailtrap._smime.settings import Trust
    from pytest_mailtrap._text.choices import WeakAlgorithm


class Message(Protocol):
    """A message, as far as the assertions need it, however it was captured."""

    @property
    def raw(self) -> bytes: ...
    @property
    def rcpt_tos(self) -> tuple[str, ...]: ...
    @property
    def transport(self) -> Transport: ...
    @property
    def auth(self) -> Auth | None: ...
    @property
    def connection(self) -> BaseConnection: ...
    @property
    def transcript(self) -> Transcript: ...
    @property
    def received_at(self) -> datetime: ...
    @property
    def subject(self) -> str | None: ...
    @property
    def smime(self) -> SMIMEFacts: ...

    def inspect_smime(
        self,
        *,
        trust: Trust = None,
        identities: Identity | Iterable[Identity] = (),
        allow: Iterable[WeakAlgorithm] = (),
        match_from: bool = True,
    ) -> SMIMEFacts: ...

    def decrypt(self, identity: Identity) -> Message: ...
