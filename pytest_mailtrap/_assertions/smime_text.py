"""
The text of an S/MIME failure: findings in, text out.

Rules of this file: those of `_assertions.failure_text`; and no private key, password or plaintext gets into a message.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_mailtrap._assertions.message_table import table
from pytest_mailtrap._text.layout import LINES, Block, compose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_mailtrap._assertions.message import Message
    from pytest_mailtrap._assertions.smime_violations import SMIMEViolation
    from pytest_mailtrap._smime.diagnosis.digest_mismatch import Diagnosis

# A few words for each problem and finding: with them the first line has at most 60 columns.
SHORT = {
    "not-signed": "no signature covers it",
    "closed": "no key to open it",
    "other-signer": "somebody else signed it",
    # The message around the signature
    "header-malformed": "its header is malformed",
    "header-bare-line-break": "bare line ends in its header",
    "content-type-repeated": "it has two Content-Types",
    "content-type-malformed": "malformed Content-Type",
    "transfer-encoding-repeated": "two transfer encodings",
    "transfer-encoding-unknown": "unknown transfer encoding",
    "multipart-encoded": "its multipart is encoded",
    "boundary-missing": "it has no boundary",
    "boundary-ambiguous": "its boundary is ambiguous",
    "multipart-unclosed": "its multipart is not closed",
    "multipart-not-two-parts": "it does not have two parts",
    "signature-part-wrong": "no signature in part two",
    "too-many-parts": "it has too many parts",
    "too-many-layers": "it has too many layers",
    "base64-malformed": "its base64 is malformed",
    # The CMS object
    "malformed-cms": "its CMS is malformed",
    "truncated-cms": "its CMS is cut off",
    "nested-too-deeply": "its CMS is nested too deeply",
    "too-many-elements": "too many elements in its CMS",
    "too-large": "it is too large",
    "decompression-bomb": "it is a decompression bomb",
    "decompression-failed": "it cannot be decompressed",
    "unsupported-content": "its content is not mail",
    "content-missing": "its content is missing",
    "content-embedded": "it has a second content",
    "no-signers": "nobody signed it",
    # A signer
    "signer-certificate-missing": "the certificate is missing",
    "certificate-malformed": "a certificate is malformed",
    "content-type-attribute": "bad signed content type",
    "message-digest-attribute": "not exactly one signed digest",
    "signing-time-attribute": "its signing time is malformed",
    "attribute-unsigned": "an attribute is not signed",
    "attributes-required": "signed attributes are missing",
    "content-is-attributes": "a signature was reused",
    "content-changed": "content changed after signing",
    "signature-wrong": "the signature is wrong",
    "digest-mismatch": "it has two digest algorithms",
    "algorithm-unknown": "its algorithm is not known",
    "algorithm-key-mismatch": "its key is of another type",
    "pss-parameters": "its PSS parameters are wrong",
    "signing-certificate-mismatch": "it names another certificate",
    "weak-md5": "MD5 is not secure",
    "weak-sha1": "SHA-1 is not secure",
    "weak-dsa": "DSA is no longer accepted",
    "weak-short-rsa": "the RSA key is too short",
    # The certificate
    "no-trust-anchor": "no CA to trust was given",
    "certificate-expired": "the certificate has expired",
    "certificate-not-yet-valid": "certificate not yet valid",
    "self-signed": "a self-signed certificate",
    "issuer-unknown": "its CA is not trusted",
    "path-invalid": "invalid certificate path",
    "key-usage": "certificate not for signing",
    "extended-key-usage": "certificate not for mail",
    # The sender
    "from-missing": "it has no From",
    "from-repeated": "it has two From fields",
    "from-malformed": "From is not one mailbox",
    "from-several": "From has several mailboxes",
    "from-mismatch": "From is not the signer",
    "certificate-without-mailbox": "no mailbox in certificate",
    "protected-from-mismatch": "its protected From differs",
    "protected-from-malformed": "malformed protected From",
    # Encryption
    "not-encrypted": "everybody can read it",
    "encrypted-inside": "only an inner layer is",
    "recipient-missing": "a recipient cannot read it",
    "recipient-unexpected": "somebody else can read it",
    "recipient-locked-out": "a recipient's key fails",
    "cleartext-beside": "some bytes are unencrypted",
    "not-authenticated-encryption": "no integrity protection",
    "not-a-recipient": "no given key opens it",
    "no-recipients": "it has no recipient",
    "key-unwrap-failed": "its key cannot be opened",
    "decryption-failed": "it cannot be decrypted",
    "contents-differ": "two keys give two contents",
    "tag-wrong": "wrong authentication tag",
    "cipher-unknown": "its cipher is not known",
    "recipient-unsupported": "unknown key algorithm",
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
    "closed": (
        "Provide the key:",
        "  assert_smime_signed(identities=[...]), or message.decrypt(...)",
    ),
    "from-mismatch": ("Sign with the certificate of the address in From.",),
    "other-signer": ("Sign with the certificate of that address.",),
    "no-trust-anchor": _TRUST,
    "issuer-unknown": _TRUST,
    "self-signed": _TRUST,
    "signer-certificate-missing": (
        "Send the certificate along:",
        "  cryptography  leave out PKCS7Options.NoCerts",
    ),
    "certificate-expired": ("Sign with a certificate that is valid when the mail arrives.",),
    "certificate-not-yet-valid": ("Sign with a certificate that is already valid.",),
    "certificate-without-mailbox": ("Sign with a certificate that names the sender's address.",),
    "key-usage": ("Use a certificate whose key usage has digitalSignature.",),
    "from-several": ("Put one mailbox into From: a signature covers only one.",),
    "from-repeated": ("Send exactly one From field.",),
    "not-a-recipient": ("Provide the identity of a recipient: identities=[...]",),
    "extended-key-usage": ("Use a certificate issued for e-mail protection.",),
    "weak-md5": ("Sign with SHA-256, or allow MD5 explicitly: allow=['md5']",),
    "weak-sha1": ("Sign with SHA-256, or allow SHA-1 explicitly: allow=['sha1']",),
    "weak-dsa": ("Sign with RSA or ECDSA, or allow DSA explicitly: allow=['dsa']",),
    "weak-short-rsa": ("Use a longer key, or allow it explicitly: allow=['short-rsa']",),
    "not-encrypted": (
        "Encrypt the whole message to each recipient's certificate:",
        "  cryptography  PKCS7EnvelopeBuilder().add_recipient(...)",
    ),
    "encrypted-inside": ("Sign first, then encrypt the signed message (RFC 8551, section 3.7).",),
    "recipient-missing": (
        "Encrypt to every RCPT TO. The trap knows the certificates issued by",
        "mailtrap.smime_identity() and those in identities=[...].",
    ),
    "recipient-unexpected": ("Encrypt only to the recipients, or name everybody: to=[...]",),
    "cleartext-beside": ("Encrypt the whole message, and add nothing to the encrypted body.",),
    "recipient-locked-out": ("Encrypt the same content key to each recipient's certificate.",),
    "not-authenticated-encryption": ("Encrypt with AES-GCM (RFC 5084).",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One message that does not meet the requirement; only the first one has a *diagnosis*."""

    number: int
    findings: Sequence[SMIMEViolation]
    diagnosis: Diagnosis | None = None


