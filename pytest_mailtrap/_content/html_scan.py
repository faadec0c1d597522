"""
What the HTML of a message contains: links, images, and what mail programs do not run or load.

Rules of this file: linear time for any input, and only relevant tags are read; nothing is judged here, and
nothing is made safe here: the page that shows the HTML does that, with the browser's own parser.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from urllib.parse import unquote

# These search the text in lower case: ignoring case takes four times as long.
_TAG = re.compile(
    r"<(?:(!--)|(/?)(a|area|applet|audio|base|embed|form|frame|html|iframe|img|link|noembed|noframes|object"
    r"|script|source|style|textarea|title|track|video|xmp)(?=[\s/>]))"
)
_REMOTE_IN_STYLE = re.compile(r"""(?:url\(\s*['"]?|@import\s+['"])\s*((?:https?:)?//[^\s'")]+)""")
_BACKGROUND = re.compile(r"""(?:background|poster)\s*=\s*["']?\s*((?:https?:)?//[^\s"'>]+)""")
_CONTENT_ID = re.compile(r"""\bcid:([^\s"'<>()]+)""")
_ANY_TAG = re.compile(r"</?[a-zA-Z!][^<>]*>")
_ATTRIBUTE = re.compile(
    r"""[\s/]*([^\s/>=][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]*)))?"""
)
_END = re.compile(r"[\s/]*>?")
# Elements whose content is not markup.
_RAW = frozenset({"style", "script", "textarea", "title", "xmp", "noembed", "noframes"})
_ACTIVE = frozenset({"script", "iframe", "object", "embed", "form", "base", "applet", "frame"})
_LOADING = {"link": "href", "object": "data", "img": "", "a": "", "area": "", "base": ""}
# Two patterns, since the second one looks into every tag.
_PERHAPS_HANDLER = re.compile(r"on[a-z]{3,30}\s*=")
_HANDLER = re.compile(r"""<[a-z][^<>]*?[\s"'/]on[a-z]{3,30}\s*=""")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_MOST = 100_000
_LONGEST_WORDS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link and its text."""

    url: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image; *alt* is None if the attribute is missing, *tiny* says that the image is invisible."""

    url: str
    alt: str | None
    tiny: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HtmlFacts:
    """
    What one HTML body contains.

    *remote* lists the URLs that its styles, backgrounds and media would load.
    *active* names the elements that mail programs remove, *handlers* says whether there are event handlers.
    *content_ids* are those of the parts that it shows, percent-decoded (RFC 2392, section 2).
    *language* says whether the language is declared, *text* is the visible text.
    """

    links: tuple[Link, ...]
    images: tuple[Image, ...]
    remote: tuple[str, ...]
    content_ids: frozenset[str]
    active: tuple[str, ...]
    handlers: bool
    language: bool
    text: str


def scan(source: str) -> HtmlFacts:
    """Read the HTML, in one pass."""
    reading = _Reading(source)
    reading.run()
    return reading.facts()


class _Reading:
    def __init__(self, source: str) -> None:
        self._source = source
        # The only letter that gets longer in lower case would shift the positions after it.
        self._lower = source.replace("\u0130", "i").lower()
        self._text: list[str] = []
        self._links: list[Link] = []
        self._open: tuple[str, int] | None = None  # a link's URL, and where its text begins
        self._images: list[Image] = []
        self._remote: list[str] = []
        self._active: set[str] = set()
        self._language = False

    def facts(self) -> HtmlFacts:
        remote = [*self._remote]
        if "url(" in self._lower or "@import" in self._lower:
            remote += self._addresses(_REMOTE_IN_STYLE)
        if "background" in self._lower or "poster" in self._lower:
            remote += self._addresses(_BACKGROUND)
        return HtmlFacts(
            links=tuple(self._links),
            images=tuple(self._images),
            remote=tuple(dict.fromkeys(remote))[:_MOST],
            content_ids=self._content_ids(),
            active=tuple(sorted(self._active)),
            handlers=bool(_PERHAPS_HANDLER.search(self._lower) and _HANDLER.search(self._lower)),
            language=self._language,
            text=html.unescape(_ANY_TAG.sub(" ", "".join(self._text))),
        )

    def _content_ids(self) -> frozenset[str]:
        if "cid:" not in self._lower:
            return frozenset()
        return frozenset(
            unquote(html.unescape(address)) for address in self._addresses(_CONTENT_ID)
        )

    def _addresses(self, pattern: re.Pattern[str]) -> list[str]:
        """The pattern's group, found in the lower-case text, in its original spelling."""
        return [self._source[slice(*found.span(1))] for found in pattern.finditer(self._lower)]

    def run(self) -> None:
        at = 0
        while tag := _TAG.search(self._lower, at):
            self._text.append(self._source[at : tag.start()])
            if tag[1]:
                at = self._past("-->", tag.end())
                continue
            name = tag[3]
            if tag[2]:
                if name == "a":
                    self._end_link(tag.start())
                at = self._past(">", tag.end())
                continue
            attributes, at = self._attributes(tag.end())
            self._started(name, attributes, tag.start(), at)
            if name in _RAW:
                close = self._lower.find(f"</{name}", at)
                at = len(self._source) if close < 0 else close
        self._text.append(self._source[at:])
        self._end_link(len(self._source))

    def _past(self, end: str, at: int) -> int:
        close = self._source.find(end, at)
        return len(self._source) if close < 0 else close + len(end)

    def _attributes(self, at: int) -> tuple[dict[str, str], int]:
        found: dict[str, str] = {}
        while match := _ATTRIBUTE.match(self._source, at):
            value = match[2] or match[3] or match[4] or ""
            found.setdefault(match[1].lower(), html.unescape(value) if "&" in value else value)
            at = match.end()
        end = _END.match(self._source, at)
        return found, end.end() if end else at

    def _started(self, name: str, attributes: dict[str, str], start: int, end: int) -> None:
        if name in _ACTIVE:
            self._active.add(name)
        if name in ("a", "area"):
            self._end_link(start)
            if "href" in attributes:
                self._open = (attributes["href"].strip(), end)
        elif name == "img":
            self._image(attributes)
        elif name == "html":
            self._language = bool(attributes.get("lang", "").strip())
        address = attributes.get(_LOADING.get(name, "src"), "")
        if is_remote(address):
            self._remote.append(address.strip())

    def _image(self, attributes: dict[str, str]) -> None:
        sides = [attributes.get(side, "").strip() for side in ("width", "height")]
        hidden = "hidden" in attributes or _HIDDEN.search(attributes.get("style", ""))
        if len(self._images) < _MOST:
            self._images.append(
                Image(
                    url=attributes.get("src", "").strip(),
                    alt=attributes.get("alt"),
                    tiny=bool(hidden) or all(side in ("0", "1", "0px", "1px") for side in sides),
                )
            )

    def _end_link(self, end: int) -> None:
        if self._open is None or len(self._links) >= _MOST:
            return
        url, begin = self._open
        self._open = None
        words = _ANY_TAG.sub("", self._source[begin : min(end, begin + _LONGEST_WORDS)])
        self._links.append(Link(url=url, text=_SPACE.sub(" ", html.unescape(words)).strip()))


def is_remote(url: str) -> bool:
    """Whether a mail program would have to load it from a server."""
    return url.strip().lower().startswith(("http:", "https:", "//", "ftp:"))
