"""The exact, complete text that a user reads under a failing test; each next to the same application done right."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

APPLICATION = """
    import email
    import smtplib
    from email import policy

    import pytest
    from cryptography.hazmat.primitives.ciphers.algorithms import AES256
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

    HEAD = b"From: alice@example.org\\r\\nTo: bob@example.org\\r\\nSubject: Invoice\\r\\n"
    PART = b"Content-Type: text/plain\\r\\n\\r\\nInvoice 4711\\r\\n"
    DETACHED = pkcs7.PKCS7Options.DetachedSignature

    def crlf(text):
        return text.replace(b"\\r\\n", b"\\n").replace(b"\\n", b"\\r\\n")

    def signed(identity, part=PART, *options):
        builder = pkcs7.PKCS7SignatureBuilder().set_data(part)
        builder = builder.add_signer(identity.certificate, identity.private_key, SHA256())
        return HEAD + crlf(builder.sign(Encoding.SMIME, list(options)))

    def encrypted(*readers):
        builder = pkcs7.PKCS7EnvelopeBuilder().set_data(PART)
        builder = builder.set_content_encryption_algorithm(AES256)
        for reader in readers:
            builder = builder.add_recipient(reader.certificate)
        return HEAD + crlf(builder.encrypt(Encoding.SMIME, [pkcs7.PKCS7Options.Binary]))

    def send(mailtrap, mail, *recipients):
        with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
            client.sendmail("alice@example.org", recipients or ["bob@example.org"], mail)

    @pytest.fixture
    def alice(smime_identity):
        return smime_identity("alice@example.org")

    @pytest.fixture
    def bob(smime_identity):
        return smime_identity("bob@example.org", key="rsa-2048")
"""

RIGHT = """
    def test_signed(mailtrap, alice):
        send(mailtrap, signed(alice, PART.replace(b"\\r\\n", b"\\n"), DETACHED))
        mailtrap.assert_smime_signed()

    def test_bytes(mailtrap, alice):
        part = b"X-Ticket:  <0123456789.0123456789@tickets.example.org>\\r\\n" + PART
        send(mailtrap, signed(alice, part, DETACHED))
        mailtrap.assert_smime_signed(by="alice@example.org")

    def test_footer_inside(mailtrap, alice):
        send(mailtrap, signed(alice, PART + b"-- \\r\\nSent by the shop\\r\\n", DETACHED))
        mailtrap.assert_smime_signed()

    def test_from(mailtrap, smime_identity):
        mail = signed(smime_identity("eve@example.org"), PART, DETACHED)
        send(mailtrap, mail.replace(b"From: alice", b"From: eve"))
        mailtrap.assert_smime_signed()

    def test_encrypted(mailtrap, alice, bob, smime_identity):
        carol = smime_identity("carol@example.org", key="rsa-2048")
        send(mailtrap, encrypted(bob, carol), "bob@example.org", "carol@example.org")
        mailtrap.assert_smime_encrypted(identities=[bob, carol])
