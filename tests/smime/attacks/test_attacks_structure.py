"""Signatures in the wrong place: what a reader sees must be exactly what was signed, all of it and nothing more."""

from __future__ import annotations

import pytest
from _cast import (
    alice,
    assert_accepted,
    assert_refused,
    codes,
    inspect,
    warnings,
)
from _forge import signed_by
from _mail import PART, SIGNED, header, multipart, opaque, signature_part, wrapped

EVIL = b"Content-Type: text/plain\r\n\r\nPay Mallory.\r\n"


def signature() -> bytes:
    return signature_part(signed_by(alice(), PART))


def message(body: bytes, content_type: bytes = SIGNED, *fields: bytes) -> bytes:
    return header(b"Content-Type: " + content_type, *fields) + b"\r\n" + body


def good() -> bytes:
    return message(multipart(PART, signature()))


BROKEN: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "three parts, evil last": (
        multipart(PART, signature(), EVIL),
        ("multipart-not-two-parts",),
    ),
    "three parts, evil first": (multipart(EVIL, PART, signature()), ("multipart-not-two-parts",)),
    "three parts, evil between": (multipart(PART, EVIL, signature()), ("multipart-not-two-parts",)),
    "swapped": (multipart(signature(), PART), ("signature-part-wrong",)),
    "one part": (multipart(PART), ("multipart-not-two-parts",)),
    "only the signature": (multipart(signature()), ("multipart-not-two-parts",)),
    "no part": (b"--outer--\r\n", ("multipart-not-two-parts",)),
    "two signatures": (multipart(signature(), signature()), ("content-changed",)),
    "unclosed": (multipart(PART, signature(), closed=False), ("multipart-unclosed",)),
    "no boundary at all": (b"nothing\r\n", ("multipart-not-two-parts", "multipart-unclosed")),
    "boundary prefix": (
        multipart(PART, signature()).replace(
            b"--outer\r\nContent-Type: app", b"--outerX\r\n--outer\r\nContent-Type: app"
        ),
        ("boundary-ambiguous",),
    ),
    "boundary prefix on top": (
        b"--outer2\r\n\r\nPay Mallory.\r\n" + multipart(PART, signature()),
        ("boundary-ambiguous",),
    ),
}


@pytest.mark.parametrize("form", BROKEN)
def test_a_broken_multipart_signed_is_refused(form: str) -> None:
    """Exactly two parts, the signature second, properly closed, with only one reading (RFC 1847 section 2.1)."""
    body, reasons = BROKEN[form]
    assert_refused(message(body), *reasons)


def test_the_same_without_the_flaw_passes() -> None:
    """The positive controls for all forms above."""
    assert_accepted(good())
    assert_accepted(message(multipart(PART, signature()), SIGNED.replace(b"outer", b"\\outer")))


PARAMETERS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "boundary twice": (
        SIGNED + b'; boundary="other"',
        ("content-type-malformed", "boundary-ambiguous"),
    ),
    "another boundary first": (
        SIGNED.replace(b"boundary", b'boundary="other"; boundary'),
        ("content-type-malformed", "boundary-ambiguous"),
    ),
    "boundary in pieces": (
        SIGNED.replace(b'boundary="outer"', b'boundary*0="out"; boundary*1="er"'),
        ("content-type-malformed", "boundary-missing", "boundary-ambiguous"),
    ),
    "boundary encoded": (
        SIGNED.replace(b'boundary="outer"', b"boundary*=utf-8''outer"),
        ("content-type-malformed", "boundary-missing", "boundary-ambiguous"),
    ),
    "boundary plain and encoded": (
        SIGNED + b"; boundary*=utf-8''other",
        ("content-type-malformed", "boundary-missing", "boundary-ambiguous"),
    ),
    "no boundary": (SIGNED.replace(b'; boundary="outer"', b""), ("boundary-missing",)),
    "protocol twice": (
        SIGNED + b'; protocol="application/pgp-signature"',
        ("content-type-malformed",),
    ),
    "open quote": (SIGNED[:-1], ("content-type-malformed", "boundary-missing")),
}


@pytest.mark.parametrize("form", PARAMETERS)
def test_ambiguous_parameters_are_refused(form: str) -> None:
    """Parameters that parsers read in two ways are refused."""
    content_type, reasons = PARAMETERS[form]
    assert_refused(message(multipart(PART, signature()), content_type), *reasons)


FIELDS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "Content-Type twice": (b"Content-Type: text/plain", ("content-type-repeated",)),
    "Content-Type in other case": (b"content-type: text/html", ("content-type-repeated",)),
    "base64 on a multipart": (b"Content-Transfer-Encoding: base64", ("multipart-encoded",)),
    "quoted-printable on it": (
        b"Content-Transfer-Encoding: quoted-printable",
        ("multipart-encoded",),
    ),
    "two encodings": (
        b"Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64",
        ("transfer-encoding-repeated",),
    ),
    "a line that is not a field": (b"this is no field", ("header-malformed", "not-signed")),
}


