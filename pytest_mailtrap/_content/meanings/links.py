"""The links."""

from __future__ import annotations

from pytest_mailtrap._content.meaning import Meaning, hint, problem

MEANINGS: dict[str, Meaning] = {
    "link-unreadable": problem("The link is not a valid URL.", "RFC 3986, 3"),
    "link-scheme": problem("Mail programs do not open links with this scheme."),
    "link-relative": problem("A relative link does not work in an e-mail.", "RFC 3986, 5.1"),
    "link-http": problem("The link is not encrypted: use https."),
    "link-userinfo": problem(
        "The link has a user name before the host, as in phishing.", "RFC 3986, 7.6"
    ),
    "link-local": hint("The link points to a local host."),
    "link-ip-address": hint("The link has an IP address instead of a host name."),
    "link-idn": hint("The host name is not ASCII, or is Punycode; filters are suspicious of it."),
    "link-other-host": problem("The link shows one host but leads to another, as in phishing."),
}
