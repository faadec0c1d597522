"""Hostile mail in a real browser: nothing runs, nothing is loaded, nothing leads away."""

from __future__ import annotations

import json

import pytest
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


@pytest.fixture(scope="module")
def shown(chromium, tmp_path_factory):
    """Every attack opened in turn in one report, clicked at where it wants to be, and what was seen of it."""
    directory = tmp_path_factory.mktemp("attacks")
    run = Run(directory)
    with Canary() as canary, chromium.page() as page:
        run.test("test_attacks", *[html_mail(armed(attack, canary.url)) for attack in ATTACKS])
        page.open_file(run.write())
        before = chromium.targets()
        seen = {}
        for number, attack in enumerate(ATTACKS, 1):
            x, y = page.run(SHOW % f"m{number}")
            # Two frames of animation: what loads at once has been asked for.
            page.run("new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")
            if attack.click:
                page.click(x, y)
            seen[attack.name] = page.run(INSPECT)
        ask_another_server(chromium, directory)
        seen[""] = {
            "heard": list(canary.heard),
            "pages": [target for target in chromium.targets() if target not in before],
            "dialogs": page.dialogs(),
            "title": page.run("document.title"),
            "url": page.run("location.href"),
            "complaints": page.complaints(),
        }
    return seen


def ask_another_server(chromium, directory) -> None:
    """When this one hears of it, whatever the browser wanted before has been asked for as well."""
    with Canary() as barrier, chromium.page() as page:
        unsafe = directory / "barrier.html"
        unsafe.write_text(f"<img src='{barrier.url}/barrier'>")
        page.call("Page.navigate", url=unsafe.as_uri())
        assert barrier.wait_for("/barrier")


def test_no_attack_reaches_its_server(shown):
    """No mail makes the browser ask a server for anything, nor even connect to it."""
    assert shown[""]["heard"] == []


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_what_is_shown_is_inert(shown, attack):
    """The document in the frame holds nothing that runs, loads or leads away."""
    seen = shown[attack.name]
    assert seen["sandbox"] == ""
    assert seen["policy"].startswith("default-src 'none'; img-src data:;")
    assert not DEAD & set(seen["elements"])
    assert seen["handlers"] == []
    assert seen["refresh"] == ["content-security-policy", "x-dns-prefetch-control"]
    assert all(address.startswith(("#", "data:image/")) for address in seen["addresses"])


def test_the_report_itself_stays_as_it_is(shown):
    """No pop-up, no dialog, no navigation; the console tells of what was refused, and of nothing else."""
    assert shown[""]["pages"] == []
    assert shown[""]["title"] == "Mail of this run"
    assert shown[""]["dialogs"] == 0
    assert shown[""]["url"].endswith(f"#m{len(ATTACKS)}")
    refused = ("The action has been blocked.", "@import rules are not allowed here.")
    assert [c for c in shown[""]["complaints"] if not any(words in c for words in refused)] == []


RAW_FRAME = """
new Promise((resolve) => {
  const frame = document.createElement('iframe');
  frame.setAttribute('sandbox', '');
  frame.style = 'position: fixed; inset: 0; width: 100%%; height: 100%%; z-index: 99';
  frame.onload = () => requestAnimationFrame(() => requestAnimationFrame(() => resolve(true)));
  setTimeout(() => resolve(false), 3000);
  frame.srcdoc = %s;
  document.getElementById('detail').replaceChildren(frame);
})
"""


def test_the_outer_walls_hold_alone(chromium, tmp_path):
    """Unchanged, the attacks get no request out of a frame with the sandbox and the policy of the page."""
    run = Run(tmp_path)
    run.test("test_nothing", html_mail("<p>hello</p>"))
    with Canary() as canary, chromium.page() as page:
        page.open_file(run.write())
        for attack in ATTACKS:
            page.run(RAW_FRAME % json.dumps(armed(attack, canary.url)))
            if attack.click:
                page.click(640, 400)
        ask_another_server(chromium, tmp_path)
        # A bare connection is what no policy covers: the reason for the inner wall.
        assert [heard for heard in canary.heard if heard != "connected"] == []
        assert page.run("document.title") == "Mail of this run"
