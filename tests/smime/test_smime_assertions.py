"""The S/MIME assertions on captured mail: verdict, reasons, and remedy, each with its negative control."""

from __future__ import annotations

import smtplib
from typing import TYPE_CHECKING, Any

import pytest
from _cast import DAY, NOW
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from pytest_mailtrap._server.certificate_authority import new_ca
from pytest_mailtrap._trap.mail_trap_factory import MailTrapFactory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_mailtrap import MailTrap
    from pytest_mailtrap.smime import Identity

PART = b"Content-Type: text/plain\r\n\r\nInvoice 4711\r\n"


def sign(signer: Identity, part: bytes = PART) -> bytes:
    builder = pkcs7.PKCS7SignatureBuilder().set_data(part)
    builder = builder.add_signer(signer.certificate, signer.private_key, SHA256())
    return builder.sign(Encoding.SMIME, [pkcs7.PKCS7Options.DetachedSignature])


def encrypt(content: bytes, *readers: Identity) -> bytes:
    builder = (
        pkcs7.PKCS7EnvelopeBuilder().set_data(content).set_content_encryption_algorithm(AES256)
    )
    for reader in readers:
        builder = builder.add_recipient(reader.certificate)
    mail = builder.encrypt(Encoding.SMIME, [pkcs7.PKCS7Options.Binary])
    return mail.replace(b"\n", b"\r\n")


def send(
    trap: MailTrap, entity: bytes, *recipients: str, sender: str = "alice@example.org"
) -> None:
    recipients = recipients or ("bob@example.org",)
    head = f"From: {sender}\r\nTo: {', '.join(recipients)}\r\nSubject: Invoice\r\n"
    with smtplib.SMTP(trap.host, trap.port) as client:
        client.starttls(context=trap.ssl_context)
        client.sendmail(sender, list(recipients), head.encode() + entity)


def failure(call: object, **keywords: object) -> str:
    with pytest.raises(AssertionError) as caught:
        call(**keywords)  # type: ignore[operator]
    text = str(caught.value)
    lines = text.splitlines()
    assert len(lines) <= 18
    assert max(map(len, lines)) <= 72
    assert "PRIVATE" not in text
    return text


def verdict(call: object, **keywords: object) -> str:
    return failure(call, **keywords).splitlines()[0]


def test_signed_by_from(mailtrap: MailTrap) -> None:
    """A message signed by the mailbox in From, under the trap's CA, passes."""
    send(mailtrap, sign(mailtrap.smime_identity("alice@example.org")))

    mailtrap.assert_smime_signed()
    mailtrap[0].assert_smime_signed(by="alice@example.org")
    mailtrap.assert_smime_signed(by=["Alice@EXAMPLE.org"])
    assert mailtrap[0].smime.signed
    assert mailtrap[0].smime is mailtrap[0].smime


def test_nothing_arrived(mailtrap: MailTrap) -> None:
    """No S/MIME assertion passes on an empty trap."""
    assert verdict(mailtrap.assert_smime_signed) == "no message reached the trap"
    assert verdict(mailtrap.assert_smime_encrypted) == "no message reached the trap"


def test_changed_content(mailtrap: MailTrap) -> None:
    """One changed digit breaks the signature, and the failure message says which check failed."""
    signed = sign(mailtrap.smime_identity("alice@example.org"))
    send(mailtrap, signed)
    send(mailtrap, signed.replace(b"4711", b"4712"))

    assert failure(mailtrap.assert_smime_signed, by="alice@example.org").splitlines() == [
        "1 of 2 not validly signed: content changed after signing",
        "",
        '  #1  validly signed      "Invoice" -> bob@example.org',
        '  #2  not validly signed  "Invoice" -> bob@example.org',
        "",
        "  #2:",
        "      content-changed: The content is not what was signed.",
        "      why: the content changed after signing in a way not",
        "           recognized",
        "",
        "  - expected: digest that was signed: 03353773ee390a798428e199...",
        "  + received: digest of what arrived: 369b419efbd58bde2b6c3618...",
    ]


def test_known_accident(mailtrap: MailTrap) -> None:
    """If hashing finds out what happened, the failure message says so, and what to change in which library."""
    long = b'Content-Type: text/plain;\r\n name="quarterly figures of the northern region, preliminary.txt"'
    part = long + b"\r\n\r\nInvoice 4711\r\n"
    signed = sign(mailtrap.smime_identity("alice@example.org"), part)
    send(mailtrap, signed.replace(long, long.replace(b";\r\n name", b"; name")))

    lines = failure(mailtrap.assert_smime_signed).splitlines()
    assert lines[5] == "      content-changed: The content is not what was signed."
    assert "header Content-Type was signed folded" in lines[6]
    assert "What to change:" in lines


