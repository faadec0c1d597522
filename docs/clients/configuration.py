"""What a client configuration is, and what all of them share."""

from __future__ import annotations

import functools
import platform
import ssl
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SENDER = "shop@example.org"
RECIPIENT = "bob@example.org"
SUBJECT = "Reset your password"
TEXT = "https://example.org/reset/4711"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where to send to, and with which password."""

    host: str
    port: int
    username: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """
    One way to configure one client.

    *words* are what stands in the application, *mends* the words of the unsafe configurations that these are the cure of.
    *silent* is true of those that do not raise by design, as a logging handler does not.
    """

    library: str
    words: str
    mode: str
    version: Callable[[], str]
    send: Callable[[Server], object]
    mends: tuple[str, ...] = ()
    silent: bool = False

    @property
    def name(self) -> str:
        return f"{self.library}: {self.words}"


def python_version() -> str:
    """The version of what comes with Python."""
    return f"Python {platform.python_version()}"


def version_of(distribution: str) -> Callable[[], str]:
    """A function that tells the version of an installed *distribution*, or raises `PackageNotFoundError`."""
    return functools.partial(metadata.version, distribution)


def message() -> EmailMessage:
    """The message that every client sends."""
    letter = EmailMessage()
    letter["Subject"], letter["From"], letter["To"] = SUBJECT, SENDER, RECIPIENT
    letter.set_content(TEXT)
    return letter


@contextmanager
def verifying_standard_library() -> Iterator[None]:
    """
    Let everything in the process that gives smtplib no context verify certificates: the last resort.

    The name is private to the standard library; there is no public one.
    """
    unverified = ssl._create_stdlib_context
    ssl._create_stdlib_context = functools.partial(
        unverified, cert_reqs=ssl.CERT_REQUIRED, check_hostname=True
    )
    try:
        yield
    finally:
        ssl._create_stdlib_context = unverified


def with_process_wide_line(send: Callable[[Server], object]) -> Callable[[Server], object]:
    """The same client in an application that has the last resort among its imports."""

    @functools.wraps(send)
    def mended(server: Server) -> object:
        with verifying_standard_library():
            return send(server)

    return mended
