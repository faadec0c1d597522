"""
Everything that can be wrong or odd with an S/MIME message, in one table.

The documentation is generated from `CODES`; a code never changes its meaning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_mailtrap._mime.defects import Defect


class Code(NamedTuple):
    """The text of a code, and the section of the standard."""

    text: str
    reference: str


CODES: dict[str, Code] = {
    # The message around the signature
    "not-signed": Code("No signature covers the whole message", "RFC 9787 section 4.4"),
    "header-malformed": Code("The message header has a line that is not a field", "RFC 5322 section 2.2"),
    "header-bare-line-break": Code("The header has a line break that is not CRLF", "RFC 5322 section 2.3"),
    "content-type-repeated": Code("There is more than one Content-Type field", "RFC 2045 section 3"),
    "content-type-malformed": Code("The Content-Type field cannot be parsed unambiguously", "RFC 2045 section 5.1"),
    "transfer-encoding-repeated": Code("There is more than one Content-Transfer-Encoding field", "RFC 2045 section 3"),
    "transfer-encoding-unknown": Code("The Content-Transfer-Encoding is not known", "RFC 2045 section 6"),
    "multipart-encoded": Code("A multipart has a Content-Transfer-Encoding other than 7bit, 8bit or binary", "RFC 2045 section 6.4"),
    "boundary-missing": Code("The multipart has no usable boundary parameter", "RFC 2046 section 5.1.1"),
    "boundary-ambiguous": Code("Parsers disagree about where the parts of the multipart begin and end", "RFC 2046 section 5.1.1"),
    "multipart-unclosed": Code("The closing boundary of the multipart is missing", "RFC 2046 section 5.1.1"),
    "multipart-not-two-parts": Code("The multipart/signed does not have exactly two parts", "RFC 1847 section 2.1"),
    "signature-part-wrong": Code("The second part of multipart/signed is not an S/MIME signature", "RFC 8551 section 3.5.3"),
    "too-many-parts": Code("The message has too many MIME parts to examine", "RFC 2046 section 5.1"),
    "too-many-layers": Code("The message is wrapped in too many cryptographic layers", "RFC 8551 section 3.8"),
    "preamble-text": Code("Text before or after the parts of multipart/signed is not covered by the signature", "RFC 2046 section 5.1.1"),
    "lf-line-ends": Code("The message has LF line ends, which were read as CRLF", "RFC 8551 section 3.1.1"),
    "bare-line-feed": Code("Some line ends are a bare CR or LF, which a relay may change", "RFC 5321 section 2.3.8"),
    "cr-cr-lf": Code("Lines end in CR CR LF", "RFC 5322 section 2.3"),
    "eight-bit-lines": Code("The signed part has 8-bit bytes, which a relay may re-encode", "RFC 8551 section 3.1.3"),
    "long-lines": Code("The signed part has lines of more than 998 bytes", "RFC 5322 section 2.1.1"),
    "trailing-blanks": Code("The signed part has trailing spaces or tabs, which a relay may strip", "RFC 3156 section 5"),
    "from-line": Code('The signed part has a line that begins with "From ", which a mailbox file may change', "RFC 3156 section 5"),
    "base64-malformed": Code("The base64 of the CMS object cannot be decoded", "RFC 2045 section 6.8"),
    "base64-foreign": Code("The base64 of the CMS object has characters that do not belong there", "RFC 2045 section 6.8"),
    "micalg-mismatch": Code("The micalg parameter names a digest other than the one the signature uses", "RFC 8551 section 3.5.3.2"),
    "smime-type-mismatch": Code("The smime-type parameter names a kind other than that of the CMS object", "RFC 8551 section 3.2.2"),
    # The CMS object
    "malformed-cms": Code("The CMS object cannot be parsed", "RFC 5652 section 3"),
    "truncated-cms": Code("The CMS object is truncated", "RFC 5652 section 3"),
    "nested-too-deeply": Code("The CMS object is nested too deeply", "RFC 5652 section 3"),
    "too-many-elements": Code("The CMS object has too many elements", "RFC 5652 section 3"),
    "too-large": Code("The message is too large to be judged", "RFC 5652 section 3"),
    "decompression-bomb": Code("The compressed content grows beyond any reasonable size", "RFC 3274 section 1.1"),
    "decompression-failed": Code("The compressed content cannot be decompressed", "RFC 3274 section 1.1"),
    "unsupported-content": Code("The CMS object is of a kind that S/MIME does not use", "RFC 8551 section 2.4"),
    "trailing-data": Code("Bytes follow the CMS object", "RFC 5652 section 3"),
    "content-missing": Code("The content of the CMS object is missing", "RFC 5652 section 5.2"),
    "content-embedded": Code("The signature contains content of its own in addition to the signed part", "RFC 8551 section 3.5.3"),
    "no-signers": Code("The signed data has no signer", "RFC 8551 section 3.2.2"),
    # A signer
    "signer-certificate-missing": Code("The signer's certificate is not in the message", "RFC 5652 section 5.3"),
    "certificate-malformed": Code("A certificate cannot be parsed", "RFC 5280 section 4.1"),
    "content-type-attribute": Code("The signed content-type attribute is missing, repeated or wrong", "RFC 5652 section 11.1"),
    "message-digest-attribute": Code("The signed message-digest attribute is missing or repeated", "RFC 5652 section 11.2"),
    "signing-time-attribute": Code("The signing-time attribute is repeated or malformed", "RFC 5652 section 11.3"),
    "attribute-unsigned": Code("An attribute that must be signed is unsigned", "RFC 5652 section 11"),
    "attribute-repeated": Code("A signed attribute is repeated", "RFC 5652 section 5.3"),
    "attributes-required": Code("Content that is not plain data is signed without signed attributes", "RFC 5652 section 5.3"),
    "content-is-attributes": Code("The content is a set of signed attributes: a signature over something else was reused", "RFC 5652 section 5.4"),
    "attributes-not-der": Code("The signed attributes are not sorted or not DER", "RFC 5652 section 5.4"),
    "content-changed": Code("The content is not what was signed", "RFC 5652 section 5.4"),
    "signature-wrong": Code("The signature does not verify with the signer's key", "RFC 5652 section 5.6"),
    "digest-mismatch": Code("The digest algorithm is not that of the signature algorithm", "RFC 8933 section 3"),
    "eddsa-digest": Code("The digest algorithm is not the one for this kind of key", "RFC 8419 section 3.1"),
    "algorithm-unknown": Code("The algorithm is not known", "RFC 8551 section 2"),
    "algorithm-key-mismatch": Code("The signature algorithm does not match the signer's key", "RFC 5652 section 5.3"),
    "pss-parameters": Code("The RSASSA-PSS parameters are malformed or not those of the key", "RFC 4056 section 3"),
    "signing-certificate-mismatch": Code("The signing-certificate attribute names a different certificate", "RFC 5035 section 3"),
    "signing-time-outside": Code("The signing time is outside the certificate's validity period", "RFC 8550 section 4.4"),
    "signing-time-future": Code("The signing time is after the time of receipt", "RFC 5652 section 11.3"),
    "weak-md5": Code("MD5 is not secure", "RFC 8551 section 2.1"),
    "weak-sha1": Code("SHA-1 is not secure", "RFC 8551 section 2.1"),
    "weak-dsa": Code("DSA is no longer accepted", "RFC 8551 section 2.2"),
    "weak-short-rsa": Code("An RSA key of less than 2048 bits is not secure", "RFC 8551 section 2.2"),
    # The certificate
    "no-trust-anchor": Code("No trust anchor was given, so no signer can be trusted", "RFC 5280 section 6.1"),
    "certificate-expired": Code("The certificate has expired", "RFC 5280 section 6.1.3"),
    "certificate-not-yet-valid": Code("The certificate is not valid yet", "RFC 5280 section 6.1.3"),
    "self-signed": Code("The certificate is self-signed and is not a trust anchor", "RFC 5280 section 6.1"),
    "issuer-unknown": Code("No certificate of the issuer leads to a trust anchor", "RFC 5280 section 6.1"),
    "path-invalid": Code("The certificate path is not valid", "RFC 5280 section 6.1"),
    "key-usage": Code("The certificate's key usage does not allow signing", "RFC 8550 section 4.4.2"),
    "extended-key-usage": Code("The certificate's extended key usage does not allow e-mail protection", "RFC 8550 section 4.4.4"),
    "intermediate-missing": Code("The message does not contain the intermediate certificates", "RFC 8551 section 2.3"),
    # The sender
    "from-missing": Code("There is no From field", "RFC 5322 section 3.6.2"),
    "from-repeated": Code("There is more than one From field", "RFC 5322 section 3.6"),
    "from-malformed": Code("The From field is not a single plain mailbox", "RFC 5322 section 3.6.2"),
    "from-several": Code("The From field has more than one mailbox", "RFC 8550 section 3"),
    "from-mismatch": Code("No signer's certificate names the mailbox of the From field", "RFC 8550 section 3"),
    "from-display-address": Code("The display name of the From field looks like another address", "RFC 5322 section 3.4"),
    "certificate-without-mailbox": Code("The signer's certificate names no mailbox", "RFC 8550 section 3"),
    "sender-mismatch": Code("The Sender field names a mailbox that no signer's certificate names", "RFC 8550 section 3"),
    "protected-from-mismatch": Code("The From field is not the one that was protected", "RFC 9788 section 4.4"),
    "protected-from-malformed": Code("The protected header does not have a single valid From field", "RFC 9788 section 4.4"),
    "subject-unprotected": Code("The Subject field is not covered by the signature", "RFC 9788 section 1"),
    # Encryption
    "decryption-not-checked": Code("No identity was given, so the decryption was not checked", "RFC 8551 section 3.3"),
    "not-a-recipient": Code("None of the given identities is a recipient", "RFC 5652 section 6.2"),
    "no-recipients": Code("The encrypted data has no recipient", "RFC 5652 section 6.1"),
    "key-unwrap-failed": Code("The content-encryption key cannot be recovered", "RFC 5652 section 6.2"),
    "decryption-failed": Code("The content cannot be decrypted", "RFC 5652 section 6.3"),
    "contents-differ": Code("The recipients' keys decrypt the content to different plaintexts", "RFC 5652 section 6"),
    "tag-wrong": Code("The authentication tag of the encrypted content is wrong", "RFC 5083 section 2.2"),
    "cipher-unknown": Code("The content-encryption algorithm is not supported", "RFC 8551 section 2.7"),
    "recipient-unsupported": Code("The recipient's key management is not supported", "RFC 5652 section 6.2"),
    "no-integrity": Code("The encryption has no integrity protection", "RFC 8551 section 6"),
    "weak-cipher": Code("The content is encrypted with an obsolete cipher", "RFC 8551 section 2.7"),
    "bcc-revealed": Code("Everyone can see the entry of a recipient who is not in any To or Cc field", "RFC 5322 section 3.6.3"),
    "signature-over-ciphertext": Code("The signature is outside the encryption and proves nothing about the plaintext", "RFC 8551 section 3.7"),
    # Layers that do not cover the message
    "errant-signature": Code("A signature covers only a part of the message", "RFC 9787 section 4.5"),
    "errant-encryption": Code("Only a part of the message is encrypted", "RFC 9787 section 4.5"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DigestMismatch:
    """The digest of what was signed, and what arrived instead: input for the diagnosis."""

    algorithm: str
    expected: bytes
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong (or, as a warning, odd) with a message."""

    code: str
    """A stable name of the kind of problem."""

    text: str
    """The problem as a sentence."""

    detail: DigestMismatch | None = field(default=None, repr=False, compare=False)
    """A value with the evidence, or None."""

    @property
    def reference(self) -> str:
        """The section of the standard that this is about."""
        return CODES[self.code].reference

    def __str__(self) -> str:
        return self.text


def problems_of(defects: Iterable[Defect]) -> list[Problem]:
    """The problems that *defects* of the MIME structure are."""
    return [problem(defect.code, defect.note) for defect in defects]


def problem(code: str, note: str = "", detail: DigestMismatch | None = None) -> Problem:
    """The problem called *code*, with the specifics of this case as a *note*."""
    text = CODES[code].text
    return Problem(code, f"{text}: {note}." if note else f"{text}.", detail)
