"""What needs a cryptography that S/MIME can work with, and what does not."""

from __future__ import annotations

import pkgutil

import pytest

import pytest_mailtrap
from pytest_mailtrap._smime import availability

_WHY = f"S/MIME {availability.missing()}"

needs_smime = pytest.mark.skipif(availability.missing() is not None, reason=_WHY)


def skip_without_smime() -> None:
    if availability.missing() is not None:
        pytest.skip(_WHY)


def modules_of_the_package() -> list[str]:
    """Those that can be imported."""
    everything = pkgutil.walk_packages(pytest_mailtrap.__path__, "pytest_mailtrap.")
    names = [module.name for module in everything]
    if availability.missing() is None:
        return names
    return [name for name in names if "._smime." not in name]
