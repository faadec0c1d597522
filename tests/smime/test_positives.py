"""Unusual but correct: what strict verifiers refuse by mistake, and what deserves only a warning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _cast import DAY, NOW, alice, assert_accepted, inspect, mallory, warnings
from _der import octets, sequence
from _forge import (
    attribute,
    compressed_data,
    signed_by,
    signed_data,
    signer_info,
    usual_attributes,
)
from _mail import FROM, PART, SIGNED, detached, opaque

if TYPE_CHECKING:
    import datetime

SIGNATURES: dict[str, tuple[str, dict[str, Any]]] = {
    "RSA": ("rsa-2048", {}),
    "RSA 3072": ("rsa-3072", {}),
    "RSA with SHA-512": ("rsa-2048", {"digest": "sha512"}),
    "P-256": ("ec-p256", {}),
    "P-384 with SHA-384": ("ec-p384", {"digest": "sha384"}),
    "P-521 with SHA-512": ("ec-p521", {"digest": "sha512"}),
    "P-256 with SHA-512": ("ec-p256", {"digest": "sha512"}),
    "Ed25519": ("ed25519", {"digest": "sha512"}),
    "PSS, salt as long as the hash": ("rsa-2048", {"pss_salt": 32}),
    "PSS, another salt": ("rsa-2048", {"pss_salt": 20}),
    "PSS without salt": ("rsa-2048", {"pss_salt": 0}),
    "PSS with the longest salt": ("rsa-2048", {"pss_salt": 222}),
    "PSS with SHA-384": ("rsa-2048", {"pss_salt": 48, "digest": "sha384"}),
    "key identifier": ("ec-p256", {"by_key_identifier": True}),
    "BER": ("ec-p256", {"ber": True}),
    "BER with a key identifier": ("rsa-2048", {"ber": True, "by_key_identifier": True}),
    "no signed attributes": ("ec-p256", {"plain": True}),
    "no signed attributes, PSS": ("rsa-2048", {"plain": True, "pss_salt": 32}),
    "no signed attributes, BER": ("rsa-2048", {"plain": True, "ber": True}),
}


@pytest.mark.parametrize("wrap", ["detached", "opaque"])
@pytest.mark.parametrize("name", SIGNATURES)
def test_every_kind_of_signature_passes(name: str, wrap: str) -> None:
    """Detached and opaque signatures, with any algorithm and encoding."""
    key, how = SIGNATURES[name]
    cms = signed_by(alice(key), PART, detached=wrap == "detached", **how)
    facts = assert_accepted(detached(cms) if wrap == "detached" else opaque(cms))
    assert facts.signers[0].addresses == ("alice@example.org",)
    assert facts.content.endswith(b"The invoice is paid.\r\n")


@pytest.mark.parametrize("name", SIGNATURES)
def test_every_kind_of_signature_fails_on_another_content(name: str) -> None:
    """The negative control: the signature was really checked."""
    key, how = SIGNATURES[name]
    assert not inspect(detached(signed_by(alice(key), PART + b"x", **how))).signed


def test_unsorted_attributes_pass_with_a_warning() -> None:
    """DER sorts a SET OF; some signers do not sort it, and sign what they wrote."""
    attributes = sorted(usual_attributes(PART), reverse=True)
    message = detached(signed_by(alice(), PART, attributes=attributes, sort=False))
    assert "attributes-not-der" in warnings(assert_accepted(message))
    assert "attributes-not-der" not in warnings(assert_accepted(detached(signed_by(alice(), PART))))


def test_another_digest_beside_ed25519_passes_with_a_warning() -> None:
    """RFC 8419 requires SHA-512 there; SHA-1 is refused, as it is everywhere."""
    with_256 = assert_accepted(detached(signed_by(alice("ed25519"), PART)))
    assert "eddsa-digest" in warnings(with_256)
    with_512 = assert_accepted(detached(signed_by(alice("ed25519"), PART, digest="sha512")))
    assert "eddsa-digest" not in warnings(with_512)
    old = inspect(detached(signed_by(alice("ed25519"), PART, digest="sha1")))
    assert [problem.code for problem in old.problems] == ["weak-sha1"]


def test_a_signing_time_that_cannot_be_is_reported() -> None:
    """The time is only the signer's claim, so nothing depends on it."""

    def at(time: datetime.datetime) -> set[str]:
        attributes = usual_attributes(PART, signing_time=time)
        return warnings(assert_accepted(detached(signed_by(alice(), PART, attributes=attributes))))

    start = alice().certificate.not_valid_before_utc
    assert "signing-time-outside" in at(start - DAY)
    assert "signing-time-future" in at(NOW + 3 * DAY)
    assert not at(NOW) & {"signing-time-outside", "signing-time-future"}


