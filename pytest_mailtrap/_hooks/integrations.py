"""
What is added to a test's report for other plugins: properties for JUnit XML, a table for pytest-html.

For GitHub Actions, which gets totals of the whole run, see `_hooks.github`.

Rules of this file: nothing is built unless the other plugin is active; every value is escaped as that plugin requires.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from pytest_mailtrap._run.counts import Counts
    from pytest_mailtrap._run.mail_of_test import MailOfTest

_MOST_ROWS = 100


def junit_properties(counts: Counts) -> list[tuple[str, object]]:
    """A test's totals, for the `<properties>` of its test case."""
    return [
        ("mailtrap.messages", counts["messages"]),
        ("mailtrap.tls", ", ".join(sorted(counts["tls"]))),
        ("mailtrap.signed", counts["signed"]),
        ("mailtrap.encrypted", counts["encrypted"]),
        ("mailtrap.violations", len(counts["breaches"])),
    ]


def extend_html(config: pytest.Config, report: pytest.TestReport, mail_of_test: MailOfTest) -> None:
    """Put a table of the test's messages under its row in pytest-html's file, if one is being written."""
    if not mail_of_test or not config.getoption("htmlpath", None):
        return
    try:
        from pytest_html import extras

        extra = extras.html(_table(mail_of_test))
    except Exception as error:  # the test has its result, whatever happens to the table
        mail_of_test.errors.append(f"mail could not be added to pytest-html's report: {error!r}")
        return
    report.extras = [*getattr(report, "extras", []), extra]  # type: ignore[attr-defined]  # pytest-html's


def _table(mail_of_test: MailOfTest) -> str:
    from pytest_mailtrap._assertions.message_table import headline, how_sent

    rows = [
        (f"#{number}", how_sent(message.transport), headline(message), ", ".join(message.rcpt_tos))
        for number, message in enumerate(mail_of_test.messages[:_MOST_ROWS], 1)
    ]
    cells = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    more = len(mail_of_test.messages) - len(rows)
    caption = f"mail ({more} more)" if more > 0 else "mail"
    return f'<table class="mailtrap"><caption>{caption}</caption><tbody>{cells}</tbody></table>'
