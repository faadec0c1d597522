"""
Prepares a run for tests that use pyfakefs and a trap.

While its file system is active, pyfakefs gives the modules that are imported its own `os`, and forgets them when the test ends.
A trap lives longer, and what it consists of cannot be imported a second time: cryptography's module in Rust refuses to.
So all of it is imported before the first test; a run without pyfakefs does not load this file.

Rules of this file: nothing is imported that a trap would not import by itself at some time.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from importlib import import_module
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Any

import pytest_mailtrap

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

# What is imported inside of functions, and what a test needs to use a trap.
_OTHERS = (
    "cryptography.hazmat.primitives.serialization.pkcs7",
    "cryptography.hazmat.primitives.serialization.pkcs12",
    "smtplib",
    "trustme",
)


def import_all() -> None:
    """Import all that a trap needs, from the real disk even if the fake file system is active."""
    fake = _active_fake()
    with nullcontext() if fake is None else fake:
        for module in walk_packages(pytest_mailtrap.__path__, "pytest_mailtrap."):
            if not module.name.endswith("__main__"):  # a program
                _import(module.name)
        for name in _OTHERS:
            _import(name)


def import_all_if_active() -> None:
    """The same for a trap that nobody has announced, such as one from `request.getfixturevalue()`."""
    if _active_fake() is not None:
        import_all()


def _import(name: str) -> None:
    try:
        import_module(name)
    except ImportError:  # there is no uvloop, or no S/MIME in an old cryptography
        return


def _active_fake() -> AbstractContextManager[object] | None:
    """What suspends pyfakefs for a block, if it is active."""
    library: Any = sys.modules.get("pyfakefs.fake_filesystem_unittest")  # a module
    patcher = getattr(getattr(library, "Patcher", None), "PATCHER", None)
    if patcher is None or not patcher.is_patching:
        return None
    pause: AbstractContextManager[object] = library.Pause(patcher)
    return pause
