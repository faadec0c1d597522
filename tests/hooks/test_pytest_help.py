"""What pytest shows about the plugin before any test runs: `--markers` and `--help`."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from pytest_mailtrap._hooks.marker_options import MarkerOptions
from pytest_mailtrap._run.settings import SETTINGS


@pytest.fixture
def marker_lines(pytester):
    """The lines about the marker in `pytest --markers`, up to the empty line that ends them."""
    lines = pytester.runpytest("--markers").outlines
    start = next(n for n, line in enumerate(lines) if line.startswith("@pytest.mark.mailtrap"))
    return lines[start : lines.index("", start)]


def test_each_keyword_of_the_marker_has_a_line(marker_lines):
    """In the order of the options, each with its default and meaning, and nothing else."""
    head, *lines = marker_lines
    assert (
        head
        == "@pytest.mark.mailtrap(*, keyword=value, ...): how the mail trap of this test behaves"
    )
    found = [re.fullmatch(r"  (\w+)=(\S+): (\S.*)", line) for line in lines]
    defaults = {match[1]: match[2] for match in found}
    assert len(found) == len(defaults)
    assert defaults == {field.name: repr(field.default) for field in fields(MarkerOptions)}


def test_the_lines_fit_a_wide_terminal(marker_lines):
    """No line is longer than 120 columns."""
    assert max(map(len, marker_lines)) <= 120


def test_pytest_knows_the_marker_by_its_name(pytester):
    """To `--strict-markers`, its many lines are a single marker, and nothing else in them counts as a marker."""
    pytester.makepyfile(
        test_known="import pytest\n\n@pytest.mark.mailtrap(starttls='off')\ndef test_a(): pass",
        test_unknown="import pytest\n\n@pytest.mark.starttls\ndef test_b(): pass",
    )
    result = pytester.runpytest("--strict-markers", "test_known.py")
    result.assert_outcomes(passed=1)
    result = pytester.runpytest("--strict-markers", "test_unknown.py")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["'starttls' not found in `markers` configuration option"])


METAVARS = {
    "--mailtrap-intercept": "[HOSTS]",
    "--mailtrap-credentials": "VARIABLE",
    "--mailtrap-guard": "[BOOL]",
    "--mailtrap-guard-allow": "HOSTS",
    "--mailtrap-guard-apis": "[BOOL]",
    "--mailtrap-policy": "MODE",
    "--mailtrap-require": "REQUIREMENTS",
    "--mailtrap-expect-mail": "[BOOL]",
    "--mailtrap-kept-mail": "MODE",
    "--mailtrap-report": "PATH",
    "--mailtrap-save": "PATH",
    "--mailtrap-junit-properties": "[BOOL]",
}


def test_the_help_says_what_kind_of_value_an_option_takes(pytester):
    """MODE, HOSTS, PATH, and the like; in brackets if the option can also be used without a value."""
    text = "\n".join(pytester.runpytest("--help").outlines)
    found = dict(re.findall(r"^  (--mailtrap[\w-]*)[= ](\S+)", text, re.MULTILINE))
    assert found == METAVARS
    assert METAVARS.keys() == {setting.flag for setting in SETTINGS}