def explain_smime(
    cases: Sequence[Case],
    messages: Mapping[int, Message],
    *,
    done: str,
    expected: str,
    received: str,
) -> str:
    """
    Say which messages are not *done* ("validly signed"), and why.

    *expected* and *received* describe the first one.
    """
    first = cases[0]
    finding = first.findings[0]
    wrong = dict.fromkeys(case.number for case in cases)
    who = "message" if len(messages) == 1 else f"{len(cases)} of {len(messages)}"
    rows = table(wrong, messages, lambda n: f"not {done}" if n in wrong else done)
    # What is left after the verdict, the shortest table, expected and received, and the blank lines.
    room = LINES - 6 - min(len(rows), 2)
    reasons, remedy = _fitted(first, room)
    return compose(
        f"{who} not {done}: {SHORT[finding.code]}",
        rows,
        reasons,
        [f"  - expected: {expected}", f"  + received: {received}"],
        remedy,
    )


def _fitted(case: Case, room: int) -> tuple[Block, Block]:
    """The reasons and the remedy, shortened if together they have more lines than there is *room* for."""
    reasons, remedy = _reasons(case), _remedy(case)
    if len(reasons) + len(remedy) + bool(remedy) > room:
        reasons = _reasons_in_short(case)
        remedy = remedy[: room - len(reasons) - 1]
    return reasons, remedy


def _reasons(case: Case) -> Block:
    block = [f"  #{case.number}:"]
    for finding in case.findings[:3]:
        block += _finding(finding, 3 if len(case.findings) == 1 else 2)
    return block + _why(case)


def _reasons_in_short(case: Case) -> Block:
    first, *others = case.findings
    block = [f"  #{case.number}:", *_finding(first, 2), *_why(case)]
    if others:
        block += _wrapped("      ", f"and {', '.join(one.code for one in others)}", 1)
    return block


def _finding(finding: SMIMEViolation, most: int) -> Block:
    return _wrapped("      ", f"{finding.code}: {finding.text}", most, indent="        ")


def _why(case: Case) -> Block:
    return _wrapped("      why: ", case.diagnosis.sentence, 3) if case.diagnosis else []


def _wrapped(start: str, text: str, most: int, indent: str | None = None) -> Block:
    """*text* in at most *most* lines; if it is cut, the last one ends with dots."""
    return textwrap.wrap(
        text,
        66,
        initial_indent=start,
        subsequent_indent=" " * len(start) if indent is None else indent,
        max_lines=most,
        placeholder=" ...",
    )


def _remedy(case: Case) -> Block:
    from pytest_mailtrap._smime.diagnosis.remedies import REMEDY_OF_PROBLEM, remedy_lines

    remedies = [REMEDY_OF_PROBLEM.get(finding.code) for finding in case.findings]
    if case.diagnosis is not None:
        remedies.insert(0, case.diagnosis.remedy)
    if remedy := next(filter(None, remedies), None):
        return ["What to change:", *(f"  {line}" for line in remedy_lines(remedy)[:4])]
    return list(_ADVICE.get(case.findings[0].code, ()))
