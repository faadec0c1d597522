"""From is not the signer: every way to make a reader believe it is, each next to its legitimate form."""

from __future__ import annotations

import pytest
from _cast import (
    alice,
    assert_accepted,
    assert_refused,
    certificate_with,
    codes,
    inspect,
    mallory,
    root,
    warnings,
)
from _forge import signed_by
from _mail import PART, detached
from cryptography import x509
from cryptography.x509.oid import NameOID

# Mallory signs; From makes the reader see Alice. None of these is his mailbox, plain and alone.
FROM_ALICE_IN_SOME_WAY = {
    "the plain address": b"From: alice@example.org",
    "two fields, the victim first": b"From: alice@example.org\r\nFrom: mallory@example.net",
    "two fields, the signer first": b"From: mallory@example.net\r\nFrom: alice@example.org",
    "two fields in different case": b"From: mallory@example.net\r\nFROM: alice@example.org",
    "two mailboxes": b"From: alice@example.org, mallory@example.net",
    "two mailboxes, the signer first": b"From: mallory@example.net, alice@example.org",
    "a group": b"From: Alice:alice@example.org;",
    "a group of the signer": b"From: alice@example.org:mallory@example.net;",
    "an empty group": b"From: undisclosed:;",
    "a semicolon between": b"From: alice@example.org; mallory@example.net",
    "an address as bare display name": b"From: alice@example.org <mallory@example.net>",
    "an address in brackets twice": b"From: <alice@example.org> <mallory@example.net>",
    "brackets in brackets": b"From: <alice@example.org<mallory@example.net>>",
    "quoted in the local part": b'From: "alice@example.org,"@example.net',
    "quoted with the signer inside": b'From: "mallory@example.net" <alice@example.org>',
    "an encoded word as address": b"From: =?utf-8?q?alice=40example.org?=",
    "an encoded word beside it": b"From: =?utf-8?q?alice=40example.org=2C?= mallory@example.net",
    "a comment with the signer": b"From: alice@example.org (mallory@example.net)",
    "a control character in a comment": b"From: mallory@example.net (\x01)",
    "a bell in a comment": b"From: mallory@example.net (\x07alice)",
    "a comment within the address": b"From: alice(mallory@example.net)@example.org",
    "an open comment": b"From: alice@example.org (<mallory@example.net>",
    "long padding": b"From: alice@example.org" + b" " * 900 + b"<mallory@example.net>",
    "padding beyond every limit": b"From: " + b"a" * 20000 + b" <mallory@example.net>",
    "NUL": b"From: alice@example.org\0<mallory@example.net>",
    "NUL within the address": b"From: alice@example.org\0.example.net",
    "folded in the address": b"From: alice@example.org,\r\n mallory@example.net",
    "folded, empty first line": b"From:\r\n alice@example.org",
    "a fold that is no field": b"From: mallory@example.net\r\n\r\nFrom: alice@example.org",
    "a blank before the colon": b"From : alice@example.org",
    "bare CR": b"From: mallory@example.net\rFrom: alice@example.org",
    "a Cyrillic a": "From: \u0430lice@example.org".encode(),
    "a route": b"From: <@mallory.example.net:alice@example.org>",
    "a route through the victim": b"From: <@example.org,@example.net:alice@example.org>",
    "percent hack": b"From: mallory%example.net@example.org",
    "subdomain": b"From: mallory@mail.example.net",
    "suffix": b"From: mallory@example.net.example.org",
    "prefix of the domain": b"From: mallory@evil-example.net",
    "trailing dot": b"From: alice@example.org.",
    "domain literal": b"From: mallory@[192.0.2.1]",
    "two at signs": b"From: alice@example.org@example.net",
    "blank within": b"From: mallory @example.org",
    "longer local part": b"From: mallory+alice@example.net",
    "no From but a Sender": b"Sender: mallory@example.net",
    "no From at all": b"",
    "empty From": b"From: ",
    "not UTF-8": b"From: \xff\xfe <alice@example.org>",
    "Resent-From": b"From: alice@example.org\r\nResent-From: mallory@example.net",
    "Sender is the signer": b"From: alice@example.org\r\nSender: mallory@example.net",
}
REASONS = (
    "from-mismatch",
    "from-malformed",
    "from-several",
    "from-repeated",
    "from-missing",
    "header-malformed",
    "header-bare-line-break",
    "not-signed",
)


