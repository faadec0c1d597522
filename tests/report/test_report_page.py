"""The report in a real browser: what it shows, and how to navigate it."""

from __future__ import annotations

import base64
import json
from email import policy
from email.message import EmailMessage

import pytest
from _run import connection, html_mail, transport

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
TEXT = "document.getElementById(%r).innerText"


def mail(subject: str = "Hello", **fields: str) -> EmailMessage:
    made = EmailMessage(policy=policy.SMTP)
    made["Subject"] = subject
    for name, value in fields.items():
        made[name.replace("_", "-")] = value
    return made


def full_mail() -> bytes:
    """A mail with everything: text, HTML with an inline image, an attachment."""
    made = mail("Grüße", From="shop@example.org", To="bob@example.org")
    made.set_content("Schöne Grüße\n", cte="quoted-printable")
    made.add_alternative(
        "<html lang=de><p id=x>Größe</p><img src='cid:logo' alt=Logo>", subtype="html"
    )
    made.get_payload(1).add_related(PNG, "image", "png", cid="<logo>")
    made.add_attachment(b"\x00\x01PDF\xff" * 50, "application", "pdf", filename="Rechnung ä.pdf")
    return made.as_bytes()


def opened(page, run, anchor=""):
    """The report of the run, opened at an item."""
    page.open(run.write().as_uri() + (f"#{anchor}" if anchor else ""))
    return page


def tab(page, name: str) -> str:
    page.run(f"document.getElementById('tab-{name}').click()")
    return page.run(TEXT % "panel")


def rows(page) -> list[str]:
    script = "[...document.querySelectorAll('.row')].sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top)).map((e) => e.innerText)"
    return page.run(script)


def selected(page) -> str | None:
    return page.run("document.querySelector('.row[aria-selected=true]')?.id.slice(4)")


def frame(page, script: str):
    """The value of the expression in the document that the message's frame shows; `inner` is that document."""
    return page.run(
        f"((inner) => ({script}))"
        "(new DOMParser().parseFromString(document.querySelector('iframe').srcdoc, 'text/html'))"
    )


def test_a_message_is_shown_in_all_its_tabs(page, run):
    """HTML with its inline image, text, fields, parts, connection, transcript and source of one message."""
    raw = full_mail()
    run.test("tests/test_shop.py::test_mail", (raw, {"subject": "Grüße"}))
    opened(page, run)
    assert "Grüße" in page.run(TEXT % "detail")
    assert frame(page, "inner.querySelector('#x').textContent") == "Größe"
    source = frame(page, "inner.querySelector('img').src")
    assert source == "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert tab(page, "text") == "Schöne Grüße\n"
    assert "multipart/mixed" in tab(page, "headers")
    structure = tab(page, "structure")
    assert "Rechnung ä.pdf" in structure
    assert "cid:logo" in structure
    connection_words = tab(page, "connection")
    assert "TLS_AES_256_GCM_SHA384, 256 bits" in connection_words
    assert "client.example.org" in connection_words
    assert "EHLO client.example.org" in tab(page, "transcript")
    assert "Content-Type: multipart/mixed" in tab(page, "source")
    assert page.complaints() == []


@pytest.mark.parametrize("notice", ["not judged: needs cryptography 45", None])
def test_smime_that_was_not_judged(page, run, notice):
    """The badges and the tab say why; without a notice, the message has neither, and the tab is empty."""
    run.test("test_mail", (html_mail("<p>hello</p>"), {"smime": None, "smime_notice": notice}))
    opened(page, run)
    badges = page.run("document.querySelector('.badges').innerText")
    assert ("S/MIME not judged: needs cryptography 45" in badges) == bool(notice)
    empty = page.run("document.getElementById('tab-smime').getAttribute('aria-disabled')")
    assert empty == (None if notice else "true")
    if notice:
        assert tab(page, "smime").strip() == f"There may be a signature or encryption, {notice}."


