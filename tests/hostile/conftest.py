"""For the tests of this directory: nothing is late, unless a test says so."""

from __future__ import annotations

import pytest

from pytest_mailtrap._hostile import trial


@pytest.fixture
def patience():
    """Wait for late mail as long as users' runs do."""
    return trial._LATE_SECONDS


@pytest.fixture(autouse=True)
def no_patience(request, monkeypatch):
    """Where nothing is sent at all, two seconds for late mail are two seconds lost."""
    if "patience" not in request.fixturenames:
        monkeypatch.setattr(trial, "_LATE_SECONDS", 0.05)