@pytest.mark.parametrize("form", FROM_ALICE_IN_SOME_WAY)
def test_a_sender_who_did_not_sign_is_refused(form: str) -> None:
    """The signature is Mallory's; the From field is anything but his one plain mailbox."""
    message = detached(signed_by(mallory(), PART), sender=FROM_ALICE_IN_SOME_WAY[form])
    assert_refused(message, *REASONS)


@pytest.mark.parametrize("form", FROM_ALICE_IN_SOME_WAY)
def test_only_the_sender_was_wrong(form: str) -> None:
    """The control: with match_from=False, no problem with From may remain."""
    message = detached(signed_by(mallory(), PART), sender=FROM_ALICE_IN_SOME_WAY[form])
    facts = inspect(message, match_from=False)
    if not codes(facts) & {
        "header-malformed",
        "header-bare-line-break",
        "not-signed",
        "from-repeated",
    }:
        assert facts.signed, codes(facts)


HONEST = {
    "plain": b"From: alice@example.org",
    "in brackets": b"From: <alice@example.org>",
    "with a name": b"From: Alice <alice@example.org>",
    "with a quoted name": b'From: "Doe, Alice" <alice@example.org>',
    "with an encoded name": b"From: =?utf-8?q?Al=C3=AFce?= <alice@example.org>",
    "folded": b"From: Alice\r\n <alice@example.org>",
    "domain in capitals": b"From: alice@EXAMPLE.ORG",
    "local part in capitals": b"From: Alice@example.org",
    "field name in capitals": b"FROM: alice@example.org",
    "blanks around": b"From:   alice@example.org  ",
}


@pytest.mark.parametrize("form", HONEST)
def test_the_signers_own_mailbox_is_accepted(form: str) -> None:
    """The positive controls: RFC 5322 allows many spellings of one mailbox."""
    assert_accepted(detached(signed_by(alice(), PART), sender=HONEST[form]))


WORTH_A_WORD = {
    "sender-mismatch": (b"From: alice@example.org\r\nSender: mallory@example.net", HONEST["plain"]),
    "from-display-address": (
        b'From: "bob@example.org" <alice@example.org>',
        b'From: "alice@example.org" <alice@example.org>',
    ),
    "subject-unprotected": (b"From: alice@example.org", None),
}


@pytest.mark.parametrize("code", WORTH_A_WORD)
def test_what_a_reader_may_take_for_the_sender_is_reported(code: str) -> None:
    """The signer is the mailbox in From, so the oddity is only a warning; without it there is no warning."""
    odd, plain = WORTH_A_WORD[code]
    message = detached(signed_by(alice(), PART), sender=odd)
    assert code in warnings(assert_accepted(message))
    if plain is None:
        assert code not in warnings(inspect(message.replace(b"Subject: Invoice\r\n", b"")))
    else:
        assert code not in warnings(
            assert_accepted(detached(signed_by(alice(), PART), sender=plain))
        )


def mailbox(address: str) -> x509.GeneralName:
    """An rfc822Name built without the checks of `cryptography`."""
    name = x509.RFC822Name("placeholder@example.org")
    object.__setattr__(name, "_value", address)
    return name


IN_THE_CERTIFICATE = {
    "a blank before the domain": "alice@ example.org",
    "a blank after it": "alice@example.org ",
    "a blank before it": " alice@example.org",
    "a NUL after it": "alice@example.org\0.example.net",
    "two addresses": "alice@example.org,mallory@example.net",
    "with a name": "Alice <alice@example.org>",
    "in brackets": "<alice@example.org>",
    "a suffix": "alice@example.org.example.net",
    "a wildcard": "*@example.org",
    "a domain": "example.org",
    "a domain with a dot": ".example.org",
    "empty": "",
}


@pytest.mark.parametrize("form", IN_THE_CERTIFICATE)
def test_a_certificate_mailbox_matches_as_a_whole_or_not(form: str) -> None:
    """Nothing that a CA has signed is trimmed, cut, or guessed (CVE-2026-2748)."""
    identity = certificate_with(root(), mailbox(IN_THE_CERTIFICATE[form]))
    message = detached(signed_by(identity, PART))
    assert_refused(message, "from-mismatch", "certificate-without-mailbox", "certificate-malformed")


def test_a_certificate_mailbox_without_flaw_matches() -> None:
    """The positive control, built in the same way."""
    identity = certificate_with(root(), mailbox("alice@example.org"))
    assert_accepted(detached(signed_by(identity, PART)))


