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


def environment(tox: str, name: str) -> dict[str, str]:
    """The settings of a tox environment that fit on one line."""
    [block] = re.findall(rf"^\[testenv:{name}\]$(.*?)(?=^\[|\Z)", tox, re.MULTILINE | re.DOTALL)
    return dict(re.findall(r"^(\w+) = (.+)$", block, re.MULTILINE))


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


def test_the_lower_bounds_are_tested():
    """Two environments install each lower bound in its first release, on the oldest Python: with and without S/MIME."""
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    for name in ("lowest", "lowest-smime"):
        assert environment(tox, name)["uv_resolution"] == "lowest-direct"
        assert environment(tox, name)["base_python"] == f"py{supported(PYPROJECT)[0]}"
    assert environment(tox, "lowest")["extras"] == "test"
    assert "smime" not in TEST_EXTRA


PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
[TEST_EXTRA] = re.findall(r"^test = \[$(.*?)^\]$", PYPROJECT, re.MULTILINE | re.DOTALL)


def supported(pyproject: str) -> list[str]:
    """The Pythons that the package says it supports, such as "310", oldest first."""
    found = re.findall(r'"Programming Language :: Python :: 3\.(\d+)"', pyproject)
    return [f"3{minor}" for minor in found]


def test_every_supported_python_is_tested():
    """By tox, which CI runs, and by the workflow of the repository; the oldest is the one that an installer accepts."""
    pythons = supported(PYPROJECT)
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    assert (
        re.findall(r"\bpy(\d+)\b", re.findall(r"^env_list = (.*)$", tox, re.MULTILINE)[0])
        == pythons
    )
    assert re.findall(r'^requires-python = ">=3\.(\d+)"$', PYPROJECT, re.MULTILINE) == [
        pythons[0][1:]
    ]
    workflow = (ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
    [matrix] = re.findall(r"^        python: \[(.*)\]$", workflow, re.MULTILINE)
    assert [name.strip(' "').replace(".", "") for name in matrix.split(",")] == [
        *pythons,
        "314t",
        "315t",
    ]


def test_control_a_python_that_is_missing():
    """The control: a classifier more would be noticed."""
    more = PYPROJECT.replace("Python :: 3.15", "Python :: 3.16")
    assert supported(more)[-1] == "316"
