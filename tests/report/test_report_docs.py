"""docs/report.md describes the report as it is: its limits, tabs, filters, and keys."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_mailtrap._mime import parts
from pytest_mailtrap._report import blocks as _blocks
from pytest_mailtrap._report.page import script_text

PAGE = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "told",
    [
        f"The file contains up to {_blocks.LARGEST_MESSAGE >> 20} MiB of a message",
        f"up to {_blocks.LARGEST_REPORT >> 20} MiB of all messages together",
        f"at least the first {_blocks._LEAST >> 10} KiB of each",
        f"the first {_blocks._LONGEST_BODY >> 10} KiB of a body",
        f"at up to {parts._MOST_FIELDS} header fields; up to {_blocks._MOST_PARTS} parts are listed",
    ],
)
def test_the_limits_are_those_of_the_code(told):
    """If a limit changes, the documentation must change, too."""
    assert told in PAGE


def labels(name: str) -> list[str]:
    """The labels in the list or function *name* of the page's script."""
    body = script_text().partition(f"const {name} = ")[2].partition("\n};\n")[0]
    return re.findall(r'\{ id: "\w+", label: "([^"]+)"', body.partition("\n];\n")[0])


def test_the_tabs_are_all_told_of():
    """The tabs are in their order, each with a row in the table."""
    table = PAGE.partition("| tab | shows |")[2].partition("\n\n")[0]
    told = re.findall(r"^\| ([^|]+?) \|", table, re.MULTILINE)
    assert labels("messageTabs") == told
    assert len(told) == 9


def test_the_filters_are_all_told_of():
    """Each filter is in the sentence that lists them."""
    [sentence] = [line for line in PAGE.splitlines() if line.startswith("The filters narrow")]
    for label in labels("FILTERS"):
        assert all(word in sentence.lower() for word in label.lower().split()), label
    assert len(labels("FILTERS")) == 7


def test_the_keys_are_all_told_of():
    """Every key that the script handles has its row."""
    table = PAGE.partition("| key | action |")[2].partition("\n\n")[0]
    told = set(re.findall(r"`([^`]+)`", table))
    named = {"Escape": "Esc", "ArrowDown": "↓", "ArrowUp": "↑", "PageDown": "Page Down", "PageUp": "Page Up"}  # fmt: skip
    blocks = re.findall(r"const (?:LIST_)?KEYS = \{(.*?)\n\};", script_text(), re.DOTALL)
    keys = set(re.findall(r'(?:^|[\s,])"?([\w/]+)"?: (?:\(|\w+[.,])', "\n".join(blocks)))
    assert {named.get(key, key) for key in keys} <= told
    assert {"j", "k", "/", "d", "Escape", "Home", "End", "Enter", "PageUp"} <= keys
