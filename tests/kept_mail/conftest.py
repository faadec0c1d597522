"""The fixtures for tests that write a project of their own and run it."""

from __future__ import annotations

import sys
import types

import pytest
from _run_projects import listen, page, project, seen
from _shop import SHOP

__all__ = ["listen", "page", "project", "seen"]


@pytest.fixture
def shop(monkeypatch):
    """An application that sends mail using every way of importing smtplib."""
    module = types.ModuleType("shop")
    exec(SHOP, vars(module))
    monkeypatch.setitem(sys.modules, "shop", module)
    return module
