"""The passwords that the trap knows are removed from the application's output, however they are encoded there."""

from __future__ import annotations

import base64
import html
import json
import urllib.parse

import pytest

from pytest_mailtrap._hostile.redaction import Redactor

PASSWORD = 'Pr0d/"Secret" +4711\u00e9&<\''
RAW = PASSWORD.encode()


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


WRITTEN = {
    "plain": PASSWORD,
    "quoted": urllib.parse.quote(PASSWORD),
    "all quoted": urllib.parse.quote(PASSWORD, safe=""),
    "form": urllib.parse.quote_plus(PASSWORD),
    "lower-case escapes": urllib.parse.quote(PASSWORD, safe="").replace("%2F", "%2f"),
    "repr": repr([PASSWORD]),
    "json": json.dumps({"password": PASSWORD}),
    "html": html.escape(PASSWORD),
    "html without quotes": html.escape(PASSWORD, quote=False),
    "html of a template": PASSWORD.translate({34: "&#34;", 38: "&amp;", 39: "&#39;", 60: "&lt;"}),
    "html of PHP": html.escape(PASSWORD).replace("&#x27;", "&#039;"),
    "html in ASCII": html.escape(PASSWORD).encode("ascii", "xmlcharrefreplace").decode(),
    "json in html": html.escape(json.dumps({"password": PASSWORD})),
    "bytes": repr(RAW),
    "base64": b64(RAW),
    "urlsafe base64": base64.urlsafe_b64encode(RAW).decode(),
    "AUTH PLAIN": b64(b"\0shop\0" + RAW),
    "AUTH PLAIN with an authorization identity": b64(b"shop\0shop\0" + RAW),
    **{f"in the middle of base64, {n}": b64(b"x" * n + RAW + b"rest") for n in range(4)},
}


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
def test_password_is_taken_out(text):
    """Nothing of it remains, and the text around it stays."""
    redactor = Redactor({"shop": PASSWORD})
    assert redactor.finds_any(text)
    redacted = redactor(f"cannot log in: {text} at smtp.example.org")
    assert "[redacted]" in redacted
    assert not redactor.finds_any(redacted)
    assert redacted.startswith("cannot log in: ")
    assert redacted.endswith(" at smtp.example.org")


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
def test_other_texts_stay(text):
    """The control: with a different password, the same texts are unchanged."""
    redactor = Redactor({"shop": "another-secret"})
    assert redactor(text) == text
    assert not redactor.finds_any(text)


def test_every_password_is_looked_for():
    """The longer password is replaced first, so that no part of it is left."""
    assert (
        Redactor({"a": "secret", "b": "secret-2"})("secret-2, secret") == "[redacted], [redacted]"
    )


@pytest.mark.parametrize("text", ["exit", "box", "0x10"])
def test_short_password_leaves_words_alone(text):
    """A one-letter password is redacted only as a separate word."""
    redactor = Redactor({"shop": "x"})
    assert redactor(text) == text
    assert redactor(f"{text} x {b64(b'x')}") == f"{text} [redacted] [redacted]"


@pytest.mark.parametrize("before", ["shop_", "\x1b[31m", "%3A", "\\x00", "\\n", "\\000", "x"])
def test_what_stands_before_it_does_not_hide_it(before):
    """A color code, an escape or another word: redacting a similar word is better than showing a password."""
    assert Redactor({"shop": "hunter"})(f"{before}hunter2") == f"{before}[redacted]2"


def test_without_passwords_nothing_is_redacted():
    """An empty password would match any text, so it is ignored."""
    assert Redactor({})("text") == Redactor({"shop": ""})("text") == Redactor()("text") == "text"
