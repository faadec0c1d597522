"""What makes a library verify certificates if it has no parameter for that."""

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
    """For libraries that allow choosing the client class, and call its `starttls()` without a context."""

    def starttls(self, *_: object, **__: object) -> tuple[int, bytes]:
        return super().starttls(context=ssl.create_default_context())


@contextmanager
def verifying_standard_library() -> Iterator[None]:
    """
    Verify certificates for all code in the process that passes no context to smtplib: the last resort.

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
    """A configuration, and the same one in an application that applies the last resort; the latter also fixes those in *also*."""

    def send(server: Server) -> object:
        with verifying_standard_library():
            return flawed.send(server)

    words = f"{flawed.words} and the process-wide line"
    return flawed, replace(flawed, words=words, send=send, fixes=(flawed.words, *also))
