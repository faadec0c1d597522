"""The report for everybody: contrast, keyboard, screen readers, small screens, paper. Measured in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from _run import connection, html_mail, transport

ACCESS = (Path(__file__).parent / "_access.js").read_text(encoding="utf-8")
LONG = "W" * 300
CERTIFICATE = {
    "subject": f"CN={LONG}", "issuer": "CN=ca", "fingerprint": "ab" * 32,
    "not_before": "2026-11-25T10:00:00+00:00", "not_after": "2026-11-26T10:00:00+00:00",
}  # fmt: skip
SMIME = {
    "signed": False, "encrypted": False, "recipients": [], "errant": [],
    "layers": [{"kind": "signed", "valid": False, "algorithms": ["ecdsa"], "problems": [], "warnings": []}],
    "problems": [{"code": "content-altered", "text": f"The content was altered: {LONG}"}],
    "warnings": [{"code": "subject-unprotected", "text": "The Subject field is not covered."}],
    "signers": [{"addresses": [LONG], "certificate": CERTIFICATE, "digest": "sha256", "signature_algorithm": "ecdsa",
                 "signing_time": None, "valid": False, "trusted": False, "problems": []}],
}  # fmt: skip


@pytest.fixture
def mixed(run):
    """A good message, and one with everything that can be wrong, in endlessly long words."""
    run.test("tests/test_a.py::test_good", (html_mail("<p>hi</p>"), {"subject": "Welcome"}))
    raw = (
        f"Subject: {LONG}\r\nX-{'Y' * 120}: {LONG}\r\nFrom: {LONG}@example.org\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n"
        f'<a href="http://{LONG}">{LONG}</a><img src="https://a.example/{LONG}">\r\n'
        f"--b\r\nContent-Type: application/pdf; name={LONG}.pdf\r\n\r\nx\r\n--b--\r\n"
    ).encode()
    said = {
        "subject": LONG, "from": f"{LONG}@example.org", "to": ", ".join([f"{LONG}@example.org"] * 5), "smime": SMIME,
        "rcpt_tos": [f"{LONG}@example.org", "hidden@example.org"], "exempt": LONG,
        "auth": {"mechanism": "PLAIN", "username": LONG, "encrypted": False, "accepted": True},
        "transport": transport(tls_version=None, ehlo=LONG), "transcript": [f"C: {LONG}", f"S: 250 {LONG}", "-- reset"],
    }  # fmt: skip
    run.test(
        f"tests/{LONG}.py::Test{LONG}::test_bad[{LONG}]",
        (raw, said),
        outcome="failed",
        policy={"mode": "enforce", "require": ["tls"], "origin": LONG, "reason": None},
        violations=[{"requirement": "tls", "code": "cleartext", "text": LONG, "message": 1, "connection": None}],
        connections=[connection(messages=[1]), connection(handshake_error=LONG, ended_by="alert")],
    )  # fmt: skip
    return run


ITEMS = ("t2", "m1", "t4", "m3", "t4-c1")
# The nine tabs of each message, the two of the connection, and the tests, which have none.
LOOKED_AT = 22


def measure(page, what):
    return page.run(f"({ACCESS}).{what}()")


# One after the other without a break, in which the browser would draw each.
IN_EACH_TAB = """
((access, tabs) => Object.fromEntries((tabs.length ? tabs : [""]).map((tab) => {
  document.getElementById(tab)?.click();
  document.querySelectorAll("details").forEach((element) => { element.open = true; });
  return [tab, access.%s()];
})))(%s, [...document.querySelectorAll("[role=tab]")].map((tab) => tab.id))
"""


def everywhere(page, what):
    """What is measured for each item, in each of its tabs."""
    found = {}
    for item in ITEMS:
        page.run(f"location.hash = '#{item}'")
        page.until(f"document.querySelector('.row[aria-selected=true]')?.id === 'row-{item}'")
        measured = page.run(IN_EACH_TAB % (what, ACCESS))
        found |= {f"{item} {tab}": seen for tab, seen in measured.items()}
    assert len(found) == LOOKED_AT
    return {place: seen for place, seen in found.items() if seen}


def test_what_is_wrong_in_one_tab_is_found_there(page, mixed):
    """The control for what is measured everywhere: a panel that is too wide only when it shows the source."""
    page.open_file(mixed.write())
    rule = (
        "#panel[data-tab=source] { overflow: auto } #panel[data-tab=source] > * { width: 3000px }"
    )
    page.run(
        f"document.head.append(Object.assign(document.createElement('style'), {{textContent: {rule!r}}}))"
    )
    assert list(everywhere(page, "wide")) == ["m1 tab-source", "m3 tab-source"]


@pytest.mark.parametrize(("scheme", "grey"), [("light", 130), ("dark", 110)])
def test_text_has_contrast(page, mixed, scheme, grey):
    """At least 4.5:1, whatever is shown; a gray that is too close to the background would be found."""
    # Without motion: a colour on its way to another one is neither.
    wishes = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
    page.call(
        "Emulation.setEmulatedMedia",
        features=[{"name": name, "value": value} for name, value in wishes.items()],
    )
    page.open_file(mixed.write())
    assert everywhere(page, "poorContrast") == {}
    page.run(f"document.getElementById('totals').style.color = 'rgb({grey}, {grey}, {grey})'")
    [found] = measure(page, "poorContrast")
    assert found.startswith(("3.", "4."))
    assert "totals" in found


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_sticks_out(page, mixed, width):
    """Endlessly long words are wrapped or truncated at every width, even at 400 % zoom (WCAG 2.2, 1.4.10)."""
    page.size(width, 800)
    page.open_file(mixed.write())
    assert measure(page, "wide") == []
    page.run("document.querySelector('.row.message').click()")
    assert everywhere(page, "wide") == {}
    page.run("document.querySelector('h2').style.cssText = 'white-space: nowrap; width: 3000px'")
    assert measure(page, "wide") != []


def test_targets_are_large_enough(page, mixed):
    """A finger needs 24 pixels."""
    page.size(390, 800)
    page.open_file(mixed.write())
    assert measure(page, "smallTargets") == []
    page.run("document.querySelector('.row.message').click()")
    assert everywhere(page, "smallTargets") == {}
    page.run("document.querySelector('.back').style.cssText = 'height: 20px; padding: 0'")
    assert measure(page, "smallTargets") != []


def test_the_tab_key_goes_through_the_page_and_shows_where(page, mixed):
    """Search, colors, filters, list, tabs, the tab's contents: in that order, each with a focus ring."""
    page.open(mixed.write().as_uri() + "#m3")
    page.run("document.activeElement.blur()")
    steps = []
    for _ in range(13):
        page.press("Tab")
        steps.append(measure(page, "focused"))
    names = [step["name"] for step in steps]
    assert names == [
        "search", "theme", "cleartext", "attachments", "problems", "failed", "refused",
        "list", "download", "tab-html", "panel", "desktop", "phone",
    ]  # fmt: skip
    assert [step["name"] for step in steps if not step["shows"]] == []


