"""An error inside the trap itself: the test fails with it, and what is shown of it contains no password."""

from __future__ import annotations

import base64

import pytest

PASSWORD = "hunter2-correct-horse"
BROKEN = """
import pytest
from pytest_mailtrap._smtp import authenticator

@pytest.fixture(autouse=True)
def broken(monkeypatch):
    def fail(**facts):
        try:
            raise LookupError("the first error")
        except LookupError as error:
            raise RuntimeError("no login can be recorded") from error
    monkeypatch.setattr(authenticator, "Auth", fail)
"""
LOGIN = """
import os, smtplib
import pytest

@pytest.mark.mailtrap(credentials=("shop", os.environ["PASSWORD"]))
def test_login(mailtrap):
    with pytest.raises(smtplib.SMTPServerDisconnected), smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
        client.starttls(context=mailtrap.ssl_context)
        client.login("shop", os.environ["PASSWORD"])
    {statement}
"""


@pytest.mark.parametrize("statement", ["len(mailtrap)", "pass", "mailtrap.wait_for(1)"])
@pytest.mark.parametrize("style", ["long", "short", "native"])
def test_showlocals(pytester, monkeypatch, statement, style):
    """The traceback names the lines and the cause, but not what was in the variables there."""
    monkeypatch.setenv("PASSWORD", PASSWORD)
    pytester.makeconftest(BROKEN)
    pytester.makepyfile(LOGIN.format(statement=statement))
    result = pytester.runpytest_inprocess("--showlocals", f"--tb={style}", "-p", "no:cacheprovider")
    text = result.stdout.str()
    for line in (
        "LookupError: the first error",
        "RuntimeError: no login can be recorded",
        "TrapError: the mail trap itself failed",
        "authenticator.py",
    ):
        assert line in text
    encoded = base64.b64encode(f"\0shop\0{PASSWORD}".encode()).decode()
    hidden = [PASSWORD, encoded[8:28]]
    assert [secret for secret in hidden if secret in text] == []
