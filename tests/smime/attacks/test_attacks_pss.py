"""RSASSA-PSS: parameters are read or refused, and a key restricted to PSS verifies nothing else (RFC 4056)."""

from __future__ import annotations

from typing import Any

import pytest
from _cast import alice, assert_accepted, assert_refused, root
from _der import context, integer, sequence
from _forge import DIGESTS, MGF1, RSA_PSS, algorithm, pss_parameters, signed_by
from _mail import PART, detached
from _resign import resigned

from pytest_mailtrap.smime import Identity


def by_pss_key(parameters: bytes | None, **how: Any) -> bytes:
    """Alice's mail; her certificate says that her key is for RSASSA-PSS with these parameters."""
    kind = algorithm(RSA_PSS, *(() if parameters is None else (parameters,)))
    made = resigned(alice("rsa-2048").certificate, root().key, key_algorithm=kind)
    return detached(signed_by(Identity(made, alice("rsa-2048").private_key), PART, **how))


def test_a_pss_key_verifies_pss_only() -> None:
    """RFC 4055 section 1.2: the key's algorithm identifier limits how it may be used."""
    assert_refused(by_pss_key(None), "algorithm-key-mismatch")
    assert_accepted(by_pss_key(None, pss_salt=32))
    assert_accepted(by_pss_key(None, pss_salt=20, digest="sha512"))


def test_a_pss_key_prescribes_its_parameters() -> None:
    """The hash must be the key's, and the salt at least as long (RFC 4055 section 3.3)."""
    prescribed = pss_parameters("sha256", 32)
    assert_accepted(by_pss_key(prescribed, pss_salt=32))
    assert_accepted(by_pss_key(prescribed, pss_salt=64))
    assert_refused(by_pss_key(prescribed, pss_salt=20), "pss-parameters")
    assert_refused(by_pss_key(prescribed, pss_salt=64, digest="sha512"), "pss-parameters")
    assert_refused(by_pss_key(prescribed), "algorithm-key-mismatch")


HASH = context(0, algorithm(DIGESTS["sha256"]))
MASK = context(1, algorithm(MGF1, algorithm(DIGESTS["sha256"])))
SALT = context(2, integer(32))
PARAMETERS = {
    "a second salt": sequence(HASH, MASK, SALT, SALT),
    "another second salt": sequence(HASH, MASK, context(2, integer(20)), SALT),
    "a second hash": sequence(HASH, HASH, MASK, SALT),
    "another trailer": sequence(HASH, MASK, SALT, context(3, integer(2))),
    "an unknown field": sequence(HASH, MASK, SALT, context(4, integer(1))),
    "a negative salt": sequence(HASH, MASK, context(2, b"\2\1\xff")),
    "an endless salt": sequence(HASH, MASK, context(2, integer(2**40))),
    "an unknown hash": sequence(context(0, algorithm("1.2.3.4")), MASK, SALT),
    "an unknown mask": sequence(HASH, context(1, algorithm("1.2.3.4")), SALT),
    "no structure": integer(1),
}


def with_parameters(parameters: bytes) -> bytes:
    scheme = algorithm(RSA_PSS, parameters)
    return detached(signed_by(alice("rsa-2048"), PART, pss_salt=32, scheme=scheme))


@pytest.mark.parametrize("form", PARAMETERS)
def test_odd_parameters_are_refused(form: str) -> None:
    """No parameter is replaced by a default, and a repeated one is not resolved by taking the first or last."""
    assert_refused(with_parameters(PARAMETERS[form]), "pss-parameters")


@pytest.mark.parametrize(
    "parameters",
    [sequence(HASH, MASK, SALT), sequence(HASH, MASK, SALT, context(3, integer(1)))],
)
def test_usual_parameters_are_accepted(parameters: bytes) -> None:
    """The positive control, built with the same code."""
    assert_accepted(with_parameters(parameters))


def test_parameters_left_out_mean_the_defaults() -> None:
    """The defaults are SHA-1 and a salt of 20: not what the signer used, and not to be trusted."""
    message = detached(signed_by(alice("rsa-2048"), PART, pss_salt=32, scheme=algorithm(RSA_PSS)))
    assert_refused(message, "digest-mismatch", "weak-sha1")
