"""
The words of an S/MIME failure: findings in, text out.

Rules of this file: those of `_explain`; and no private key, no password and no plaintext gets into a message.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_mailtrap._explain import Block, compose, messages_in_all, summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_mailtrap._message import CapturedMessage
    from pytest_mailtrap._smime._diagnosis import Diagnosis
    from pytest_mailtrap._smime_policy import Finding

# Verdicts of a few words; other codes give the first sentence of their problem.
_SHORT = {
    "content-changed": "content changed after signing",
    "not-signed": "no signature covers it",
    "closed": "no key to open it",
    "from-mismatch": "From is not the signer",
    "other-signer": "somebody else signed it",
    "no-trust-anchor": "no CA to trust was given",
    "issuer-unknown": "its CA is not trusted",
    "self-signed": "the certificate is self-signed",
    "extended-key-usage": "not a certificate for mail",
    "key-usage": "not a certificate for signing",
    "signature-wrong": "the signature is wrong",
    "signer-certificate-missing": "the signer's certificate is missing",
    "not-encrypted": "everybody can read it",
    "recipient-missing": "a recipient cannot read it",
    "recipient-unexpected": "somebody else can read it",
    "recipient-locked-out": "a given key does not open it",
    "cleartext-beside": "something stands beside it in the clear",
    "not-authenticated-encryption": "it has no integrity",
    "not-a-recipient": "the given keys do not open it",
}
_TRUST = (
    "Sign with an identity of the trap's CA, or name the CA to trust:",
    "  mailtrap.smime_identity(address)",
    "  assert_smime_signed(trust=...)  certificates, PEM, a path, or 'any'",
)
_ADVICE: dict[str, tuple[str, ...]] = {
    "not-signed": (
        "Sign the message, and send the signed bytes as they are:",
        "  cryptography  PKCS7SignatureBuilder, then smtplib's sendmail(bytes)",
    ),
    "closed": ("Give the key:", "  assert_smime_signed(identities=[...]), or message.decrypt(...)"),
    "from-mismatch": ("Sign with the certificate of the address in From.",),
    "other-signer": ("Sign with the certificate of that address.",),
    "no-trust-anchor": _TRUST,
    "issuer-unknown": _TRUST,
    "self-signed": _TRUST,
    "signer-certificate-missing": (
        "Send the certificate along:",
        "  cryptography  leave PKCS7Options.NoCerts out",
    ),
    "extended-key-usage": ("Use a certificate that is issued for e-mail protection.",),
    "weak-md5": ("Sign with SHA-256, or accept it by name: allow=['md5']",),
    "weak-sha1": ("Sign with SHA-256, or accept it by name: allow=['sha1']",),
    "weak-dsa": ("Sign with RSA or ECDSA, or accept it by name: allow=['dsa']",),
    "weak-short-rsa": ("Use a longer key, or accept it by name: allow=['short-rsa']",),
    "not-encrypted": (
        "Encrypt the whole message to each recipient's certificate:",
        "  cryptography  PKCS7EnvelopeBuilder().add_recipient(...)",
    ),
    "recipient-missing": (
        "Encrypt to every RCPT TO. The trap knows the certificates that",
        "mailtrap.smime_identity() issued and those of identities=[...].",
    ),
    "recipient-unexpected": ("Encrypt to the recipients only, or name all of them: to=[...]",),
    "cleartext-beside": (
        "Encrypt the whole message, and add nothing to the encrypted body.",
    ),
    "recipient-locked-out": ("Encrypt one content key to the certificate of each recipient.",),
    "not-authenticated-encryption": ("Encrypt with AES-GCM (RFC 5084).",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One message that does not meet the demand."""

    number: int
    findings: Sequence[Finding]
    diagnosis: Diagnosis | None = None


def explain_smime(
    cases: Sequence[Case],
    messages: Sequence[CapturedMessage],
    *,
    done: str,
    expected: str,
    received: str,
) -> str:
    """
    Say which messages are not *done* ("validly signed"), and why.

    *expected* and *received* describe the first of them.
    """
    first = cases[0]
    finding = first.findings[0]
    verb = "is" if len(cases) == 1 else "are"
    reason = _SHORT.get(finding.code) or _sentence(finding.text)
    return compose(
        f"{len(cases)} of {messages_in_all(len(messages))} {verb} not {done}: {reason}",
        _table(cases, messages, done),
        _reasons(first),
        [f"  - expected: {expected}", f"  + received: {received}"],
        _remedy(first),
    )


def _sentence(text: str) -> str:
    text = text.split(": ")[0].rstrip(".")
    return text[:1].lower() + text[1:]


def _table(cases: Sequence[Case], messages: Sequence[CapturedMessage], done: str) -> Block:
    wrong = {case.number for case in cases}
    hows = [f"not {done}" if n in wrong else done for n in range(1, len(messages) + 1)]
    width = max(map(len, hows))
    rows = [
        f"  #{number}  {how:<{width}}  {summary(message)}"
        for number, (message, how) in enumerate(zip(messages, hows, strict=True), 1)
    ]
    if len(rows) <= 3:
        return rows
    return [
        *(rows[n - 1] for n in sorted(wrong)),
        *(r for n, r in enumerate(rows, 1) if n not in wrong),
    ]


def _reasons(case: Case) -> Block:
    block = [f"  #{case.number}:"]
    for finding in case.findings[:3]:
        block += textwrap.wrap(
            f"{finding.code}: {finding.text}",
            66,
            initial_indent="      ",
            subsequent_indent="        ",
        )[: 3 if len(case.findings) == 1 else 2]
    if case.diagnosis is not None:
        block += textwrap.wrap(
            case.diagnosis.sentence,
            66,
            initial_indent="      why: ",
            subsequent_indent="           ",
        )[:2]
    return block


def _remedy(case: Case) -> Block:
    if case.diagnosis is not None and case.diagnosis.remedy is not None:
        from pytest_mailtrap._smime._remedies import remedy_lines

        lines = remedy_lines(case.diagnosis.remedy)
        return ["What to change:", *(f"  {line}" for line in lines[:4])]
    return list(_ADVICE.get(case.findings[0].code, ()))
