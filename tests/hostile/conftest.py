"""Settings for the tests in this directory: no mail is late, unless a test says so."""

from __future__ import annotations

import pytest

from pytest_mailtrap._hostile import trial


@pytest.fixture
def patience():
    """Wait for late mail as long as users' runs do."""
    return trial._LATE_SECONDS


@pytest.fixture(autouse=True)
def no_patience(request, monkeypatch):
    """If nothing is sent at all, waiting two seconds for late mail wastes two seconds."""
    if "patience" not in request.fixturenames:
        monkeypatch.setattr(trial, "_LATE_SECONDS", 0.05)