"""

WRONG = {
    "signed with LF": (
        """
        def test_signed(mailtrap, alice):
            lf = PART.replace(b"\\r\\n", b"\\n")
            send(mailtrap, signed(alice, lf, DETACHED, pkcs7.PKCS7Options.Binary))
            mailtrap.assert_smime_signed()
        """,
        """
        message not validly signed: content changed after signing

          #1  not validly signed  "Invoice" -> bob@example.org

          #1:
              content-changed: The content is not what was signed.
              why: signed with LF line ends, sent with CRLF

          - expected: digest that was signed: 7ff3756e91af1b762c7c2ce0...
          + received: digest of what arrived: 03353773ee390a798428e199...

        What to change:
          cryptography  leave PKCS7Options.Binary out, or set_data() CRLF bytes
          M2Crypto      sign() a BIO whose lines end in CRLF
          envelope      send bytes(envelope) as it is
          openssl       leave -binary out, or convert the input to CRLF first
        """,
    ),
    "parsed by the email package": (
        """
        def test_parsed(mailtrap, alice):
            part = b"X-Ticket:  <0123456789.0123456789@tickets.example.org>\\r\\n" + PART
            with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
                client.send_message(email.message_from_bytes(signed(alice, part, DETACHED)))
            mailtrap.assert_smime_signed(by="alice@example.org")
        """,
        """
        message not validly signed: content changed after signing

          #1  not validly signed  "Invoice" -> bob@example.org

          #1:
              content-changed: The content is not what was signed.
              why: line 1: header X-Ticket: spaces changed (email package
                   does this)

          - expected: digest that was signed: 910b05237088b9b49435e0a9...
          + received: digest of what arrived: 7f7364feb317e59f349462a8...

        What to change:
          cryptography  smtplib's sendmail(bytes), not send_message(parsed)
          M2Crypto      sendmail() what SMIME.write() wrote, without parsing it
          envelope      strip() subject and headers: it parses what it signed
          nodemailer    sendMail({ envelope, raw: signed })
        """,
    ),
    "a footer added on the way": (
        """
        def test_footer(mailtrap, alice):
            mail = signed(alice, PART, DETACHED)
            send(mailtrap, mail.replace(b"4711\\r\\n", b"4711\\r\\n-- \\r\\nSent by the shop\\r\\n"))
            mailtrap.assert_smime_signed()
        """,
        """
        message not validly signed: content changed after signing

          #1  not validly signed  "Invoice" -> bob@example.org

          #1:
              content-changed: The content is not what was signed.
              why: line 4: a footer was added after signing

          - expected: digest that was signed: 03353773ee390a798428e199...
          + received: digest of what arrived: fb5a4d8ff4108c4fdcab2ce5...

        What to change:
          any           sign after the step that rewrites mail, or turn it off
        """,
    ),
    "a second content": (
        """
        def test_second(mailtrap, alice):
            send(mailtrap, signed(alice))
            mailtrap.assert_smime_signed()
        """,
        """
        message not validly signed: it has a second content

          #1  not validly signed  "Invoice" -> bob@example.org

          #1:
              content-embedded: The signature contains content of its own
                in addition to the signed part.

          - expected: signed by the sender in From, under the trap's CA
          + received: signed by alice@example.org (it has a second content)

        What to change:
          cryptography  sign(Encoding.SMIME, [PKCS7Options.DetachedSignature])
          M2Crypto      sign(bio, PKCS7_DETACHED), then write() with the data
          openssl       leave -nodetach out, or send application/pkcs7-mime
        """,
    ),
    "somebody else's certificate": (
        """
        def test_from(mailtrap, smime_identity):
            send(mailtrap, signed(smime_identity("eve@example.org"), PART, DETACHED))
            mailtrap.assert_smime_signed()
        """,
        """
        message not validly signed: From is not the signer

          #1  not validly signed  "Invoice" -> bob@example.org

          #1:
              from-mismatch: No signer's certificate names the mailbox of
                the From field: From is 'alice@example.org', signed by
                'eve@example.org'.

          - expected: signed by the mailbox in From, alice@example.org
          + received: signed by eve@example.org

        Sign with the certificate of the address in From.
        """,
    ),
    "no signature": (
        """
        def test_plain(mailtrap):
            send(mailtrap, HEAD + PART)
            mailtrap.assert_smime_signed()
        """,
        """
        message not validly signed: no signature covers it

          #1  not validly signed  "Invoice" -> bob@example.org

          #1:
              not-signed: No signature covers the whole message.

          - expected: signed by the sender in From, under the trap's CA
          + received: no signature

        Sign the message, and send the signed bytes as they are:
          cryptography  PKCS7SignatureBuilder, then smtplib's sendmail(bytes)
        """,
    ),
    "a recipient forgotten": (
        """
        def test_recipient(mailtrap, bob):
            send(mailtrap, encrypted(bob), "bob@example.org", "carol@example.org")
            mailtrap.assert_smime_encrypted(identities=[bob])
        """,
        """
        message not properly encrypted: a recipient cannot read it

          #1  not properly encrypted  "Invoice" -> bob@example.org, carol@exa...

          #1:
              recipient-missing: carol@example.org cannot read it: no
                known entry is theirs.

          - expected: encrypted to bob@example.org, carol@example.org
          + received: encrypted to bob@example.org

        Encrypt to every RCPT TO. The trap knows the certificates issued by
        mailtrap.smime_identity() and those in identities=[...].
        """,
    ),
    "no encryption": (
        """
        def test_readable(mailtrap, bob):
            send(mailtrap, HEAD + PART)
            mailtrap.assert_smime_encrypted()
        """,
        """
        message not properly encrypted: everybody can read it

          #1  not properly encrypted  "Invoice" -> bob@example.org

          #1:
              not-encrypted: It has no S/MIME layer.

          - expected: encrypted to bob@example.org
          + received: not encrypted

        Encrypt the whole message to each recipient's certificate:
          cryptography  PKCS7EnvelopeBuilder().add_recipient(...)
        """,
    ),
}


def explained(pytester: pytest.Pytester) -> dict[str, str]:
    """The text under each failing test, keyed by the test's name."""
    result = pytester.runpytest_inprocess("-p", "no:randomly")
    texts: dict[str, list[str]] = {}
    for line in result.outlines:
        if heading := re.fullmatch(r"_+ (test_\w+) _+", line):
            current = texts.setdefault(heading[1], [])
        elif texts and line.startswith(("E  ", ">", "E\n")):
            current.append(line)
    result.assert_outcomes(failed=len(WRONG))
    return {name: _without_margin(lines) for name, lines in texts.items()}


def _without_margin(lines: list[str]) -> str:
    users, *shown = lines
    # The line that is marked is the user's, not one of this library.
    assert users.startswith(">       mailtrap.assert_smime_")
    return "\n".join(line[8:].rstrip() for line in shown).removeprefix("AssertionError: ")


def test_right_applications_pass(pytester: pytest.Pytester) -> None:
    """The correct counterpart of every mistake below."""
    pytester.makepyfile(textwrap.dedent(APPLICATION) + textwrap.dedent(RIGHT))
    pytester.runpytest_inprocess("-p", "no:randomly").assert_outcomes(passed=5)


def test_mistakes_are_explained(pytester: pytest.Pytester) -> None:
    """The text gives the verdict, culprit, reason, difference, and fix."""
    tests = "".join(textwrap.dedent(test) for test, _ in WRONG.values())
    pytester.makepyfile(textwrap.dedent(APPLICATION) + tests)
    found = explained(pytester)
    for (test, expected), text in zip(WRONG.values(), found.values(), strict=True):
        assert text == textwrap.dedent(expected).strip(), test
