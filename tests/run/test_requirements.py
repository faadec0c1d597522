"""Each requirement enforces what it says, tested with mail that meets it and the same mail with one thing missing."""

from __future__ import annotations

import pytest
from _optional_parts import needs_smime

from pytest_mailtrap._assertions.requirements import REQUIREMENTS, includes, parse_requirements
from pytest_mailtrap._run.policy import Policy

SIGN = """
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

HEAD = b"From: noreply@example.org\\r\\nTo: bob@example.org\\r\\nSubject: Invoice\\r\\n"
PART = b"Content-Type: text/plain\\r\\n\\r\\nInvoice 4711\\r\\n"

def signed(trap):
    me = trap.smime_identity("noreply@example.org")
    builder = pkcs7.PKCS7SignatureBuilder().set_data(PART)
    builder = builder.add_signer(me.certificate, me.private_key, SHA256())
    return HEAD + builder.sign(Encoding.SMIME, [pkcs7.PKCS7Options.DetachedSignature])

def encrypted(trap, *readers):
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(PART)
    for reader in readers:
        builder = builder.add_recipient(trap.smime_identity(reader, key="rsa-2048").certificate)
    return HEAD + b"\\r\\n".join(builder.encrypt(Encoding.SMIME, []).splitlines()) + b"\\r\\n"

def with_certificate(trap, ca):
    context = ssl.create_default_context(cafile=str(trap.ca_file))
    ca.issue_cert("client@example.org").configure_cert(context)
    with smtplib.SMTP(trap.host, trap.port, timeout=10) as client:
        client.starttls(context=context)
        client.sendmail(FROM, TO, MAIL)

def shows_password(trap):
    with smtplib.SMTP(trap.host, trap.port, timeout=10) as client:
        client.ehlo()
        client.docmd("AUTH PLAIN AGJvYgBodW50ZXIy")
"""
CASES = [
    ("tls", "send(mailtrap)", "send(mailtrap, tls=False)", "sent in cleartext"),
    (
        "tls>=1.3",
        "send(mailtrap)",
        "send(mailtrap, maximum=ssl.TLSVersion.TLSv1_2)",
        "sent over TLS older than TLSv1.3",
    ),
    ("auth", "send(mailtrap, login=True)", "send(mailtrap)", "sent without authentication"),
    (
        "auth-over-tls",
        "send(mailtrap, tls=False)",
        "shows_password(mailtrap)",
        "1 connection sent a password in cleartext",
    ),
    (
        "verified-client-certificate",
        "with_certificate(mailtrap, mailtrap_ca)",
        "send(mailtrap)",
        "came without a client certificate",
    ),
    (
        "smime-signed",
        "send(mailtrap, mail=signed(mailtrap))",
        "send(mailtrap, mail=signed(mailtrap).replace(b'4711', b'4712'))",
        "not validly signed",
    ),
    (
        "smime-encrypted",
        "send(mailtrap, mail=encrypted(mailtrap, 'bob@example.org'))",
        "send(mailtrap, mail=encrypted(mailtrap, 'eve@example.org'))",
        "not properly encrypted",
    ),
]
IDS = [case[0] for case in CASES]


def run(project, requirement, line):
    source = (
        f"{SIGN}\n@pytest.mark.mailtrap(client_certificates='request')\n"
        f"def test_order(mailtrap, mailtrap_ca):\n    {line}\n"
    )
    return project(source, "--mailtrap-policy=enforce", f"--mailtrap-require={requirement}")


@needs_smime
@pytest.mark.parametrize(("requirement", "good", "bad", "words"), CASES, ids=IDS)
def test_mail_that_meets_it_passes(project, requirement, good, bad, words):
    """Everything required is there, so the test passes."""
    del bad, words
    run(project, requirement, good).assert_outcomes(passed=1)


