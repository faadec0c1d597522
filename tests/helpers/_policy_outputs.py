"""What a run leaves for the tests to inspect: its terminal output, and the files it was told to write."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

_TEST = re.compile(r'<script[^>]* data-kind="test"[^>]*>(.*?)</script>')
# What stands under a failing test that has sent an order and a bill, as far as it is the same in all of them.
SHOWN = [
    "------------------------------ Captured mail call ------------------------------",
    '#1   TLSv1.3, STARTTLS  "Your order" -> bob@example.org',
    '#2   TLSv1.3, STARTTLS  "Your bill" -> bob@example.org',
    "",
    "connection 2 of 2 (#2):",
    "    S: 220 localhost pytest-mailtrap",
]


def totals(result):
    """The lines at the end of the run, with their heading; empty if there is nothing to report."""
    lines = result.stdout.lines
    starts = [n for n, line in enumerate(lines) if "= mail trap =" in line]
    if not starts:
        return []
    end = next(n for n in range(starts[0] + 1, len(lines)) if lines[n].startswith(("=", "-")))
    return [line for line in lines[starts[0] : end] if line]


def failure(result):
    """The lines of the only failure, as pytest shows them, up to the next section, with PORT for port numbers."""
    lines = result.stdout.lines
    start = next(n for n, line in enumerate(lines) if line.startswith("____")) + 1
    end = next(n for n in range(start, len(lines)) if lines[n].startswith(("----", "====")))
    # smtplib has changed its spelling with Python 3.13.
    shown = [line.replace("mail from:", "mail FROM:") for line in lines[start:end]]
    return [re.sub(r":\d{4,}", ":PORT", line) for line in shown]


def summary(result):
    """The totals without the heading and without the files that were written."""
    return [line for line in totals(result)[1:] if not line.startswith(("report: ", "saved to: "))]


def warnings(result):
    return [line for line in result.stdout.lines if line.startswith("warning: ")]


def captured(result):
    """Everything from the first mail under a failure onward."""
    lines = result.stdout.lines
    starts = [n for n, line in enumerate(lines) if "- Captured mail " in line]
    return lines[starts[0] :] if starts else []


def records(root):
    """What was saved for each test below *root*."""
    return [json.loads(path.read_text("utf-8")) for path in root.glob("*/mail.json")]


def saved(root):
    """The names of the tests whose mail was saved, with the files beside each record."""
    found = {}
    for path in root.glob("*/mail.json"):
        record = json.loads(path.read_text("utf-8"))
        found[_name(record)] = {p.name for p in path.parent.glob("*.eml")}
    return found


def reported(path):
    """The tests as listed in the HTML report, in its order."""
    return [*map(json.loads, _TEST.findall(path.read_text("utf-8")))]


def by_name(tests):
    """The records in *tests*, keyed by the name of the test function."""
    return {_name(test): test for test in tests}


def properties(path):
    """The properties of each test case in a JUnit XML file."""
    cases = ElementTree.parse(path).getroot().iter("testcase")
    return {
        case.get("name"): {p.get("name"): p.get("value") for p in case.iter("property")}
        for case in cases
    }


def _name(test):
    return test["test"].partition("::")[2]


def mail_in_pytest_html(path):
    """What pytest-html's file has for the two messages of a test; the first subject would be an element if unescaped."""
    data = path.read_text("utf-8")
    return {
        "second subjects": data.count("The other one"),
        "how they came": "TLSv1.3, STARTTLS" in data,
        # Once for the attribute that holds the data, and once for the table inside.
        "escaped twice": "&amp;lt;img src=x onerror=alert(1)&amp;gt;" in data,
        "escaped once": "&lt;img src=x" in data,
        "an element": "<img src=x" in data,
    }


ESCAPED = {
    "second subjects": 1,
    "how they came": True,
    "escaped twice": True,
    "escaped once": False,
    "an element": False,
}
