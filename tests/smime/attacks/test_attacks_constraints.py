"""Name constraints apply to every field that can hold a mailbox, not only to the one that `cryptography` compares."""

from __future__ import annotations

import pytest
from _cast import Authority, assert_accepted, assert_refused, certificate_with, inspect, root
from _forge import signed_by
from _mail import PART, detached
from cryptography import x509
from cryptography.x509.oid import NameOID
from test_attacks_paths import constraints, intermediate

from pytest_mailtrap import smime
from pytest_mailtrap._smime.certificates.constraints import forbidden

NOBODY = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Somebody")])
IN_SUBJECT = x509.Name([x509.NameAttribute(NameOID.EMAIL_ADDRESS, "alice@example.org")])
UTF8_MAILBOX = x509.OtherName(
    x509.ObjectIdentifier("1.3.6.1.5.5.7.8.9"), b"\x0c\x11alice@example.org"
)
HARMLESS = x509.RFC822Name("alice@example.net")

PLACES: dict[str, tuple[tuple[x509.GeneralName, ...], x509.Name]] = {
    "the subject": ((), IN_SUBJECT),
    "the subject, beside a harmless name": ((HARMLESS,), IN_SUBJECT),
    "a SmtpUTF8Mailbox": ((UTF8_MAILBOX,), NOBODY),
    "a SmtpUTF8Mailbox, beside a harmless name": ((UTF8_MAILBOX, HARMLESS), NOBODY),
    "an rfc822Name": ((x509.RFC822Name("alice@example.org"),), NOBODY),
}


def mailboxes(*values: str) -> list[x509.GeneralName]:
    return [x509.RFC822Name(value) for value in values]


FORBIDDING = {
    "permits another host": constraints(mailboxes("example.net")),
    "permits a subdomain only": constraints(mailboxes("example.net", ".example.org")),
    "permits another mailbox of the host": constraints(mailboxes("example.net", "bob@example.org")),
    "excludes the host": constraints(None, mailboxes("example.org")),
    "excludes the mailbox": constraints(None, mailboxes("alice@example.org")),
    "permits the host, and excludes it": constraints(
        mailboxes("example.org", "example.net"), mailboxes("example.org")
    ),
    "is not marked as critical": (x509.NameConstraints(mailboxes("example.net"), None), False),
}
ALLOWING = {
    "permits the host": constraints(mailboxes("example.org", "example.net")),
    "permits the host in capitals": constraints(mailboxes("EXAMPLE.org", "example.net")),
    "permits the mailbox": constraints(mailboxes("alice@example.org", "example.net")),
    "excludes another mailbox": constraints(None, mailboxes("bob@example.org")),
    "excludes a subdomain": constraints(None, mailboxes(".example.org")),
    "speaks of hosts": constraints([x509.DNSName("example.com")]),
}


def signed_under(limit: tuple[x509.ExtensionType, bool], place: str) -> bytes:
    names, subject = PLACES[place]
    return by(intermediate(root(), limit), names, subject)


def by(issuer: Authority, names: tuple[x509.GeneralName, ...], subject: x509.Name) -> bytes:
    made = certificate_with(issuer, *names, subject=subject)
    whole = smime.Identity(made.certificate, made.private_key, (issuer.certificate,))
    return detached(signed_by(whole, PART))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("limit", FORBIDDING)
def test_a_mailbox_the_issuer_may_not_name_is_refused(limit: str, place: str) -> None:
    """RFC 5280 section 4.2.1.10 and RFC 9598 section 6."""
    assert_refused(signed_under(FORBIDDING[limit], place), "path-invalid")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("limit", ALLOWING)
def test_a_mailbox_the_issuer_may_name_is_accepted(limit: str, place: str) -> None:
    """The positive controls."""
    assert_accepted(signed_under(ALLOWING[limit], place))


def directory(*common_names: str) -> list[x509.GeneralName]:
    return [
        x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]))
        for one in common_names
    ]


EVERYTHING = x509.DirectoryName(x509.Name([]))
ON_SUBJECTS = {
    "permits another name": (constraints(directory("Somebody else")), False),
    "excludes the name": (constraints(None, directory("Somebody")), False),
    "excludes it in other letters": (constraints(None, directory("  SomeBODY")), False),
    "excludes everything": (constraints(None, [EVERYTHING]), False),
    "permits the name": (constraints(directory("Somebody")), True),
    "permits it in other letters": (constraints(directory("SOMEBODY ")), True),
    "permits everything": (constraints([EVERYTHING]), True),
    "excludes another name": (constraints(None, directory("Somebody else")), True),
}


@pytest.mark.parametrize("limit", ON_SUBJECTS)
def test_the_subject_is_bound_too(limit: str) -> None:
    """A constraint on directory names applies to the subject (RFC 5280 section 4.2.1.10)."""
    extension, allowed = ON_SUBJECTS[limit]
    issuer = intermediate(root(), extension)
    message = by(issuer, (x509.RFC822Name("alice@example.org"),), NOBODY)
    leaf = smime.inspect(message, trust="any").signers[0].certificate
    assert leaf is not None
    assert (forbidden((leaf, issuer.certificate)) is None) == allowed
    # Versions of cryptography differ in whether they let any such path pass.
    if not allowed:
        assert_refused(message, "path-invalid")


def test_a_ca_below_is_bound_unless_it_issued_to_itself() -> None:
    """RFC 5280 section 6.1.3: constraints apply to all certificates below, except self-issued CAs."""
    limit = constraints(directory("Somebody"))
    above = intermediate(root(), limit, name="Above")
    below = intermediate(above, name="Below")
    leaf = certificate_with(below, subject=NOBODY).certificate
    chain = (leaf, below.certificate, above.certificate)
    assert forbidden(chain) == "CN=Below"
    again = intermediate(above, name="Above")
    own = certificate_with(again, subject=NOBODY).certificate
    assert forbidden((own, again.certificate, above.certificate)) is None


def test_the_mathematics_ask_for_no_constraints() -> None:
    """With trust="any", no path is checked."""
    message = signed_under(FORBIDDING["excludes the host"], "the subject")
    assert inspect(message, trust="any").signed
