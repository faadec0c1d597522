"""Messages of real signers get the right verdict, and so do the accidents that happen on their way."""

from __future__ import annotations

import email
import io
import shutil
from email import policy
from email.generator import BytesGenerator
from typing import TYPE_CHECKING, Any

import pytest
from _cast import alice, assert_accepted, bob, codes, inspect, warnings
from _signers import (
    HEADER,
    crlf,
    cryptography_encrypts,
    cryptography_signs,
    cryptography_signs_opaque,
    m2crypto_encrypts,
    m2crypto_signs,
    openssl_encrypts,
    openssl_signs,
    plain_part,
)
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options

from pytest_mailtrap._smime.diagnosis.digest_mismatch import Diagnosis, diagnose

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_mailtrap import smime

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program")
LONG_NAME = "minutes of the meeting of the board of the society for electronic mail.pdf"


def diagnosis_of(facts: smime.SMIMEFacts) -> Diagnosis:
    """The re-hashing diagnosis of the one part that does not match."""
    [changed] = [problem for problem in facts.problems if problem.code == "content-changed"]
    assert changed.detail is not None
    detail = changed.detail
    return diagnose(detail.content, detail.expected, detail.algorithm)


def parsed_and_sent(message: bytes, chosen: policy.Policy = policy.compat32) -> bytes:
    """smtplib.send_message(message_from_bytes(...)): what an application must not do."""
    out = io.BytesIO()
    parsed = email.message_from_bytes(message, policy=chosen)
    BytesGenerator(out).flatten(parsed, linesep="\r\n")
    return out.getvalue()


@pytest.mark.parametrize("key", ["ec-p256", "ec-p521", "rsa-2048"])
@pytest.mark.parametrize("signs", [cryptography_signs, cryptography_signs_opaque])
@pytest.mark.parametrize("name", ["minutes.pdf", LONG_NAME])
def test_cryptography_signs(key: str, signs: Callable[..., bytes], name: str) -> None:
    """The bytes that PKCS7SignatureBuilder returns are correct, and stay correct if sent unchanged."""
    part = plain_part(name).as_bytes()
    facts = assert_accepted(signs(alice(key), part))
    assert facts.content == part
    assert facts.signers[0].digest == "sha256"


def test_cryptography_signs_without_attributes_and_certificates() -> None:
    """Its options make smaller messages; with NoCerts, the certificate must come from elsewhere."""
    part = plain_part().as_bytes()
    assert_accepted(cryptography_signs(alice(), part, PKCS7Options.NoAttributes))
    assert_accepted(cryptography_signs(alice(), part, PKCS7Options.NoCapabilities))
    bare = cryptography_signs(alice(), part, PKCS7Options.NoCerts)
    assert codes(inspect(bare)) >= {"signer-certificate-missing"}
    assert_accepted(bare, intermediates=[alice().certificate])


def test_cryptography_signs_with_a_second_content_unless_told_to_detach() -> None:
    """Encoding.SMIME always produces multipart/signed, so it needs PKCS7Options.DetachedSignature."""
    message = cryptography_signs(alice(), plain_part().as_bytes(), detached=False)
    facts = inspect(message)
    assert not facts.signed
    assert "content-embedded" in codes(facts)


def test_cryptography_signs_lf_when_told_that_it_is_binary() -> None:
    """PKCS7Options.Binary signs LF unchanged, but Encoding.SMIME sends CRLF."""
    part = plain_part().as_bytes(policy=policy.default)
    facts = inspect(cryptography_signs(alice(), part, PKCS7Options.Binary))
    assert not facts.signed
    found = diagnosis_of(facts)
    assert (found.code, found.remedy) == ("signed-with-lf", "sign-crlf")
    assert_accepted(cryptography_signs(alice(), part))


def test_cryptography_encrypts() -> None:
    """The recipient decrypts the same part; a stranger does not."""
    part = plain_part().as_bytes()
    message = cryptography_encrypts(part, bob())
    facts = inspect(message, identities=[bob()])
    assert facts.encrypted
    assert facts.content == part
    assert not inspect(message, identities=[alice("rsa-2048")]).encrypted


def test_cryptography_signs_then_encrypts() -> None:
    """Both layers are recognized, and From is compared with the inner signer."""
    signed = cryptography_signs(alice(), plain_part().as_bytes()).removeprefix(HEADER)
    facts = inspect(cryptography_encrypts(signed, bob()), identities=[bob()])
    assert facts.signed, codes(facts)
    assert facts.encrypted
    assert [layer.kind for layer in facts.layers] == ["enveloped", "signed"]


@needs_openssl
@pytest.mark.parametrize(
    "options",
    ["", "-nodetach", "-binary", "-keyid", "-nosmimecap", "-md sha512", "-noattr", "-stream"],
)
def test_openssl_signs(options: str, tmp_path: Path) -> None:
    """The command's output formats, for a part with CRLF line ends."""
    part = plain_part().as_bytes()
    assert_accepted(openssl_signs(alice("rsa-2048"), part, tmp_path, options))


@needs_openssl
def test_openssl_signs_with_pss(tmp_path: Path) -> None:
    """RSASSA-PSS, requested by a key option."""
    options = "-keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:32"
    assert_accepted(openssl_signs(alice("rsa-2048"), plain_part().as_bytes(), tmp_path, options))


