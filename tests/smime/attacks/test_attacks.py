"""Forged CMS objects: each is refused for its specific flaw, and accepted without that one flaw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from _cast import (
    NOW,
    YEAR,
    alice,
    assert_accepted,
    assert_refused,
    bob,
    inspect,
    mallory,
    person,
    warnings,
)
from _der import octets, oid, sequence, set_of
from _encrypt import auth_enveloped, enveloped
from _forge import (
    CONTENT_TYPE,
    DATA,
    MESSAGE_DIGEST,
    SIGNED_DATA,
    algorithm,
    attribute,
    compressed_data,
    digest_of,
    signed_by,
    signed_data,
    signer_info,
    usual_attributes,
)
from _mail import FROM, PART, SIGNED, detached, opaque
from cryptography.hazmat.primitives.serialization import Encoding

from pytest_mailtrap._smime.cms import ber

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_mailtrap.smime import Identity

EVIL = b"Content-Type: text/plain\r\n\r\nPay Mallory.\r\n"
CTYPE, TIME, DIGEST = usual_attributes(PART)


def good() -> bytes:
    return detached(signed_by(alice(), PART))


def with_attributes(*attributes: bytes, unsigned: tuple[bytes, ...] = ()) -> bytes:
    return detached(signed_by(alice(), PART, attributes=attributes, unsigned=unsigned))


def test_the_positive_control_passes() -> None:
    """The message on which most attacks below are based is valid."""
    assert_accepted(good())


def test_attributes_in_any_correct_selection_pass() -> None:
    """The positive control of the attacks on attributes: the two that RFC 5652 requires are enough."""
    assert_accepted(with_attributes(CTYPE, DIGEST))
    assert_accepted(with_attributes(CTYPE, TIME, DIGEST))


ON_ATTRIBUTES: dict[str, tuple[tuple[bytes, ...], tuple[bytes, ...], str]] = {
    "no content-type": ((TIME, DIGEST), (), "content-type-attribute"),
    "no message-digest": ((CTYPE, TIME), (), "message-digest-attribute"),
    "content-type twice": ((CTYPE, CTYPE, DIGEST), (), "content-type-attribute"),
    "message-digest twice": ((CTYPE, DIGEST, DIGEST), (), "message-digest-attribute"),
    "another message-digest first": (
        (CTYPE, attribute(MESSAGE_DIGEST, octets(bytes(32))), DIGEST),
        (),
        "message-digest-attribute",
    ),
    "message-digest with two values": (
        (CTYPE, attribute(MESSAGE_DIGEST, octets(digest_of(PART, "sha256")), octets(bytes(32)))),
        (),
        "message-digest-attribute",
    ),
    "message-digest without a value": (
        (CTYPE, attribute(MESSAGE_DIGEST)),
        (),
        "message-digest-attribute",
    ),
    "content-type with two values": (
        (attribute(CONTENT_TYPE, oid(DATA), oid(SIGNED_DATA)), DIGEST),
        (),
        "content-type-attribute",
    ),
    "content-type of another kind": (
        (attribute(CONTENT_TYPE, oid(SIGNED_DATA)), DIGEST),
        (),
        "content-type-attribute",
    ),
    "signing-time twice": ((CTYPE, TIME, TIME, DIGEST), (), "signing-time-attribute"),
    "message-digest unsigned": ((CTYPE, TIME), (DIGEST,), "attribute-unsigned"),
    "content-type unsigned": ((TIME, DIGEST), (CTYPE,), "attribute-unsigned"),
    "signing-time unsigned": ((CTYPE, DIGEST), (TIME,), "attribute-unsigned"),
}


@pytest.mark.parametrize("attack", ON_ATTRIBUTES)
def test_attributes_that_are_missing_repeated_or_unsigned_are_refused(attack: str) -> None:
    """RFC 5652 section 11 says where each attribute belongs and how often it may occur."""
    signed, unsigned, code = ON_ATTRIBUTES[attack]
    assert_refused(with_attributes(*signed, unsigned=unsigned), code)


def test_a_content_of_its_own_is_refused() -> None:
    """The signature of multipart/signed must not carry what it verifies (CVE-2018-18509)."""
    assert_refused(detached(signed_by(alice(), PART, detached=False), EVIL), "content-embedded")


def test_an_equal_content_of_its_own_is_refused_too() -> None:
    """Two places for one content are one too many, even if they agree."""
    assert_refused(detached(signed_by(alice(), PART, detached=False)), "content-embedded")


def test_changed_content_is_refused() -> None:
    """Changing one byte is enough."""
    assert_refused(good().replace(b"is paid", b"is Paid"), "content-changed")


def test_a_signer_info_of_the_victim_adds_nothing() -> None:
    """Mallory signs, and adds Alice as a signer without having her key: all signers must verify."""
    certificates = [mallory().certificate, alice().certificate]
    own = signer_info(mallory(), PART)
    pretended = signer_info(mallory(), PART, named=alice().certificate)
    message = detached(signed_data(own, pretended, certificates=certificates))
    assert_refused(message, "signature-wrong")
    assert not inspect(message).layers[0].valid
    assert_refused(detached(signed_data(own, certificates=certificates)), "from-mismatch")


def test_two_signers_who_both_signed_pass() -> None:
    """The positive control of the extra signer."""
    both = [signer_info(alice(), PART), signer_info(mallory(), PART)]
    certificates = [mallory().certificate, alice().certificate]
    facts = assert_accepted(detached(signed_data(*both, certificates=certificates)))
    assert len(facts.signers) == 2


def test_a_replayed_signer_info_of_the_victim_is_refused() -> None:
    """Alice's signature over a different message verifies nothing here."""
    replayed = signer_info(alice(), EVIL)
    signers = [signer_info(mallory(), PART), replayed]
    certificates = [mallory().certificate, alice().certificate]
    assert_refused(detached(signed_data(*signers, certificates=certificates)), "content-changed")


