"""The fields of the header, apart from the sender."""

from __future__ import annotations

from pytest_mailtrap._content.meaning import Meaning, hint, problem

MEANINGS: dict[str, Meaning] = {
    "date-missing": problem("There is no Date, which every message must have.", "RFC 5322, 3.6.1"),
    "date-unreadable": problem("Date is not a valid date.", "RFC 5322, 3.3"),
    "from-missing": problem("There is no From, which every message must have.", "RFC 5322, 3.6.2"),
    "message-id-missing": problem(
        "There is no Message-ID: replies cannot be threaded, and filters count it against the sender.",
        "RFC 5322, 3.6.4",
    ),
    "subject-missing": problem("There is no Subject."),
    "subject-long": hint("The subject is long; a phone shows about 40 characters."),
    "subject-shouts": hint("The subject is all capitals."),
    "recipients-missing": hint("Neither To nor Cc names anybody.", "RFC 5322, 3.6.3"),
    "bcc-visible": problem(
        "Bcc is in the message, so every recipient can see it.", "RFC 5322, 3.6.3"
    ),
    "field-repeated": problem("The field may occur only once.", "RFC 5322, 3.6"),
    "control-characters": problem(
        "The field contains control or direction characters.", "RFC 5322, 2.2"
    ),
}
