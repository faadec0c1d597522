"""The words of the content checks: what each code means, how much it weighs, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pytest_mailtrap._report._checks import Finding

Level = Literal["problem", "hint"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """
    What a code says to people.

    A "problem" breaks a standard, or a reader will stumble over it; a "hint" may well be meant so.
    """

    level: Level
    text: str


def _problem(text: str) -> Remark:
    return Remark(level="problem", text=text)


def _hint(text: str) -> Remark:
    return Remark(level="hint", text=text)


REMARKS: dict[str, Remark] = {
    # The header (RFC 5322, section 3.6)
    "date-missing": _problem("There is no Date, which every message must have (RFC 5322)."),
    "date-unreadable": _problem("Date is no date as RFC 5322 writes it."),
    "from-missing": _problem("There is no From, which every message must have (RFC 5322)."),
    "from-unreadable": _problem("From holds no address."),
    "from-local": _problem("From is a local address: a setting was left at its default."),
    "from-name-is-address": _problem(
        "The name in From is another address than the address in From."
    ),
    "envelope-other-domain": _hint(
        "MAIL FROM and From name different domains: SPF alone will not satisfy DMARC."
    ),
    "message-id-missing": _problem(
        "There is no Message-ID: replies cannot be threaded, and filters count it against the sender."
    ),
    "subject-missing": _problem("There is no Subject."),
    "subject-long": _hint("The subject is long; a phone shows about 40 characters."),
    "subject-shouts": _hint("The subject is all capitals."),
    "recipients-missing": _hint("Neither To nor Cc names anybody."),
    "bcc-visible": _problem("Bcc was sent along, so that every recipient sees it (RFC 5322)."),
    "field-repeated": _problem("The field occurs more than once, which RFC 5322 forbids."),
    "control-characters": _problem("The field holds control or direction characters."),
    # The wire format
    "header-8bit": _problem(
        "The header holds bytes beyond ASCII that are not encoded (RFC 2047); only SMTPUTF8 allows that."
    ),
    "bare-newline": _problem(
        "A line ends with LF or CR alone; on the wire it must be CRLF (RFC 5321)."
    ),
    "line-too-long": _problem("A line is longer than 998 bytes, which RFC 5322 forbids."),
    # The structure (RFC 2045, RFC 2046)
    "boundary-missing": _problem("A multipart without a usable boundary: nobody finds its parts."),
    "boundary-unclosed": _problem("The last boundary of a multipart is missing: it was cut off."),
    "mime-version-missing": _problem("There is no MIME-Version, which RFC 2045 demands."),
    "charset-unknown": _problem("The charset is unknown."),
    "charset-wrong": _problem("The body is not in the charset that it claims."),
    "charset-missing": _problem("The body is not ASCII, and says no charset."),
    "text-alternative-missing": _problem(
        "There is HTML and no text/plain: add an alternative for text readers and filters."
    ),
    "text-alternative-empty": _problem("The text/plain alternative is empty."),
    "alternatives-reversed": _problem(
        "The HTML comes before the text in multipart/alternative: the last one is shown (RFC 2046)."
    ),
    # The content
    "placeholder": _problem("A placeholder of a template was not filled in."),
    "link-unreadable": _problem("The link is no URL."),
    "link-scheme": _problem("Mail programs don't open links of this scheme."),
    "link-relative": _problem("A relative link leads nowhere in a mail."),
    "link-http": _problem("The link is not encrypted: use https."),
    "link-userinfo": _problem("The link has a user name before the host, as in phishing."),
    "link-local": _hint("The link leads to a local host."),
    "link-ip-address": _hint("The link has an address instead of a host name."),
    "link-idn": _hint("The host name is not ASCII, or Punycode; filters look twice at it."),
    "link-other-host": _problem("The link shows one host and leads to another, as in phishing."),
    "image-alt-missing": _problem(
        "Images without alt: a reader with images off, or with a screen reader, gets nothing."
    ),
    "image-part-missing": _problem("The image refers to a part that is not in the message."),
    "image-data-uri": _hint("Images as data: URIs are not shown by Gmail and Outlook."),
    "remote-image": _hint("Loaded from a server when the mail is opened; many programs ask first."),
    "tracking-pixel": _hint("An image nobody can see: it tells a server that the mail was opened."),
    "remote-content": _hint(
        "Styles or media that would be loaded from a server; most programs don't."
    ),
    "active-content": _problem("Mail programs remove this element."),
    "event-handlers": _problem("There are event handlers; mail programs remove them."),
    "language-missing": _hint('<html lang="…"> is missing: screen readers guess the language.'),
    "html-clipped": _hint("Gmail clips HTML beyond 102 kB."),
    # Lists (RFC 2369, RFC 8058)
    "list-unsubscribe-missing": _problem(
        "It looks like a newsletter and has no List-Unsubscribe (RFC 2369); Gmail and Yahoo demand it."
    ),
    "list-unsubscribe-unreadable": _problem("List-Unsubscribe holds no <address> (RFC 2369)."),
    "one-click-missing": _hint(
        "There is no List-Unsubscribe-Post (RFC 8058), which Gmail and Yahoo demand of bulk senders."
    ),
    "one-click-alone": _problem("List-Unsubscribe-Post without List-Unsubscribe (RFC 8058)."),
    "one-click-wrong": _problem(
        "List-Unsubscribe-Post must be List-Unsubscribe=One-Click (RFC 8058)."
    ),
    "one-click-without-https": _problem("One-click needs an https address (RFC 8058)."),
    # Attachments
    "attachment-nameless": _hint("An attachment has no file name."),
    "attachment-executable": _problem("Mail servers refuse attachments with this extension."),
    "attachment-name-deceptive": _problem("The file name holds control or direction characters."),
}


def remark(finding: Finding) -> Remark:
    return REMARKS[finding.code]
