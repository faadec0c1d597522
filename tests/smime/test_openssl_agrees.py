"""Another verifier: the openssl program also accepts what is accepted here, with the same content."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from _cast import person
from _mail import PART
from _signers import openssl
from _truth import CORPUS, Entry, entries
from asn1crypto import cms

from pytest_mailtrap import smime

if TYPE_CHECKING:
    from pathlib import Path

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program")
KEYS = CORPUS / "keys"
# OpenSSL 3.0, which Debian 12 has, lacks EdDSA and ML-DSA in CMS; and no OpenSSL goes by a file name.
BEYOND_OPENSSL = ("ed25519", "mldsa", "octet-stream")
SIGNED = [
    one
    for one in entries(CORPUS)
    if one.truth["kind"] == "eml"
    and one.truth.get("layers") == ["signed"]
    and one.truth["verdict"] in ("pass", "fail")
    and not one.truth.get("allow_weak")
    and not any(mark in one.name for mark in BEYOND_OPENSSL)
]


def by_openssl(raw: bytes, entry: Entry, folder: Path) -> bytes | None:
    """The content that `openssl cms -verify` outputs, or None if it refuses the message."""
    message, content = folder / "message.eml", folder / "content"
    message.write_bytes(raw)
    at = entry.keywords()["at"]
    command = ["openssl", "cms", "-verify", "-in", message, "-out", content]
    # Without -partial_chain an intermediate certificate in there is no anchor.
    authorities = folder / "authorities"
    authorities.write_bytes((KEYS / "root.crt").read_bytes() + (KEYS / "inter.crt").read_bytes())
    command += ["-CAfile", authorities]
    command += ["-purpose", "smimesign", "-attime", str(int(at.timestamp()))]
    done = subprocess.run(list(map(str, command)), capture_output=True, check=False, timeout=60)
    return content.read_bytes() if done.returncode == 0 else None


def lines(content: bytes) -> list[bytes]:
    return content.replace(b"\r\n", b"\n").rstrip(b"\n").split(b"\n")


@needs_openssl
@pytest.mark.parametrize("entry", [pytest.param(one, id=one.name) for one in SIGNED])
def test_what_is_accepted_here_openssl_accepts(entry: Entry, tmp_path: Path) -> None:
    """OpenSSL does not check From, so the reverse does not hold; but it must accept all that is accepted here."""
    raw = entry.read(entry.name)
    facts = entry.facts()
    if facts.signed:
        theirs = by_openssl(raw, entry, tmp_path)
        assert theirs is not None
        assert lines(theirs) == lines(facts.content)


@needs_openssl
def test_the_comparison_compares(tmp_path: Path) -> None:
    """Most accepted messages are included in the comparison, and openssl refuses a changed one."""
    accepted = [one for one in SIGNED if one.facts().signed]
    assert len(accepted) > 25
    entry = next(one for one in accepted if one.name == "ossl30-smime-sign.eml")
    raw = entry.read(entry.name)
    assert by_openssl(raw, entry, tmp_path) is not None
    place = raw.index(entry.facts().content[-20:])
    changed = raw[:place] + b"x" + raw[place:]
    assert by_openssl(changed, entry, tmp_path) is None


# The key sizes of the content are those of RFC 3217 and of AES: OpenSSL wraps both in Triple-DES.
@needs_openssl
@pytest.mark.parametrize("curve", ["ec-p256", "ec-p521"])
@pytest.mark.parametrize("ciphers", ["-des3", "-aes256 -des3-wrap", "-aes-128-gcm -aes256-wrap"])
def test_every_key_wrap_of_openssl_is_opened(ciphers: str, curve: str, tmp_path: Path) -> None:
    """Key agreement with AES and Triple-DES key wrap (RFC 3370, section 4.3.1); a flipped bit is noticed."""
    reader = person("bob@example.org", curve)
    reader.write(tmp_path)
    made = openssl(tmp_path, f"-encrypt -outform DER {ciphers} certificate.pem", PART)
    facts = smime.inspect_cms(made, identities=[reader])
    assert (facts.encrypted, facts.content) == (True, PART)

    spoilt = bytearray(made)
    spoilt[made.index(wrapped_key(made)) + 3] ^= 1
    facts = smime.inspect_cms(bytes(spoilt), identities=[reader])
    assert not facts.encrypted
    assert "key-unwrap-failed" in [one.code for one in facts.problems]


def wrapped_key(made: bytes) -> bytes:
    """The wrapped key of the first recipient, read by another parser."""
    recipients = cms.ContentInfo.load(made)["content"]["recipient_infos"]
    agreed = recipients[0].chosen["recipient_encrypted_keys"]
    encrypted: bytes = agreed[0]["encrypted_key"].native
    return encrypted