def test_moving_on_keeps_the_focus_in_the_message(page, run):
    """A user who reads one transcript after another stays on the tab."""
    run.test("test_two", html_mail("one"), html_mail("two"))
    page.open_file(run.write())
    page.press("Enter")
    for _ in range(6):
        page.press("ArrowRight")
    focused = "document.activeElement.id"
    assert page.run(focused) == "tab-transcript"
    page.press("j")
    assert page.run("document.querySelector('.row[aria-selected=true]').id") == "row-m2"
    assert page.run(focused) == "tab-transcript"
    assert page.run("document.getElementById('panel').dataset.tab") == "transcript"


def spoken(page):
    """Role and name of everything in the browser's accessibility tree."""
    page.call("Accessibility.enable")
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    return [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node.get("ignored")
    ]


def test_a_screen_reader_hears_what_others_see(page, mixed):
    """Landmarks, list, tabs, and the frame have names; marks without text have labels."""
    page.open(mixed.write().as_uri() + "#m1")
    said = spoken(page)
    for expected in [
        ("heading", "Mail of this run"),
        ("heading", "Welcome"),
        ("searchbox", "Search the mail; to:, from:, subject: and test: narrow down"),
        ("group", "Filters"),
        ("button", "Cleartext 1"),
        ("listbox", "Messages by test"),
        ("tablist", "What to show"),
        ("tab", "HTML"),
        ("tabpanel", "HTML"),
        ("Iframe", "The message as its recipient sees it"),
    ]:
        assert expected in said
    options = [name for role, name in said if role == "option"]
    assert options[0].startswith("passed test_good")
    assert options[1].endswith("TLSv1.3")
    assert options[3].endswith("policy cleartext")
    assert [role for role, name in said if role in ("button", "tab", "option", "img", "image") and not name] == []  # fmt: skip


