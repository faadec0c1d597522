"""Accidents caused by Python's email package, Django, and smtplib: really produced, then diagnosed."""

from __future__ import annotations

import email
import email.generator
import hashlib
import io
from email import charset, policy
from email.message import EmailMessage, Message
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import TYPE_CHECKING

import pytest

from pytest_mailtrap._smime.diagnosis.digest_mismatch import Diagnosis, diagnose

if TYPE_CHECKING:
    from collections.abc import Callable

OUTER = b'Content-Type: multipart/signed; boundary="B"\r\nSubject: s\r\n\r\n--B\r\n'
TAIL = b"\r\n--B\r\nContent-Type: application/pkcs7-signature\r\n\r\nAAAA\r\n--B--\r\n"


def on_the_wire(message: Message) -> bytes:
    """What smtplib.send_message() makes of a message."""
    out = io.BytesIO()
    email.generator.BytesGenerator(out).flatten(message, linesep="\r\n")
    return out.getvalue()


def crlf(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def part_of(message: bytes) -> bytes:
    """The first part of the multipart/signed, as a receiver takes it."""
    boundary = b"\r\n--B\r\n"
    return message.split(boundary)[1]


def diagnosed(signed: bytes, message: bytes) -> Diagnosis:
    return diagnose(part_of(message), hashlib.sha256(signed).digest(), "sha256", message=message)


def modern_part(file_name: str, text: str = "See below.\n") -> EmailMessage:
    part = EmailMessage()
    part.set_content(text)
    part.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename=file_name)
    return part


def legacy_part(file_name: str, text: str = "See below.\n") -> MIMEMultipart:
    part = MIMEMultipart()
    part.attach(MIMEText(text))
    attachment = MIMEApplication(b"%PDF")
    attachment.add_header("Content-Disposition", "attachment", filename=file_name)
    part.attach(attachment)
    return part


def modern_envelope(part: Message) -> Message:
    outer = EmailMessage()
    outer["Content-Type"] = 'multipart/signed; boundary="B"'
    outer.set_payload([part, MIMEText("AAAA")])
    return outer


def legacy_envelope(part: Message) -> Message:
    outer = MIMEMultipart("signed", boundary="B")
    outer.attach(part)
    outer.attach(MIMEText("AAAA"))
    return outer


LONG_NAMES = {
    "long": "a" * 80 + ".pdf",
    "words": "minutes of the meeting of the board of the society for " * 2 + "mail.pdf",
}


@pytest.mark.parametrize("name", LONG_NAMES)
@pytest.mark.parametrize("envelope", [modern_envelope, legacy_envelope])
@pytest.mark.parametrize("make", [modern_part, legacy_part])
@pytest.mark.parametrize("signed_policy", [None, policy.SMTP, policy.default])
def test_a_part_that_is_attached_after_signing_is_refolded(
    make: Callable[[str], Message],
    envelope: Callable[[Message], Message],
    name: str,
    signed_policy: policy.EmailPolicy | None,
) -> None:
    """multipart/signed turns folding off for the parts in it, regardless of how they were signed before."""
    part = make(LONG_NAMES[name])
    signed = crlf(part.as_bytes(policy=signed_policy) if signed_policy else part.as_bytes())
    sent = crlf(on_the_wire(envelope(part)))
    if part_of(sent) == signed:
        pytest.skip("this version of the email package keeps the part as it was signed")
    found = diagnosed(signed, sent)
    assert found.code == "header-refolded"
    assert "Content-Disposition" in found.sentence
    assert found.remedy == "send-bytes"


def test_a_short_name_is_not_refolded() -> None:
    """The positive control: with short headers, the same code keeps the signature intact."""
    part = modern_part("minutes.pdf")
    assert part_of(crlf(on_the_wire(modern_envelope(part)))) == crlf(part.as_bytes())