def test_unsigned(mailtrap: MailTrap) -> None:
    """Plain mail is not signed."""
    send(mailtrap, b"\r\nHello\r\n")

    text = failure(mailtrap.assert_smime_signed)
    assert text.startswith("message not validly signed: no signature covers it\n")
    assert "  + received: no signature\n" in text
    assert not mailtrap[0].smime.signed


def test_a_signature_of_a_part_is_named(mailtrap: MailTrap) -> None:
    """For mail that a list has wrapped, the failure message says where the signature still is."""
    signed = sign(mailtrap.smime_identity("alice@example.org"))
    parts = b"--list\r\n" + signed + b"\r\n--list\r\n\r\nUnsubscribe\r\n--list--\r\n"
    send(mailtrap, b"Content-Type: multipart/mixed; boundary=list\r\n\r\n" + parts)

    text = " ".join(failure(mailtrap.assert_smime_signed).split())
    assert (
        "not-signed: A signature covers only a part of the message: part 1 in multipart/mixed."
        in text
    )


def test_a_failure_with_much_to_say_stays_short(mailtrap: MailTrap) -> None:
    """Several problems, a long cause with its fix, and a table: whatever is left out is mentioned."""
    expired = mailtrap.smime_identity("mallory@example.org", not_after=NOW - DAY)
    builder = pkcs7.PKCS7SignatureBuilder().set_data(b"Invoice\n4711\n")
    builder = builder.add_signer(expired.certificate, expired.private_key, SHA256())
    options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
    signed = builder.sign(Encoding.SMIME, options)
    for mail in (signed.replace(b"Invoice", b"Content-Type: text/plain\n\nInvoice", 1), PART, PART):
        send(mailtrap, mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))

    assert failure(mailtrap.assert_smime_signed, trust="any").splitlines() == [
        "3 of 3 not validly signed: content changed after signing",
        "",
        '  #1  not validly signed  "Invoice" -> bob@example.org',
        "  ... and 2 more",
        "",
        "  #1:",
        "      content-changed: The content is not what was signed.",
        "      why: line 1: the signature covers the body without the",
        "           part's own headers; signed with LF line ends, sent with",
        "           CRLF",
        "      and from-mismatch",
        "",
        "  - expected: digest that was signed: 8ea839a9da99eebbed1e4f06...",
        "  + received: digest of what arrived: 97862a380adebd1181e031ed...",
        "",
        "What to change:",
        "  cryptography  set_data(part.as_bytes(policy=SMTP)): headers and body",
        "  M2Crypto      sign the part with its Content-Type, not its text",
    ]
    assert "and certificate-expired, from-mismatch" in failure(mailtrap[0].assert_smime_signed)


@pytest.mark.parametrize(
    ("validity", "received"),
    [
        ({"not_after": NOW - 2 * DAY}, f"certificate expired on {NOW - 2 * DAY:%Y-%m-%d}"),
        ({"not_before": NOW + 2 * DAY}, f"certificate valid from {NOW + 2 * DAY:%Y-%m-%d}"),
    ],
    ids=["expired", "not yet valid"],
)
def test_the_dates_of_a_certificate(
    mailtrap: MailTrap, validity: dict[str, Any], received: str
) -> None:
    """The expected and the received line both give the dates, and they differ."""
    send(mailtrap, sign(mailtrap.smime_identity("alice@example.org", **validity)))

    lines = failure(mailtrap.assert_smime_signed).splitlines()
    at = lines.index(f"  + received: {received}")
    assert lines[at - 1] == f"  - expected: certificate valid at {NOW:%Y-%m-%d}"
    assert len(lines[0]) <= 60


@pytest.mark.parametrize("several", [tuple, iter], ids=["tuple", "iterator"])
def test_what_is_given_serves_every_message(
    several: Callable[[list[Any]], Iterable[Any]], mailtrap: MailTrap
) -> None:
    """Arguments that can be iterated only once, such as iterators, also work for every message."""
    alice = mailtrap.smime_identity("alice@example.org")
    bob = mailtrap.smime_identity("bob@example.org", key="rsa-2048")
    for _ in range(2):
        send(mailtrap, encrypt(sign(alice), bob))

    mailtrap.assert_smime_encrypted(to=several(["bob@example.org"]), identities=several([bob]))
    mailtrap.assert_smime_signed(
        by=several(["alice@example.org"]),
        trust=several([mailtrap.ca_pem]),
        identities=several([bob]),
        allow=several(["sha1"]),
    )


def test_other_signer(mailtrap: MailTrap) -> None:
    """A valid signature by somebody other than From fails, unless that is requested."""
    send(mailtrap, sign(mailtrap.smime_identity("eve@example.org")))

    assert verdict(mailtrap.assert_smime_signed).endswith("From is not the signer")
    mailtrap.assert_smime_signed(match_from=False)
    mailtrap.assert_smime_signed(by="eve@example.org", match_from=False)
    assert verdict(mailtrap.assert_smime_signed, by="alice@example.org", match_from=False).endswith(
        "somebody else signed it"
    )


