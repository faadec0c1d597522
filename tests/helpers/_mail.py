"""MIME around CMS objects, byte for byte, with nothing added to what the caller wrote."""

from __future__ import annotations

import base64

PART = b"Content-Type: text/plain\r\n\r\nThe invoice is paid.\r\n"
FROM = b"From: alice@example.org"
OTHERS = (b"To: bob@example.org", b"Subject: Invoice", b"MIME-Version: 1.0")
SIGNED = (
    b'multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="outer"'
)


def wrapped(cms: bytes) -> bytes:
    return base64.encodebytes(cms).replace(b"\n", b"\r\n")


def header(*fields: bytes, sender: bytes = FROM) -> bytes:
    """*sender* is one whole From field, or several separated by line endings."""
    return b"".join(field + b"\r\n" for field in (*filter(None, (sender,)), *OTHERS, *fields))


def signature_part(cms: bytes, content_type: bytes = b"application/pkcs7-signature") -> bytes:
    return (
        b"Content-Type: " + content_type + b"; name=smime.p7s\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + wrapped(cms)
    )


def multipart(*parts: bytes, boundary: bytes = b"outer", closed: bool = True) -> bytes:
    """The body of a multipart: delimiters with a CRLF before and after."""
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return body + (b"--" + boundary + b"--\r\n" if closed else b"")


def detached(
    cms: bytes, part: bytes = PART, *, sender: bytes = FROM, content_type: bytes = SIGNED
) -> bytes:
    """multipart/signed as RFC 8551 section 3.5.3 defines it."""
    head = header(b"Content-Type: " + content_type, sender=sender)
    return head + b"\r\n" + multipart(part, signature_part(cms))


def opaque(
    cms: bytes,
    smime_type: bytes = b"signed-data",
    *,
    sender: bytes = FROM,
    name: bytes = b"smime.p7m",
) -> bytes:
    """application/pkcs7-mime (RFC 8551 section 3.2)."""
    return (
        header(
            b"Content-Type: application/pkcs7-mime; smime-type=" + smime_type + b"; name=" + name,
            b"Content-Transfer-Encoding: base64",
            sender=sender,
        )
        + b"\r\n"
        + wrapped(cms)
    )
