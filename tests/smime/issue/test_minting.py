"""Identities: correct by default, and wrong in exactly the way requested."""

from __future__ import annotations

import datetime
import functools
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pytest_mailtrap._smime.identity import Identity
from pytest_mailtrap._smime.issue.minting import mint_identity

if TYPE_CHECKING:
    from collections.abc import Callable

UTC = datetime.timezone.utc
NOW = datetime.datetime.now(UTC).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
ADDRESS = "alice@example.org"

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program")


class CA:
    """A trustme CA as `cryptography` objects."""

    def __init__(self, ca: trustme.CA) -> None:
        self.pem = ca.cert_pem.bytes()
        self.certificate = x509.load_pem_x509_certificate(self.pem)
        self.key: Any = load_pem_private_key(ca.private_key_pem.bytes(), None)

        self.of_kind = functools.cache(lambda key: self.mint(key=key))

    def mint(self, address: str | None = ADDRESS, *more: str, **how: Any) -> Identity:
        return mint_identity(self.certificate, self.key, address, *more, **how)


@pytest.fixture(scope="module", params=["ECDSA", "RSA"])
def ca(request: pytest.FixtureRequest) -> CA:
    return CA(trustme.CA(key_type=trustme.KeyType[request.param]))


def extension(identity: Identity, kind: Any) -> Any:
    return identity.certificate.extensions.get_extension_for_class(kind)


KEYS: dict[str, tuple[type, int | None, set[str]]] = {
    "ec-p256": (ec.EllipticCurvePrivateKey, 256, {"key_agreement"}),
    "ec-p384": (ec.EllipticCurvePrivateKey, 384, {"key_agreement"}),
    "ec-p521": (ec.EllipticCurvePrivateKey, 521, {"key_agreement"}),
    "rsa-2048": (rsa.RSAPrivateKey, 2048, {"key_encipherment"}),
    "rsa-3072": (rsa.RSAPrivateKey, 3072, {"key_encipherment"}),
    "rsa-1024": (rsa.RSAPrivateKey, 1024, {"key_encipherment"}),
    "ed25519": (ed25519.Ed25519PrivateKey, None, set()),
}


@pytest.mark.parametrize("key", KEYS)
def test_each_key_gets_the_usages_it_is_capable_of(ca: CA, key: str) -> None:
    """Every key signs; RSA keys also transport keys, and EC keys also agree on them."""
    kind, size, usages = KEYS[key]
    identity = ca.of_kind(key)
    assert isinstance(identity.private_key, kind)
    assert size is None or identity.private_key.key_size == size  # type: ignore[union-attr]  # RSA or EC
    found = extension(identity, x509.KeyUsage)
    names = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    assert found.critical
    assert found.value.digital_signature
    assert {name for name in names if getattr(found.value, name)} == usages


def test_the_certificate_names_the_address_where_it_belongs(ca: CA) -> None:
    """The address is in the subjectAltName, not critical, and nowhere else (RFC 8550 section 3)."""
    identity = ca.mint(ADDRESS, "bob@example.org")
    found = extension(identity, x509.SubjectAlternativeName)
    assert not found.critical
    assert found.value.get_values_for_type(x509.RFC822Name) == [ADDRESS, "bob@example.org"]
    assert "@" not in identity.certificate.subject.rfc4514_string()
    assert identity.address == ADDRESS