def test_both_widths(page, run):
    """The frame is as wide as a phone, or as wide as the page allows."""
    run.test("test_mail", html_mail("<p>hello</p>"))
    opened(page, run)
    width = "document.querySelector('iframe').getBoundingClientRect().width"
    assert page.run(width) > 600
    page.run("document.querySelector('[data-width=phone]').click()")
    assert page.run(width) == 375


def test_an_attachment_is_downloaded_as_it_was_sent(page, run, tmp_path):
    """Its bytes are exact; its name is only a name."""
    made = mail()
    content = bytes(range(256)) * 40
    made.set_content("see there")
    made.add_attachment(content, "application", "pdf", filename="../..\\CON/evil\u202efdp.exe")
    run.test("test_mail", made.as_bytes())
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    page.download_to(downloads)
    opened(page, run)
    page.run("document.querySelector('.attachments .download').click()")
    page.until("new Promise((r) => setTimeout(() => r(true), 20))")
    for _ in range(500):
        found = [path for path in downloads.iterdir() if path.suffix != ".crdownload"]
        if found and found[0].stat().st_size == len(content):
            break
        page.run("new Promise((r) => setTimeout(r, 10))")
    [path] = list(downloads.iterdir())
    assert path.read_bytes() == content
    assert path.name == "_.._CON_evilfdp.exe"


def test_recipients_are_told_apart(page, run):
    """To, Cc, and envelope-only recipients are distinguished, whatever the case of their addresses."""
    raw = b"To: Bob@example.org\r\nCc: Carol <carol@example.org>\r\n\r\nhello"
    said = {
        "to": "Bob@example.org",
        "rcpt_tos": ["bob@example.org", "carol@example.org", "dave@example.org"],
    }
    run.test("test_mail", (raw, said), (b"Subject: x\r\n\r\n", {"to": None}))
    opened(page, run)
    addresses = "Object.fromEntries([...document.querySelectorAll('.addresses dt')].map((e) => [e.innerText, e.nextSibling.innerText]))"
    seen = page.run(addresses)
    assert seen["To"] == "Bob@example.org"
    assert seen["Cc"] == "Carol <carol@example.org>"
    assert seen["Envelope only"] == "dave@example.org"
    page.press("j")
    seen = page.run(addresses)
    assert seen["To"] == "bob@example.org"
    assert not {"Cc", "Envelope only"} & set(seen)


def test_a_test_is_named_and_placed(page, run):
    """The test's own name comes first, with its parameters unchanged, then its location."""
    run.test("tests/test_a.py::TestB::test_c[x::y]", html_mail("x"))
    run.test("(outside of tests)", html_mail("x"))
    opened(page, run)
    names = "[...document.querySelectorAll('.row.test .words')].map((e) => e.innerText)"
    assert page.run(names) == ["test_c[x::y]\ntests/test_a.py \u203a TestB", "(outside of tests)"]


def test_what_was_inside_tls_is_marked(page, run):
    """The transcript shows, in marks and in words, what was sent inside TLS and what was sent before."""
    lines = ["S: 220 localhost", "C: EHLO x", "C: STARTTLS", "-- TLSv1.3, AES", "C: MAIL FROM:<a>"]
    bare = {"transcript": ["C: MAIL FROM:<a>"], "transport": transport(tls_version=None)}
    run.test("test_mail", (html_mail("x"), {"transcript": lines}), (html_mail("x"), bare))
    opened(page, run)
    facts = "Object.fromEntries([...document.querySelectorAll('#panel dt')].map((e) => [e.innerText, e.nextSibling.innerText]))"
    tab(page, "connection")
    seen = page.run(facts)
    assert seen["In cleartext"] == "EHLO, STARTTLS"
    assert seen["Inside TLS"] == "MAIL"
    assert tab(page, "transcript").startswith("inside TLS. Secrets are redacted.")
    inside = "[...document.querySelectorAll('.transcript .inside')].map((e) => e.innerText)"
    assert page.run(inside) == ["\tTLSv1.3, AES", "C:\tMAIL FROM:<a>"]
    page.press("j")
    assert tab(page, "transcript").startswith("Nothing was inside TLS.")
    assert page.run(inside) == []
    tab(page, "connection")
    assert page.run(facts)["TLS"] == "none: everything was sent in cleartext"


