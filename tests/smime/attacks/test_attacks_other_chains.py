"""
Paths through keys that `cryptography.x509.verification` does not judge: no less rigour there.

Every wrong path is the right one beside it with one ingredient broken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _cast import (
    DAY,
    NOW,
    YEAR,
    Authority,
    _key_usage,
    assert_accepted,
    assert_refused,
    dsa_key,
    inspect,
)
from _forge import signed_by
from _mail import PART, detached
from _resign import MD5_WITH_RSA, SHA1_WITH_RSA, SHA256_WITH_RSA, resigned
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from pytest_mailtrap._smime.issue.minting import signature_hash
from pytest_mailtrap.smime import Identity

if TYPE_CHECKING:
    from collections.abc import Callable

ADDRESS = "alice@example.org"
UNKNOWN = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\5\0")
SERVERS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
MAIL = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
CONSTRAINTS = x509.NameConstraints([x509.RFC822Name("example.org")], None)


def certificate_of(
    key: Any,
    issuer: Authority | None,
    name: str,
    *extensions: tuple[x509.ExtensionType, bool],
    basic: x509.BasicConstraints | None = None,
    not_after: Any = NOW + YEAR,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signing: Any = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder(
            issuer.certificate.subject if issuer else subject,
            subject,
            key.public_key(),
            x509.random_serial_number(),
        )
        .not_valid_before(NOW - YEAR)
        .not_valid_after(not_after)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )
    if basic is not None:
        builder = builder.add_extension(basic, critical=True)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signing, signature_hash(signing))


CA = x509.BasicConstraints(ca=True, path_length=None)
SIGNS = (_key_usage(True), True)


def ca(
    issuer: Authority | None = None, *more: tuple[x509.ExtensionType, bool], **how: Any
) -> Authority:
    """An Ed25519 CA, which the library does not accept in any path."""
    key = how.pop("key", None) or ed25519.Ed25519PrivateKey.generate()
    usage = how.pop("usage", SIGNS)
    name = how.pop("name", "Root" if issuer is None else "Intermediate")
    basic = how.pop("basic", CA)
    extensions = (*filter(None, (usage,)), *more)
    certificate = certificate_of(key, issuer, name, *extensions, basic=basic, **how)
    return Authority(certificate, key)


ROOT = ca()


def signed_under(*path: Authority, extensions: Any = (), **how: Any) -> bytes:
    """Alice's mail; her certificate is issued by the last CA in *path*, which starts below the root."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = (x509.SubjectAlternativeName([x509.RFC822Name(ADDRESS)]), False)
    leaf = certificate_of(key, path[-1], "Alice", names, (MAIL, False), *extensions, **how)
    chain = tuple(one.certificate for one in reversed(path))
    return detached(signed_by(Identity(leaf, key, chain), PART))


def through(*more: tuple[x509.ExtensionType, bool], **how: Any) -> bytes:
    return signed_under(ROOT, ca(ROOT, *more, **how))


RIGHT: dict[str, Callable[[], bytes]] = {
    "directly": lambda: signed_under(ROOT),
    "through an intermediate": lambda: through(),
    "through an EC intermediate": lambda: through(key=ec.generate_private_key(ec.SECP256R1())),
    "through an Ed448 intermediate": lambda: through(key=ed448.Ed448PrivateKey.generate()),
    "through two": lambda: signed_under(ROOT, one := ca(ROOT), ca(one, name="Below")),
    "a path length that is enough": lambda: signed_under(
        ROOT,
        one := ca(ROOT, basic=x509.BasicConstraints(ca=True, path_length=1)),
        ca(one, name="Below"),
    ),
    "no key usage": lambda: through(usage=None),
    "issues for mail": lambda: through((MAIL, False)),
    "an unknown extension": lambda: through((UNKNOWN, False)),
    "an unknown extension of the leaf": lambda: signed_under(ROOT, extensions=[(UNKNOWN, False)]),
}
WRONG: dict[str, Callable[[], bytes]] = {
    "an expired intermediate": lambda: through(not_after=NOW - DAY),
    "no CA": lambda: through(basic=x509.BasicConstraints(ca=False, path_length=None)),
    "no basic constraints": lambda: through(basic=None),
    "too long a path": lambda: signed_under(
        ROOT,
        one := ca(ROOT, basic=x509.BasicConstraints(ca=True, path_length=0)),
        ca(one, name="Below"),
    ),
    "no keyCertSign": lambda: through(usage=(_key_usage(False), True)),
    "issues for servers": lambda: through((SERVERS, False)),
    "an unknown critical extension": lambda: through((UNKNOWN, True)),
    "an unknown critical extension of the leaf": lambda: signed_under(
        ROOT, extensions=[(UNKNOWN, True)]
    ),
    "name constraints, critical": lambda: through((CONSTRAINTS, True)),
    "name constraints, not critical": lambda: through((CONSTRAINTS, False)),
    "name constraints that allow": lambda: through((CONSTRAINTS, True)),
    "a root of its own": lambda: signed_under(ca(name="Root")),
    "another root of the same name above": lambda: signed_under(one := ca(), ca(one)),
    "the name of the root, another key": lambda: signed_under(
        Authority(ROOT.certificate, ed25519.Ed25519PrivateKey.generate())
    ),
    "a DSA intermediate": lambda: through(key=dsa_key()),
    "a short RSA intermediate": lambda: through(key=rsa.generate_private_key(65537, 1024)),
}


