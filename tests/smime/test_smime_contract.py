"""The public API: names, signatures, forms of each keyword, immutable values, and codes that can be relied on."""

from __future__ import annotations

import dataclasses
import datetime
import inspect as signatures
import re
from typing import TYPE_CHECKING, Any

import pytest
from _cast import NOW, alice, bob, mallory, root, stranger
from _encrypt import enveloped
from _forge import signed_by
from _mail import PART, detached, opaque
from cryptography.hazmat.primitives.serialization import Encoding

from pytest_mailtrap import smime
from pytest_mailtrap._smime.problems import CODES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEYWORDS = {
    "trust": None,
    "intermediates": (),
    "identities": (),
    "at": None,
    "allow": (),
    "match_from": True,
}
FIELDS = {
    smime.SMIMEFacts: (
        "signed encrypted layers signers recipients problems warnings errant "
        "protected_headers content"
    ),
    smime.Layer: "kind valid problems warnings signers recipients algorithms",
    smime.Signer: (
        "addresses certificate digest signature_algorithm signing_time valid trusted problems"
    ),
}


def message() -> bytes:
    return detached(signed_by(alice(), PART))


def sealed() -> bytes:
    return opaque(enveloped(PART, [bob().certificate]), b"enveloped-data")


def test_the_signature_of_inspect() -> None:
    """One positional argument, then keywords with their defaults."""
    raw, *keywords = signatures.signature(smime.inspect).parameters.values()
    assert raw.name == "raw"
    assert {one.name: one.default for one in keywords} == KEYWORDS
    assert all(one.kind is one.KEYWORD_ONLY for one in keywords)


def test_the_signature_of_inspect_cms() -> None:
    """The same keywords, plus the content of a detached signature."""
    cms, *keywords = signatures.signature(smime.inspect_cms).parameters.values()
    assert cms.name == "cms"
    assert {one.name: one.default for one in keywords} == {"content": None, **KEYWORDS}
    assert all(one.kind is one.KEYWORD_ONLY for one in keywords)


@pytest.mark.parametrize("kind", FIELDS)
def test_the_fields_of_each_value(kind: Any) -> None:
    """The fields are those that the documentation lists."""
    assert [one.name for one in dataclasses.fields(kind)] == FIELDS[kind].split()


@pytest.mark.parametrize("make", [message, sealed])
def test_values_are_frozen_and_can_be_compared(make: Callable[[], bytes]) -> None:
    """Two results for the same message are equal and hashable."""
    raw = make()
    how: dict[str, Any] = {"trust": root().certificate, "identities": [bob()], "at": NOW}
    one, other = smime.inspect(raw, **how), smime.inspect(raw, **how)
    assert one == other
    assert len({one, other}) == 1
    for value in (one, one.layers[0], *one.signers, *one.recipients, *one.problems, bob()):
        for field in dataclasses.fields(value):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(value, field.name, None)


def test_sequences_are_tuples() -> None:
    """Frozen values contain nothing mutable."""
    facts = smime.inspect(message(), trust=root().certificate)
    for value in (facts, *facts.layers, *facts.signers):
        listed = [getattr(value, one.name) for one in dataclasses.fields(value)]
        assert not any(isinstance(one, (list, dict, set)) for one in listed)


PEM, DER = (root().certificate.public_bytes(form) for form in (Encoding.PEM, Encoding.DER))
OTHER_PEM = stranger().certificate.public_bytes(Encoding.PEM)
TRUST: dict[str, Any] = {
    "a certificate": root().certificate,
    "certificates": [stranger().certificate, root().certificate],
    "a generator": (one.certificate for one in (stranger(), root())),
    "PEM bytes": PEM,
    "PEM text": PEM.decode(),
    "PEM of several": OTHER_PEM + PEM,
    "DER": DER,
    "several forms": [OTHER_PEM, DER],
}


@pytest.mark.parametrize("form", TRUST)
def test_forms_of_trust(form: str) -> None:
    """Objects, PEM, or DER, one or several."""
    trust = list(TRUST[form]) if form == "a generator" else TRUST[form]
    assert smime.inspect(message(), trust=trust).signed
    assert smime.inspect(message(), trust=trust).signers[0].trusted


@pytest.mark.parametrize("content", [PEM, DER], ids=["PEM", "DER"])
@pytest.mark.parametrize("kind", [str, None])
def test_trust_may_be_a_path(tmp_path: Path, content: bytes, kind: Any) -> None:
    """The path may be a string or a path object, and the file may be PEM or DER."""
    path = tmp_path / "ca"
    path.write_bytes(content)
    given = kind(path) if kind else path
    assert smime.inspect(message(), trust=given).signed
    assert smime.inspect(message(), trust=[given]).signed


@pytest.mark.parametrize(
    "trust",
    [None, [], stranger().certificate, OTHER_PEM],
    ids=["none", "an empty list", "another certificate", "PEM of another"],
)
def test_nobody_else_is_trusted(trust: Any) -> None:
    """The negative control: no trust anchor, or another CA's."""
    facts = smime.inspect(message(), trust=trust)
    assert not facts.signed
    assert facts.signers[0].valid
    assert facts.signers[0].trusted is False


