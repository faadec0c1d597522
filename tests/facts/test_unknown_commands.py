"""Lines that are not commands: what could be a secret is hidden, and what tells the client apart is shown."""

from __future__ import annotations

import base64

import pytest

from pytest_mailtrap._facts.unknown_commands import is_command, shown

SHOWN = [
    "XCLIENT",
    "MEIL FROM:<a@example.org>",
    "RCTP TO:<b+tag@example.org> NOTIFY=NEVER",
    "HELLO",
    "GET / HTTP/1.1",
    "POST /index.html HTTP/1.0",
    "Hello Bob, your order has arrived.",
    "",
]
HIDDEN = {
    "hunter2": "[redacted]",
    "swordfish": "[redacted]",
    "Swordfish": "[redacted]",
    "aHVudGVyMg==": "[redacted]",
    "Zm9vYmFyYmF6": "[redacted]",
    "shop hunter2": "shop [redacted]",
    "Your code is 471112": "Your code is [redacted]",
    "BEARER eyJhbGciOi.eyJz": "BEARER [redacted]",
    "Authorization: Basic c2hvcDpo": "Authorization: [redacted]",
    "Cookie: session=x": "Cookie: [redacted]",
    "GET /?token=hunter2 HTTP/1.1": "GET [redacted] HTTP/1.1",
    "USER shop": "USER [redacted]",
    "pass sword fish": "pass [redacted]",
    "a1 LOGIN shop swordfish": "[redacted] LOGIN [redacted]",
    "a LOGIN shop swordfish": "a LOGIN [redacted]",
    "\x16\x03\x01": "[redacted]",
}


@pytest.mark.parametrize("line", SHOWN)
def test_what_is_shown(line):
    """Typing errors, other protocols, and the body of a message that came too early can be recognized."""
    assert shown(line.encode()) == line.encode()


@pytest.mark.parametrize(("line", "expected"), HIDDEN.items())
def test_what_is_hidden(line, expected):
    """A word that could be a password, a token or their base64, and what follows the login of another protocol."""
    assert shown(line.encode("latin-1")) == expected.encode()


@pytest.mark.parametrize(
    "password", ["secret", "pässwörd", "correct horse", "0123456789", "A" * 30]
)
@pytest.mark.parametrize("form", ["{}", "\0shop\0{}", "shop:{}"])
def test_no_base64_is_shown(password, form):
    """Whatever the password is: its base64 in one word is never shown."""
    coded = base64.b64encode(form.format(password).encode())
    assert coded not in shown(coded)
    assert coded not in shown(b"TOKEN " + coded)


@pytest.mark.parametrize(
    ("word", "expected"),
    [(b"EHLO", True), (b"ehlo", True), (b"Mail", True), (b"GET", True), (b"swordfish", False), (b"", False)],
)  # fmt: skip
def test_what_looks_like_a_command(word, expected):
    """A command of SMTP in any spelling, or capitals."""
    assert is_command(word) is expected