@pytest.mark.parametrize("form", RIGHT)
def test_a_right_path_is_accepted(form: str) -> None:
    """The positive controls."""
    assert_accepted(RIGHT[form](), trust=[ROOT.certificate])


@pytest.mark.parametrize("form", WRONG)
def test_a_wrong_path_is_refused(form: str) -> None:
    """Exactly one ingredient is broken, always one in the path."""
    message = WRONG[form]()
    assert_refused(message, "path-invalid", "issuer-unknown", trust=[ROOT.certificate])
    assert inspect(message, trust="any").signed


WEAK: dict[str, tuple[str, Callable[[], bytes]]] = {
    "DSA": ("dsa", WRONG["a DSA intermediate"]),
    "short RSA": ("short-rsa", WRONG["a short RSA intermediate"]),
}


@pytest.mark.parametrize("kind", WEAK)
def test_a_weak_issuer_is_accepted_by_its_name_only(kind: str) -> None:
    """allow= applies to the whole path, and permits nothing else."""
    name, make = WEAK[kind]
    trust = [ROOT.certificate]
    message = make()
    assert inspect(message, trust=trust, allow=[name]).signed
    others = {"md5", "sha1", "dsa", "short-rsa"} - {name}
    assert_refused(message, "path-invalid", "issuer-unknown", trust=trust, allow=others)


def test_a_curve_the_library_refuses_is_refused() -> None:
    """If the library can judge a path, its verdict counts: it does not support the curve secp256k1."""
    root = ca(key=ec.generate_private_key(ec.SECP256K1()))
    assert_refused(signed_under(root), "path-invalid", trust=[root.certificate])
    good = ca(key=ec.generate_private_key(ec.SECP256R1()))
    assert_accepted(signed_under(good), trust=[good.certificate])


def signed_by_an_old_ca(algorithm: bytes) -> tuple[bytes, x509.Certificate]:
    """A path with one link: Alice's certificate, signed by an RSA CA with the given algorithm."""
    root = ca(key=rsa.generate_private_key(65537, 2048))
    made = certificate_of(
        key := ec.generate_private_key(ec.SECP256R1()),
        root,
        "Alice",
        (x509.SubjectAlternativeName([x509.RFC822Name(ADDRESS)]), False),
    )
    old = resigned(made, root.key, signature_algorithm=algorithm)
    return detached(signed_by(Identity(old, key), PART)), root.certificate


@pytest.mark.parametrize(("name", "algorithm"), [("sha1", SHA1_WITH_RSA), ("md5", MD5_WITH_RSA)])
def test_a_weak_hash_in_the_path_is_accepted_by_its_name_only(name: str, algorithm: bytes) -> None:
    """A link is as weak as its hash; a SHA-256 link made in the same way needs no allow=."""
    message, root = signed_by_an_old_ca(algorithm)
    assert_refused(message, "path-invalid", trust=[root])
    assert inspect(message, trust=[root], allow=[name]).signed
    others = {"md5", "sha1", "dsa", "short-rsa"} - {name}
    assert_refused(message, "path-invalid", trust=[root], allow=others)
    fresh, other = signed_by_an_old_ca(SHA256_WITH_RSA)
    assert_accepted(fresh, trust=[other])
