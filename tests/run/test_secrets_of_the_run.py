"""No password, no AUTH blob and no private key appears in anything that a run prints or writes."""

from __future__ import annotations

import base64
import html
import json
import re

import pytest
from _optional_parts import needs_smime
from cryptography.hazmat.primitives.serialization import load_pem_private_key

SECRET = "correctHorseBatteryStaple"
REFUSED = "wrongHorseBatteryStaple"
# Not in the tests, whose source is shown where they fail.
VAULT = f"""
import base64, json, pathlib, smtplib, ssl

SECRET, REFUSED = {SECRET!r}, {REFUSED!r}
MAIL = b"From: noreply@example.org\\r\\nTo: bob@example.org\\r\\nSubject: Your order\\r\\n\\r\\nHello\\r\\n"

def b64(text):
    return base64.b64encode(text.encode()).decode()

def blob(word):
    return b64(f"\\0shop\\0{{word}}")

def keep(*keys):
    path = pathlib.Path("keys.json")
    path.write_text(json.dumps([key.decode() for key in keys]))

def talk(trap, *dialogues, tls=True, certificate=None):
    context = ssl.create_default_context(cafile=trap.ca_file)
    if certificate is not None:
        certificate.configure_cert(context)
    with smtplib.SMTP(trap.host, trap.port, timeout=10) as client:
        if tls:
            client.starttls(context=context)
        client.ehlo()
        for line in dialogues:
            client.docmd(line)
        client.sendmail("noreply@example.org", ["bob@example.org"], MAIL)
"""
SUITE = """
import vault
import pytest

@pytest.mark.mailtrap(credentials=("shop", vault.SECRET), client_certificates="request")
def test_login(mailtrap, mailtrap_ca):
    me, certificate = mailtrap.smime_identity("noreply@example.org"), mailtrap_ca.issue_cert("c@example.org")
    vault.keep(
        me.private_key_pem,
        certificate.private_key_pem.bytes(),
        mailtrap_ca.private_key_pem.bytes(),
    )
    vault.talk(mailtrap, "AUTH PLAIN " + vault.blob(vault.SECRET), certificate=certificate)
    vault.talk(mailtrap, "AUTH PLAIN", vault.blob(vault.SECRET))
    vault.talk(mailtrap, "AUTH LOGIN " + vault.b64("shop"), vault.b64(vault.SECRET))
    vault.talk(mailtrap, "AUTH PLAIN " + vault.blob(vault.REFUSED))
    vault.talk(mailtrap, "AUTH LOGIN", vault.b64("shop"), vault.b64(vault.REFUSED))
    vault.talk(mailtrap, "AUTH PLAIN", vault.SECRET, "AUTH XOAUTH2 " + vault.b64(vault.SECRET))
    assert not mailtrap

@pytest.mark.mailtrap(credentials=("shop", vault.SECRET), auth_without_tls=True)
def test_shows_it(mailtrap):
    vault.talk(mailtrap, "AUTH PLAIN " + vault.blob(vault.SECRET), tls=False)

@pytest.mark.mailtrap(credentials=("shop", vault.SECRET))
def test_is_refused(mailtrap):
    vault.talk(mailtrap, "AUTH LOGIN", vault.b64("shop"), vault.b64(vault.REFUSED), tls=False)
"""
# The same with the secret in a test's name and in a subject: now it is to be found everywhere.
OPEN = f"""
import vault
import pytest

@pytest.mark.parametrize("word", ["{SECRET}"])
def test_order(mailtrap, word):
    print(word)
    vault.MAIL = vault.MAIL.replace(b"Your order", word.encode())
    vault.talk(mailtrap, tls=False)
    assert not mailtrap
"""
OPTIONS = [
    *("--showlocals", "-vv", "-rA", "--log-level=DEBUG", "--log-file=out/log.txt"),
    *("--mailtrap-policy=enforce", "--mailtrap-require=auth-over-tls,tls"),
    *("--mailtrap-save=out/mail", "--mailtrap-report=out/mail.html"),
    *("--junitxml=out/junit.xml", "--mailtrap-junit-properties=true", "-ojunit_logging=all"),
    *("--html=out/pytest.html", "--self-contained-html"),
]
OUTPUTS = {"terminal", "mail.html", "mail.json", "0001.eml", "junit.xml", "pytest.html", "step.md"}


