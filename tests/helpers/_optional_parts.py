"""The parts of the package that are not there on every system or with every cryptography, and the tests that need them."""

from __future__ import annotations

import pkgutil
from importlib.util import find_spec

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
    left_out = [] if availability.missing() is None else ["._smime."]
    if find_spec("uvloop") is None:  # as on Windows
        left_out.append("._intercept.uvloop")
    return [module.name for module in everything if not any(n in module.name for n in left_out)]
