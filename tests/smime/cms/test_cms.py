"""The CMS structures, compared with asn1crypto and the openssl program."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from typing import Any

import pytest
from _truth import CORPUS, SHARED, Entry, entries

from pytest_mailtrap._mime import entity as mime
from pytest_mailtrap._smime import walk
from pytest_mailtrap._smime.certificates import known
from pytest_mailtrap._smime.cms import content_types
from pytest_mailtrap._smime.cms.ber import BerError
from pytest_mailtrap._smime.verify import attributes as _attributes

ENTRIES = [*entries(CORPUS), *(one for one in entries(SHARED) if "generated/" not in one.name)]


def cms_of(entry: Entry) -> bytes | None:
    """The outermost CMS object of a message, or None if it has none."""
    raw = entry.read(entry.name)
    if entry.truth["kind"] == "cms":
        pem = re.search(rb"-----BEGIN.*?-----(.*?)-----END", raw, re.DOTALL)
        return base64.b64decode(pem[1]) if pem else raw
    entity = mime.Entity(mime.with_crlf(raw))
    if not walk.is_smime(entity):
        return None
    if entity.is_multipart:
        parts = mime.split(entity).parts
        return mime.Entity(parts[1]).decoded()[0] if len(parts) == 2 else None
    return entity.decoded()[0]


PAIRS = [(entry.name, cms) for entry in ENTRIES if (cms := cms_of(entry)) is not None]
OBJECTS = [pytest.param(name, cms, id=name) for name, cms in PAIRS]


# What asn1crypto reads, for it looks at few fields, and what only PKCS #7 of 1993 allowed.
STRICTER = {
    "mbedtls/pkcs7_data_signed_badsigner.der",
    "mbedtls/pkcs7_signerInfo_issuer_invalid_size.der",
    "mbedtls/pkcs7_signerInfo_serial_invalid_size.der",
    "asn1crypto/pkcs7-signed-digested.der",
}


def ours(cms: bytes) -> dict[str, Any] | None:
    try:
        return parsed(cms)
    except BerError:
        return None


def theirs(cms: bytes) -> dict[str, Any] | None:
    # Not at the top: importing it takes 60 ms, and every process of the run collects this file.
    from asn1crypto.cms import ContentInfo

    try:
        return foreign(ContentInfo.load(cms))
    except (ValueError, TypeError, KeyError):
        return None


@pytest.mark.parametrize(("name", "cms"), OBJECTS)
def test_agrees_with_asn1crypto(name: str, cms: bytes) -> None:
    """The parser agrees with asn1crypto field by field; what one refuses, the other refuses as well."""
    if name in STRICTER:
        assert ours(cms) is None
    else:
        assert ours(cms) == theirs(cms)


def test_the_comparison_has_something_to_compare() -> None:
    """The control: both parse most objects, of every kind, and a single flipped bit makes a difference."""
    read = [(name, cms, found) for name, cms in PAIRS if (found := ours(cms)) is not None]
    assert len(read) >= 0.9 * len(PAIRS)
    assert {found["type"] for _, _, found in read} >= {
        content_types.SIGNED_DATA,
        content_types.ENVELOPED_DATA,
        content_types.AUTH_ENVELOPED_DATA,
    }
    for name, cms, found in read:
        flipped = cms[:-1] + bytes([cms[-1] ^ 1])
        if name.startswith("ossl36-alice-sha256-opaque-der"):
            assert ours(flipped) == theirs(flipped) != found


def parsed(cms: bytes) -> dict[str, Any]:
    oid, element, _ = content_types.content_info(cms)
    if oid == content_types.SIGNED_DATA:
        return {"type": oid, **signed_facts(content_types.signed_data(element))}
    if oid == content_types.ENVELOPED_DATA:
        return {"type": oid, **encrypted_facts(content_types.enveloped_data(element))}
    if oid == content_types.AUTH_ENVELOPED_DATA:
        return {"type": oid, **encrypted_facts(content_types.auth_enveloped_data(element))}
    if oid == content_types.COMPRESSED_DATA:
        return {"type": oid, "content": content_types.compressed_data(element).content}
    return {"type": oid}


def signed_facts(data: content_types.SignedData) -> dict[str, Any]:
    return {
        "digests": sorted(one.oid for one in data.digests),
        "content type": data.content_type,
        "content": data.content,
        "certificates": list(data.certificates),
        "signers": [signer_facts(info) for info in data.signers],
    }


def signer_facts(info: content_types.SignerInfo) -> dict[str, Any]:
    return {
        "sid": info.sid.key_identifier or info.sid.serial,
        "digest": info.digest.oid,
        "algorithm": info.signature_algorithm.oid,
        "parameters": info.signature_algorithm.parameters,
        "signature": info.signature,
        "signed": _attributes.encodings(info)[-1] if info.signed_attributes is not None else None,
        "attributes": [(one.oid, list(one.values)) for one in info.signed_attributes or ()],
        "unsigned": [(one.oid, list(one.values)) for one in info.unsigned_attributes],
    }


def encrypted_facts(data: content_types.EnvelopedData) -> dict[str, Any]:
    return {
        "content type": data.content_type,
        "cipher": data.cipher.oid,
        "parameters": data.cipher.parameters,
        "ciphertext": data.ciphertext,
        "tag": data.tag,
        "recipients": [
            (info.kind, info.algorithm.oid, [key.encrypted_key for key in info.keys])
            for info in data.recipients
            if info.kind != "kem"  # younger than asn1crypto
        ],
    }


def foreign(info: Any) -> dict[str, Any]:  # Any: asn1crypto has no annotations
    oid, content = info["content_type"].dotted, info["content"]
    if oid == content_types.SIGNED_DATA:
        return {"type": oid, **foreign_signed_facts(content)}
    if oid in (content_types.ENVELOPED_DATA, content_types.AUTH_ENVELOPED_DATA):
        return {
            "type": oid,
            **foreign_encrypted_facts(content, oid == content_types.AUTH_ENVELOPED_DATA),
        }
    if oid == content_types.COMPRESSED_DATA:
        return {"type": oid, "content": content["encap_content_info"]["content"].native}
    return {"type": oid}


def foreign_signed_facts(data: Any) -> dict[str, Any]:
    content = data["encap_content_info"]["content"]
    return {
        "digests": sorted(one["algorithm"].dotted for one in data["digest_algorithms"]),
        "content type": data["encap_content_info"]["content_type"].dotted,
        "content": bytes(content) if content else None,
        "certificates": [
            one.chosen.dump() for one in data["certificates"] or () if one.name == "certificate"
        ],
        "signers": [foreign_signer_facts(one) for one in data["signer_infos"]],
    }


def foreign_signer_facts(signer: Any) -> dict[str, Any]:
    sid, attributes = signer["sid"], signer["signed_attrs"]
    scheme = signer["signature_algorithm"]
    by_serial = sid.name == "issuer_and_serial_number"
    parameters = scheme["parameters"].dump() or None
    return {
        "sid": sid.chosen["serial_number"].native if by_serial else sid.native,
        "digest": signer["digest_algorithm"]["algorithm"].dotted,
        "algorithm": scheme["algorithm"].dotted,
        "parameters": parameters,
        "signature": signer["signature"].native,
        "signed": attributes.untag().dump() if attributes else None,
        "attributes": foreign_attributes(attributes),
        "unsigned": foreign_attributes(signer["unsigned_attrs"]),
    }


def foreign_attributes(attributes: Any) -> list[tuple[str, list[bytes]]]:
    return [
        (one["type"].dotted, [value.dump() for value in one["values"]]) for one in attributes or ()
    ]


def foreign_encrypted_facts(data: Any, authenticated: bool) -> dict[str, Any]:
    inner = data["auth_encrypted_content_info" if authenticated else "encrypted_content_info"]
    return {
        "content type": inner["content_type"].dotted,
        "cipher": inner["content_encryption_algorithm"]["algorithm"].dotted,
        "parameters": inner["content_encryption_algorithm"]["parameters"].dump() or None,
        "ciphertext": inner["encrypted_content"].native,
        "tag": data["mac"].native if authenticated else None,
        "recipients": [
            foreign_recipient(one) for one in data["recipient_infos"] if one.name != "ori"
        ],
    }


def foreign_recipient(info: Any) -> tuple[str, str, list[bytes]]:
    chosen = info.chosen
    kind = {"ktri": "key-transport", "kari": "key-agreement", "kekri": "kek", "pwri": "password"}
    keys = (
        [one["encrypted_key"].native for one in chosen["recipient_encrypted_keys"]]
        if info.name == "kari"
        else [chosen["encrypted_key"].native]
    )
    return (
        kind[info.name],
        chosen["key_encryption_algorithm"]["algorithm"].dotted,
        [] if info.name == "pwri" else keys,
    )


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl program")
@pytest.mark.parametrize(("name", "cms"), OBJECTS)
def test_openssl_reads_what_is_read_here(name: str, cms: bytes) -> None:
    """No object is accepted here that the openssl program cannot parse."""
    found = ours(cms)
    if found is None or any(map(known.is_malformed, found.get("certificates", ()))):
        return
    command = ["openssl", "cms", "-cmsout", "-inform", "DER", "-noout"]
    program = subprocess.run(command, input=cms, capture_output=True, check=False)
    assert program.returncode == 0, program.stderr


@pytest.mark.parametrize("size", [0, 1, 10, 100, 1000])
def test_a_truncated_object_is_refused(size: int) -> None:
    """Wherever the object is cut off, the reader reports it and does nothing else."""
    cms = (CORPUS / "ossl36-alice-sha256-opaque-der.eml").read_bytes()
    whole = mime.Entity(cms).decoded()[0]
    with pytest.raises(BerError):
        parsed(whole[:size])


def test_trailing_bytes_are_counted() -> None:
    """Bytes after the object are reported to the caller."""
    raw = (CORPUS / "ossl36-alice-sha256-opaque-der.eml").read_bytes()
    whole = mime.Entity(raw).decoded()[0]
    assert content_types.content_info(whole)[2] == 0
    assert content_types.content_info(whole + b"junk")[2] == 4