@pytest.mark.parametrize("known", [[], [alice]], ids=["no certificate", "a certificate"])
@pytest.mark.parametrize("wrap", [detached, opaque])
def test_no_signer_is_no_signature(
    wrap: Callable[[bytes], bytes], known: list[Callable[[], Identity]]
) -> None:
    """An object with an empty set of signers is certs-only at most; as part of multipart/signed it is invalid."""
    content = None if wrap is detached else PART
    empty = wrap(signed_data(content=content, certificates=[one().certificate for one in known]))
    assert_refused(empty, "no-signers")
    assert_refused(empty, "no-signers", trust="any")
    [layer] = inspect(empty).layers
    assert (layer.kind, layer.valid) == ("signed" if wrap is detached else "certs-only", False)


def test_attributes_reused_as_content_are_refused() -> None:
    """Without a check, a signature over attributes is also valid for the same bytes as content."""
    attributes = set_of(*usual_attributes(PART))
    original = signer_info(alice(), PART, attributes=usual_attributes(PART))
    assert attributes[1:] in original
    made = signer_info(alice(), attributes, plain=True)
    forged = signed_data(made, content=attributes, certificates=[alice().certificate])
    assert_refused(opaque(forged), "content-is-attributes")


def test_a_signature_without_attributes_over_plain_content_passes() -> None:
    """The positive control: signed attributes are optional for id-data."""
    assert_accepted(opaque(signed_by(alice(), PART, detached=False, plain=True)))


def test_content_of_another_kind_needs_attributes() -> None:
    """Only id-data may be signed without them (RFC 5652 section 5.3)."""
    made = signed_data(
        signer_info(alice(), PART, plain=True),
        content=PART,
        certificates=[alice().certificate],
        content_type="1.2.840.113549.1.9.16.1.2",
    )
    assert_refused(opaque(made), "attributes-required")


@pytest.mark.parametrize("place", ["digest", "end of signature"])
def test_a_flipped_bit_is_refused(place: str) -> None:
    """The signature no longer verifies mathematically."""
    changed = bytearray(signed_by(alice("rsa-2048"), PART))
    at = changed.index(digest_of(PART, "sha256")) if place == "digest" else len(changed) - 1
    changed[at] ^= 1
    assert_refused(detached(bytes(changed)), "content-changed", "signature-wrong")
    assert_accepted(detached(signed_by(alice("rsa-2048"), PART)))


