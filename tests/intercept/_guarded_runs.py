"""A project whose tests send mail to a provider, for runs under the guard."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

HOST = "smtp.example-provider.com"

SEND = f"""
import smtplib

import pytest

def send(port=587):
    smtplib.SMTP("{HOST}", port, timeout=5)

def send_and_hide(port=587):
    try:
        send(port)
    except OSError:
        pass
"""


def run(pytester: pytest.Pytester, test: str, *arguments: str) -> pytest.RunResult:
    pytester.makepyfile(
        shop=SEND,
        test_shop=f"import pytest, smtplib, socket\nfrom shop import send, send_and_hide\n{test}",
    )
    return pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:cacheprovider", *arguments)