HOSTILE = (
    "</script><script>document.title='owned'</script>",
    "<!--<script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "\"'><svg onload=document.title='owned'>",
    "{{ 7 * 7 }}{% raw %}",
    "line\r\nInjected: yes",
    "\ud800 lone",
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_every_field_is_text(page, run, text):
    """Whatever a client sends, in any field, is shown as text and changes nothing."""
    smime = {
        "signed": False, "encrypted": False, "recipients": [], "warnings": [], "errant": [],
        "layers": [{"kind": text, "valid": False, "algorithms": [text], "problems": [], "warnings": []}],
        "problems": [{"code": text, "text": text}],
        "signers": [{"addresses": [text], "certificate": None, "digest": text, "signature_algorithm": text,
                     "signing_time": text, "valid": False, "trusted": None, "problems": []}],
    }  # fmt: skip
    said = {
        "subject": text, "from": text, "to": text, "mail_from": text, "rcpt_tos": [text], "message_id": text,
        "mail_options": [text], "rcpt_options": [text], "transcript": [f"C: {text}"], "smime": smime, "exempt": text, "smime_notice": text,
        "auth": {"mechanism": text, "username": text, "encrypted": True, "accepted": True},
        "transport": transport(ehlo=text, sni=text, alpn=text, cipher=text, server_host=text),
    }  # fmt: skip
    safe = text.encode("utf-8", "replace").decode().replace("\r\n", " ")
    raw = f'Subject: {safe}\r\nX-Odd: {safe}\r\nContent-Type: text/plain; name="{safe}"\r\n\r\n{safe}'.encode()
    run.test(
        f"test_mail[{text}]",
        (raw, said),
        outcome=text,
        worker=text,
        policy={"mode": text, "require": [text], "origin": text, "reason": text},
        violations=[
            {"requirement": text, "code": text, "text": text, "message": 1, "connection": None}
        ],
        connections=[
            connection(messages=[1], ended_by=text),
            connection(handshake_error=text, ended_by=text),
        ],
    )
    opened(page, run)
    assert page.run("document.scripts.length") == 3
    assert any(text.split("\r\n")[0].replace("\ud800", "") in row for row in rows(page))
    for item in ("t2", "m1", "t2-c1"):
        page.run(f"location.hash = '#{item}'")
        page.until(f"document.querySelector('.row[aria-selected=true]')?.id === 'row-{item}'")
        for name in page.run(
            "[...document.querySelectorAll('[role=tab]')].map((e) => e.id.slice(4))"
        ):
            tab(page, name)
            assert (
                page.run(
                    "document.querySelectorAll('main script, main img, main svg[onload]').length"
                )
                == 0
            )
    assert page.run("document.title") == "Mail of this run"
    assert page.complaints() == []


def test_what_deceives_the_eye_is_made_visible(page, run):
    """Control characters and direction marks are shown as code points, in the list and in the message."""
    run.test(
        "test_mail",
        (html_mail("x"), {"subject": "invoice\u202efdp.exe\u200b", "to": "a\r\nBcc: b"}),
    )
    opened(page, run)
    [_, row] = rows(page)
    assert "invoice⟨U+202E⟩fdp.exe⟨U+200B⟩" in row
    assert "to a⟨U+000D⟩⟨U+000A⟩Bcc: b" in row
    assert "⟨U+202E⟩" in page.run("document.querySelector('h2').innerText")


@pytest.fixture
def mailbox(run):
    """Three tests: a good one, one in cleartext that failed, one whose client refused."""
    run.test(
        "tests/test_a.py::test_good",
        (
            html_mail("x"),
            {"subject": "Welcome", "to": "alice@example.org", "rcpt_tos": ["alice@example.org"]},
        ),
    )
    cleartext = {
        "subject": "Reset your password",
        "to": "bob@example.org",
        "transport": transport(tls_version=None),
    }
    run.test("tests/test_b.py::test_bad", (html_mail("x"), cleartext), outcome="failed")
    refused = connection(handshake_error="client rejected the certificate: unknown CA")
    run.test("tests/test_c.py::test_refused", connections=[refused])
    return run


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        (["failed", "passed"], "2 messages · 1 test · "),
        (["failed", "failed"], "2 messages · 1 test · 1 failed · "),
    ],
)
def test_a_test_that_was_run_again(page, run, outcomes, words):
    """It is one test with the outcome of its last run; each run has a row that says which run it is."""
    for number, outcome in enumerate(outcomes):
        started = f"2026-11-25T10:00:0{number}.000+00:00"
        run.test("t.py::test", html_mail("x"), outcome=outcome, rerun=number, started=started)
    opened(page, run)
    assert page.run(TEXT % "totals").startswith(words)
    rows = page.run("[...document.querySelectorAll('.row.test')].map((e) => e.textContent)")
    assert [row.count("rerun 1") for row in rows] == [0, 1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("welcome", ["m1"]),
        ("to:bob", ["m3"]),
        ("to:welcome", []),
        ("subject:RESET password", ["m3"]),
        ('"your password"', ["m3"]),
        ("test:test_a", ["m1"]),
        ("unknown ca", ["t5-c0"]),
        ("nobody", []),
    ],
)
def test_search(page, mailbox, query, expected):
    """All words must occur; to:, from:, subject:, and test: limit where."""
    opened(page, mailbox)
    page.press("/")
    page.type(query)
    ids = page.run("[...document.querySelectorAll('.row:not(.test)')].map((e) => e.id.slice(4))")
    assert ids == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("cleartext", ["m3"]), ("failed", ["m3"]), ("refused", ["t5-c0"]), ("problems", ["m1", "m3"])],
)
def test_filters(page, mailbox, name, expected):
    """A filter shows what its name says, and a second click shows everything again."""
    opened(page, mailbox)
    click = f"document.querySelector('[data-filter={name}]').click()"
    page.run(click)
    ids = "[...document.querySelectorAll('.row:not(.test)')].map((e) => e.id.slice(4)).sort()"
    assert page.run(ids) == sorted(expected)
    page.run(click)
    assert page.run(ids) == ["m1", "m3", "t5-c0"]


