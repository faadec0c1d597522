"""The sender: From, and the domain of MAIL FROM."""

from __future__ import annotations

from pytest_mailtrap._content.meaning import Meaning, hint, problem

MEANINGS: dict[str, Meaning] = {
    "from-unreadable": problem("From does not contain an address.", "RFC 5322, 3.4"),
    "from-local": problem("From is a local address: a setting was left at its default."),
    "from-name-is-address": problem(
        "The display name in From is an address other than the one in From."
    ),
    "envelope-other-domain": hint(
        "MAIL FROM and From name different domains: SPF alone will not satisfy DMARC.",
        "RFC 7489, 3.1",
    ),
}
