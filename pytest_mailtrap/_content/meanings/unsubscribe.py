"""Unsubscribing from lists."""

from __future__ import annotations

from pytest_mailtrap._content.meaning import Meaning, hint, problem

MEANINGS: dict[str, Meaning] = {
    "list-unsubscribe-missing": problem(
        "It looks like a newsletter but has no List-Unsubscribe, which Gmail and Yahoo require.",
        "RFC 2369, 3.2",
    ),
    "list-unsubscribe-unreadable": problem(
        "List-Unsubscribe does not contain an <address>.", "RFC 2369, 2"
    ),
    "one-click-missing": hint(
        "There is no List-Unsubscribe-Post, which Gmail and Yahoo require of bulk senders.",
        "RFC 8058, 3.1",
    ),
    "one-click-alone": problem(
        "There is List-Unsubscribe-Post but no List-Unsubscribe.", "RFC 8058, 3.1"
    ),
    "one-click-wrong": problem(
        "List-Unsubscribe-Post must be List-Unsubscribe=One-Click.", "RFC 8058, 3.1"
    ),
    "one-click-without-https": problem(
        "One-click unsubscribing requires an https address.", "RFC 8058, 3.1"
    ),
}
