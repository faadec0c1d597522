"""
Text for a terminal whose encoding does not have every character, such as cp1252: these characters become escapes.

pytest does this as well, but for a whole section at once: if one character is missing, it escapes the line breaks, too.

Rules of this file: only what this plugin shows is changed, and only after other plugins have read it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    import pytest

# How pytest calls the sections of `report_sections` and `guard_hooks`.
_SECTIONS = "Captured mail"


def encodable(text: str, stream: TextIO | None = None) -> str:
    """*text* as *stream* (by default standard output) can show it."""
    stream = stream or sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding, getattr(stream, "errors", None) or "strict")
    except UnicodeEncodeError:
        return text.encode(encoding, "backslashreplace").decode(encoding)
    except LookupError:  # a codec that only the stream itself knows
        pass
    return text


def escape_reports(config: pytest.Config) -> None:
    """Prepare the reports that pytest is about to show; call it when JUnit XML and other files have been written."""
    terminal: Any = config.pluginmanager.get_plugin("terminalreporter")
    for reports in () if terminal is None else terminal.stats.values():
        for report in reports:
            _escape(report)


def _escape(report: Any) -> None:  # also what is not a report, such as a deselected test
    if isinstance(getattr(report, "longrepr", None), str):
        report.longrepr = encodable(report.longrepr)
    sections = getattr(report, "sections", [])
    for number, (name, content) in enumerate(sections):
        if name.startswith(_SECTIONS):
            sections[number] = (name, encodable(content))
