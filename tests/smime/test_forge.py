"""The forge itself: what it makes by default is correct according to OpenSSL and asn1crypto."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from _cast import alice, bob, root
from _encrypt import auth_enveloped, enveloped
from _forge import compressed_data, signed_by
from _mail import PART, detached, opaque
from asn1crypto import cms
from cryptography.hazmat.primitives.serialization import Encoding

if TYPE_CHECKING:
    from pathlib import Path

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program")

# OpenSSL verifies Ed25519 in CMS from 3.2 on only, so it is not among these.
WAYS: dict[str, dict[str, Any]] = {
    "EC": {"key": "ec-p256"},
    "RSA": {"key": "rsa-2048"},
    "PSS": {"key": "rsa-2048", "pss_salt": 32},
    "key identifier": {"key": "ec-p256", "by_key_identifier": True},
    "no attributes": {"key": "rsa-2048", "plain": True},
    "BER": {"key": "rsa-2048", "ber": True},
    "SHA-384": {"key": "ec-p384", "digest": "sha384"},
}


def openssl_verifies(message: bytes, folder: Path) -> bool:
    (folder / "ca.pem").write_bytes(root().certificate.public_bytes(Encoding.PEM))
    (folder / "message.eml").write_bytes(message)
    command = ["openssl", "cms", "-verify", "-in", "message.eml", "-CAfile", "ca.pem"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    return done.returncode == 0


@needs_openssl
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wrap", ["detached", "opaque"])
def test_openssl_accepts_what_the_forge_makes_by_default(
    way: str, wrap: str, tmp_path: Path
) -> None:
    """Each kind of signature is valid before a test breaks it."""
    how = dict(WAYS[way])
    signer = alice(how.pop("key"))
    if wrap == "detached":
        message = detached(signed_by(signer, PART, **how))
    else:
        message = opaque(signed_by(signer, PART, detached=False, **how))
    assert openssl_verifies(message, tmp_path)


@needs_openssl
def test_openssl_refuses_another_part(tmp_path: Path) -> None:
    """The negative control."""
    assert not openssl_verifies(detached(signed_by(alice(), PART), PART + b"x"), tmp_path)


@needs_openssl
@pytest.mark.parametrize("seal", [enveloped, auth_enveloped])
def test_openssl_decrypts_what_the_forge_encrypts(seal: Any, tmp_path: Path) -> None:
    """So every later test that flips a bit starts with a message that decrypts."""
    (tmp_path / "key.pem").write_bytes(bob().private_key_pem + bob().certificate_pem)
    (tmp_path / "message.der").write_bytes(seal(PART, [bob().certificate]))
    command = "openssl cms -decrypt -inform DER -in message.der -inkey key.pem -recip key.pem"
    done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, PART), done.stderr


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (lambda: signed_by(alice(), PART), "signed_data"),
        (lambda: enveloped(PART, [bob().certificate]), "enveloped_data"),
        (lambda: auth_enveloped(PART, [bob().certificate]), "authenticated_enveloped_data"),
        (lambda: compressed_data(PART), "compressed_data"),
    ],
)
def test_asn1crypto_reads_what_the_forge_makes(made: Any, kind: str) -> None:
    """A second parser agrees about the kind and about every field that it reads."""
    parsed = cms.ContentInfo.load(made(), strict=True)
    assert parsed["content_type"].native == kind
    assert parsed.native
