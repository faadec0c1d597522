"""
What stands in the HTML of a mail: links, images, and what mail programs don't run or load.

Rules of this file: one pass, linear for any input; nothing is judged here, and nothing is made safe here:
the page that shows the HTML does that, with the browser's own parser.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

_TAG = re.compile(r"<(?:(!--)|(/?)([a-zA-Z][^\s/>]*))")
_ATTRIBUTE = re.compile(
    r"""[\s/]*([^\s/>=][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]*)))?"""
)
_END = re.compile(r"[\s/]*>?")
# Elements whose content is no markup.
_RAW = frozenset({"style", "script", "textarea", "title", "xmp", "noembed", "noframes"})
_ACTIVE = frozenset({"script", "iframe", "object", "embed", "form", "base", "applet", "frame"})
_REMOTE_IN_STYLE = re.compile(r"""(?:url\(\s*['"]?|@import\s+['"])\s*((?:https?:)?//[^\s'")]+)""", re.I)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_SPACE = re.compile(r"\s+")
_MOST = 2000
_LONGEST_TEXT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link and the words it stands behind."""

    url: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image; *alt* is None where the attribute is missing, *tiny* says that nobody can see it."""

    url: str
    alt: str | None
    tiny: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HtmlFacts:
    """
    What one HTML body holds.

    *remote* are addresses that its styles, backgrounds and media would load, *active* names its elements that
    mail programs remove, *handlers* says that there are event handlers, *text* is what one reads.
    """

    links: tuple[Link, ...]
    images: tuple[Image, ...]
    remote: tuple[str, ...]
    active: tuple[str, ...]
    handlers: bool
    language: bool
    text: str


def scan(source: str) -> HtmlFacts:
    """Read the HTML once."""
    reading = _Reading(source)
    reading.run()
    return reading.facts()


class _Reading:
    def __init__(self, source: str) -> None:
        self._source = source
        self._lower = source.lower()
        self._text: list[str] = []
        self._links: list[Link] = []
        self._open: tuple[str, int] | None = None  # a link's address, and where its words begin
        self._images: list[Image] = []
        self._remote: list[str] = []
        self._active: set[str] = set()
        self._handlers = False
        self._language = False

    def facts(self) -> HtmlFacts:
        return HtmlFacts(
            links=tuple(self._links),
            images=tuple(self._images),
            remote=tuple(dict.fromkeys(self._remote)),
            active=tuple(sorted(self._active)),
            handlers=self._handlers,
            language=self._language,
            text=html.unescape("".join(self._text)),
        )

    def run(self) -> None:
        at = 0
        while tag := _TAG.search(self._source, at):
            self._text.append(self._source[at : tag.start()])
            if tag[1]:
                close = self._source.find("-->", tag.end())
                at = len(self._source) if close < 0 else close + 3
                continue
            attributes, at = self._attributes(tag.end())
            name = tag[3].lower()
            if tag[2]:
                self._ended(name)
            else:
                self._started(name, attributes)
                at = self._past_raw_text(name, at)
        self._text.append(self._source[at:])
        self._end_link()

    def _attributes(self, at: int) -> tuple[dict[str, str], int]:
        found: dict[str, str] = {}
        while match := _ATTRIBUTE.match(self._source, at):
            value = match[2] or match[3] or match[4] or ""
            found.setdefault(match[1].lower(), html.unescape(value) if "&" in value else value)
            at = match.end()
        end = _END.match(self._source, at)
        return found, end.end() if end else at

    def _past_raw_text(self, name: str, at: int) -> int:
        if name not in _RAW:
            return at
        close = self._lower.find(f"</{name}", at)
        close = len(self._source) if close < 0 else close
        if name == "style":
            self._remote += _REMOTE_IN_STYLE.findall(self._source[at:close])
        return close

    def _started(self, name: str, attributes: dict[str, str]) -> None:
        if name in _ACTIVE:
            self._active.add(name)
        if name in ("a", "area"):
            self._end_link()
            if "href" in attributes:
                self._open = (attributes["href"].strip(), len(self._text))
        elif name == "img":
            self._image(attributes)
        elif name == "html" and attributes.get("lang", "").strip():
            self._language = True
        elif name in ("br", "p", "div", "td", "th", "tr", "li", "h1", "h2", "h3"):
            self._text.append("\n")
        self._loads(name, attributes)

    def _image(self, attributes: dict[str, str]) -> None:
        sides = [attributes.get(side, "").strip() for side in ("width", "height")]
        hidden = _HIDDEN.search(attributes.get("style", "")) or "hidden" in attributes
        if len(self._images) < _MOST:
            self._images.append(
                Image(
                    url=attributes.get("src", "").strip(),
                    alt=attributes.get("alt"),
                    tiny=bool(hidden) or all(side in ("0", "1", "0px", "1px") for side in sides),
                )
            )
        self._text.append(attributes.get("alt", ""))

    def _loads(self, name: str, attributes: dict[str, str]) -> None:
        for attribute, value in attributes.items():
            if attribute.startswith("on"):
                self._handlers = True
            elif attribute == "style" and ("url" in value or "@" in value):
                self._remote += _REMOTE_IN_STYLE.findall(value)
            elif (attribute in ("background", "poster", "data") or _loads_href(name, attribute)) and (
                is_remote(value)
            ):
                self._remote.append(value.strip())

    def _ended(self, name: str) -> None:
        if name == "a":
            self._end_link()
        elif name in ("p", "div", "td", "tr", "li"):
            self._text.append("\n")

    def _end_link(self) -> None:
        if self._open is None or len(self._links) >= _MOST:
            return
        url, begin = self._open
        self._open = None
        words = html.unescape("".join(self._text[begin:])[:_LONGEST_TEXT])
        self._links.append(Link(url=url, text=_SPACE.sub(" ", words).strip()))


def _loads_href(name: str, attribute: str) -> bool:
    if attribute == "href":
        return name == "link"
    return attribute == "src" and name not in ("img", "a")


def is_remote(url: str) -> bool:
    """Whether a mail program would have to ask a server for it."""
    return url.strip().lower().startswith(("http:", "https:", "//", "ftp:"))
