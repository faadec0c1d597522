"""Messages that parsers read differently are refused: the signature might cover one reading and users see another."""

from __future__ import annotations

import pytest
from _cast import alice, assert_accepted, assert_refused, bob, inspect, root
from _der import oid
from _encrypt import enveloped
from _forge import CONTENT_TYPE, attribute, signed_by, signed_data, signer_info, usual_attributes
from _mail import FROM, PART, detached, opaque

TIME_STAMP = "1.2.840.113549.1.9.16.1.4"


def good() -> bytes:
    return detached(signed_by(alice(), PART))


def entity() -> bytes:
    """The signed message without the mail header fields, in the form that encryption wraps."""
    return good()[good().index(b"Content-Type: multipart") :]


def sealed(inner: bytes) -> bytes:
    return opaque(enveloped(inner, [bob().certificate]), b"enveloped-data")


def test_the_positive_controls_pass() -> None:
    """The messages that the attacks below start from are correct."""
    assert_accepted(good())
    assert_accepted(sealed(entity()), identities=[bob()])
    assert_accepted(opaque(signed_by(alice(), PART, detached=False)))


@pytest.mark.parametrize("size", [999_000, 1_000_100])
def test_a_header_beyond_every_limit_is_refused(size: int) -> None:
    """A second From may be hidden beyond the point where parsers stop looking."""
    header, body = good().split(b"\r\n\r\n", 1)
    padded = header + b"\r\nX-Padding: " + b"a" * size
    assert inspect(padded + b"\r\n\r\n" + body).signed == (size < 1_000_000)
    again = padded + b"\r\nFrom: mallory@example.net\r\n\r\n" + body
    assert_refused(again, "header-malformed", "from-repeated")


@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_a_lone_line_break_in_the_first_line_is_refused(end: bytes) -> None:
    """A file with LF line ends has LF in its whole header; anything else is a mixture."""
    assert_refused(b"X-First: a" + end + good(), "header-bare-line-break")
    assert_accepted(b"X-First: a\r\n" + good())
    file = good().replace(b"\r\n", b"\n")
    assert inspect(b"X-First: a\n" + file).signed


@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_a_lone_line_break_in_the_header_of_an_inner_layer_is_refused(end: bytes) -> None:
    """The header of a layer inside encryption is not signed, so it gets the same check."""
    line = b"X-Odd: a" + end + b"Content-Type: text/html\r\n"
    assert_refused(sealed(line + entity()), "header-bare-line-break", identities=[bob()])


@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_a_lone_line_break_in_the_header_of_the_signature_is_refused(end: bytes) -> None:
    """The header of the second part is not signed either."""
    before, after = good().rsplit(b"Content-Type: application/pkcs7-signature", 1)
    odd = b"X-Odd: a" + end + b"Content-Type: text/plain\r\n"
    message = before + odd + b"Content-Type: application/pkcs7-signature" + after
    assert_refused(message, "header-bare-line-break")


TWICE = {
    "the type": (
        b"Content-Type: application/pkcs7-",
        b"Content-Type: text/plain\r\nContent-Type: application/pkcs7-",
        "content-type-repeated",
    ),
    "the encoding": (
        b"Content-Transfer-Encoding: base64",
        b"Content-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: 7bit",
        "transfer-encoding-repeated",
    ),
}


@pytest.mark.parametrize("what", TWICE)
@pytest.mark.parametrize("carried", [True, False])
def test_a_repeated_field_of_the_object_is_refused(what: str, carried: bool) -> None:
    """Neither the second part of multipart/signed nor an opaque message may have two types or encodings."""
    once = opaque(signed_by(alice(), PART, detached=False)) if carried else good()
    old, new, code = TWICE[what]
    assert once.count(old) == 1
    assert_refused(once.replace(old, new), code)


TYPES = {
    "a comment within the type": (b"multipart/signed", b"multi(x)part/signed"),
    "a comment that joins words": (b"multipart/signed", b"multipart/si(x)gned"),
    "NUL in the boundary": (b'boundary="outer"', b'boundary="outer\0"'),
    "NUL after the type": (b"multipart/signed", b"multipart/signed\0"),
    "a control character in a parameter": (b"micalg=sha-256", b'micalg="sha-256\x0b"'),
    "DEL in a parameter": (b"micalg=sha-256", b'micalg="sha-256\x7f"'),
}


@pytest.mark.parametrize("form", TYPES)
def test_a_content_type_with_two_readings_is_refused(form: str) -> None:
    """A comment is a separator, and C programs stop at a NUL."""
    old, new = TYPES[form]
    assert old in good()
    assert_refused(good().replace(old, new, 1), "content-type-malformed", "not-signed")


def test_a_comment_between_words_is_harmless() -> None:
    """The positive control (RFC 2045 section 5.1)."""
    assert_accepted(good().replace(b"multipart/signed;", b"multipart/signed (really); (yes)", 1))


@pytest.mark.parametrize("carried", [True, False])
def test_a_signature_over_something_that_is_no_mail_is_refused(carried: bool) -> None:
    """A time stamp or a receipt is signed with the same key, but is not a message (RFC 8551 section 2.4)."""

    def made(content_type: str) -> bytes:
        attributes = usual_attributes(PART, content_type=content_type)
        cms = signed_data(
            signer_info(alice(), PART, attributes=attributes),
            content=PART if carried else None,
            certificates=[alice().certificate],
            content_type=content_type,
        )
        return opaque(cms) if carried else detached(cms)

    assert_refused(made(TIME_STAMP), "unsupported-content")
    assert_accepted(made("1.2.840.113549.1.7.1"))


def test_a_bare_object_may_be_about_anything() -> None:
    """Without a message around it, the caller decides what kind of content may be signed."""
    from pytest_mailtrap import smime

    attributes = [
        attribute(CONTENT_TYPE, oid(TIME_STAMP)),
        *usual_attributes(PART, content_type=TIME_STAMP)[1:],
    ]
    cms = signed_data(
        signer_info(alice(), PART, attributes=attributes),
        content=PART,
        certificates=[alice().certificate],
        content_type=TIME_STAMP,
    )
    facts = smime.inspect_cms(cms, trust=[root().certificate])
    assert facts.signed, facts.problems
    assert facts.content == PART
    assert FROM not in facts.content