def test_a_file_with_lf_line_ends_passes_with_a_warning() -> None:
    """A message saved on Unix is read as CRLF, once."""
    message = detached(signed_by(alice(), PART)).replace(b"\r\n", b"\n")
    assert "lf-line-ends" in warnings(assert_accepted(message))


@pytest.mark.parametrize("micalg", [b"sha1", b"md5", b"sha-512", b'"SHA-256"', b"nonsense"])
def test_micalg_is_a_hint(micalg: bytes) -> None:
    """The CMS object states which digest was used; a wrong micalg parameter causes at most a warning."""
    content_type = SIGNED.replace(b"sha-256", micalg)
    facts = assert_accepted(detached(signed_by(alice(), PART), content_type=content_type))
    assert ("micalg-mismatch" in warnings(facts)) == (b"256" not in micalg)


def test_extra_certificates_do_not_matter() -> None:
    """A message may carry any certificates, in any order."""
    info = signer_info(alice(), PART)
    crowd = [mallory().certificate, alice().certificate, alice("rsa-2048").certificate]
    assert_accepted(detached(signed_data(info, certificates=crowd)))


def test_two_valid_signers_are_both_reported() -> None:
    """From matches one of them; facts are reported for each."""
    infos = [signer_info(alice(), PART), signer_info(mallory(), PART)]
    certificates = [alice().certificate, mallory().certificate]
    facts = assert_accepted(detached(signed_data(*infos, certificates=certificates)))
    assert {one.addresses for one in facts.signers} == {
        ("alice@example.org",),
        ("mallory@example.net",),
    }
    assert all(one.valid and one.trusted for one in facts.signers)


def test_unknown_signed_and_unsigned_attributes_are_passed_over() -> None:
    """S/MIME capabilities, time stamps, and private attributes are not errors."""
    other = attribute("1.3.6.1.4.1.99999.1", octets(b"anything"))
    capabilities = attribute("1.2.840.113549.1.9.15", sequence())
    cms = signed_by(
        alice(), PART, attributes=[*usual_attributes(PART), capabilities, other], unsigned=[other]
    )
    assert_accepted(detached(cms))


def test_the_signing_time_is_reported() -> None:
    """The time is reported as the signer claims it."""
    cms = signed_by(alice(), PART, attributes=usual_attributes(PART, signing_time=NOW))
    assert assert_accepted(detached(cms)).signers[0].signing_time == NOW


@pytest.mark.parametrize("outer", ["signed", "compressed"])
def test_layers_stand_from_the_outside_in(outer: str) -> None:
    """Compression and signatures may be wrapped around each other (RFC 8551 section 3.8)."""
    head = b"Content-Type: application/pkcs7-mime; smime-type=%s; name=smime.p7m\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    if outer == "compressed":
        inner = head % b"signed-data" + signed_by(alice(), PART, detached=False)
        message = opaque(compressed_data(inner), b"compressed-data", name=b"smime.p7z")
        kinds = ["compressed", "signed"]
    else:
        inner = head % b"compressed-data" + compressed_data(PART)
        message = opaque(signed_by(alice(), inner, detached=False))
        kinds = ["signed", "compressed"]
    facts = assert_accepted(message)
    assert [layer.kind for layer in facts.layers] == kinds
    assert facts.content == PART


def test_a_name_alone_makes_an_octet_stream_smime() -> None:
    """application/octet-stream named .p7m is S/MIME as well (RFC 8551 section 3.9)."""
    message = opaque(signed_by(alice(), PART, detached=False)).replace(
        b"application/pkcs7-mime; smime-type=signed-data", b"application/octet-stream"
    )
    assert_accepted(message)
    assert not inspect(message.replace(b"smime.p7m", b"smime.bin")).layers


def test_the_signature_may_hold_a_multipart() -> None:
    """Attachments are signed with the text."""
    part = (
        b'Content-Type: multipart/mixed; boundary="in"\r\n\r\n'
        b"--in\r\nContent-Type: text/plain\r\n\r\nOne\r\n"
        b"--in\r\nContent-Type: text/html\r\n\r\n<p>Two\r\n--in--\r\n"
    )
    facts = assert_accepted(detached(signed_by(alice(), part), part))
    assert facts.content == part
    assert FROM not in facts.content
