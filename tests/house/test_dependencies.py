"""The declared versions are sufficient, and the oldest of them are tested."""

from __future__ import annotations

import inspect
import os
import re
from pathlib import Path

import pytest
import trustme
from _releases import release

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
TOX = (ROOT / "tox.ini").read_text(encoding="utf-8")
WORKFLOW = (ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
# By the distribution, the first version that has what is used of it.
NEEDED = {"trustme": (1, 2)}


def declared(pyproject: str) -> dict[str, tuple[int, ...]]:
    """The lower bounds of the dependencies; read by hand, since Python 3.10 has no tomllib."""
    [block] = re.findall(r"^dependencies = \[$(.*?)^\]$", pyproject, re.MULTILINE | re.DOTALL)
    return bounds_in(block)


def bounds_in(block: str) -> dict[str, tuple[int, ...]]:
    return {name: number(version) for name, version in re.findall(r'"([\w-]+)>=([\d.]+)"', block)}


def declared_for_smime(pyproject: str) -> dict[str, tuple[int, ...]]:
    """The same with the extra `smime`, whose bounds are higher."""
    [extra] = re.findall(r"^smime = \[(.*)\]$", pyproject, re.MULTILINE)
    return {**declared(pyproject), **bounds_in(extra)}


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def too_old(pyproject: str) -> list[str]:
    bounds = declared(pyproject)
    return [name for name, needed in NEEDED.items() if bounds[name] < needed]


def test_the_declared_versions_suffice():
    """No version that lacks a feature we use can be installed."""
    assert too_old(PYPROJECT) == []


@pytest.mark.parametrize(("bound", "expected"), [("1.1", ["trustme"]), ("1.2", []), ("1.10", [])])
def test_control_an_older_version(bound, expected):
    """The negative control: a lower bound that is too low would be found."""
    assert too_old(f'dependencies = [\n  "pytest>=7.4",\n  "trustme>={bound}",\n]\n') == expected


def test_what_is_needed_of_trustme():
    """Certificates that are not yet valid are issued with `not_before`, which trustme 1.1 did not have."""
    assert "not_before" in inspect.signature(trustme.CA.issue_cert).parameters


def not_lowest(bounds: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The installed releases that are not the first one that their bound allows."""
    installed = {name: release(name) for name in bounds}
    return {name: at for name, at in installed.items() if at[: len(bounds[name])] != bounds[name]}


@pytest.mark.skipif("LOWER_BOUNDS" not in os.environ, reason="tox -e lowest has the lower bounds")
def test_the_lower_bounds_are_installed():
    """Where the lower bounds are tested, no other package has led the installer to a newer release."""
    kinds = {"base": declared, "smime": declared_for_smime}
    assert not_lowest(kinds[os.environ["LOWER_BOUNDS"]](PYPROJECT)) == {}


def test_control_a_newer_release_is_found():
    """The control: a release that is newer than the bound is named."""
    assert not_lowest({"trustme": (1, 0)}) == {"trustme": release("trustme")}


def pythons(pyproject: str, tox: str, workflow: str) -> dict[str, list[int]]:
    """The minor versions of Python 3 in each place that lists them, oldest first."""
    [env_list] = re.findall(r"^env_list = (.*)$", tox, re.MULTILINE)
    [matrix] = re.findall(r"^        python: \[(.*)\]$", workflow, re.MULTILINE)
    found = {
        "classifiers": re.findall(r'"Programming Language :: Python :: 3\.(\d+)"', pyproject),
        "tox": re.findall(r"\bpy3(\d+)\b", env_list),
        "workflow": re.findall(r'"3\.(\d+)"', matrix),
    }
    return {place: [int(minor) for minor in minors] for place, minors in found.items()}


def test_every_supported_python_is_tested():
    """The classifiers, tox and the workflow have the same ones, and an installer accepts the oldest."""
    found = pythons(PYPROJECT, TOX, WORKFLOW)
    supported = found["classifiers"]
    assert found == dict.fromkeys(found, supported)
    assert f'requires-python = ">=3.{supported[0]}"' in PYPROJECT
    assert '"3.14t", "3.15t"]' in WORKFLOW


@pytest.mark.parametrize("place", ["classifiers", "tox", "workflow"])
def test_control_a_python_that_is_missing(place):
    """The control: one that a single place does not have is noticed."""
    texts = {"classifiers": PYPROJECT, "tox": TOX, "workflow": WORKFLOW}
    without = {"classifiers": '  "Programming Language :: Python :: 3.12",\n', "tox": "py312, ", "workflow": '"3.12", '}  # fmt: skip
    texts[place] = texts[place].replace(without[place], "", 1)
    found = pythons(*texts.values())
    assert [name for name, minors in found.items() if 12 not in minors] == [place]