def test_the_signature_of_somebody_else_under_the_victims_name_is_refused() -> None:
    """The signature must have been made with the key of the named certificate."""
    forged = signer_info(mallory(), PART, named=alice().certificate)
    assert_refused(
        detached(signed_data(forged, certificates=[alice().certificate])), "signature-wrong"
    )


def test_a_missing_certificate_is_named() -> None:
    """Without the signer's certificate there is nothing to verify with."""
    assert_refused(detached(signed_data(signer_info(alice(), PART))), "signer-certificate-missing")
    given = [alice().certificate]
    assert_accepted(detached(signed_data(signer_info(alice(), PART))), intermediates=given)


@pytest.mark.parametrize("seal", [enveloped, auth_enveloped])
def test_encryption_in_the_place_of_the_signature_is_refused(
    seal: Callable[..., bytes],
) -> None:
    """EnvelopedData as the second part of multipart/signed signs nothing."""
    assert_refused(
        detached(seal(PART, [bob().certificate])), "signature-part-wrong", "unsupported-content"
    )


def test_compression_in_the_place_of_the_signature_is_refused() -> None:
    """The same goes for CompressedData."""
    assert_refused(detached(compressed_data(PART)), "signature-part-wrong", "unsupported-content")


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (lambda cms: cms[:-10], {"truncated-cms", "malformed-cms"}),
        (lambda cms: b"", {"truncated-cms", "malformed-cms"}),
        (lambda cms: bytes(100), {"malformed-cms", "truncated-cms"}),
    ],
)
def test_a_damaged_object_is_refused(change: Callable[[bytes], bytes], codes: set[str]) -> None:
    """A truncated object is incomplete, and garbage is not a signature."""
    assert_refused(detached(change(signed_by(alice(), PART))), *codes)


def test_a_field_that_does_not_belong_there_is_refused() -> None:
    """A field that one reader skips may be content for another."""
    fields = [one.raw for one in ber.read(signer_info(alice(), PART))]
    one, two = (sequence(*fields, *more) for more in ((), (octets(b"more"),)))
    assert_accepted(detached(signed_data(one, certificates=[alice().certificate])))
    message = detached(signed_data(two, certificates=[alice().certificate]))
    assert_refused(message, "malformed-cms")


@pytest.mark.parametrize("more", [b"\0", bytes(8), b"Pay Mallory."])
def test_bytes_after_the_object_are_reported_and_mean_nothing(more: bytes) -> None:
    """They are neither signed nor read: they cause a warning, and are not treated as content."""
    facts = assert_accepted(detached(signed_by(alice(), PART) + more))
    count = "1 byte" if len(more) == 1 else f"{len(more)} bytes"
    [text] = [warning.text for warning in facts.warnings if warning.code == "trailing-data"]
    assert text == f"Bytes follow the CMS object: {count}."
    assert more not in facts.content
    assert "trailing-data" not in warnings(assert_accepted(good()))


WEAK: dict[str, tuple[str, dict[str, str], str]] = {
    "md5": ("rsa-2048", {"digest": "md5"}, "weak-md5"),
    "sha1": ("rsa-2048", {"digest": "sha1"}, "weak-sha1"),
    "short-rsa": ("rsa-1024", {}, "weak-short-rsa"),
}


@pytest.mark.parametrize("name", WEAK)
def test_weak_algorithms_are_refused_unless_allowed_by_name(name: str) -> None:
    """allow= takes the name of an algorithm, and allows only that one."""
    key, how, code = WEAK[name]
    message = detached(signed_by(alice(key), PART, **how))
    assert_refused(message, code)
    assert_refused(message, code, allow=[other for other in WEAK if other != name])
    assert inspect(message, allow=[name]).signed


