"""Hostile mail in a real browser: nothing runs, nothing is loaded, nothing leads away."""

from __future__ import annotations

import json

from _attacks import ATTACKS, armed
from _canary import Canary
from _run import Run, html_mail

# Whatever may stand in a frame's document is asked of it with the browser's own parser.
INSPECT = """
(() => {
  const frame = document.querySelector('#panel iframe');
  const inner = new DOMParser().parseFromString(frame.srcdoc, 'text/html');
  const all = [...inner.querySelectorAll('*')];
  return {
    sandbox: frame.getAttribute('sandbox'),
    policy: inner.querySelector('head > :first-child').getAttribute('content'),
    elements: [...new Set(all.map((e) => e.localName))],
    handlers: all.flatMap((e) => [...e.attributes]).filter((a) => a.name.startsWith('on')).map((a) => a.name),
    addresses: all.flatMap((e) => [...e.attributes])
      .filter((a) => ['href', 'src', 'srcset', 'action', 'formaction', 'data', 'poster', 'background', 'ping'].includes(a.name))
      .map((a) => a.value),
    refresh: all.filter((e) => e.localName === 'meta').map((e) => e.httpEquiv.toLowerCase()),
  };
})()
"""
SHOW = """
new Promise((resolve) => {
  const id = %r;
  const seen = () => document.querySelector('#panel iframe');
  location.hash = '#' + id;
  const look = () => {
    if (document.querySelector('.row[aria-selected=true]')?.id === 'row-' + id && seen()) {
      const {x, y, width, height} = seen().getBoundingClientRect();
      resolve([x + width / 2, y + height / 2]);
    } else setTimeout(look, 5);
  };
  look();
})
"""
# Two frames of animation: what loads at once has been asked for. A browser that sees no need for them draws none.
DRAWN = """
new Promise((resolve) => {
  requestAnimationFrame(() => requestAnimationFrame(resolve));
  setTimeout(resolve, 1000);
})
"""
DEAD = {
    "script",
    "iframe",
    "frame",
    "frameset",
    "object",
    "embed",
    "base",
    "link",
    "form",
    "svg",
    "math",
}
DEAD |= {"video", "audio", "source", "track", "template", "noscript", "portal", "applet"}


def report_of_attacks(directory, url):
    run = Run(directory)
    run.test("test_attacks", *[html_mail(armed(attack, url)) for attack in ATTACKS])
    return run.write()


def wrong_with(seen) -> list[str]:
    """Whatever in a frame's document runs, loads, or leads away."""
    found = [f"<{name}>" for name in sorted(DEAD & set(seen["elements"]))] + seen["handlers"]
    if seen["sandbox"] != "":
        found.append(f"sandbox {seen['sandbox']!r}")
    if not seen["policy"].startswith("default-src 'none'; img-src data:;"):
        found.append(f"policy {seen['policy']!r}")
    if seen["refresh"] != ["content-security-policy", "x-dns-prefetch-control"]:
        found.append(f"meta {seen['refresh']!r}")
    return found + [a for a in seen["addresses"] if not a.startswith(("#", "data:image/"))]


def test_attacks_are_shown_and_inert(chromium, tmp_path):
    """
    Each attack is opened in one report, and clicked if it needs a click.

    No server receives a request or even a connection; no frame holds anything live; the report stays unchanged.
    """
    wrong = {}
    with Canary() as canary, chromium.page() as page:
        page.open_file(report_of_attacks(tmp_path, canary.url))
        before = chromium.targets()
        for number, attack in enumerate(ATTACKS, 1):
            x, y = page.run(SHOW % f"m{number}")
            page.run(DRAWN)
            if attack.click:
                page.click(x, y)
            wrong[attack.name] = wrong_with(page.run(INSPECT))
        ask_another_server(chromium, tmp_path)
        assert canary.heard == []
        assert {name: what for name, what in wrong.items() if what} == {}
        assert [target for target in chromium.targets() if target not in before] == []
        assert page.run("document.title") == "Mail of this run"
        assert page.dialogs() == 0
        assert page.run("location.hash") == f"#m{len(ATTACKS)}"
        # The console tells of what was refused, and of nothing else.
        refused = (
            "The action has been blocked.",
            "@import rules are not allowed here.",
            f"Not allowed to load local resource: {(tmp_path / 'report.html').as_uri()}#",
        )
        assert [c for c in page.complaints() if not any(words in c for words in refused)] == []


