"""What mail programs do with the HTML and its images."""

from __future__ import annotations

from pytest_mailtrap._content.meaning import Meaning, hint, problem

MEANINGS: dict[str, Meaning] = {
    "image-part-missing": problem(
        "The image refers to a part that is not in the message.", "RFC 2392, 2"
    ),
    "image-data-uri": hint("Gmail and Outlook do not show images in data: URIs."),
    "remote-image": hint(
        "The image is loaded from a server when the message is opened; many programs ask first."
    ),
    "tracking-pixel": hint("An invisible image: it tells a server that the message was opened."),
    "remote-content": hint(
        "Styles or media would be loaded from a server; most programs do not load them."
    ),
    "active-content": problem("Mail programs remove this element."),
    "event-handlers": problem("There are event handlers; mail programs remove them."),
    "html-clipped": hint("Gmail clips HTML beyond 102 kB."),
}
