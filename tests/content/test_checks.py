"""The remarks on content: each is made on a message with exactly one thing wrong, and not on any other."""

from __future__ import annotations

import re

import pytest

from pytest_mailtrap._content import remarks as _remarks
from pytest_mailtrap._content.mail import Envelope, Mail
from pytest_mailtrap._content.reading import read
from pytest_mailtrap._content.remark_table import MEANINGS
from pytest_mailtrap._content.wire_format import wire_format

HEAD = """\
From: Shop <shop@example.org>
To: bob@example.com
Subject: Your order
Date: Wed, 25 Nov 2026 10:00:00 +0000
Message-ID: <1@example.org>
MIME-Version: 1.0
"""
HTML = '<html lang="en"><p>Thank you. <a href="https://shop.example.org/1">Your order</a> <img src="cid:logo" alt="Shop"></p></html>'
GOOD = f"""{HEAD}\
List-Unsubscribe: <https://shop.example.org/u>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
Content-Type: multipart/mixed; boundary=a

--a
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=utf-8

Thank you for your order.
--b
Content-Type: multipart/related; boundary=c

--c
Content-Type: text/html; charset=utf-8

{HTML}
--c
Content-Type: image/png
Content-ID: <logo>
Content-Transfer-Encoding: base64

aWNvbg==
--c--
--b--
--a
Content-Type: application/pdf
Content-Disposition: attachment; filename="invoice.pdf"
Content-Transfer-Encoding: base64

JVBERg==
--a--
"""
WORDS = "Thank you for your order."
UNSUBSCRIBE = "List-Unsubscribe: <https://shop.example.org/u>\n"
ONE_CLICK = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\n"
LINK = "https://shop.example.org/1"
TEXT_PART = f"Content-Type: text/plain; charset=utf-8\n\n{WORDS}\n--b\n"

# What is replaced by what, and what is then remarked, with what it is about.
BROKEN = [
    ("Date: Wed, 25 Nov 2026 10:00:00 +0000\n", "", "date-missing", ""),
    ("Wed, 25 Nov 2026 10:00:00 +0000", "tomorrow", "date-unreadable", "tomorrow"),
    ("From: Shop <shop@example.org>\n", "", "from-missing", ""),
    ("Shop <shop@example.org>", "Shop", "from-unreadable", "Shop"),
    ("Shop <shop@example.org>", "root@localhost", "from-local envelope-other-domain", "root@localhost"),
    ("Shop <", '"help@bank.example" <', "from-name-is-address", "help@bank.example"),
    ("<shop@example.org>", "<shop@example.net>", "envelope-other-domain", "example.org, example.net"),
    ("Message-ID: <1@example.org>\n", "", "message-id-missing", ""),
    ("Subject: Your order\n", "", "subject-missing", ""),
    ("Your order\nDate", f"{'Long ' * 21}\nDate", "subject-long", "104 characters"),
    ("Subject: Your order", "Subject: YOUR ORDER, NOW", "subject-shouts", ""),
    ("To: bob@example.com\n", "", "recipients-missing", ""),
    ("To: bob", "Bcc: eve@example.com\nTo: bob", "bcc-visible", "eve@example.com"),
    ("To: bob", "Subject: again\nTo: bob", "field-repeated", "Subject"),
    ("Subject: Your", "Subject: Your\u202e", "control-characters header-8bit", "Subject"),
    ("Subject: Your", "Subject: Yoür", "header-8bit", ""),
    ("Thank you for", "Thank you\n for", "bare-newline", ""),
    (WORDS, "x" * 999, "line-too-long", ""),
    ("; boundary=b", "", "boundary-missing", "part 1"),
    ("--a--\n", "", "boundary-unclosed", ""),
    ("MIME-Version: 1.0\n", "", "mime-version-missing", ""),
    ("plain; charset=utf-8", "plain; charset=klingon", "charset-unknown", "klingon"),
    ("plain; charset=utf-8\n\nThank", "plain; charset=ascii\n\nDänk", "charset-wrong", "ascii"),
    ("plain; charset=utf-8\n\nThank", "plain\n\nDänk", "charset-missing", ""),
    (TEXT_PART, "", "text-alternative-missing", ""),
    (WORDS, " ", "text-alternative-empty", ""),
    ("Thank you for your", "Hello {{ name }}, your", "placeholder", "text: {{ name }}"),
    ("Thank you. ", "Dear None, ", "placeholder", "HTML: Dear None"),
    (LINK, "https://[shop/", "link-unreadable", "https://[shop/"),
    (LINK, "javascript:go()", "link-scheme", "javascript:go()"),
    (LINK, "/orders/1", "link-relative", "/orders/1"),
    (LINK, "http://shop.example.org/1", "link-http", "http://shop.example.org/1"),
    (LINK, "https://bank@evil.example/", "link-userinfo", "https://bank@evil.example/"),
    (LINK, "https://localhost:8000/1", "link-local", "https://localhost:8000/1"),
    (LINK, "https://198.51.100.7/1", "link-ip-address", "https://198.51.100.7/1"),
    (LINK, "https://xn--shp-fna.example/", "link-idn", "https://xn--shp-fna.example/"),
    (">Your order<", ">https://bank.example<", "link-other-host", LINK),
    (' alt="Shop"', "", "image-alt-missing", "1 of 1 images"),
    ("cid:logo", "cid:other", "image-part-missing", "cid:other"),
    ('src="cid:logo"', 'src="data:image/gif;base64,R0"', "image-data-uri", ""),
    ("</p>", '<img src="https://a.example/1" alt=""></p>', "remote-image", "https://a.example/1"),
    ("</p>", '<img src="https://a.example/1" width=1 height=1></p>', "tracking-pixel", "https://a.example/1"),
    ("</p>", "<style>p{background:url(https://a.example/1)}</style>", "remote-content", "https://a.example/1"),
    ("</p>", "<form></form></p>", "active-content", "form"),
    ("<p>", '<p onclick="go()">', "event-handlers", ""),
    (' lang="en"', "", "language-missing", ""),
    ("</p>", "&nbsp;" * 18_000 + "</p>", "html-clipped line-too-long", "105 kB"),
    (UNSUBSCRIBE + ONE_CLICK, "List-Id: <news.example.org>\n", "list-unsubscribe-missing", ""),
    ("<https://shop.example.org/u>", "https://shop.example.org/u", "list-unsubscribe-unreadable", "https://shop.example.org/u"),
    (ONE_CLICK, "", "one-click-missing", ""),
    (UNSUBSCRIBE, "", "one-click-alone", ""),
    ("=One-Click", "=Yes", "one-click-wrong", "List-Unsubscribe=Yes"),
    ("<https://shop.example.org/u>", "<mailto:u@example.org>", "one-click-without-https", "<mailto:u@example.org>"),
    ('; filename="invoice.pdf"', "", "attachment-nameless", "application/pdf"),
    ("invoice.pdf", "invoice.pdf.exe", "attachment-executable", "invoice.pdf.exe"),
    ("invoice.pdf", "=?utf-8?q?fdp=E2=80=AE.txt?=", "attachment-name-deceptive", "fdp\u202e.txt"),
]  # fmt: skip


