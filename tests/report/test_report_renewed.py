"""The page that the report tests share starts each test as a new page would."""

from __future__ import annotations

from _chromium import SIZE
from _run import html_mail

FACTS = """({
  size: [innerWidth, innerHeight],
  dark: matchMedia('(prefers-color-scheme: dark)').matches,
  still: matchMedia('(prefers-reduced-motion: reduce)').matches,
  print: matchMedia('print').matches,
  colours: document.getElementById('theme').textContent,
  stored: sessionStorage.length,
  steps: history.length,
})"""


def change_everything(page) -> None:
    page.size(390, 700)
    wishes = {"prefers-color-scheme": "dark", "prefers-reduced-motion": "reduce"}
    features = [{"name": name, "value": value} for name, value in wishes.items()]
    page.call("Emulation.setEmulatedMedia", media="print", features=features)
    page.press("d")
    page.run("sessionStorage.setItem('left', 'behind')")
    page.run("console.error('left behind')")
    page.run("location.hash = '#t1'")
    page.run("queueMicrotask(() => { throw new Error('left behind'); })")


def test_a_renewed_page_is_like_a_new_one(chromium, page, run):
    """Size, emulated preferences, storage, history, and console messages: all as in a page of a new profile."""
    run.test("test_mail", html_mail("x"))
    path = run.write()
    with chromium.page() as other:
        other.open_file(path)
        new = other.run(FACTS)
        assert new["size"] == [*SIZE]
    page.open_file(path)
    change_everything(page)
    changed = page.run(FACTS)
    # The control: each of the changes is one that can be seen.
    assert [name for name in new if changed[name] == new[name]] == []
    assert page.complaints() != []
    page.renew()
    assert page.complaints() == []
    page.open_file(path)
    assert page.run(FACTS) == new
