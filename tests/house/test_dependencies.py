"""The declared versions are sufficient, and the oldest of them are tested."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
import trustme

ROOT = Path(__file__).resolve().parents[2]
# By the distribution, the first version that has what is used of it.
NEEDED = {"trustme": (1, 2)}


def declared(pyproject: str) -> dict[str, tuple[int, ...]]:
    """The lower bounds of the dependencies; read by hand, since Python 3.10 has no tomllib."""
    [block] = re.findall(r"^dependencies = \[$(.*?)^\]$", pyproject, re.MULTILINE | re.DOTALL)
    return {name: number(version) for name, version in re.findall(r'"([\w-]+)>=([\d.]+)"', block)}


def pinned(tox: str) -> dict[str, tuple[int, ...]]:
    """What the environment with the oldest versions installs."""
    [block] = re.findall(r"^\[testenv:oldest\]$(.*?)^\[", tox, re.MULTILINE | re.DOTALL)
    return {name: number(version) for name, version in re.findall(r"([\w-]+)==([\d.]+)", block)}


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def too_old(pyproject: str) -> list[str]:
    bounds = declared(pyproject)
    return [name for name, needed in NEEDED.items() if bounds[name] < needed]


def test_the_declared_versions_suffice():
    """No version that lacks a feature we use can be installed."""
    assert too_old((ROOT / "pyproject.toml").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(("bound", "expected"), [("1.1", ["trustme"]), ("1.2", []), ("1.10", [])])
def test_control_an_older_version(bound, expected):
    """The negative control: a lower bound that is too low would be found."""
    assert too_old(f'dependencies = [\n  "pytest>=7.4",\n  "trustme>={bound}",\n]\n') == expected


def test_what_is_needed_of_trustme():
    """Certificates that are not yet valid are issued with `not_before`, which trustme 1.1 did not have."""
    assert "not_before" in inspect.signature(trustme.CA.issue_cert).parameters


def test_the_oldest_versions_are_tested():
    """The environment for the oldest versions installs each lower bound, in its first release."""
    bounds = declared((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pins = pinned((ROOT / "tox.ini").read_text(encoding="utf-8"))
    assert {*pins} == {"cryptography", "pluggy", "pytest", "trustme"}
    for name, pin in pins.items():
        assert pin[: len(bounds[name])] == bounds[name]
