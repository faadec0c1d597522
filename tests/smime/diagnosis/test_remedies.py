"""What a failure message says about each problem: short enough for its line, and complete for all problems."""

from __future__ import annotations

import pytest

from pytest_mailtrap._assertions.smime_text import _ADVICE, SHORT
from pytest_mailtrap._assertions.smime_violations import FINDINGS
from pytest_mailtrap._smime.problems import CODES

# What can only be a warning, or is never what an assertion says first.
WARNINGS = {
    "preamble-text", "lf-line-ends", "bare-line-feed", "cr-cr-lf", "eight-bit-lines", "long-lines",
    "trailing-blanks", "from-line", "base64-foreign", "micalg-mismatch", "smime-type-mismatch",
    "trailing-data", "attribute-repeated", "attributes-not-der", "eddsa-digest",
    "signing-time-outside", "signing-time-future", "intermediate-missing", "from-display-address",
    "sender-mismatch", "subject-unprotected", "decryption-not-checked", "no-integrity",
    "weak-cipher", "bcc-revealed", "signature-over-ciphertext", "errant-signature", "errant-encryption",
}  # fmt: skip
SIGNED = "99 of 99 not validly signed: "
ENCRYPTED = "99 of 99 not properly encrypted: "


def test_every_problem_has_its_few_words() -> None:
    """No verdict is truncated, and none is missing."""
    assert set(SHORT) == (set(CODES) - WARNINGS) | set(FINDINGS)


@pytest.mark.parametrize("code", SHORT)
def test_a_verdict_fits_into_its_line(code: str) -> None:
    """60 columns, whatever the number of messages."""
    before = ENCRYPTED if code in FINDINGS and code not in ("closed", "other-signer") else SIGNED
    assert len(before + SHORT[code]) <= 60


@pytest.mark.parametrize("code", _ADVICE)
def test_advice_is_given_for_codes_that_exist(code: str) -> None:
    """Each piece of advice also fits: at most four lines of 72 columns."""
    assert code in SHORT
    assert len(_ADVICE[code]) <= 4
    assert max(map(len, _ADVICE[code])) <= 72