def test_other_ca(mailtrap: MailTrap) -> None:
    """A certificate from another CA is not trusted unless that CA or "any" is given; "any" shows in the message."""
    other = MailTrapFactory(new_ca())
    try:
        send(mailtrap, sign(other.smime_identity("alice@example.org")))
        ca = other._certificates.ca_pem
    finally:
        other.close()
    assert verdict(mailtrap.assert_smime_signed).endswith("its CA is not trusted")
    mailtrap.assert_smime_signed(trust=ca)
    mailtrap.assert_smime_signed(trust="any")
    assert "by any CA (trust='any')" in failure(
        mailtrap.assert_smime_signed, trust="any", by="bob@example.org"
    )


def test_certificate_left_out(mailtrap: MailTrap) -> None:
    """The trap issued the certificate, but the message's recipient may not have it, so it must be included."""
    alice = mailtrap.smime_identity("alice@example.org")
    builder = pkcs7.PKCS7SignatureBuilder().set_data(PART)
    builder = builder.add_signer(alice.certificate, alice.private_key, SHA256())
    options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.NoCerts]
    send(mailtrap, builder.sign(Encoding.SMIME, options))

    text = failure(mailtrap.assert_smime_signed)
    assert text.splitlines()[0].endswith("the certificate is missing")
    assert "leave out PKCS7Options.NoCerts" in text


def test_expired_certificate(mailtrap: MailTrap) -> None:
    """A certificate that had expired when the message arrived makes the signature worthless."""
    import datetime

    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    alice = mailtrap.smime_identity("alice@example.org", not_after=past)
    send(mailtrap, sign(alice))

    assert verdict(mailtrap.assert_smime_signed).endswith("the certificate has expired")


def test_encrypted_to_its_recipients(mailtrap: MailTrap) -> None:
    """A message that only its recipients can read passes, even if it is actually decrypted."""
    bob, carol = (
        mailtrap.smime_identity(f"{n}@example.org", key="rsa-2048") for n in ("bob", "carol")
    )
    send(mailtrap, encrypt(PART, bob, carol), "bob@example.org", "carol@example.org")

    mailtrap.assert_smime_encrypted()
    mailtrap.assert_smime_encrypted(identities=[bob])
    mailtrap[0].assert_smime_encrypted(identities=carol)
    mailtrap.assert_smime_encrypted(to=["bob@example.org", "carol@example.org"])


def test_recipient_left_out(mailtrap: MailTrap) -> None:
    """An envelope recipient without an entry in the message is named."""
    bob = mailtrap.smime_identity("bob@example.org", key="rsa-2048")
    send(mailtrap, encrypt(PART, bob), "bob@example.org", "carol@example.org")

    text = failure(mailtrap.assert_smime_encrypted)
    assert text.startswith("message not properly encrypted: a recipient cannot read it\n")
    assert "recipient-missing: carol@example.org cannot read it" in text
    mailtrap.assert_smime_encrypted(to="bob@example.org")


def test_somebody_else_can_read(mailtrap: MailTrap) -> None:
    """An entry for somebody who is not a recipient is named: it may be a Bcc or an eavesdropper."""
    bob, eve = (mailtrap.smime_identity(f"{n}@example.org", key="rsa-2048") for n in ("bob", "eve"))
    send(mailtrap, encrypt(PART, bob, eve))

    text = failure(mailtrap.assert_smime_encrypted)
    assert text.splitlines()[0].endswith("somebody else can read it")
    assert "eve@example.org can read it, but is not a recipient." in " ".join(text.split())


def test_wrong_key(mailtrap: MailTrap) -> None:
    """If identities are given, the message must actually decrypt."""
    bob, carol = (
        mailtrap.smime_identity(f"{n}@example.org", key="rsa-2048") for n in ("bob", "carol")
    )
    send(mailtrap, encrypt(PART, bob))

    assert verdict(mailtrap.assert_smime_encrypted, identities=[carol]).endswith(
        "no given key opens it"
    )
    with pytest.raises(ValueError, match=r"cannot be decrypted by carol@example\.org"):
        mailtrap[0].decrypt(carol)


def test_authenticated_encryption(mailtrap: MailTrap) -> None:
    """AES-CBC has no integrity protection, so it fails if authenticated encryption is requested."""
    bob = mailtrap.smime_identity("bob@example.org", key="rsa-2048")
    send(mailtrap, encrypt(PART, bob))

    assert verdict(mailtrap.assert_smime_encrypted, authenticated=True).endswith(
        "no integrity protection"
    )


