"""Every message whose correct result is known gets the right verdict."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from pathlib import Path

import pytest
from _truth import CORPUS, EVERYTHING_WEAK, SHARED, Entry, entries

from pytest_mailtrap import smime

# `cryptography` has no RC2 with 40-bit keys, and no RIPEMD-160.
BEYOND_CRYPTOGRAPHY = {
    "rfc4134/5.2.bin",
    "mbedtls/pkcs7_data_cert_signed_ripemd160.der",
}


OWN = entries(CORPUS)
FOREIGN = [one for one in entries(SHARED) if not one.name.startswith("generated/")]
ALL = [one for one in OWN + FOREIGN if one.name not in BEYOND_CRYPTOGRAPHY]


def parameters(found: list[Entry]) -> list[object]:
    return [pytest.param(one, id=one.name) for one in found]


def test_messages_of_other_projects_are_judged() -> None:
    """Messages of other projects are not in this repository; if they are missing, the test is skipped with a note."""
    if not FOREIGN:
        pytest.skip(f"{SHARED.parent.name}/{SHARED.name} is not beside the repository")


def supported(entry: Entry) -> None:
    """Skip if this version of cryptography lacks the key type altogether."""
    for library, mark in (("mlkem", "mlkem"), ("mldsa", "mldsa")):
        if mark in entry.name:
            pytest.importorskip(f"cryptography.hazmat.primitives.asymmetric.{library}")


# On the others tools differ for good reasons.
DECIDED = [one for one in ALL if one.truth["verdict"] in ("pass", "fail")]
# Without a valid signature the chain does not matter.
CHAINED = [one for one in ALL if "trust" in one.truth and one.truth["signature"] == "valid"]
SEALED = [one for one in ALL if one.truth.get("decrypt_expect")]


@pytest.mark.parametrize("entry", parameters(DECIDED))
def test_verdict(entry: Entry) -> None:
    """A message is signed if and only if its recorded truth says so."""
    supported(entry)
    facts = entry.facts()
    assert facts.signed == (entry.truth["verdict"] == "pass"), facts.problems
    assert facts.signed or facts.problems


@pytest.mark.parametrize("entry", parameters(ALL))
def test_mathematics(entry: Entry) -> None:
    """The layers found are the actual ones, and their signatures verify if they should."""
    supported(entry)
    facts, truth = entry.facts(), entry.truth
    signed = [layer for layer in facts.layers if layer.kind == "signed"]
    if truth.get("layers") not in (None, ["?"]):
        assert [layer.kind for layer in facts.layers] == truth["layers"]
    if truth["signature"] == "valid":
        assert signed
        assert all(layer.valid for layer in signed), facts.problems
        assert str(truth.get("contains") or "").encode() in facts.content
    elif truth["signature"] == "invalid":
        assert not any(layer.valid for layer in signed)


@pytest.mark.parametrize("entry", parameters(CHAINED))
def test_trust(entry: Entry) -> None:
    """A valid signer is trusted if and only if its chain reaches the anchor."""
    supported(entry)
    signers = entry.facts().signers
    assert signers
    assert all(signer.trusted for signer in signers) == (entry.truth["trust"] == "ok")


@pytest.mark.parametrize("entry", parameters(SEALED))
def test_decryption(entry: Entry) -> None:
    """An encrypted message opens with the right key if and only if it should."""
    supported(entry)
    facts = entry.facts()
    opened = facts.encrypted and bool(facts.layers[0].valid)
    assert opened == (entry.truth["decrypt_expect"] == "ok"), facts.problems
    if opened and "flip" not in entry.name:
        assert str(entry.truth.get("contains") or "").encode() in facts.content


@pytest.mark.parametrize(
    "entry", parameters([one for one in OWN if one.truth["verdict"] == "pass"])
)
def test_negative_control(entry: Entry) -> None:
    """A message that passes with the right anchor does not pass without one."""
    supported(entry)
    assert not entry.facts(trust=None).signed


PKITS = pytest.importorskip("cryptography_vectors", reason="the PKITS files come from there")
PKITS_DATA = Path(PKITS.__file__).parent / "x509" / "PKITS_data"
PKITS_TIME = datetime.datetime(2015, 6, 1, tzinfo=datetime.timezone.utc)
# Names of the tests that must fail, by what they are about: revocation and certificate
# policies are not checked, so nothing is said about those.
PKITS_TRUTH = json.loads((CORPUS / "pkits.json").read_bytes())


def pkits_signed(name: str) -> bool:
    facts = smime.inspect(
        (PKITS_DATA / "smime" / name).read_bytes(),
        trust=[PKITS_DATA / "certs" / "TrustAnchorRootCertificate.crt"],
        at=PKITS_TIME,
        allow=EVERYTHING_WEAK,
        match_from=False,
    )
    return facts.signed


def pkits_results(scope: str) -> Counter[tuple[bool, bool]]:
    """Count how often each pair (must pass, did pass) occurred."""
    truth = [one for one in PKITS_TRUTH if one["scope"] == scope]
    return Counter((one["verdict"] == "pass", pkits_signed(one["file"])) for one in truth)


@pytest.mark.parametrize("scope", ["path", "name-constraints", "policy"])
def test_pkits_accepts_no_wrong_path(scope: str) -> None:
    """No path that NIST's suite marks as invalid is accepted."""
    results = pkits_results(scope)
    assert results[False, False]
    assert not results[False, True]


def test_pkits_accepts_most_right_paths() -> None:
    """At least 88 % of the path tests come out as NIST says."""
    results = pkits_results("path")
    right = results[True, True] + results[False, False]
    assert right / results.total() >= 0.88