@needs_openssl
def test_openssl_signs_lf_when_told_that_it_is_binary(tmp_path: Path) -> None:
    """With -binary, a file with LF lines is signed in a form that is not what is sent."""
    part = plain_part().as_bytes(policy=policy.default)
    facts = inspect(openssl_signs(alice(), part, tmp_path, "-binary"))
    assert not facts.signed
    assert diagnosis_of(facts).code == "signed-with-lf"
    assert_accepted(openssl_signs(alice(), part, tmp_path))


@needs_openssl
@pytest.mark.parametrize("options", ["", "-aes-256-gcm", "-keyid", "-stream"])
def test_openssl_encrypts(options: str, tmp_path: Path) -> None:
    """CBC and GCM, both ways to name a recipient, DER and BER."""
    part = plain_part().as_bytes()
    facts = inspect(openssl_encrypts(bob(), part, tmp_path, options), identities=[bob()])
    assert facts.encrypted, codes(facts)
    assert facts.content == part
    assert ("no-integrity" in warnings(facts)) == ("gcm" not in options)


@pytest.fixture
def m2crypto() -> Any:
    return pytest.importorskip(
        "M2Crypto.SMIME", reason="M2Crypto needs swig and OpenSSL's headers to install"
    )


def test_m2crypto_signs(m2crypto: Any, tmp_path: Path) -> None:
    """Its output is a correct message if the part had CRLF or LF and PKCS7_BINARY was not used."""
    part = plain_part().as_bytes()
    assert_accepted(m2crypto_signs(m2crypto, alice("rsa-2048"), part, tmp_path))


def test_m2crypto_encrypts(m2crypto: Any) -> None:
    """The recipient decrypts."""
    part = plain_part().as_bytes()
    facts = inspect(m2crypto_encrypts(m2crypto, bob(), part), identities=[bob()])
    assert facts.encrypted, codes(facts)
    assert facts.content == part


@pytest.fixture
def envelope() -> Any:
    try:
        from envelope import Envelope
    except ImportError as error:  # envelope itself, or libmagic, which it loads
        pytest.skip(f"envelope cannot be imported: {error}")
    return Envelope


def envelope_mail(envelope: Any, subject: str, text: str = "Hello") -> Any:
    signer = alice("rsa-2048")
    mail = envelope(text).from_("alice@example.org").to("bob@example.org").subject(subject)
    mail = mail.attach(b"%PDF", "application/pdf", LONG_NAME).smime()
    return mail.signature(signer.private_key_pem, cert=signer.certificate_pem).sign()


def test_envelope_signs(envelope: Any) -> None:
    """Its bytes are correct as long as the email package finds nothing to strip in them."""
    message = crlf(bytes(envelope_mail(envelope, "Invoice")))
    assert_accepted(message, match_from=False)


def test_envelope_loses_blanks_of_a_header(envelope: Any) -> None:
    """It parses what it signed, and the email package strips the subject's trailing blank."""
    facts = inspect(crlf(bytes(envelope_mail(envelope, "Invoice " * 20))), match_from=False)
    assert not facts.signed
    assert diagnosis_of(facts).code == "header-blanks"
    quoted = parsed_and_sent(bytes(envelope_mail(envelope, "Invoice " * 20, "From here\n")))
    found = diagnosis_of(inspect(quoted, match_from=False))
    assert {found.code, *found.also} == {"from-quoted", "header-blanks"}


def test_envelope_signs_and_encrypts(envelope: Any) -> None:
    """Both layers are there, with the signature inside."""
    mail = envelope_mail(envelope, "Invoice").encryption([bob().certificate_pem]).encrypt()
    facts = inspect(crlf(bytes(mail)), identities=[bob()], match_from=False)
    assert facts.encrypted, codes(facts)
    assert facts.signed, codes(facts)


@pytest.mark.parametrize("chosen", [policy.compat32, policy.default, policy.SMTP])
def test_the_refolding_accident_is_refused_and_named(chosen: policy.Policy) -> None:
    """A correct message that the email package parses and writes again is no longer correct."""
    part = plain_part().as_bytes()
    folded = b"X-Ticket:\r\n <0123456789.0123456789@tickets.example.org>\r\n" + part
    message = cryptography_signs(alice(), folded)
    assert_accepted(message)
    facts = inspect(parsed_and_sent(message, chosen))
    assert not facts.signed
    found = diagnosis_of(facts)
    assert {found.code, *found.also} == {"header-blanks", "from-quoted"}
    assert found.remedy == "send-bytes"
    assert "header X-Ticket: spaces changed" in found.sentence


def test_a_part_attached_to_a_new_message_is_refolded() -> None:
    """The other accident: the signature covers part.as_bytes(), but the part itself is put into multipart/signed."""
    part = plain_part(LONG_NAME)
    message = cryptography_signs(alice(), part.as_bytes())
    parsed = email.message_from_bytes(message)
    parsed.set_payload([part, parsed.get_payload()[1]])
    out = io.BytesIO()
    BytesGenerator(out, mangle_from_=False).flatten(parsed, linesep="\r\n")
    facts = inspect(out.getvalue())
    assert not facts.signed
    assert diagnosis_of(facts).code == "header-refolded"


def test_mbox_quoting_by_send_message_is_refused_and_named() -> None:
    """The compat32 policy puts > in front of From at the start of a line."""
    part = b"Content-Type: text/plain\r\n\r\nFrom now on\r\n"
    message = cryptography_signs(alice(), part)
    assert_accepted(message)
    found = diagnosis_of(inspect(parsed_and_sent(message)))
    assert (found.code, found.line) == ("from-quoted", 3)
