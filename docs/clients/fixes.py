"""What makes a library verify that has no parameter for it."""

from __future__ import annotations

import functools
import smtplib
import ssl
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from configuration import Configuration, Server


class VerifyingSMTP(smtplib.SMTP):
    """For libraries that let one choose the class of the client, and call its `starttls()` without a context."""

    def starttls(self, *_: object, **__: object) -> tuple[int, bytes]:
        return super().starttls(context=ssl.create_default_context())


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


def with_the_line(flawed: Configuration, *also: str) -> tuple[Configuration, Configuration]:
    """A configuration, and the same in an application that has the last resort among its imports; it also fixes the configurations in *also*."""

    def send(server: Server) -> object:
        with verifying_standard_library():
            return flawed.send(server)

    words = f"{flawed.words} and the process-wide line"
    return flawed, replace(flawed, words=words, send=send, fixes=(flawed.words, *also))