def test_a_digest_algorithm_other_than_the_signatures_is_refused() -> None:
    """RFC 8933: the digest algorithms of the attributes and of the content must be the same."""
    attributes = usual_attributes(PART, "sha1")
    info = signer_info(alice(), PART, attributes=attributes, digest="sha256", claims_digest="sha1")
    forged = signed_data(info, certificates=[alice().certificate], digests=["sha1"])
    assert_refused(detached(forged), "digest-mismatch", "weak-sha1", "signature-wrong")


def test_the_digest_of_the_content_is_the_one_of_the_signature() -> None:
    """SHA-512 of the content inside attributes signed with SHA-256: each part verifies, but the two disagree."""
    attributes = usual_attributes(PART, "sha512")
    info = signer_info(alice(), PART, attributes=attributes, claims_digest="sha512")
    message = detached(signed_data(info, certificates=[alice().certificate], digests=["sha512"]))
    assert_refused(message, "digest-mismatch")
    assert_accepted(detached(signed_by(alice(), PART, digest="sha512")))


def test_pss_parameters_must_be_those_used() -> None:
    """A signature does not verify if its parameters claim a different hash."""
    signer = alice("rsa-2048")
    forged = signed_by(signer, PART, pss_salt=32, pss_claims="sha512")
    assert_refused(detached(forged), "signature-wrong", "pss-parameters", "digest-mismatch")
    assert_accepted(detached(signed_by(signer, PART, pss_salt=32)))


def test_the_algorithm_must_be_one_for_the_key() -> None:
    """An RSA algorithm with an EC key does not make a signature."""
    forged = signed_by(alice(), PART, scheme=algorithm("1.2.840.113549.1.1.11", b"\x05\0"))
    assert_refused(detached(forged), "algorithm-key-mismatch")


def test_signing_certificate_must_name_the_certificate() -> None:
    """RFC 5035: the attribute binds the certificate, so that it can't be swapped for another."""

    def attributes(*certificates: bytes) -> list[bytes]:
        hashed = [sequence(octets(digest_of(one, "sha256"))) for one in certificates]
        values = [sequence(sequence(one)) for one in hashed]
        return [CTYPE, DIGEST, attribute("1.2.840.113549.1.9.16.2.47", *values)]

    own, other = (one.certificate.public_bytes(Encoding.DER) for one in (alice(), mallory()))
    wrong = signed_by(alice(), PART, attributes=attributes(other))
    assert_refused(detached(wrong), "signing-certificate-mismatch")
    both = signed_by(alice(), PART, attributes=attributes(own, other))
    assert_refused(detached(both), "signing-certificate-mismatch")
    assert_accepted(detached(signed_by(alice(), PART, attributes=attributes(own))))


def test_layers_by_different_people_are_refused() -> None:
    """Every signature layer must be by the sender in From, not just the inner or the outer one."""

    def layered(inner: bytes, outer: bytes) -> bytes:
        inside = detached(signed_by(person(inner.decode()), PART), sender=b"")
        inside = inside[inside.index(b"Content-Type: multipart") :].replace(b"outer", b"inner")
        return detached(signed_by(person(outer.decode()), inside), inside)

    one, two = b"alice@example.org", b"mallory@example.net"
    assert len(assert_accepted(layered(one, one)).layers) == 2
    assert_refused(layered(one, two), "from-mismatch")
    assert_refused(layered(two, one), "from-mismatch")


def test_a_back_dated_signing_time_does_not_revive_a_certificate() -> None:
    """The time of receipt counts, never the time that the signer claims."""
    from _cast import root

    expired = root().issue("alice@example.org", not_after=NOW - YEAR)
    attributes = usual_attributes(PART, signing_time=NOW - 2 * YEAR)
    message = detached(signed_by(expired, PART, attributes=attributes))
    assert_refused(message, "certificate-expired")
    assert_accepted(message, at=NOW - 2 * YEAR)


def test_labels_do_not_decide() -> None:
    """A signature is judged the same whatever its micalg, smime-type and file name say, with a warning."""
    other = SIGNED.replace(b"sha-256", b"sha-1")
    assert_accepted(detached(signed_by(alice(), PART), content_type=other))
    signed = signed_by(alice(), PART, detached=False)
    assert_accepted(opaque(signed, b"enveloped-data", sender=FROM))