@needs_smime
@pytest.mark.parametrize(("requirement", "good", "bad", "words"), CASES, ids=IDS)
def test_mail_that_does_not_meet_it_fails(project, requirement, good, bad, words):
    """One thing is missing: the first line says what, the last lines what requires it, in 18 lines of 72 columns."""
    del good
    result = run(project, requirement, bad)
    result.assert_outcomes(failed=1)
    lines = result.stdout.lines
    start = next(n for n, line in enumerate(lines) if line.startswith("____")) + 1
    end = next(n for n, line in enumerate(lines) if line.startswith("To exempt this test: "))
    text = lines[start : end + 1]
    assert words in text[0]
    assert len(text) <= 18
    assert max(map(len, text)) <= 72
    assert f"Policy enforce: {requirement}" in "\n".join(text)


@needs_smime
@pytest.mark.parametrize("requirement", ["smime-signed", "smime-encrypted"])
def test_mail_without_smime_fails_what_demands_it(project, requirement):
    """A plain message has neither signature nor encryption, and no S/MIME code has to be called."""
    run(project, requirement, "send(mailtrap)").assert_outcomes(failed=1)


@needs_smime
def test_the_other_requirements_that_are_not_met_are_named(project):
    """One failure explains the first unmet requirement and names the others."""
    result = run(project, "tls,smime-signed,auth", "send(mailtrap, tls=False)")
    result.stdout.fnmatch_lines(["the message*cleartext", "Also not met: smime-signed, auth."])


@needs_smime
@pytest.mark.parametrize(
    ("requirement", "mail"),
    [
        ("smime-signed", "signed(mailtrap).replace(b'From: noreply', b'From: other')"),
        ("smime-encrypted", "encrypted(mailtrap, 'bob@example.org', EVIL)"),
    ],
)
@pytest.mark.parametrize("mode", ["enforce", "testing"])
def test_a_certificate_cannot_write_on_the_terminal(project, requirement, mail, mode):
    """What a certificate says about its owner is shown with control characters escaped."""
    source = SIGN.replace('smime_identity("noreply@example.org")', "smime_identity(EVIL)")
    source += f"""
EVIL = "eve" + chr(27) + "[31m@example.org"
def test_order(mailtrap): send(mailtrap, mail={mail})
"""
    options = (f"--mailtrap-policy={mode}", f"--mailtrap-require={requirement}", "--color=no")
    text = project(source, *options).stdout.str()
    assert "eve\\x1b[31m@example.org" in text
    assert "\x1b" not in text


def test_includes_knows_what_a_requirement_implies():
    """TLS 1.3 includes TLS; a signature does not include encryption."""
    assert includes(["tls>=1.3"], ["tls", "tls>=1.2"])
    assert includes(["tls"], ["tls>=1.2"])
    assert includes(["tls>=1.2"], ["tls"])
    assert not includes(["tls"], ["tls>=1.3"])
    assert includes(["auth"], ["auth-over-tls"])
    assert not includes(["auth-over-tls"], ["auth"])
    assert not includes(["smime-signed"], ["smime-encrypted"])
    assert not includes([], ["tls"])


@needs_smime
@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_requirement_can_be_written(name):
    """The spelling used in the table is understood, in any case and with blanks."""
    assert parse_requirements([f" {name.upper()} ", name]) == (name,)


@pytest.mark.parametrize(
    ("this", "that", "weaker"),
    [
        (Policy(mode="none"), Policy(mode="none"), False),
        (Policy(mode="none"), Policy(mode="testing", require=("tls",)), True),
        (Policy(mode="enforce", require=("tls",)), Policy(mode="testing", require=("tls",)), False),
        (Policy(mode="enforce"), Policy(mode="testing", require=("tls",)), True),
        (
            Policy(mode="enforce", require=("tls>=1.3",)),
            Policy(mode="enforce", require=("tls",)),
            False,
        ),
        (
            Policy(mode="enforce", require=("tls",)),
            Policy(mode="enforce", require=("tls>=1.3",)),
            True,
        ),
    ],
)
def test_weaker_means_that_some_mail_passes(this, that, weaker):
    """The order of the modes decides, then what the requirements include."""
    assert this.is_weaker_than(that) is weaker
