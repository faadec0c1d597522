"""
What to change in the library that signed, by cause: short lines for failure messages.

A remedy is keyed by what went wrong, not by the code of the finding: several accidents have the same fix.
"""

from __future__ import annotations

REMEDIES: dict[str, dict[str, str]] = {
    "sign-crlf": {
        "cryptography": "leave PKCS7Options.Binary out, or set_data() CRLF bytes",
        "M2Crypto": "sign() a BIO whose lines end in CRLF",
        "envelope": "send bytes(envelope) as it is",
        "openssl": "leave -binary out, or convert the input to CRLF first",
        "nodemailer": "compile the part with newline: 'windows', sign that",
        "email": "sign part.as_bytes(policy=email.policy.SMTP)",
    },
    "send-bytes": {
        "cryptography": "smtplib's sendmail(bytes), not send_message(parsed)",
        "M2Crypto": "sendmail() what SMIME.write() wrote, without parsing it",
        "envelope": "strip() subject and headers: it parses what it signed",
        "nodemailer": "sendMail({ envelope, raw: signed })",
        "email": "smtplib sendmail(bytes), not send_message(parsed)",
        "django": "a backend that calls connection.sendmail(bytes)",
    },
    "sign-whole-part": {
        "cryptography": "set_data(part.as_bytes(policy=SMTP)): headers and body",
        "M2Crypto": "sign the part with its Content-Type, not its text",
        "nodemailer": "sign the compiled MIME node, headers included",
        "email": "sign part.as_bytes(policy=SMTP), not get_payload()",
    },
    "sign-seven-bit": {
        "cryptography": "set_data() base64 or quoted-printable, never 8bit",
        "M2Crypto": "encode the text before signing (RFC 8551, 3.1.3)",
        "nodemailer": "textEncoding: 'quoted-printable'",
        "email": "set_content(text, cte='quoted-printable')",
    },
    "sign-last": {
        "cryptography": "complete the part, then sign, then only add outside it",
        "M2Crypto": "complete the part, then sign, then only add outside it",
        "envelope": "add headers with .header() before .sign()",
        "nodemailer": "sign in the last plugin of the 'stream' step",
        "email": "set every header of the part before as_bytes()",
    },
    "relay": {
        "any": "sign after the step that rewrites mail, or turn it off",
    },
    "encode": {
        "cryptography": "set_data() base64 or quoted-printable text only",
        "nodemailer": "textEncoding: 'quoted-printable'",
        "email": "set_content(text, cte='quoted-printable')",
        "any": "encoded text survives what programs do to lines",
    },
    "smtp-dots": {
        "any": "let the SMTP library stuff dots, once (RFC 5321, 4.5.2)",
        "email": "smtplib sendmail() does it: do not do it yourself",
    },
    "send-crlf": {
        "cryptography": "PKCS7EnvelopeBuilder writes LF: convert to CRLF first",
        "openssl": "cms writes LF headers: convert everything to CRLF first",
        "any": "smtplib's sendmail() sends bytes as they are",
    },
    "detach": {
        "cryptography": "sign(Encoding.SMIME, [PKCS7Options.DetachedSignature])",
        "M2Crypto": "sign(bio, PKCS7_DETACHED), then write() with the data",
        "openssl": "leave -nodetach out, or send application/pkcs7-mime",
    },
    "sign-something": {
        "cryptography": "set_data() the part before add_signer() and sign()",
        "M2Crypto": "rewind the BIO: sign() reads from its current position",
    },
}

REMEDY_OF: dict[str, str] = {
    "signed-with-lf": "sign-crlf",
    "signed-with-cr-cr-lf": "sign-crlf",
    "sent-with-lf": "send-bytes",
    "cr-cr-lf": "send-bytes",
    "lone-cr": "sign-crlf",
    "headers-not-signed": "sign-whole-part",
    "headers-moved-out": "sign-whole-part",
    "whole-message-signed": "sign-whole-part",
    "header-refolded": "send-bytes",
    "header-folded": "send-bytes",
    "header-blanks": "send-bytes",
    "header-tabs": "send-bytes",
    "header-case": "send-bytes",
    "header-parameters": "send-bytes",
    "header-order": "send-bytes",
    "header-added": "sign-last",
    "header-removed": "sign-last",
    "blank-line-lost": "send-bytes",
    "blank-line-added": "send-bytes",
    "trailing-blanks-stripped": "encode",
    "trailing-blanks-added": "encode",
    "tabs": "encode",
    "footer-added": "relay",
    "banner-added": "relay",
    "line-added": "relay",
    "re-encoded": "sign-seven-bit",
    "base64-rewrapped": "relay",
    "dot-stuffing": "smtp-dots",
    "dot-lost": "smtp-dots",
    "from-quoted": "send-bytes",
    "from-unquoted": "encode",
    "nothing-signed": "sign-something",
}

# Problems that have a fix without any search for the accident.
REMEDY_OF_PROBLEM: dict[str, str] = {
    "content-embedded": "detach",
    "header-bare-line-break": "send-crlf",
}


def remedy_lines(remedy: str | None) -> list[str]:
    """The lines of one remedy, a library each, at most 70 columns wide."""
    return [f"{library:<13} {advice}" for library, advice in REMEDIES.get(remedy or "", {}).items()]