def test_the_certificate_is_for_mail_and_issued_by_the_ca(ca: CA) -> None:
    """It has only emailProtection, is not a CA, and carries the issuer's signature."""
    identity = ca.mint()
    identity.certificate.verify_directly_issued_by(ca.certificate)
    assert list(extension(identity, x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.EMAIL_PROTECTION
    ]
    assert not extension(identity, x509.BasicConstraints).value.ca


def test_a_local_part_outside_ascii_becomes_an_smtputf8mailbox(ca: CA) -> None:
    """RFC 9598: an rfc822Name can't hold it; the domain is in A-labels either way."""
    identity = ca.mint("ålice@exämple.org", "bob@exämple.org")
    unicode_name, ascii_name = extension(identity, x509.SubjectAlternativeName).value
    assert unicode_name.type_id.dotted_string == "1.3.6.1.5.5.7.8.9"
    assert unicode_name.value == b"\x0c\x19" + "ålice@xn--exmple-cua.org".encode()
    assert ascii_name.value == "bob@xn--exmple-cua.org"
    assert identity.address == "ålice@xn--exmple-cua.org"


@pytest.mark.parametrize(
    ("domain", "encoded"),
    [
        ("faß.de", "xn--fa-hia.de"),
        ("Exämple.ORG", "xn--exmple-cua.ORG"),
        ("例え.jp", "xn--r8jz45g.jp"),
    ],
)
def test_domains_are_those_of_idna_2008(ca: CA, domain: str, encoded: str) -> None:
    """IDNA 2003 would name fass.de instead of faß.de."""
    assert ca.mint(f"alice@{domain}").address == f"alice@{encoded}"


def test_a_long_address_outside_ascii_is_encoded_too(ca: CA) -> None:
    """A UTF8String of 128 bytes or more has a longer length field."""
    address = "å" * 70 + "@example.org"
    assert ca.mint(address).address == address


def test_the_validity_is_the_cas_unless_told_otherwise(ca: CA) -> None:
    """This way, a session's identity is valid at any time that a test may set its clock to."""
    identity = ca.mint()
    assert identity.certificate.not_valid_before_utc == ca.certificate.not_valid_before_utc
    assert identity.certificate.not_valid_after_utc == ca.certificate.not_valid_after_utc
    expired = ca.mint(not_after=NOW - DAY).certificate
    assert expired.not_valid_before_utc < expired.not_valid_after_utc == NOW - DAY
    future = ca.mint(not_before=NOW + DAY).certificate
    assert future.not_valid_before_utc == NOW + DAY


def test_times_of_other_zones_are_converted(ca: CA) -> None:
    """Aware datetimes denote a moment, whatever their zone."""
    zone = datetime.timezone(datetime.timedelta(hours=-7))
    identity = ca.mint(not_after=(NOW - DAY).astimezone(zone))
    assert identity.certificate.not_valid_after_utc == NOW - DAY


def test_a_self_signed_identity_is_its_own_issuer(ca: CA) -> None:
    """The CA has not signed it, and nothing points to the CA."""
    certificate = ca.mint(self_signed=True).certificate
    assert certificate.issuer == certificate.subject
    certificate.verify_directly_issued_by(certificate)
    with pytest.raises(ValueError, match="Issuer"):
        certificate.verify_directly_issued_by(ca.certificate)


def test_extensions_can_be_left_out(ca: CA) -> None:
    """The address, the purpose, and the key usage can each be left out on request."""
    bare = ca.mint(None, purposes=(), key_usage=())
    for kind in (x509.SubjectAlternativeName, x509.ExtendedKeyUsage, x509.KeyUsage):
        with pytest.raises(x509.ExtensionNotFound):
            extension(bare, kind)
    assert bare.address is None


def test_the_common_name_is_the_callers(ca: CA) -> None:
    """It may be any name except an address."""
    [name] = ca.mint(common_name="Alice").certificate.subject.get_attributes_for_oid(
        NameOID.COMMON_NAME
    )
    assert name.value == "Alice"


MISUSES: dict[str, tuple[tuple[str, ...], dict[str, Any], str]] = {
    "key": ((ADDRESS,), {"key": "foo"}, r"key must be one of ec-p256, .*, got 'foo'"),
    "purposes": (
        (ADDRESS,),
        {"purposes": ["mail"]},
        r"purposes must be one or more of emailProtection, .*, got 'mail'",
    ),
    "key_usage": (
        (ADDRESS,),
        {"key_usage": ["sign"]},
        r"key_usage must be one or more of digitalSignature, .*, got 'sign'",
    ),
    "address": (("alice",), {}, r"address must look like 'alice@example.org', got 'alice'"),
    "no local part": (("@example.org",), {}, r"address must look like .*, got '@example.org'"),
    "a blank": (
        ("alice @example.org",),
        {},
        r"address must look like .*, got 'alice @example.org'",
    ),
    "an empty label": (("alice@ex..ämple",), {}, r"address must look like .*"),
    "naive": (
        (ADDRESS,),
        {"not_after": datetime.datetime(2030, 1, 1)},  # noqa: DTZ001 - the misuse
        r"not_after must be an aware datetime, got datetime.datetime\(2030, 1, 1, 0, 0\)",
    ),
    "order": (
        (ADDRESS,),
        {"not_before": NOW, "not_after": NOW - DAY},
        r"not_after must not precede not_before",
    ),
    "two issuers": (
        (ADDRESS,),
        {"self_signed": True, "other_ca": True},
        r"self_signed and other_ca are mutually exclusive",
    ),
    "common name": (
        (ADDRESS,),
        {"common_name": ADDRESS},
        r"common_name must not be an address, got 'alice@example.org'",
    ),
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_misuse_says_what_is_allowed(ca: CA, misuse: str) -> None:
    """The message states the problem first, then the value."""
    addresses, how, message = MISUSES[misuse]
    with pytest.raises(ValueError, match=message):
        ca.mint(*addresses, **how)


def test_the_private_key_is_not_in_the_representation(ca: CA) -> None:
    """A failing test prints identities, so their repr must not contain the key."""
    identity = ca.mint(key="ed25519")
    secret = identity.private_key.private_bytes_raw()  # type: ignore[union-attr]  # Ed25519
    assert "private" not in repr(identity).lower()
    assert secret.hex() not in repr(identity)


def test_an_identity_survives_every_form(ca: CA, tmp_path: Path) -> None:
    """PEM, PKCS#12 and files hold the same certificate, key and chain."""
    made = ca.mint()
    identity = Identity(made.certificate, made.private_key, (ca.certificate,))
    again = Identity.from_pem(identity.chain_pem, identity.private_key_pem)
    assert (again.certificate, again.chain) == (identity.certificate, identity.chain)
    assert again.private_key_pem == identity.private_key_pem
    from_p12 = Identity.from_pkcs12(identity.pkcs12("secret"), "secret")
    assert (from_p12.certificate, from_p12.chain) == (identity.certificate, identity.chain)
    files = identity.write(tmp_path)
    from_files = Identity.from_pem(files.chain.read_bytes(), files.private_key.read_bytes())
    assert from_files.certificate == identity.certificate
    assert files.certificate.read_bytes() == identity.certificate_pem


@pytest.mark.parametrize("path", [str, Path], ids=["text", "path"])
def test_an_identity_is_read_from_its_files(
    path: Callable[[Path], str | Path], ca: CA, tmp_path: Path
) -> None:
    """Files are given by path, as for `trust=`; a missing file is named."""
    identity = ca.mint()
    files = identity.write(tmp_path)
    read = Identity.from_pem(path(files.certificate), path(files.private_key))
    assert read.private_key_pem == identity.private_key_pem
    together = tmp_path / "both.pem"
    together.write_bytes(identity.private_key_pem + identity.certificate_pem)
    assert Identity.from_pem(path(together)).certificate == identity.certificate
    bundle = tmp_path / "alice.p12"
    bundle.write_bytes(identity.pkcs12("secret"))
    assert Identity.from_pkcs12(path(bundle), "secret").certificate == identity.certificate
    with pytest.raises(FileNotFoundError, match=r"nobody\.pem"):
        Identity.from_pem(path(tmp_path / "nobody.pem"))


@pytest.mark.parametrize("length", [16, 4000], ids=["password", "key without armour"])
def test_a_secret_taken_for_a_path_is_not_shown(ca: CA, length: int, tmp_path: Path) -> None:
    """The secret is not shown as the name of a missing file, or as a name that is too long."""
    secret = ("MIIEvQIBADANBgkqhkiG9w0B" * 200)[:length]
    pem = ca.mint().certificate_pem
    for wrong in (
        lambda: Identity.from_pem(pem, secret),
        lambda: Identity.from_pem(secret),
        lambda: Identity.from_pkcs12(secret),
    ):
        with pytest.raises(FileNotFoundError) as error:
            wrong()
        assert str(error.value) == "neither PEM text nor the path of a file"
        assert secret not in repr(error.value)
    # The control: what is not taken for a secret is named, also without a suffix where it is a Path.
    with pytest.raises(FileNotFoundError, match="nobody"):
        Identity.from_pem(tmp_path / "nobody")


def test_pkcs12_needs_its_password(ca: CA) -> None:
    """The negative control."""
    with pytest.raises(ValueError, match=r"(?i)password"):
        Identity.from_pkcs12(ca.mint().pkcs12("secret"), "wrong")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_only_the_owner_may_read_the_key_file(ca: CA, tmp_path: Path) -> None:
    """Programs that read keys require this."""
    assert stat.S_IMODE(ca.mint().write(tmp_path).private_key.stat().st_mode) == 0o600


WRONG: dict[str, dict[str, Any]] = {
    "expired": {"not_after": NOW - DAY},
    "not yet valid": {"not_before": NOW + DAY},
    "no emailProtection": {"purposes": ["serverAuth"]},
    "cannot sign": {"key": "rsa-2048", "key_usage": ["keyEncipherment"]},
    "self-signed": {"self_signed": True},
    "another CA": {"other_ca": True},
}


def openssl(folder: Path, command: str) -> bool:
    """Whether the program exits successfully."""
    done = subprocess.run(
        ["openssl", *command.split()], cwd=folder, capture_output=True, check=False
    )
    return done.returncode == 0


def accepted_by_openssl(ca: CA, identity: Identity, folder: Path) -> tuple[bool, bool]:
    """The results of `openssl verify` for the certificate and of `openssl cms -verify` for its signature."""
    identity.write(folder)
    (folder / "ca.pem").write_bytes(ca.pem)
    (folder / "text").write_bytes(b"Hello\r\n")
    chain = openssl(folder, "verify -purpose smimesign -CAfile ca.pem certificate.pem")
    sign = "cms -sign -in text -signer certificate.pem -inkey key.pem -out signed.eml"
    assert openssl(folder, sign)
    return chain, openssl(folder, "cms -verify -in signed.eml -CAfile ca.pem -out text2")


@needs_openssl
@pytest.mark.parametrize("key", [key for key in KEYS if key not in ("ed25519", "rsa-1024")])
def test_openssl_accepts_a_minted_identity(ca: CA, key: str, tmp_path: Path) -> None:
    """Another implementation agrees that this is an S/MIME certificate."""
    assert accepted_by_openssl(ca, ca.of_kind(key), tmp_path) == (True, True)


@needs_openssl
@pytest.mark.parametrize("wrong", WRONG)
def test_openssl_refuses_the_wrong_ones(ca: CA, wrong: str, tmp_path: Path) -> None:
    """The negative controls: OpenSSL rejects the wrong ones too."""
    assert accepted_by_openssl(ca, ca.mint(**WRONG[wrong]), tmp_path) == (False, False)


@needs_openssl
def test_openssl_refuses_an_identity_of_another_ca(ca: CA, tmp_path: Path) -> None:
    """OpenSSL is given one CA, but the identity comes from another."""
    assert accepted_by_openssl(ca, CA(trustme.CA()).mint(), tmp_path) == (False, False)


@needs_openssl
def test_openssl_reads_the_pkcs12_file(ca: CA, tmp_path: Path) -> None:
    """It opens with the right password, and not with another."""
    (tmp_path / "identity.p12").write_bytes(ca.mint().pkcs12("secret"))
    assert openssl(tmp_path, "pkcs12 -in identity.p12 -passin pass:secret -nodes -out out.pem")
    assert not openssl(tmp_path, "pkcs12 -in identity.p12 -passin pass:wrong -nodes -out out.pem")