def test_cleartext_is_not_encrypted(mailtrap: MailTrap) -> None:
    """A readable message is not encrypted, and cannot be decrypted."""
    bob = mailtrap.smime_identity("bob@example.org", key="rsa-2048")
    send(mailtrap, PART)

    assert verdict(mailtrap.assert_smime_encrypted).endswith("everybody can read it")
    with pytest.raises(ValueError, match="the message is not encrypted"):
        mailtrap[0].decrypt(bob)


def test_encrypt_then_sign(mailtrap: MailTrap) -> None:
    """Nobody else can read it, but it is not encrypted properly; the failure message says what the outer layer is."""
    alice = mailtrap.smime_identity("alice@example.org")
    bob = mailtrap.smime_identity("bob@example.org", key="rsa-2048")
    send(mailtrap, sign(alice, encrypt(PART, bob)))

    mailtrap.assert_smime_signed()
    assert failure(mailtrap.assert_smime_encrypted).splitlines() == [
        "message not properly encrypted: only an inner layer is",
        "",
        '  #1  not properly encrypted  "Invoice" -> bob@example.org',
        "",
        "  #1:",
        "      encrypted-inside: Its layers, from the outside in, are:",
        "        signed, enveloped.",
        "",
        "  - expected: encrypted to bob@example.org",
        "  + received: encrypted inside a signature",
        "",
        "Sign first, then encrypt the signed message (RFC 8551, section 3.7).",
    ]


def test_mixed_line_ends_are_named(mailtrap: MailTrap) -> None:
    """CRLF headers before a body with LF headers hide the encryption; the failure message names the line ends."""
    bob = mailtrap.smime_identity("bob@example.org", key="rsa-2048")
    send(mailtrap, encrypt(PART, bob).replace(b"\r\n", b"\n"))

    assert "header-bare-line-break" in failure(mailtrap.assert_smime_encrypted)


def test_sign_then_encrypt(mailtrap: MailTrap) -> None:
    """The decrypted content is a message of its own, on which all assertions work again."""
    alice = mailtrap.smime_identity("alice@example.org")
    bob = mailtrap.smime_identity("bob@example.org", key="rsa-2048")
    send(mailtrap, encrypt(sign(alice), bob))

    [message] = mailtrap
    inner = message.decrypt(bob)
    inner.assert_smime_signed(by="alice@example.org")
    inner.assert_sent_over_tls()
    assert inner["From"] == "alice@example.org"
    assert inner["Subject"] == "Invoice"
    assert inner.transport is message.transport
    assert "Invoice 4711" in inner.raw.decode()
    assert not inner.smime.encrypted
    mailtrap.assert_smime_signed(by="alice@example.org", identities=[bob])
    assert verdict(mailtrap.assert_smime_signed).endswith("no key to open it")


@pytest.mark.parametrize(("sender", "signed"), [("alice", True), ("mallory", False)])
def test_a_sender_inside_the_encryption_replaces_nobody(
    mailtrap: MailTrap, sender: str, signed: bool
) -> None:
    """Mallory may encrypt Alice's signed mail for Bob, with her From inside; his own From remains visible."""
    alice = mailtrap.smime_identity("alice@example.org")
    bob = mailtrap.smime_identity("bob@example.org", key="rsa-2048")
    inside = b"From: alice@example.org\r\n" + sign(alice)
    send(mailtrap, encrypt(inside, bob), sender=f"{sender}@example.org")

    inner = mailtrap[0].decrypt(bob)
    assert inner.parsed.get_all("From", []) == [
        *([] if signed else ["mallory@example.org"]),
        "alice@example.org",
    ]
    assert inner.inspect_smime().signed == signed
    assert mailtrap[0].inspect_smime(identities=[bob]).signed == signed


def test_session_fixture(mailtrap: MailTrap, smime_identity: object) -> None:
    """`smime_identity` issues from the same CA, for applications that are configured once per session."""
    alice = smime_identity("alice@example.org", key="rsa-2048")  # type: ignore[operator]
    send(mailtrap, sign(alice))

    mailtrap.assert_smime_signed(by="alice@example.org")


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        (
            {"allow": ["sha2"]},
            "allow must be one or more of md5, sha1, dsa, short-rsa, got ['sha2']",
        ),
        ({"by": []}, "by must name at least one address, got []"),
    ],
)
def test_misuse(mailtrap: MailTrap, keywords: dict[str, object], words: str) -> None:
    """A wrong keyword raises an error that lists what is allowed."""
    send(mailtrap, sign(mailtrap.smime_identity("alice@example.org")))

    with pytest.raises(ValueError) as caught:
        mailtrap.assert_smime_signed(**keywords)  # type: ignore[arg-type]
    assert str(caught.value) == words
