"""What a client configuration is, and what all configurations share."""

from __future__ import annotations

import functools
import platform
from dataclasses import dataclass
from email.message import EmailMessage
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SENDER = "shop@example.org"
RECIPIENT = "bob@example.org"
SUBJECT = "Reset your password"
TEXT = "https://example.org/reset/4711"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The server to send to, and the password to use."""

    host: str
    port: int
    username: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """
    One way to configure one client.

    *words* is the application's code, as Markdown; *fixes* holds the words of the unsafe configurations it fixes.
    *silent* is true for those that by design do not raise, such as a logging handler.
    """

    library: str
    words: str
    mode: str
    version: Callable[[], str]
    send: Callable[[Server], object]
    fixes: tuple[str, ...] = ()
    silent: bool = False

    @property
    def name(self) -> str:
        return f"{self.library}: {self.words.replace('`', '')}"


def python_version() -> str:
    """The version of Python, for clients that come with it."""
    return f"Python {platform.python_version()}"


def version_of(distribution: str) -> Callable[[], str]:
    """A function that returns the version of an installed *distribution*, or raises `PackageNotFoundError`."""
    return functools.partial(metadata.version, distribution)


def message() -> EmailMessage:
    """The message that every client sends."""
    letter = EmailMessage()
    letter["Subject"], letter["From"], letter["To"] = SUBJECT, SENDER, RECIPIENT
    letter.set_content(TEXT)
    return letter