def test_any_trust_is_said_to_be_none() -> None:
    """Only the signature is checked, not the chain, so `trusted` is None."""
    facts = smime.inspect(message(), trust="any")
    assert facts.signed
    assert facts.signers[0].trusted is None


MISUSE: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "naive time": (
        {"at": datetime.datetime(2026, 1, 1)},  # noqa: DTZ001 - the misuse
        ValueError,
        "at must be an aware datetime, got datetime.datetime(2026, 1, 1, 0, 0)",
    ),
    "unknown weakness": (
        {"allow": ["sha-1"]},
        ValueError,
        "allow must be one or more of md5, sha1, dsa, short-rsa, got ['sha-1']",
    ),
    "unknown weakness as text": (
        {"allow": "rc4"},
        ValueError,
        "allow must be one or more of md5, sha1, dsa, short-rsa, got ['rc4']",
    ),
    "PEM without a certificate": (
        {"trust": b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"},
        ValueError,
        "trust and intermediates must contain certificates, got PEM without one",
    ),
    "a path to nothing": ({"trust": "no-such-file.pem"}, FileNotFoundError, "no-such-file.pem"),
    "another object as trust": (
        {"trust": [42]},
        TypeError,
        "trust and intermediates take certificates, PEM, DER or paths, got 42",
    ),
    "a number as trust": (
        {"trust": 42},
        TypeError,
        "trust and intermediates take certificates, PEM, DER or paths, got 42",
    ),
    "another object as identity": (
        {"identities": ["alice@example.org"]},
        TypeError,
        "identities must be smime.Identity objects, got 'alice@example.org'",
    ),
    "a date as time": (
        {"at": "2026-01-01"},
        TypeError,
        "at must be an aware datetime, got '2026-01-01'",
    ),
}


@pytest.mark.parametrize("misuse", MISUSE)
@pytest.mark.parametrize("ask", [smime.inspect, smime.inspect_cms])
def test_misuse_says_what_is_allowed(ask: Any, misuse: str) -> None:
    """The message states the problem first, then the value."""
    keywords, kind, words = MISUSE[misuse]
    with pytest.raises(kind, match=re.escape(words)):
        ask(message(), **keywords)


def test_text_is_no_message() -> None:
    """A signature is over bytes, which decoded text no longer preserves."""
    with pytest.raises(TypeError, match="raw must be bytes, got str"):
        smime.inspect(message().decode("latin-1"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="cms must be bytes, got str"):
        smime.inspect_cms("MIIB")  # type: ignore[arg-type]


@pytest.mark.parametrize("form", [bytes, bytearray, memoryview])
def test_every_form_of_bytes_is_a_message(form: Any) -> None:
    """Any bytes-like object is accepted."""
    assert smime.inspect(form(message()), trust=root().certificate).signed


def test_one_identity_is_as_good_as_a_list() -> None:
    """This way, `identities=bob` works as expected."""
    assert smime.inspect(sealed(), identities=bob()).encrypted
    assert not smime.inspect(sealed(), identities=mallory("rsa-2048")).encrypted


def test_a_bare_object_is_judged_with_and_without_its_content() -> None:
    """A detached signature, with its content, with other content, and with none."""
    cms = signed_by(alice(), PART)
    how: dict[str, Any] = {"trust": root().certificate}
    assert smime.inspect_cms(cms, content=PART, **how).signed
    assert smime.inspect_cms(cms, content=PART, **how).content == PART
    assert not smime.inspect_cms(cms, content=PART + b" ", **how).signed
    assert [one.code for one in smime.inspect_cms(cms, **how).problems] == ["content-missing"]
    assert not smime.inspect_cms(cms, content=PART).signed


def test_a_problem_is_a_value_with_a_stable_code() -> None:
    """A code in kebab case, a sentence, and the section of a standard."""
    [problem, *_] = smime.inspect(message().replace(b"paid", b"Paid"), trust="any").problems
    assert problem.code == "content-changed"
    assert problem.text == str(problem) == "The content is not what was signed."
    assert problem.reference == "RFC 5652 section 5.4"
    assert problem == smime.Problem("content-changed", problem.text)


@pytest.mark.parametrize("code", CODES)
def test_codes_are_in_kebab_case(code: str) -> None:
    """Each code also has a sentence, without a final period, and a reference to a section."""
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)
    assert re.fullmatch(r"[A-Z\"].*[^.]", CODES[code].text)
    assert re.fullmatch(r"RFC \d{4} section \d+(\.\d+)*", CODES[code].reference)


def test_an_identity_is_made_of_a_certificate_and_its_key() -> None:
    """Arguments may be positional, with the chain; a key that does not belong to the certificate is refused."""
    identity = smime.Identity(alice().certificate, alice().private_key, [root().certificate])  # type: ignore[arg-type]
    assert identity.chain == (root().certificate,)
    assert identity.address == "alice@example.org"
    with pytest.raises(ValueError, match="private_key does not belong to the certificate"):
        smime.Identity(alice().certificate, mallory().private_key)
