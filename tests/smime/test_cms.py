"""The CMS structures, against asn1crypto and the openssl program."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from typing import Any

import pytest
from _truth import CORPUS, SHARED, Entry, entries

from pytest_mailtrap._smime import _attributes, _cms, _mime, _walk
from pytest_mailtrap._smime._ber import BerError

ENTRIES = [*entries(CORPUS), *(one for one in entries(SHARED) if "generated/" not in one.name)]


def cms_of(entry: Entry) -> bytes | None:
    """The outermost CMS object of a message, or None if it has none."""
    raw = entry.read(entry.name)
    if entry.truth["kind"] == "cms":
        pem = re.search(rb"-----BEGIN.*?-----(.*?)-----END", raw, re.DOTALL)
        return base64.b64decode(pem[1]) if pem else raw
    entity = _mime.Entity(_mime.with_crlf(raw))
    if not _walk.is_smime(entity):
        return None
    if entity.is_multipart:
        parts = _mime.split(entity).parts
        return _mime.Entity(parts[1]).decoded()[0] if len(parts) == 2 else None
    return entity.decoded()[0]


OBJECTS = [
    pytest.param(cms, id=entry.name) for entry in ENTRIES if (cms := cms_of(entry)) is not None
]


@pytest.mark.parametrize("cms", OBJECTS)
def test_agrees_with_asn1crypto(cms: bytes) -> None:
    """What is parsed here is what asn1crypto parses; what is refused here it refuses as well."""
    foreign_cms = pytest.importorskip("asn1crypto.cms")
    try:
        ours = parsed(cms)
    except BerError:
        ours = None
    try:
        theirs = foreign(foreign_cms.ContentInfo.load(cms))
    except (ValueError, TypeError, KeyError):
        theirs = None
    if ours is not None and theirs is not None:
        assert ours == theirs


def parsed(cms: bytes) -> dict[str, Any]:
    oid, element, _ = _cms.content_info(cms)
    if oid == _cms.SIGNED_DATA:
        return signed_facts(_cms.signed_data(element))
    if oid in (_cms.ENVELOPED_DATA, _cms.AUTH_ENVELOPED_DATA):
        with_tag = oid == _cms.AUTH_ENVELOPED_DATA
        reader = _cms.auth_enveloped_data if with_tag else _cms.enveloped_data
        data = reader(element)
        kinds = [info.kind for info in data.recipients]
        return {"cipher": data.cipher.oid, "ciphertext": data.ciphertext, "recipients": len(kinds)}
    return {}


def signed_facts(data: _cms.SignedData) -> dict[str, Any]:
    return {
        "content": data.content,
        "certificates": [len(der) for der in data.certificates],
        "signatures": [info.signature for info in data.signers],
        "digests": [info.digest.oid for info in data.signers],
        "attributes": [
            _attributes.encodings(info)[-1] if info.signed_attributes else None
            for info in data.signers
        ],
    }


def foreign(info: Any) -> dict[str, Any]:
    kind, content = info["content_type"].native, info["content"]
    if kind == "signed_data":
        return foreign_signed_facts(content)
    if kind in ("enveloped_data", "authenticated_enveloped_data"):
        field = (
            "encrypted_content_info" if kind == "enveloped_data" else "auth_encrypted_content_info"
        )
        inner = content[field]
        return {
            "cipher": inner["content_encryption_algorithm"]["algorithm"].dotted,
            "ciphertext": inner["encrypted_content"].native,
            "recipients": len(content["recipient_infos"]),
        }
    return {}


def foreign_signed_facts(data: Any) -> dict[str, Any]:
    signers = list(data["signer_infos"])
    content = data["encap_content_info"]["content"]
    return {
        "content": bytes(content) if content else None,
        "certificates": [len(one.chosen.dump()) for one in data["certificates"] or ()],
        "signatures": [signer["signature"].native for signer in signers],
        "digests": [signer["digest_algorithm"]["algorithm"].dotted for signer in signers],
        "attributes": [
            signer["signed_attrs"].untag().dump() if signer["signed_attrs"] else None
            for signer in signers
        ],
    }


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl program")
@pytest.mark.parametrize("cms", OBJECTS[::6])
def test_openssl_reads_what_is_read_here(cms: bytes) -> None:
    """No object is accepted here that the openssl program cannot parse."""
    try:
        parsed(cms)
    except BerError:
        return
    command = ["openssl", "cms", "-cmsout", "-inform", "DER", "-noout"]
    program = subprocess.run(command, input=cms, capture_output=True, check=False)
    assert program.returncode == 0, program.stderr


@pytest.mark.parametrize("size", [0, 1, 10, 100, 1000])
def test_a_truncated_object_is_refused(size: int) -> None:
    """Whatever is cut off, the reader says so and nothing else happens."""
    cms = (CORPUS / "ossl36-alice-sha256-opaque-der.eml").read_bytes()
    whole = _mime.Entity(cms).decoded()[0]
    with pytest.raises(BerError):
        parsed(whole[:size])


def test_trailing_bytes_are_counted() -> None:
    """Bytes after the object are reported to the caller."""
    raw = (CORPUS / "ossl36-alice-sha256-opaque-der.eml").read_bytes()
    whole = _mime.Entity(raw).decoded()[0]
    assert _cms.content_info(whole)[2] == 0
    assert _cms.content_info(whole + b"junk")[2] == 4