def b64(text):
    return base64.b64encode(text.encode()).decode()


def spellings(word):
    """*word* in each form in which it may have been sent or stored, including inside a longer base64 text."""
    return [word, word.encode().hex(), b64(word), b64(f"\0shop\0{word}"), *inside(word.encode())]


def spellings_of_key(pem):
    """The private number of a key: the only secret in it."""
    number = load_pem_private_key(pem.encode(), None).private_numbers().private_value
    secret = number.to_bytes(32, "big")
    # Pieces, as PEM breaks it into lines.
    pieces = [piece[start:][:16] for piece in inside(secret) for start in (0, 16)]
    return [str(number), f"{number:x}", secret.hex(":"), *pieces]


def inside(secret):
    """What *secret* becomes inside a longer base64 text, for each possible offset."""
    return [base64.b64encode(b"\0" * skip + secret).decode()[4:-4] for skip in range(3)]


def readings(text):
    """*text* as it is, and what it contains when read as HTML, as JSON, and with its base64 parts decoded."""
    plain = html.unescape(html.unescape(text))
    yield text
    yield plain
    yield plain.replace("\\n", "\n").replace("\\/", "/")
    for found in re.findall(r"[A-Za-z0-9+/]{24,}", plain):
        yield base64.b64decode(found[: len(found) // 4 * 4]).decode("latin-1")


def found_in(text, secrets):
    seen = [*readings(text)]
    return {secret for secret in secrets if any(secret in reading for reading in seen)}


def who_tells(texts, secrets):
    """The outputs that contain one of *secrets*."""
    return {name for name, text in texts.items() if found_in(text, secrets)}


@pytest.fixture
def outputs(project, pytester, monkeypatch):
    """Run the project with everything that writes output; return the text of each output, by name."""
    pytest.importorskip("jinja2", reason="the report needs Jinja2")
    pytest.importorskip("pytest_html", reason="pytest-html is not installed")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.mkdir("out") / "step.md"))
    pytester.makepyfile(vault=VAULT)

    def run(source):
        result = project(source, *OPTIONS)
        texts = {"terminal": result.stdout.str() + result.stderr.str()}
        for path in (pytester.path / "out").rglob("*.*"):
            texts[path.name] = texts.get(path.name, "") + path.read_text("utf-8")
        assert texts.keys() >= OUTPUTS
        return result, texts

    return run


@needs_smime
def test_no_password_is_in_any_output(outputs):
    """However it was sent, accepted or not, inside TLS or not: no output contains it, in any encoding."""
    result, texts = outputs(SUITE)
    result.assert_outcomes(failed=3)
    assert who_tells(texts, [*spellings(SECRET), *spellings(REFUSED)]) == set()
    assert texts["mail.json"].count("[redacted]") >= 9
    assert "connection sent a password in cleartext" in texts["terminal"]


@needs_smime
def test_no_private_key_is_in_any_output(outputs, pytester):
    """Not the CA's, not a client's, and not that of an S/MIME identity."""
    _, texts = outputs(SUITE)
    keys = json.loads((pytester.path / "keys.json").read_text())
    secrets = [word for key in keys for word in spellings_of_key(key)]
    assert who_tells(texts, ["PRIVATE KEY", *secrets]) == set()
    # The negative control: the keys themselves.
    assert [bool(found_in(key, spellings_of_key(key))) for key in keys] == [True] * 3


def test_the_search_finds_what_is_there(outputs):
    """The negative control: a test that prints the password itself has it in every output."""
    result, texts = outputs(OPEN)
    result.assert_outcomes(failed=1)
    assert who_tells(texts, [SECRET]) >= OUTPUTS


@pytest.mark.parametrize("number", range(7))
def test_the_search_finds_each_spelling(number):
    """The negative control: it may be hidden in JSON within HTML, or within a longer base64 text."""
    spelling = spellings(SECRET)[number]
    page = html.escape(json.dumps({"a": f"x\n{spelling}\n"}))
    assert found_in(page, set(spellings(SECRET)))
    assert found_in(b64(f"before\n{spelling} after"), set(spellings(SECRET)))
    assert not found_in(page.replace(spelling, "[redacted]"), set(spellings(SECRET)))