def remarks(text: str) -> dict[str, str]:
    """The codes of the remarks on a message, and what each is about."""
    raw = text.replace("\n", "\r\n").replace("\r\n for", "\n for").encode()
    mail = Mail(
        content=read(raw),
        wire_format=wire_format(raw),
        envelope=Envelope(mail_from="bounce@example.org", rcpt_tos=("bob@example.com",)),
    )
    return {remark.code: remark.about for remark in _remarks.remarks(mail)}


def test_a_good_mail_is_not_remarked_on():
    """The control for all the others: text, HTML, an inline image, an attachment, one-click unsubscribe."""
    assert remarks(GOOD) == {}


@pytest.mark.parametrize(
    ("good", "broken", "codes", "about"), BROKEN, ids=[f"{n}-{row[2].split()[0]}" for n, row in enumerate(BROKEN)]
)  # fmt: skip
def test_one_thing_is_wrong(good, broken, codes, about):
    """The same message with one thing broken: the remarks are that one, those that follow from it, and no others."""
    assert good in GOOD
    found = remarks(GOOD.replace(good, broken, 1))
    first, *others = [code for code in codes.split() if code in MEANINGS]
    assert set(found) == {first, *others}
    assert found[first] == about


def test_html_before_text_is_remarked():
    """Mail clients show the last alternative."""
    html = f"Content-Type: text/html\n\n<html lang=en>{WORDS}</html>\n"
    text = f"Content-Type: text/plain\n\n{WORDS}\n"
    head = f"{HEAD}Content-Type: multipart/alternative; boundary=b\n\n"
    assert remarks(f"{head}--b\n{text}--b\n{html}--b--\n") == {}
    assert remarks(f"{head}--b\n{html}--b\n{text}--b--\n") == {"alternatives-reversed": ""}


def test_comments_without_end_are_no_address():
    """Whatever a field holds, the other faults still get their remarks."""
    broken = GOOD.replace("Shop <", "(" * 8000).replace('lang="en"', "")
    assert set(remarks(broken)) == {"from-unreadable", "language-missing", "line-too-long"}


def test_letters_that_get_longer_in_lower_case_hide_nothing():
    """What follows such letters is found at its true position, and reported in the sender's spelling."""
    html = 20 * "\u0130" + '<style></style><a href="http://Shop.Example/A">'
    assert remarks(GOOD.replace("Thank you. ", html)) == {"link-http": "http://Shop.Example/A"}
    html = 20 * "\u0130" + "<STYLE>p{background:URL(https://A.Example/B)}</STYLE>"
    assert remarks(GOOD.replace("Thank you. ", html)) == {"remote-content": "https://A.Example/B"}


def test_every_remark_is_tested():
    """Every code has a message that triggers it."""
    shown = {code for row in BROKEN for code in row[2].split()} | {"alternatives-reversed"}
    assert set(MEANINGS) - shown == set()


def test_every_remark_is_a_sentence():
    """It ends with a period, and its reference, if any, names a document and a section."""
    for code, meaning in MEANINGS.items():
        assert re.fullmatch(r"[A-Z<].*\.", meaning.text), code
        for part in meaning.reference.split("; ") if meaning.reference else ():
            assert re.fullmatch(r"(RFC \d{4}|WCAG 2\.2), \d[\d.]*", part), code
