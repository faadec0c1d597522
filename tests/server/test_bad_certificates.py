"""Each bad certificate has its own flaw, and no other."""

from __future__ import annotations

import ssl

import pytest
import trustme
from _issued import assert_issued
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pytest_mailtrap._server.certificate_authority import new_ca
from pytest_mailtrap._server.certificate_flaws import CERTIFICATES
from pytest_mailtrap._server.options import Options
from pytest_mailtrap._server.tls_certificates import Certificates, can_speak
from pytest_mailtrap._system.files import _Disk

# What OpenSSL says of each, by a number that does not change with its wording (x509_vfy.h).
REASONS = {
    "not-trusted": {20},
    "self-signed": {18},
    "expired": {10},
    "not-yet-valid": {9},
    "host-mismatch": {62},
    "missing-intermediate": {20, 21},
    "wrong-purpose": {26},
    "cn-only": {62},
    "partial-wildcard": {62},
    "weak-key": {66},
}


@pytest.fixture(scope="module")
def certificates():
    certificates = Certificates(new_ca())
    yield certificates
    certificates.close()


def verdict(certificates, flaw, client):
    """The client's error number, or None if it accepts the certificate."""
    server = certificates.server_context(Options(), certificate=flaw)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="localhost"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for end in ends * 3:
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as error:
            return error.verify_code
    return None


def strict(certificates):
    context = ssl.create_default_context(cadata=certificates.ca_pem)
    context.hostname_checks_common_name = False
    return context


def test_table_is_complete():
    """Every flaw is in the table above."""
    assert {*REASONS, "good"} == set(CERTIFICATES)


@pytest.mark.parametrize("flaw", REASONS)
def test_flaw_is_the_one_it_says(certificates, flaw):
    """A strict client refuses the certificate, for exactly that reason."""
    assert verdict(certificates, flaw, strict(certificates)) in REASONS[flaw]


def test_good_certificate(certificates):
    """The negative control: the same client accepts the good one."""
    assert verdict(certificates, "good", strict(certificates)) is None


def lenient(certificates, flaw):
    """A client that tolerates only this flaw."""
    context = strict(certificates)
    if flaw == "host-mismatch":
        context.check_hostname = False
    if flaw == "weak-key":
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    if flaw == "cn-only":
        context.hostname_checks_common_name = True
    return context


@pytest.mark.parametrize("flaw", ["host-mismatch", "weak-key", "cn-only"])
def test_there_is_no_other_flaw(certificates, flaw):
    """A client that tolerates the flaw accepts the certificate."""
    assert verdict(certificates, flaw, lenient(certificates, flaw)) is None


@pytest.mark.parametrize("flaw", REASONS)
def test_everybody_accepts_it_who_looks_at_nothing(certificates, flaw):
    """A client that verifies nothing accepts each one: the server can use it, and the refusal is the client's."""
    context = ssl._create_unverified_context()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    assert verdict(certificates, flaw, context) is None


def test_ca_of_another_kind():
    """The flaws also work under a user's CA with an Ed25519 key, whose certificate has no key identifier."""
    import datetime

    from pytest_mailtrap._server.bad_certificates import pem_of

    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mine")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, None)
    )
    ca = trustme.CA.from_pem(
        certificate.public_bytes(Encoding.PEM),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
    # trustme cannot write such a key: what is tried is what is ours.
    ca._private_key = type(
        "Key",
        (),
        {
            "private_bytes": lambda _s, *_a: key.private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
            )
        },
    )()
    pem = pem_of("wrong-purpose", ca, ("localhost",))
    issued = x509.load_pem_x509_certificate(pem[pem.index(b"-----BEGIN CERTIFICATE") :])
    assert_issued(issued, certificate)


def test_certificate_of_ones_own(certificates):
    """A user's function receives the CA and the names of the server."""
    seen = []

    def mine(ca, names):
        seen.append((ca, names))
        return ca.issue_cert(*names).private_key_and_cert_chain_pem.bytes()

    assert verdict(certificates, mine, strict(certificates)) is None
    assert seen == [(certificates.ca, ("localhost", "127.0.0.1", "::1"))]


def test_one_context_per_certificate(certificates, tmp_path, monkeypatch):
    """Sessions can be resumed within one context; a hostile server shares none with the good one; no key stays on the disk."""
    monkeypatch.setattr(_Disk, "temporary_directories", (str(tmp_path),))
    monkeypatch.setattr(certificates, "_contexts", {})
    contexts = [certificates.server_context(Options(), certificate=c) for c in CERTIFICATES]
    assert len(set(contexts)) == len(CERTIFICATES)
    again = [certificates.server_context(Options(), certificate=c) for c in CERTIFICATES]
    assert again == contexts
    assert not list(tmp_path.iterdir())


def test_what_this_openssl_can_speak():
    """TLS 1.2 and 1.3 are always supported; older versions are tried, not guessed."""
    assert can_speak("TLSv1.2")
    assert can_speak("TLSv1.3")
    assert can_speak("TLSv1") in (True, False)