def test_keys(page, mailbox):
    """j and k move, / searches, Esc cancels, Enter goes into the message, arrows change the tab."""
    opened(page, mailbox)
    assert selected(page) == "m1"
    page.press("j")
    assert selected(page) == "t4"
    page.press("ArrowDown")
    page.press("ArrowDown")
    assert selected(page) == "t5"
    page.press("k")
    assert selected(page) == "m3"
    page.press("/")
    page.type("welcome")
    assert page.run("document.activeElement.id") == "search"
    page.press("Enter")
    assert page.run("document.activeElement.id") == "list"
    assert selected(page) == "m1"
    page.press("Enter")
    assert page.run("document.activeElement.id") == "tab-html"
    page.press("ArrowRight")
    assert page.run("document.activeElement.id") == "tab-text"
    assert page.run("document.activeElement.getAttribute('aria-selected')") == "true"
    page.press("5")
    assert page.run("document.getElementById('panel').dataset.tab") == "checks"
    page.press("Escape")
    assert page.run("document.activeElement.id") == "list"


def test_a_screen_reader_is_told(page, mailbox):
    """The list is a listbox whose active option is in the page; tabs name their panel."""
    opened(page, mailbox)
    active = page.run("document.getElementById('list').getAttribute('aria-activedescendant')")
    assert page.run(f"document.getElementById({active!r}).getAttribute('role')") == "option"
    assert (
        page.run("document.getElementById('panel').getAttribute('aria-labelledby')") == "tab-html"
    )
    names = "[...document.querySelectorAll('button, iframe, input')].filter((e) => !(e.innerText || e.title || e.ariaLabel)).length"
    assert page.run(names) == 0


