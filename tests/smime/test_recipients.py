"""Everybody who should read a message can, nobody else can, and no content is left outside the encryption."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from _cast import alice, bob, codes, inspect, person, warnings
from _der import context, integer, octets, oid, sequence, set_of
from _encrypt import AES256_CBC, ENVELOPED_DATA, enveloped
from _forge import DATA, algorithm, signed_by
from _mail import PART, detached, opaque
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from pytest_mailtrap._assertions.smime_violations import encryption_findings, signature_findings
from pytest_mailtrap._mime.addresses import same_mailbox

if TYPE_CHECKING:
    from pytest_mailtrap.smime import Identity

BOB, CAROL = "bob@example.org", "carol@example.org"


def carol() -> Identity:
    return person(CAROL, "rsa-2048")


def sealed(cms: bytes) -> bytes:
    return opaque(cms, b"enveloped-data")


def findings(
    message: bytes, *to: str, keys: tuple[Identity, ...] = (), known: tuple[Identity, ...] = ()
) -> list[str]:
    """What `assert_smime_encrypted` would report, as codes."""
    certificates = [one.certificate for one in (bob(), carol(), *known)]
    facts = inspect(message, trust="any", identities=keys, intermediates=certificates)
    found = encryption_findings(
        facts, to=to, with_identities=bool(keys), authenticated=False, same=same_mailbox
    )
    return [one.code for one in found]


def good() -> bytes:
    return enveloped(PART, [bob().certificate, carol().certificate])


def test_the_positive_control() -> None:
    """Both recipients can read it, and both keys open it."""
    message = sealed(good())
    assert findings(message, BOB, CAROL) == []
    assert findings(message, BOB, CAROL, keys=(bob(), carol())) == []
    assert findings(message, BOB) == ["recipient-unexpected"]
    assert findings(message, BOB, CAROL, "dave@example.org") == ["recipient-missing"]


def random_key(_: bytes, __: bytes) -> bytes:
    return os.urandom(32)


def test_a_recipient_whose_key_opens_nothing_is_named() -> None:
    """One working entry does not excuse another that holds a different key."""
    cms = enveloped(PART, [bob().certificate, carol().certificate], second_key=random_key)
    assert findings(sealed(cms), BOB, CAROL, keys=(bob(),)) == []
    found = findings(sealed(cms), BOB, CAROL, keys=(bob(), carol()))
    assert found[-1] == "recipient-locked-out"
    assert set(found) <= {"recipient-locked-out", "contents-differ"}


def key_that_opens(vector: bytes, ciphertext: bytes) -> bytes:
    """A key for which the padding happens to be right: about one in 256 is."""
    while True:
        key = os.urandom(32)
        decryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor()
        unpadder = padding.PKCS7(128).unpadder()
        try:
            unpadder.update(decryptor.update(ciphertext))
            unpadder.finalize()
        except ValueError:
            continue
        return key


def test_two_keys_that_open_to_two_texts_are_no_encryption() -> None:
    """Neither CBC nor GCM commits to its key, so one ciphertext may hold a different text for each reader."""
    certificates = [bob().certificate, carol().certificate]
    message = sealed(enveloped(PART, certificates, second_key=key_that_opens))
    assert inspect(message, identities=[bob()]).content == PART
    assert inspect(message, identities=[carol()]).encrypted
    facts = inspect(message, identities=[bob(), carol()])
    assert not facts.encrypted
    assert "contents-differ" in codes(facts)
    assert "contents-differ" in findings(message, BOB, CAROL, keys=(bob(), carol()))


@pytest.mark.parametrize(
    "clear",
    [
        b"\r\nThe invoice is paid.\r\n",
        b"\r\nTheInvoiceIsPaid\r\n",
        b'\r\n<img src="https://example.net/?',
        b"\r\nSGVsbG8=\r\n",
    ],
)
def test_text_beside_the_encryption_is_found(clear: bytes) -> None:
    """Text that follows in the body is readable by everybody, whatever characters it consists of."""
    for padded in range(3):
        message = sealed(enveloped(PART + b" " * 16 + bytes(padded), [bob().certificate]))
        assert findings(message, BOB, keys=(bob(),)) == []
        found = findings(message + clear, BOB, keys=(bob(),))
        assert set(found) & {"cleartext-beside", "base64-malformed", "not-encrypted"}


def test_text_behind_the_object_is_found() -> None:
    """Text inside the base64, after the CMS object, is found as well."""
    assert findings(sealed(good() + b"The invoice is paid."), BOB, CAROL) == ["cleartext-beside"]


def test_a_password_recipient_is_somebody_else() -> None:
    """A password opens the message for anyone who knows it; the entry has no name."""
    password_info = context(
        3, integer(0), algorithm("1.2.840.113549.1.9.16.3.9"), octets(bytes(40))
    )
    cms = sequence(
        oid(ENVELOPED_DATA),
        context(
            0,
            sequence(
                integer(0),
                set_of(password_info),
                sequence(
                    oid(DATA),
                    algorithm(AES256_CBC, octets(bytes(16))),
                    context(0, bytes(16), constructed=False),
                ),
            ),
        ),
    )
    assert findings(sealed(cms)) == ["recipient-unexpected"]


@pytest.mark.parametrize(
    ("fields", "revealed"),
    [
        (b"To: bob@example.org", "carol@example.org"),
        (b"To: undisclosed-recipients:;", "bob@example.org"),
        (b"To: carol@example.org.example, bob@example.org", "carol@example.org"),
        (b"To: bob@example.org\r\nCc: Carol <CAROL@example.org>", None),
        (b"To: team: bob@example.org, carol@example.org;", None),
        (b"To: bob@example.org\r\nSender: carol@example.org", None),
    ],
)
def test_an_entry_that_reveals_a_bcc_is_a_warning(fields: bytes, revealed: str | None) -> None:
    """RFC 5322 section 3.6.3: no warning for a recipient in the header, or for one who is the only reader."""
    known = [bob().certificate, carol().certificate]
    message = sealed(good()).replace(b"To: bob@example.org", fields, 1)
    facts = inspect(message, trust="any", intermediates=known)
    told = next((one.text for one in facts.warnings if one.code == "bcc-revealed"), None)
    assert (told is None) == (revealed is None)
    assert revealed is None or f"'{revealed}'" in str(told)

    alone = sealed(enveloped(PART, [carol().certificate])).replace(b"To: bob@", b"To: dave@", 1)
    assert "bcc-revealed" not in warnings(inspect(alone, trust="any", intermediates=known))


def test_as_many_keys_as_recipients_are_tried() -> None:
    """Thirty recipients with thirty keys take thirty decryptions, and none is left out."""
    people = [person(f"p{n}@example.org", "rsa-2048") for n in range(3)] * 10
    message = sealed(enveloped(PART, [one.certificate for one in people]))
    facts = inspect(message, identities=people[:3])
    assert all(one.decrypted for one in facts.recipients)
    assert len(facts.recipients) == 30


def layered(inner: Identity, outer: Identity) -> bytes:
    inside = detached(signed_by(inner, PART), sender=b"")
    inside = inside[inside.index(b"Content-Type: multipart") :].replace(b"outer", b"inner")
    return detached(signed_by(outer, inside), inside)


def signers(message: bytes, *by: str, **how: Any) -> list[str]:
    facts = inspect(message, match_from=False, **how)
    return [one.code for one in signature_findings(facts, by=by, same=same_mailbox)]


def test_by_is_asked_of_every_layer() -> None:
    """A layer signed by somebody not listed in by= is reported as another signer's."""
    one, other = alice(), person("mallory@example.net")
    both = ("alice@example.org", "mallory@example.net")
    assert signers(layered(one, one), both[0]) == []
    assert signers(layered(one, other), *both) == []
    assert signers(layered(one, other)) == []
    for message in (layered(one, other), layered(other, one)):
        assert signers(message, both[0]) == ["other-signer"]
