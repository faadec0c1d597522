"""Encryption that is not real encryption, or that was tampered with."""

from __future__ import annotations

import base64

import pytest
from _cast import alice, bob, codes, inspect, person, warnings
from _der import octets, set_of
from _encrypt import auth_enveloped, enveloped, for_nobody, mislabelled, triple_des
from _forge import attribute, signed_by
from _mail import PART, detached, header, multipart, opaque, wrapped

from pytest_mailtrap import smime

AUTH = b"authEnveloped-data"


def sealed_mail(cms: bytes, smime_type: bytes = b"enveloped-data") -> bytes:
    return opaque(cms, smime_type)


def test_what_decrypts_is_encrypted() -> None:
    """The positive controls: CBC and GCM, with and without the recipient's identity."""
    for cms, kind in (
        (enveloped(PART, [bob().certificate]), b"enveloped-data"),
        (auth_enveloped(PART, [bob().certificate]), AUTH),
    ):
        facts = inspect(sealed_mail(cms, kind), identities=[bob()])
        assert facts.encrypted, codes(facts)
        assert facts.content == PART
        assert not facts.signed
        assert inspect(sealed_mail(cms, kind)).encrypted


def test_the_wrong_recipient_does_not_decrypt() -> None:
    """If an identity is not a recipient, this is reported."""
    facts = inspect(
        sealed_mail(enveloped(PART, [bob().certificate])), identities=[alice("rsa-2048")]
    )
    assert not facts.encrypted
    assert "not-a-recipient" in codes(facts)


def test_a_key_that_is_not_the_recipients_does_not_decrypt() -> None:
    """The certificate has the right name, but its key belongs to another recipient entry."""
    other = person("carol@example.org", "rsa-2048")
    sealed = enveloped(PART, [other.certificate])
    name_of_other = other.certificate.issuer.public_bytes()
    assert name_of_other in sealed
    facts = inspect(sealed_mail(sealed), identities=[bob()])
    assert not facts.encrypted


@pytest.mark.parametrize("at", [0, 5, -1])
def test_a_flipped_bit_under_gcm_is_refused(at: int) -> None:
    """The tag covers the ciphertext."""
    cms = auth_enveloped(PART, [bob().certificate], flip=at)
    facts = inspect(sealed_mail(cms, AUTH), identities=[bob()])
    assert not facts.encrypted
    assert "tag-wrong" in codes(facts)
    assert facts.content != PART


def test_a_flipped_tag_is_refused() -> None:
    """A change to the tag itself is detected."""
    cms = auth_enveloped(PART, [bob().certificate], flip_tag=True)
    facts = inspect(sealed_mail(cms, AUTH), identities=[bob()])
    assert not facts.encrypted
    assert "tag-wrong" in codes(facts)


@pytest.mark.parametrize("length", [0, 1, 4, 8])
def test_a_short_tag_is_refused(length: int) -> None:
    """RFC 5084 allows 12 to 16 bytes; a one-byte tag can be guessed in 256 tries."""
    cms = auth_enveloped(PART, [bob().certificate], tag_length=length)
    facts = inspect(sealed_mail(cms, AUTH), identities=[bob()])
    assert not facts.encrypted


@pytest.mark.parametrize(("sent", "said"), [(16, 12), (12, 16), (16, 15)])
def test_a_tag_of_another_length_than_announced_is_refused(sent: int, said: int) -> None:
    """An attacker cannot shorten the tag by changing its length, a number that no tag covers."""
    cms = auth_enveloped(PART, [bob().certificate], tag_length=sent, says_length=said)
    facts = inspect(sealed_mail(cms, AUTH), identities=[bob()])
    assert not facts.encrypted
    assert "tag-wrong" in codes(facts)


def test_authenticated_attributes_are_covered_by_the_tag() -> None:
    """RFC 5083 section 2.2: the tag covers the DER encoding of the SET OF, not the bytes as sent."""
    one, other = (set_of(attribute("1.2.3.4", octets(value))) for value in (b"one", b"other"))
    to = [bob().certificate]
    right = inspect(sealed_mail(auth_enveloped(PART, to, attributes=one), AUTH), identities=[bob()])
    assert right.encrypted, codes(right)
    for written in (other, b""):
        cms = auth_enveloped(PART, to, attributes=one, says_attributes=written)
        facts = inspect(sealed_mail(cms, AUTH), identities=[bob()])
        assert not facts.encrypted
        assert "tag-wrong" in codes(facts)


@pytest.mark.parametrize("authenticated", [True, False])
def test_a_cipher_in_the_wrong_kind_is_refused(authenticated: bool) -> None:
    """AES-CBC with a made-up tag is not authenticated, and neither is AES-GCM without its tag."""
    cms = mislabelled(PART, bob().certificate, authenticated=authenticated)
    facts = inspect(
        sealed_mail(cms, AUTH if authenticated else b"enveloped-data"), identities=[bob()]
    )
    assert not facts.encrypted
    assert "cipher-unknown" in codes(facts)


def test_an_obsolete_cipher_is_reported() -> None:
    """Triple DES decrypts, but with a warning; AES gets none."""
    facts = inspect(sealed_mail(triple_des(PART, bob().certificate)), identities=[bob()])
    assert facts.content == PART
    assert "weak-cipher" in warnings(facts)
    plain = inspect(sealed_mail(enveloped(PART, [bob().certificate])), identities=[bob()])
    assert "weak-cipher" not in warnings(plain)


