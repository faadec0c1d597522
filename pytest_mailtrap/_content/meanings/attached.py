"""The attachments."""

from __future__ import annotations

from pytest_mailtrap._content.meaning import Meaning, hint, problem

MEANINGS: dict[str, Meaning] = {
    "attachment-nameless": hint("An attachment has no file name.", "RFC 2183, 2.3"),
    "attachment-executable": problem("Mail servers refuse attachments with this extension."),
    "attachment-name-deceptive": problem(
        "The file name contains control or direction characters.", "RFC 2183, 5"
    ),
}
