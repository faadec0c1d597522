"""Certificates that must not be trusted, each next to a valid counterpart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _cast import (
    DAY,
    NOW,
    YEAR,
    Authority,
    alice,
    assert_accepted,
    assert_refused,
    authority,
    inspect,
    root,
    stranger,
)
from _forge import signed_by
from _mail import PART, detached

from pytest_mailtrap._smime.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Callable

ADDRESS = "alice@example.org"


def by(identity: Identity, **how: Any) -> bytes:
    return detached(signed_by(identity, PART, **how))


WRONG: dict[str, tuple[Callable[[], Identity], str]] = {
    "expired": (lambda: root().issue(ADDRESS, not_after=NOW - DAY), "certificate-expired"),
    "not yet valid": (
        lambda: root().issue(ADDRESS, not_before=NOW + DAY),
        "certificate-not-yet-valid",
    ),
    "other address": (lambda: root().issue("bob@example.org"), "from-mismatch"),
    "no address": (lambda: root().issue(None), "certificate-without-mailbox"),
    "no emailProtection": (
        lambda: root().issue(ADDRESS, purposes=["serverAuth", "clientAuth"]),
        "extended-key-usage",
    ),
    "only keyEncipherment": (
        lambda: root().issue(ADDRESS, key="rsa-2048", key_usage=["keyEncipherment"]),
        "key-usage",
    ),
    "only keyAgreement": (lambda: root().issue(ADDRESS, key_usage=["keyAgreement"]), "key-usage"),
    "self-signed": (lambda: root().issue(ADDRESS, self_signed=True), "self-signed"),
    "unknown CA": (lambda: stranger().issue(ADDRESS), "issuer-unknown"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_certificate_is_refused_by_name(wrong: str) -> None:
    """Everything else about the message is correct."""
    make, code = WRONG[wrong]
    assert_refused(by(make()), code)


RIGHT: dict[str, Callable[[], Identity]] = {
    "as it should be": lambda: root().issue(ADDRESS),
    "nonRepudiation": lambda: root().issue(ADDRESS, key_usage=["nonRepudiation"]),
    "no key usage": lambda: root().issue(ADDRESS, key_usage=[]),
    "any purpose": lambda: root().issue(ADDRESS, purposes=["any"]),
    "no purposes": lambda: root().issue(ADDRESS, purposes=[]),
    "several purposes": lambda: root().issue(ADDRESS, purposes=["clientAuth", "emailProtection"]),
    "several addresses": lambda: root().issue("other@example.org", ADDRESS),
    "RSA": lambda: root().issue(ADDRESS, key="rsa-2048"),
    "P-521": lambda: root().issue(ADDRESS, key="ec-p521"),
}


@pytest.mark.parametrize("right", RIGHT)
def test_a_right_certificate_is_accepted(right: str) -> None:
    """The positive controls: what the standard allows is not reported as a mistake."""
    assert_accepted(by(RIGHT[right]()))


def test_a_self_signed_certificate_may_be_trusted_by_name() -> None:
    """It is an anchor if passed as one; being included in the message does not make it one."""
    own = root().issue(ADDRESS, self_signed=True)
    assert inspect(by(own), trust=[own.certificate]).signed


def test_trust_any_judges_the_mathematics_only() -> None:
    """trust="any" checks the signature only and says nothing about the chain."""
    facts = inspect(by(stranger().issue(ADDRESS)), trust="any")
    assert facts.signed
    assert facts.signers[0].trusted is None


def test_no_trust_anchor_trusts_nobody() -> None:
    """Without trust anchors, or with an empty list of them, no signer is trusted."""
    assert not inspect(by(alice()), trust=[]).signed


def test_a_leaf_must_not_issue() -> None:
    """A certificate signed with a leaf's key has no valid path, even if the leaf is trusted."""
    leaf = root().issue("mallory@example.net")
    issuer = Authority(leaf.certificate, leaf.private_key)  # type: ignore[arg-type]  # an EC key
    victim = issuer.issue(ADDRESS)
    forged = Identity(victim.certificate, victim.private_key, (leaf.certificate,))
    assert_refused(by(forged), "path-invalid", "issuer-unknown")


def through(intermediate: Authority) -> bytes:
    made = intermediate.issue(ADDRESS, not_before=NOW - DAY, not_after=NOW + DAY)
    return by(Identity(made.certificate, made.private_key, (intermediate.certificate,)))


def test_an_intermediate_must_be_a_ca_that_may_issue() -> None:
    """cA and keyCertSign are both needed (RFC 5280 section 6.1.4)."""
    assert_accepted(through(authority("Intermediate", issuer=root())))
    codes = ("path-invalid", "issuer-unknown")
    assert_refused(through(authority("No CA", issuer=root(), ca=False)), *codes)
    assert_refused(through(authority("No keyCertSign", issuer=root(), cert_sign=False)), *codes)


def test_an_expired_intermediate_is_refused() -> None:
    """The whole path must be valid at the time of receipt."""
    expired = authority("Expired", issuer=root(), not_after=NOW - DAY)
    assert_refused(through(expired), "path-invalid", "certificate-expired", "issuer-unknown")


def test_an_anchor_with_the_same_name_and_another_key_is_not_the_anchor() -> None:
    """Names prove nothing."""
    namesake = authority("Trusted root")
    assert_refused(by(namesake.issue(ADDRESS)), "issuer-unknown", "path-invalid", "signature-wrong")


def test_an_anchor_in_the_message_is_not_an_anchor() -> None:
    """Only the given anchors count, regardless of what the message includes."""
    made = stranger().issue(ADDRESS)
    carried = Identity(made.certificate, made.private_key, (stranger().certificate,))
    assert_refused(by(carried), "issuer-unknown")


def test_unrelated_certificates_do_not_help_or_hurt() -> None:
    """Extra certificates are ignored."""
    made = root().issue(ADDRESS)
    crowd = (stranger().certificate, root().certificate, alice().certificate)
    assert_accepted(by(Identity(made.certificate, made.private_key, crowd)))


def test_the_time_of_receipt_decides() -> None:
    """Certificates are checked as of the time given in at=."""
    expired = root().issue(ADDRESS, not_after=NOW - YEAR)
    assert_refused(by(expired), "certificate-expired")
    assert inspect(by(expired), at=NOW - 2 * YEAR).signed