def test_encryption_without_a_key_is_said_to_be_unchecked() -> None:
    """Without an identity, encryption is reported as unchecked; with one, there is no such warning."""
    message = sealed_mail(enveloped(PART, [bob().certificate]))
    facts = inspect(message)
    assert facts.layers[0].valid is None
    assert "decryption-not-checked" in warnings(facts)
    assert "decryption-not-checked" not in warnings(inspect(message, identities=[bob()]))


@pytest.mark.parametrize(
    ("content", "code"),
    [(bytes(16), "no-recipients"), (None, "content-missing"), (b"", "content-missing")],
)
def test_encryption_of_nothing_or_for_nobody_is_none(content: bytes | None, code: str) -> None:
    """Encryption with no content or no recipients does not count, with or without a key."""
    for keys in ([], [bob()]):
        facts = inspect(sealed_mail(for_nobody(content)), identities=keys)
        assert not facts.encrypted
        assert code in codes(facts)


@pytest.mark.parametrize("at", [0, 17, -20])
def test_flipped_bits_under_cbc_are_never_a_promise(at: int) -> None:
    """EnvelopedData has no integrity (EFAIL): it may decrypt to garbage, so this is always reported."""
    cms = enveloped(PART, [bob().certificate], flip=at)
    facts = inspect(sealed_mail(cms), identities=[bob()])
    assert facts.content != PART
    assert "no-integrity" in warnings(facts) | codes(facts)
    assert not facts.signed


def test_a_signature_inside_survives_no_flipped_bit() -> None:
    """Sign-then-encrypt: the inner signature detects what CBC can't."""
    part = (
        b"Content-Type: multipart/signed"
        + detached(signed_by(alice(), PART)).partition(b"Content-Type: multipart/signed")[2]
    )
    whole = inspect(sealed_mail(enveloped(part, [bob().certificate])), identities=[bob()])
    assert whole.signed, codes(whole)
    assert whole.encrypted
    for at in (200, 400):
        cms = enveloped(part, [bob().certificate], flip=at)
        assert not inspect(sealed_mail(cms), identities=[bob()]).signed


def test_truncated_ciphertext_is_refused() -> None:
    """Neither a partial block nor a partial object decrypts."""
    cms = enveloped(PART, [bob().certificate])
    facts = inspect(sealed_mail(cms[:-9]), identities=[bob()])
    assert not facts.encrypted
    assert codes(facts) & {"truncated-cms", "malformed-cms"}


@pytest.mark.parametrize("label", [b"enveloped-data", AUTH, b"signed-data", b"nonsense"])
def test_labels_do_not_encrypt(label: bytes) -> None:
    """SignedData labeled as enveloped-data is readable by everybody."""
    facts = inspect(opaque(signed_by(alice(), PART, detached=False), label))
    assert not facts.encrypted
    assert facts.layers[0].kind == "signed"


def test_an_encrypted_label_on_text_does_not_encrypt() -> None:
    """Base64 is not encryption."""
    facts = inspect(sealed_mail(PART))
    assert not facts.encrypted
    assert codes(facts)


def test_a_plaintext_sibling_is_no_encryption() -> None:
    """Encryption next to the same text in the clear hides nothing."""
    inner = (
        b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + wrapped(enveloped(PART, [bob().certificate]))
    )
    head = header(b'Content-Type: multipart/mixed; boundary="wrap"') + b"\r\n"
    facts = inspect(head + multipart(PART, inner, boundary=b"wrap"), identities=[bob()])
    assert not facts.encrypted
    assert "errant-encryption" in codes(facts)


def test_text_after_the_base64_is_no_part_of_it() -> None:
    """EFAIL's direct exfiltration puts plaintext around the ciphertext: none of it counts as content."""
    sealed = sealed_mail(enveloped(PART, [bob().certificate]))
    facts = inspect(sealed + b'\r\n<img src="https://example.net/?', identities=[bob()])
    assert "base64-malformed" in codes(facts) or "base64-foreign" in warnings(facts)
    assert facts.content == PART or not facts.encrypted


def test_recipients_are_listed() -> None:
    """Each RecipientInfo is listed, even if nobody expected it."""
    certificates = [bob().certificate, person("carol@example.org", "rsa-2048").certificate]
    facts = inspect(sealed_mail(enveloped(PART, certificates)), identities=[bob()])
    assert {one.serial for one in facts.recipients} == {one.serial_number for one in certificates}


def test_a_signature_over_ciphertext_is_told_apart() -> None:
    """Encrypt-then-sign: the signer need not have known the text."""
    inner = (
        b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(enveloped(PART, [bob().certificate])).replace(b"\n", b"\r\n")
    )
    facts = inspect(detached(signed_by(alice(), inner), inner), identities=[bob()])
    assert not facts.encrypted
    assert [layer.kind for layer in facts.layers] == ["signed", "enveloped"]
    assert "signature-over-ciphertext" in warnings(facts) | codes(facts)


def test_no_private_key_appears_in_any_fact() -> None:
    """Secrets stay out of reprs and messages."""
    facts = inspect(sealed_mail(enveloped(PART, [bob().certificate])), identities=[bob()])
    shown = repr(facts) + repr(bob()) + repr(smime.Identity)
    assert "PRIVATE" not in shown
    assert str(bob().private_key.private_numbers().d) not in shown  # type: ignore[union-attr]  # RSA
