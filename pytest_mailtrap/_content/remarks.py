"""The texts of the content checks: what each code means, how severe it is, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pytest_mailtrap._content.checks import ContentFinding

Level = Literal["problem", "hint"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """
    What a code means.

    A "problem" violates a standard, or will cause trouble for readers; a "hint" may be intentional.
    *standard* is where to read more; it is empty if the remark is based on experience.
    """

    level: Level
    text: str
    standard: str


def _problem(text: str, standard: str = "") -> Remark:
    return Remark(level="problem", text=text, standard=standard)


def _hint(text: str, standard: str = "") -> Remark:
    return Remark(level="hint", text=text, standard=standard)


REMARKS: dict[str, Remark] = {
    # The header
    "date-missing": _problem("There is no Date, which every message must have.", "RFC 5322, 3.6.1"),
    "date-unreadable": _problem("Date is not a valid date.", "RFC 5322, 3.3"),
    "from-missing": _problem("There is no From, which every message must have.", "RFC 5322, 3.6.2"),
    "from-unreadable": _problem("From does not contain an address.", "RFC 5322, 3.4"),
    "from-local": _problem("From is a local address: a setting was left at its default."),
    "from-name-is-address": _problem(
        "The display name in From is an address other than the one in From."
    ),
    "envelope-other-domain": _hint(
        "MAIL FROM and From name different domains: SPF alone will not satisfy DMARC.",
        "RFC 7489, 3.1",
    ),
    "message-id-missing": _problem(
        "There is no Message-ID: replies cannot be threaded, and filters count it against the sender.",
        "RFC 5322, 3.6.4",
    ),
    "subject-missing": _problem("There is no Subject."),
    "subject-long": _hint("The subject is long; a phone shows about 40 characters."),
    "subject-shouts": _hint("The subject is all capitals."),
    "recipients-missing": _hint("Neither To nor Cc names anybody.", "RFC 5322, 3.6.3"),
    "bcc-visible": _problem(
        "Bcc is in the message, so every recipient can see it.", "RFC 5322, 3.6.3"
    ),
    "field-repeated": _problem("The field may occur only once.", "RFC 5322, 3.6"),
    "control-characters": _problem(
        "The field contains control or direction characters.", "RFC 5322, 2.2"
    ),
    # The wire format
    "header-8bit": _problem(
        "The header contains unencoded non-ASCII bytes; only SMTPUTF8 allows that.",
        "RFC 2047, 1; RFC 6532, 3",
    ),
    "bare-newline": _problem(
        "A line ends with LF or CR alone; SMTP requires CRLF.", "RFC 5321, 2.3.8"
    ),
    "line-too-long": _problem("A line is longer than 998 bytes.", "RFC 5322, 2.1.1"),
    # The structure
    "boundary-missing": _problem(
        "A multipart has no usable boundary: its parts cannot be found.", "RFC 2046, 5.1.1"
    ),
    "boundary-unclosed": _problem(
        "The last boundary of a multipart is missing: it was cut off.", "RFC 2046, 5.1.1"
    ),
    "mime-version-missing": _problem("There is no MIME-Version.", "RFC 2045, 4"),
    "charset-unknown": _problem("The charset is unknown.", "RFC 2046, 4.1.2"),
    "charset-wrong": _problem(
        "The body is not in the charset that it declares.", "RFC 2046, 4.1.2"
    ),
    "charset-missing": _problem(
        "The body is not ASCII and does not declare a charset.", "RFC 2046, 4.1.2"
    ),
    "text-alternative-missing": _problem(
        "There is HTML but no text/plain: add an alternative for text readers and filters.",
        "RFC 2046, 5.1.4",
    ),
    "text-alternative-empty": _problem("The text/plain alternative is empty.", "RFC 2046, 5.1.4"),
    "alternatives-reversed": _problem(
        "The HTML comes before the text in multipart/alternative: the last one is shown.",
        "RFC 2046, 5.1.4",
    ),
    # The content
    "placeholder": _problem("A template placeholder was not filled in."),
    "link-unreadable": _problem("The link is not a valid URL.", "RFC 3986, 3"),
    "link-scheme": _problem("Mail programs do not open links with this scheme."),
    "link-relative": _problem("A relative link does not work in an e-mail.", "RFC 3986, 5.1"),
    "link-http": _problem("The link is not encrypted: use https."),
    "link-userinfo": _problem(
        "The link has a user name before the host, as in phishing.", "RFC 3986, 7.6"
    ),
    "link-local": _hint("The link points to a local host."),
    "link-ip-address": _hint("The link has an IP address instead of a host name."),
    "link-idn": _hint("The host name is not ASCII, or is Punycode; filters are suspicious of it."),
    "link-other-host": _problem("The link shows one host but leads to another, as in phishing."),
    "image-alt-missing": _problem(
        "Images have no alt text: readers without images or with a screen reader get nothing.",
        "WCAG 2.2, 1.1.1",
    ),
    "image-part-missing": _problem(
        "The image refers to a part that is not in the message.", "RFC 2392, 2"
    ),
    "image-data-uri": _hint("Gmail and Outlook do not show images in data: URIs."),
    "remote-image": _hint(
        "The image is loaded from a server when the message is opened; many programs ask first."
    ),
    "tracking-pixel": _hint("An invisible image: it tells a server that the message was opened."),
    "remote-content": _hint(
        "Styles or media would be loaded from a server; most programs do not load them."
    ),
    "active-content": _problem("Mail programs remove this element."),
    "event-handlers": _problem("There are event handlers; mail programs remove them."),
    "language-missing": _hint(
        '<html lang="…"> is missing: screen readers guess the language.', "WCAG 2.2, 3.1.1"
    ),
    "html-clipped": _hint("Gmail clips HTML beyond 102 kB."),
    # Lists
    "list-unsubscribe-missing": _problem(
        "It looks like a newsletter but has no List-Unsubscribe, which Gmail and Yahoo require.",
        "RFC 2369, 3.2",
    ),
    "list-unsubscribe-unreadable": _problem(
        "List-Unsubscribe does not contain an <address>.", "RFC 2369, 2"
    ),
    "one-click-missing": _hint(
        "There is no List-Unsubscribe-Post, which Gmail and Yahoo require of bulk senders.",
        "RFC 8058, 3.1",
    ),
    "one-click-alone": _problem(
        "There is List-Unsubscribe-Post but no List-Unsubscribe.", "RFC 8058, 3.1"
    ),
    "one-click-wrong": _problem(
        "List-Unsubscribe-Post must be List-Unsubscribe=One-Click.", "RFC 8058, 3.1"
    ),
    "one-click-without-https": _problem(
        "One-click unsubscribing requires an https address.", "RFC 8058, 3.1"
    ),
    # Attachments
    "attachment-nameless": _hint("An attachment has no file name.", "RFC 2183, 2.3"),
    "attachment-executable": _problem("Mail servers refuse attachments with this extension."),
    "attachment-name-deceptive": _problem(
        "The file name contains control or direction characters.", "RFC 2183, 5"
    ),
}


def remark(finding: ContentFinding) -> Remark:
    return REMARKS[finding.code]