def test_a_long_subject_in_the_part_is_refolded() -> None:
    """Protected headers (RFC 9788) are long more often than MIME headers are."""
    part = legacy_part("minutes.pdf")
    part["Subject"] = "a long subject " * 9
    found = diagnosed(crlf(part.as_bytes()), crlf(on_the_wire(legacy_envelope(part))))
    assert found.code == "header-refolded"
    assert "Subject" in found.sentence


def test_lf_bytes_of_a_refolded_part_are_two_accidents() -> None:
    """as_bytes() has LF line ends: if they are signed as they are, both accidents happen at once."""
    part = modern_part(LONG_NAMES["words"])
    sent = crlf(on_the_wire(modern_envelope(part)))
    found = diagnosed(part.as_bytes(), sent)
    assert (found.code, found.also) == ("header-refolded", ("signed-with-lf",))


def test_refolding_and_mbox_quoting_happen_together() -> None:
    """send_message() quotes From in the text it generates, and refolds headers as well."""
    part = legacy_part(LONG_NAMES["words"], "From here\n")
    sent = crlf(on_the_wire(legacy_envelope(part)))
    found = diagnosed(crlf(part.as_bytes()), sent)
    assert (found.code, found.also) == ("header-refolded", ("from-quoted",))


@pytest.mark.parametrize(
    ("signed", "code"),
    [
        (
            b"Content-Type: text/plain\r\nIn-Reply-To:\r\n <0123456789@example.org>\r\n\r\nHello\r\n",
            "header-blanks",
        ),
        (b"Content-Type:text/plain\r\n\r\nHello\r\n", "header-blanks"),
        (b"Content-Type: text/plain\r\nX-A:  two blanks\r\n\r\nHello\r\n", "header-blanks"),
        (b"Content-Type: text/plain\r\n\r\nHello\r\nFrom here\r\n", "from-quoted"),
        (b"Content-Type: text/plain\r\n\r\nHello\rthere\r\n", "lone-cr"),
    ],
)
def test_a_signed_message_that_is_parsed_and_sent_is_changed(signed: bytes, code: str) -> None:
    """send_message(message_from_bytes(signed)) serializes the part again; sendmail(signed) would not."""
    parsed = email.message_from_bytes(OUTER + signed + TAIL)
    sent = (
        crlf(on_the_wire(parsed).replace(b"\r", b"")) if code != "lone-cr" else on_the_wire(parsed)
    )
    assert part_of(OUTER + signed + TAIL) == signed
    assert part_of(sent) != signed
    assert diagnosed(signed, sent).code == code


def test_a_message_turned_into_text_is_encoded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """as_string() can't hold 8-bit bytes, so it re-encodes the signed body as base64."""
    # Flask-Mail, once imported, changes for the whole process how the email package encodes UTF-8.
    monkeypatch.setitem(charset.CHARSETS, "utf-8", (charset.SHORTEST, charset.BASE64, "utf-8"))
    signed = (
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        + "Grüße\r\n".encode()
    )
    parsed = email.message_from_bytes(OUTER + signed + TAIL)
    sent = crlf(parsed.as_string().encode())
    assert b"base64" in part_of(sent)
    found = diagnosed(signed, sent)
    assert (found.code, found.remedy) == ("re-encoded", "sign-seven-bit")


def test_django_refolds_a_signed_part_too() -> None:
    """Django's message classes are based on the email package's, with the same pitfall."""
    mail = pytest.importorskip("django.core.mail", reason="Django is not installed")
    from django.conf import settings

    if not settings.configured:
        settings.configure()
    message = mail.EmailMessage("s", "From here\n", "a@example.org", ["b@example.org"])
    message.attach(LONG_NAMES["words"], b"%PDF", "application/pdf")
    part = message.message()
    for header in ("From", "To", "Subject", "Date", "Message-ID"):
        del part[header]
    found = diagnosed(crlf(part.as_bytes()), crlf(on_the_wire(legacy_envelope(part))))
    assert found.code == "header-refolded"
