"""The bytes as they were sent."""

from __future__ import annotations

from pytest_mailtrap._content.meaning import Meaning, problem

MEANINGS: dict[str, Meaning] = {
    "header-8bit": problem(
        "The header contains unencoded non-ASCII bytes; only SMTPUTF8 allows that.",
        "RFC 2047, 1; RFC 6532, 3",
    ),
    "bare-newline": problem(
        "A line ends with LF or CR alone; SMTP requires CRLF.", "RFC 5321, 2.3.8"
    ),
    "line-too-long": problem("A line is longer than 998 bytes.", "RFC 5322, 2.1.1"),
}