@pytest.mark.parametrize(
    "name",
    [
        x509.DNSName("example.org"),
        x509.UniformResourceIdentifier("mailto:alice@example.org"),
        x509.OtherName(
            x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x11alice@example.org"
        ),
    ],
)
def test_other_names_are_no_mailboxes(name: x509.GeneralName) -> None:
    """A user principal name, a URI, or a host is not a mail address to sign with."""
    message = detached(signed_by(certificate_with(root(), name), PART))
    assert_refused(message, "certificate-without-mailbox", "from-mismatch")


@pytest.mark.parametrize("attribute", [NameOID.COMMON_NAME, NameOID.USER_ID, NameOID.SURNAME])
def test_an_address_in_the_common_name_is_none(attribute: x509.ObjectIdentifier) -> None:
    """Only rfc822Name, SmtpUTF8Mailbox and emailAddress name a mailbox (RFC 8550 section 3)."""
    subject = x509.Name([x509.NameAttribute(attribute, "alice@example.org")])
    message = detached(signed_by(certificate_with(root(), subject=subject), PART))
    assert_refused(message, "certificate-without-mailbox", "from-mismatch")


def test_an_email_address_in_the_subject_is_one() -> None:
    """The positive control: the old attribute still counts."""
    subject = x509.Name([x509.NameAttribute(NameOID.EMAIL_ADDRESS, "alice@example.org")])
    assert_accepted(detached(signed_by(certificate_with(root(), subject=subject), PART)))


def test_a_local_part_outside_ascii_matches_through_smtputf8mailbox() -> None:
    """SmtpUTF8Mailbox (RFC 9598) can hold what rfc822Name can't; another local part does not match."""
    identity = root().issue("ålice@exämple.org")
    honest = "From: ålice@exämple.org".encode()
    assert_accepted(detached(signed_by(identity, PART), sender=honest))
    other = "From: alice@exämple.org".encode()
    assert_refused(detached(signed_by(identity, PART), sender=other), "from-mismatch")


@pytest.mark.parametrize(
    "address",
    ["alice@faß.example", "alice@FAß.example", "alice@βόλος.example", "alice@例え.example"],
)
def test_a_domain_of_idna_2008_matches_itself(address: str) -> None:
    """The positive control for the next test: the domain matches as certified and as its A-label."""
    identity = root().issue(address)
    assert_accepted(detached(signed_by(identity, PART), sender=f"From: {address}".encode()))
    encoded = f"From: {identity.address}".encode("ascii")
    assert_accepted(detached(signed_by(identity, PART), sender=encoded))


@pytest.mark.parametrize(
    ("certified", "sender"),
    [
        ("kate@example.org", "\u212aate@example.org"),
        ("\u212aate@example.org", "kate@example.org"),
        ("sam@example.org", "\u017fam@example.org"),
        ("alice@example.org", "al\u0131ce@example.org"),
        ("alice@example.org", "alice@\uff45xample.org"),
        ("alice@example.org", "alice@example\u3002org"),
        ("alice@strasse.example", "alice@stra\u00dfe.example"),
        ("alice@stra\u00dfe.example", "alice@strasse.example"),
        ("alice@xn--exmple-cua.org", "alice@example.org"),
        ("alice@kelvin.example", "alice@\u212aelvin.example"),
        ("alice@file.example", "alice@\ufb01le.example"),
        ("alice@exa.mple.example", "alice@exa\uff0emple.example"),
        ("alice@exämple.org", "alice@exa\u0308mple.org"),
    ],
)
def test_letters_that_map_to_others_do_not_match(certified: str, sender: str) -> None:
    """Case folding and IDNA mappings would make two people's different addresses equal."""
    message = detached(signed_by(root().issue(certified), PART), sender=f"From: {sender}".encode())
    assert_refused(message, "from-mismatch", "from-malformed")


def hp(inner: bytes, outer: bytes, parameter: bytes = b'; hp="clear"') -> bytes:
    part = PART.replace(b"text/plain", b"text/plain" + parameter)
    part = b"From: " + inner + b"\r\nSubject: Invoice\r\n" + part
    signer = alice() if outer == b"alice@example.org" else mallory()
    return detached(signed_by(signer, part), part, sender=b"From: " + outer)


def test_the_protected_from_must_be_the_outer_one() -> None:
    """RFC 9788: the signed header says who wrote the message."""
    one, two = b"alice@example.org", b"mallory@example.net"
    facts = assert_accepted(hp(one, one))
    assert facts.protected_headers["From"] == "alice@example.org"
    assert_refused(hp(one, two), "protected-from-mismatch")
    assert_refused(hp(two, one), "protected-from-mismatch")
    assert_refused(
        hp(one + b"\r\nFrom: " + two, one), "protected-from-malformed", "protected-from-mismatch"
    )