def test_dark_and_light(page, mailbox):
    """The report follows the system setting, and the button overrides it."""
    colour = "getComputedStyle(document.body).backgroundColor"
    opened(page, mailbox)
    seen = []
    for scheme in ("light", "dark"):
        page.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        seen.append(page.run(colour))
    assert seen[0] != seen[1]
    page.press("d")
    assert page.run("document.getElementById('theme').textContent") == "Light"
    assert page.run(colour) == seen[0]


def test_the_chosen_colours_are_kept(page, mailbox, chromium):
    """The chosen colors survive a reload, and apply to no other profile."""
    chosen = "document.getElementById('theme').textContent"
    opened(page, mailbox)
    page.press("d")
    page.press("d")
    opened(page, mailbox)
    assert page.run(chosen) == "Dark"
    with chromium.page() as other:
        opened(other, mailbox)
        assert other.run(chosen) == "Auto"


def test_a_narrow_page_shows_one_thing_at_a_time(page, mailbox):
    """On a phone, the list is shown, then the message, then the list again."""
    page.size(390, 800)
    opened(page, mailbox)
    visible = "[document.querySelector('.list-pane'), document.querySelector('.detail')].map((e) => e.offsetWidth > 0)"
    assert page.run(visible) == [True, False]
    page.run("document.querySelector('.row.message').click()")
    assert page.run(visible) == [False, True]
    page.run("document.querySelector('.back').click()")
    assert page.run(visible) == [True, False]
    assert page.run("document.documentElement.scrollWidth") <= 390


def test_more_than_a_thousand_messages(page, run):
    """Only the visible rows are in the page, but all of them are searched."""
    run.test("test_many", *[(html_mail("x"), {"subject": f"number {n}"}) for n in range(1200)])
    opened(page, run)
    assert "1,200 messages" in page.run(TEXT % "totals")
    assert page.run("document.querySelectorAll('.row').length") < 100
    page.press("End")
    assert selected(page) == "m1200"
    page.press("/")
    page.type('subject:"number 1121"')
    assert page.run("[...document.querySelectorAll('.row.message')].map((e) => e.id)") == [
        "row-m1122"
    ]


def test_a_huge_mail_is_cut(page, run):
    """The report contains the beginning of a 16 MB mail, with a notice; what is beyond is only listed."""
    filler = (b"QUJD" * 19 + b"\r\n") * 5000
    head = html_mail("").replace(b"text/html; charset=utf-8", b'multipart/mixed; boundary="b"')
    raw = (
        head + b"--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
        + b"--b\r\nContent-Disposition: attachment; filename=big.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + filler * 45
        + b"\r\n--b\r\nContent-Disposition: attachment; filename=last.txt\r\n\r\nend\r\n--b--\r\n"
    )  # fmt: skip
    assert len(raw) > 16_000_000
    run.test("test_big", raw)
    opened(page, run)
    assert run.path.stat().st_size < 3_000_000
    assert "This message is truncated" in page.run("document.querySelector('.note.warn').innerText")
    assert page.run("document.querySelectorAll('.attachments li').length") == 2
    assert page.run("document.querySelectorAll('.attachments button').length") == 0
    assert tab(page, "text") == "hello"


def test_a_run_without_mail(page, run):
    """The report of an empty run opens, and says so."""
    opened(page, run)
    assert page.run(TEXT % "totals") == "0 messages · 0 tests"
    assert page.complaints() == []


def test_a_link_leads_to_a_message(page, mailbox):
    """The report's address with a message's id opens that message."""
    opened(page, mailbox, "m3")
    assert selected(page) == "m3"
    assert json.loads(page.run("JSON.stringify(location.hash)")) == "#m3"
