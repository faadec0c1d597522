"""The MIME structure, the charsets, and how text and HTML stand beside each other."""

from __future__ import annotations

from pytest_mailtrap._content.meaning import Meaning, problem

MEANINGS: dict[str, Meaning] = {
    "boundary-missing": problem(
        "A multipart has no usable boundary: its parts cannot be found.", "RFC 2046, 5.1.1"
    ),
    "boundary-unclosed": problem(
        "The last boundary of a multipart is missing: it was cut off.", "RFC 2046, 5.1.1"
    ),
    "mime-version-missing": problem("There is no MIME-Version.", "RFC 2045, 4"),
    "charset-unknown": problem("The charset is unknown.", "RFC 2046, 4.1.2"),
    "charset-wrong": problem("The body is not in the charset that it declares.", "RFC 2046, 4.1.2"),
    "charset-missing": problem(
        "The body is not ASCII and does not declare a charset.", "RFC 2046, 4.1.2"
    ),
    "text-alternative-missing": problem(
        "There is HTML but no text/plain: add an alternative for text readers and filters.",
        "RFC 2046, 5.1.4",
    ),
    "text-alternative-empty": problem("The text/plain alternative is empty.", "RFC 2046, 5.1.4"),
    "alternatives-reversed": problem(
        "The HTML comes before the text in multipart/alternative: the last one is shown.",
        "RFC 2046, 5.1.4",
    ),
}