@pytest.mark.parametrize("form", FIELDS)
def test_repeated_or_impossible_fields_are_refused(form: str) -> None:
    """If the header has more than one reading, the message is refused."""
    field, reasons = FIELDS[form]
    assert_refused(message(multipart(PART, signature()), SIGNED, field), *reasons)


@pytest.mark.parametrize("encoding", [b"7bit", b"8bit", b"binary", b"7BIT"])
def test_the_identity_encodings_of_a_multipart_pass(encoding: bytes) -> None:
    """The positive control."""
    field = b"Content-Transfer-Encoding: " + encoding
    assert_accepted(message(multipart(PART, signature()), SIGNED, field))


def within(content_type: bytes, *parts: bytes) -> bytes:
    return message(multipart(*parts, boundary=b"wrap"), content_type + b'; boundary="wrap"')


def inner() -> bytes:
    return b"Content-Type: " + SIGNED + b"\r\n\r\n" + multipart(PART, signature())


ERRANT = {
    "mixed, evil after": lambda: within(b"multipart/mixed", inner(), EVIL),
    "mixed, evil before": lambda: within(b"multipart/mixed", EVIL, inner()),
    "mixed alone": lambda: within(b"multipart/mixed", inner()),
    "alternative": lambda: within(b"multipart/alternative", inner(), EVIL),
    "related": lambda: within(b"multipart/related", EVIL, inner()),
    "forwarded": lambda: message(b"From: alice@example.org\r\n" + inner(), b"message/rfc822"),
    "attached": lambda: within(
        b"multipart/mixed", EVIL, b"Content-Type: message/rfc822\r\n\r\n" + good()
    ),
    "an opaque part beside": lambda: within(
        b"multipart/mixed",
        b"Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n"
        + wrapped(signed_by(alice(), PART, detached=False)),
        EVIL,
    ),
}


@pytest.mark.parametrize("form", ERRANT)
def test_a_signature_of_a_part_is_errant(form: str) -> None:
    """Only a signature around everything counts (RFC 9787 section 4.5); other signatures are reported."""
    facts = inspect(ERRANT[form]())
    assert not facts.signed
    assert "not-signed" in codes(facts)
    assert facts.errant


def test_text_beside_the_parts_is_not_covered() -> None:
    """A preamble or an epilogue, which some programs show, is at least reported."""
    for body in (
        b"Pay Mallory.\r\n" + multipart(PART, signature()),
        multipart(PART, signature()) + b"Pay Mallory.\r\n",
    ):
        facts = inspect(message(body))
        assert "preamble-text" in codes(facts) | {one.code for one in facts.warnings}


@pytest.mark.parametrize(
    "content_type",
    [
        SIGNED.replace(b"application/pkcs7-signature", b"application/pgp-signature"),
        SIGNED.replace(b"multipart/signed", b"multipart/mixed"),
        b"text/plain",
    ],
)
def test_other_types_are_not_smime(content_type: bytes) -> None:
    """Only the top-level type makes a message S/MIME."""
    assert_refused(
        message(multipart(PART, signature()), content_type), "not-signed", "signature-part-wrong"
    )


@pytest.mark.parametrize(
    "content_type",
    [
        SIGNED.replace(b"application/pkcs7", b"application/x-pkcs7"),
        SIGNED.upper().replace(b"OUTER", b"outer"),
        SIGNED.replace(b"; ", b";\r\n\t"),
        SIGNED.replace(b"; micalg=sha-256", b""),
        SIGNED.replace(b'"outer"', b"outer"),
    ],
)
def test_spellings_of_the_type_pass(content_type: bytes) -> None:
    """The positive control: aliases, case, folding, and quotes do not matter."""
    assert_accepted(message(multipart(PART, signature()), content_type))


def test_the_signature_covers_the_headers_of_the_part() -> None:
    """Changing or adding a Content-Type in the part breaks the signature."""
    assert_refused(good().replace(b"text/plain", b"text/html"), "content-changed")
    added = good().replace(b"--outer\r\n", b"--outer\r\nX-Added: yes\r\n", 1)
    assert_refused(added, "content-changed")


def test_every_byte_of_the_part_is_signed() -> None:
    """Blanks and line ends at the edges count: everything between the two delimiters is signed."""
    assert_accepted(good())
    for changed in (
        good().replace(b"is paid.\r\n", b"is paid. \r\n"),
        good().replace(b"is paid.\r\n", b"is paid.\r\n\r\n"),
        good().replace(b"is paid.\r\n\r\n", b"is paid.\r\n"),
        good().replace(b"is paid.\r\n", b"is paid.\n", 1),
    ):
        assert_refused(changed, "content-changed", "bare-line-feed")


def test_text_after_the_base64_is_never_content() -> None:
    """No program shows it, because it is not base64; whether it can be skipped depends on the padding."""
    made = opaque(signed_by(alice(), PART, detached=False))
    assert "base64-foreign" not in warnings(assert_accepted(made))
    facts = inspect(made + b"\r\nPay Mallory!\r\n")
    assert "base64-malformed" in codes(facts) or "base64-foreign" in warnings(facts)
    assert facts.content == PART or not facts.signed