def test_nothing_moves_for_those_who_want_no_motion(page, mixed):
    """There are no transitions if the user prefers reduced motion."""
    duration = "getComputedStyle(document.querySelector('.row')).transitionDuration"
    page.open_file(mixed.write())
    seen = {}
    for wish in ("reduce", "no-preference"):
        page.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-reduced-motion", "value": wish}],
        )
        seen[wish] = page.run(duration)
    assert seen == {"reduce": "0s", "no-preference": "0.08s"}


def test_the_message_that_is_open_is_printed(page, mixed):
    """The message is printed in light colors, without list, search, and tabs, and in full length."""
    page.open(mixed.write().as_uri() + "#m3")
    page.run("document.getElementById('tab-checks').click()")
    page.call(
        "Emulation.setEmulatedMedia",
        media="print",
        features=[
            {"name": "prefers-color-scheme", "value": "dark"},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ],
    )
    shown = "[...document.querySelectorAll('.top, .filters, .list-pane, .tabs, .head, #panel')].filter((e) => e.checkVisibility()).map((e) => e.id || e.className)"
    assert page.run(shown) == ["head", "panel"]
    assert measure(page, "wide") == []
    assert measure(page, "poorContrast") == []
    assert page.run("getComputedStyle(document.documentElement).colorScheme") == "light"
    inner = "(({scrollHeight, clientHeight}) => scrollHeight - clientHeight)(document.getElementById('panel'))"
    assert page.run(inner) <= 1


def test_empty_lists_say_why_and_what_to_do(page, mixed):
    """A search without results offers to show everything again, and returns the focus to the list."""
    page.open_file(mixed.write())
    page.run("document.querySelector('[data-filter=cleartext]').click()")
    page.press("/")
    page.type("nowhere")
    assert page.run("document.getElementById('nothing').innerText").startswith("Nothing matches.")
    assert "Nothing matches" in page.run("document.getElementById('detail').innerText")
    page.run("document.querySelector('#nothing button').click()")
    assert page.run("document.getElementById('nothing').checkVisibility()") is False
    assert page.run("document.querySelectorAll('.row').length") == 5
    assert page.run("document.querySelectorAll('.filters [aria-pressed=true]').length") == 0
    assert page.run("document.activeElement.id") == "list"


def test_a_test_leads_to_its_mail(page, mixed):
    """A test's mail is listed and linked, even if a filter hides it."""
    page.open(mixed.write().as_uri() + "#t4")
    links = "[...document.querySelectorAll('#detail a')].map((e) => e.hash)"
    assert page.run(links) == ["#m3", "#t4-c1"]
    page.run("document.querySelector('#detail a').click()")
    page.until("document.querySelector('.row[aria-selected=true]')?.id === 'row-m3'")
    page.run("document.querySelector('[data-filter=cleartext]').click()")
    page.run("location.hash = '#m1'")
    page.until("document.querySelector('.row[aria-selected=true]')?.id === 'row-m1'")