def ask_another_server(chromium, directory) -> None:
    """When this server gets its request, whatever the browser wanted before has been requested as well."""
    with Canary() as barrier, chromium.page() as page:
        unsafe = directory / "barrier.html"
        unsafe.write_text(f"<img src='{barrier.url}/barrier'>")
        page.call("Page.navigate", url=unsafe.as_uri())
        assert barrier.wait_for("/barrier")


# Side by side, large enough to be clicked at; the promise is kept when all are drawn.
FRAMES = """
((sources, sandbox) => document.querySelectorAll('body > iframe').forEach((old) => old.remove()) ?? Promise.all(sources.map((source, number) => new Promise((resolve) => {
  const frame = document.createElement('iframe');
  if (sandbox) frame.setAttribute('sandbox', '');
  frame.style = `position: fixed; left: ${number %% 12 * 105}px; top: ${Math.floor(number / 12) * 105}px; width: 100px; height: 100px; z-index: 99`;
  frame.onload = () => requestAnimationFrame(() => requestAnimationFrame(() => resolve(true)));
  setTimeout(() => resolve(false), 3000);
  frame.srcdoc = source;
  document.body.append(frame);
}))))(%s, %s)
"""
MIDDLE = """
(({x, y, width, height}) => [x + width / 2, y + height / 2])(document.querySelectorAll('body > iframe')[%d].getBoundingClientRect())
"""


def show_frames(page, attacks, url, *, sandbox: bool) -> None:
    sources = [armed(attack, url) for attack in attacks]
    page.run(FRAMES % (json.dumps(sources), json.dumps(sandbox)))


def click_frames(page, attacks) -> None:
    for number in range(len(attacks)):
        page.click(*page.run(MIDDLE % number))


AT_ONCE = [attack for attack in ATTACKS if not attack.click]
WITH_A_CLICK = [attack for attack in ATTACKS if attack.click]
# Those that succeed leave no page for the others, or one behind another.
ALONE = [attack for attack in WITH_A_CLICK if "target=" in attack.html]
TOGETHER = [attack for attack in WITH_A_CLICK if attack not in ALONE]


def test_the_outer_walls_hold_alone(chromium, tmp_path):
    """The sandbox and the page's policy alone keep even unsanitized attacks from making a request out of a frame."""
    with Canary() as canary, chromium.page() as page:
        page.open_file(report_of_attacks(tmp_path, canary.url))
        show_frames(page, AT_ONCE, canary.url, sandbox=True)
        show_frames(page, WITH_A_CLICK, canary.url, sandbox=True)
        click_frames(page, WITH_A_CLICK)
        ask_another_server(chromium, tmp_path)
        # A bare connection is what no policy covers: the reason for the inner wall.
        assert [heard for heard in canary.heard if heard != "connected"] == []
        assert page.run("document.title") == "Mail of this run"


def test_without_walls_the_attacks_succeed(chromium, tmp_path):
    """The control: in frames of a page without sandbox and policy, the live attacks reach their server."""
    page_without = tmp_path / "without.html"
    page_without.write_text("<!doctype html><title>Without</title><body></body>")
    with Canary() as canary:
        for attacks in (AT_ONCE, TOGETHER, *([attack] for attack in ALONE)):
            # A page of its own for each: one that is led away may be still on its way.
            with chromium.page() as page:
                page.open_file(page_without)
                page.call("Page.bringToFront")
                show_frames(page, attacks, canary.url, sandbox=False)
                if attacks is not AT_ONCE:
                    click_frames(page, attacks)
                live = [attack.name for attack in attacks if attack.live]
                assert [name for name in live if not canary.wait_for(reached(name))] == []


def reached(name: str) -> str:
    """The first request that the canary receives if the attack succeeds."""
    return "connected" if name == "preconnect" else f"/{name}"
