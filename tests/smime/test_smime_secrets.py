"""Private keys, passwords and plaintexts stay out of everything pytest prints, --showlocals included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from _cast import bob, inspect
from _encrypt import auth_enveloped
from _mail import PART, opaque

if TYPE_CHECKING:
    import pytest

READERS = """
    import pytest
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
    from pytest_mailtrap import smime

    ALICE = []

    @pytest.fixture(autouse=True)
    def alice(smime_identity):
        identity = smime_identity("alice@example.org")
        ALICE[:] = [identity, smime_identity("bob@example.org", key="rsa-2048")]

    def sealed():
        return ALICE[0].private_key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"right-secret")
        )

    def test_pem_with_a_wrong_password():
        smime.Identity.from_pem(ALICE[0].certificate_pem, sealed(), password="wrong" + "-secret")

    def test_pem_of_somebody_else():
        smime.Identity.from_pem(ALICE[0].certificate_pem, ALICE[1].private_key_pem)

    def test_pem_without_a_key():
        smime.Identity.from_pem(ALICE[0].certificate_pem)

    def test_pem_without_a_certificate():
        smime.Identity.from_pem(ALICE[0].private_key_pem)

    def test_pkcs12_with_a_wrong_password():
        smime.Identity.from_pkcs12(ALICE[0].pkcs12("right" + "-secret"), "wrong" + "-secret")

    def test_pkcs12_without_a_password():
        ALICE[0].pkcs12("")
"""


def test_no_reader_of_identities_shows_what_it_read(pytester: pytest.Pytester) -> None:
    """All of these calls fail, and the report shows neither their arguments nor their variables."""
    pytester.makepyfile(READERS)
    result = pytester.runpytest_inprocess("--showlocals", "-p", "no:randomly", "-vv")
    result.assert_outcomes(failed=6)
    text = result.stdout.str()
    assert "PRIVATE KEY" not in text
    assert "-secret" not in text.replace('"right" + "-secret"', "").replace(
        '"wrong" + "-secret"', ""
    ).replace('BestAvailableEncryption(b"right-secret")', "")
    # The control: pytest does show variables here, those of the test's own frames.
    assert "ALICE" in text


DECRYPTION = """
    import smtplib
    from cryptography.hazmat.primitives.ciphers.algorithms import AES256
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

    def sealed(reader):
        builder = pkcs7.PKCS7EnvelopeBuilder().set_data(b"Text: top" + b"-secret")
        builder = builder.set_content_encryption_algorithm(AES256).add_recipient(reader.certificate)
        return builder.encrypt(Encoding.SMIME, []).replace(b"\\n", b"\\r\\n")

    def test_decrypt(mailtrap, smime_identity):
        bob = smime_identity("bob@example.org", key="rsa-2048")
        eve = smime_identity("eve@example.org", key="rsa-2048")
        with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
            client.sendmail("a@example.org", ["bob@example.org"], sealed(bob))
        [message] = mailtrap
        assert b"top" in message.decrypt(bob).raw
        message.assert_smime_encrypted(identities=[bob])
        message.decrypt(eve)

    def test_assert(mailtrap, smime_identity):
        bob = smime_identity("bob@example.org", key="rsa-2048")
        eve = smime_identity("eve@example.org", key="rsa-2048")
        with smtplib.SMTP(mailtrap.host, mailtrap.port) as client:
            client.sendmail("a@example.org", ["bob@example.org"], sealed(bob))
        facts = mailtrap[0].inspect_smime(identities=[bob])
        mailtrap.assert_smime_signed(identities=[bob])
"""


def test_no_failure_shows_a_key_or_a_plaintext(pytester: pytest.Pytester) -> None:
    """Identities, facts and messages are among the variables shown, but reveal nothing of what they hold."""
    pytester.makepyfile(DECRYPTION)
    result = pytester.runpytest_inprocess("--showlocals", "-p", "no:randomly", "-vv")
    result.assert_outcomes(failed=2)
    text = result.stdout.str()
    assert "PRIVATE KEY" not in text
    assert "top-secret" not in text
    result.stdout.fnmatch_lines(["*the message cannot be decrypted by eve@example.org*"])
    result.stdout.fnmatch_lines(["bob *= Identity(certificate=*"])


def test_facts_show_no_plaintext() -> None:
    """The repr of the facts is made for reports: the content is available, but not shown."""
    message = opaque(auth_enveloped(PART, [bob().certificate]), b"authenveloped-data")
    facts = inspect(message, identities=[bob()])
    assert b"invoice" in facts.content
    assert "invoice" not in repr(facts)
