"""What the runs of pytest inside the tests have in common."""

from __future__ import annotations

import importlib
import pkgutil

import cryptography
import pytest

import pytest_mailtrap

# Plugins of others, of no use to most runs inside: they take longer to import, and to be set up, than all the rest of a run.
UNUSED = ("anyio", "django", "html", "html_fixtures", "metadata")


@pytest.fixture(scope="session")
def everything_is_imported() -> None:
    """
    Nothing is left that a run inside would be the first to import.

    It would be forgotten at its end, to be imported again by the next one, and cryptography does not bear that:
    it would not know its own options again, and sign what it was told to detach.
    """
    for package in (cryptography, pytest_mailtrap):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    for name in ("smtplib", "trustme"):
        importlib.import_module(name)


@pytest.fixture
def pytester(everything_is_imported, pytester, monkeypatch):
    """The fixture of pytest; its runs load no plugin of others that is not asked for by `-p NAME`."""
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-pno:{name}" for name in UNUSED))
    return pytester
