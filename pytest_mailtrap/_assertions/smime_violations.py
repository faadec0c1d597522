"""
What is required of a message's signature and encryption: facts in, findings out.

Rules of this file: pure; no text but the sentence of each finding; the S/MIME facts are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_mailtrap._text.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from pytest_mailtrap._smime.facts import Recipient, Signer, SMIMEFacts
    from pytest_mailtrap._smime.problems import Problem

# Defects that can hide layers that the sender intended.
_DEFECTS = ("header-bare-line-break", "header-malformed")
_ENCRYPTED = ("enveloped", "authenveloped")
# Data in the same body that is outside the encryption.
_BESIDE = ("base64-foreign", "trailing-data")

# What only an assertion can find, in addition to the problems of the message itself.
FINDINGS = {
    "closed": "It is encrypted, and no key was given to look for a signature inside",
    "other-signer": "Somebody named in `by=` did not sign it, or one of its layers was signed by none of them",
    "not-encrypted": "Neither the outermost layer nor any inner layer is encrypted",
    "encrypted-inside": "The outermost layer is not encrypted, but an inner one is",
    "not-a-recipient": "None of the given identities is a recipient",
    "recipient-missing": "An envelope recipient, or somebody named in `to=`, has no recipient entry",
    "recipient-unexpected": "Somebody else has a recipient entry: a Bcc recipient, or an eavesdropper",
    "recipient-locked-out": "The key given for a recipient does not decrypt that recipient's entry",
    "cleartext-beside": "The encrypted body contains bytes outside the encryption",
    "not-authenticated-encryption": "`authenticated=True` was given, but it is not AES-GCM or AES-CCM",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SMIMEViolation:
    """One reason why a message does not meet the requirement; *code* is that of a problem, or a key of `FINDINGS`."""

    code: str
    text: str


def signature_findings(
    facts: SMIMEFacts, *, by: Collection[str], same: Callable[[str, str], bool]
) -> list[SMIMEViolation]:
    """Say why the message does not count as signed by all of *by*; empty if it does."""
    if _is_closed(facts):
        return [
            SMIMEViolation(
                code="closed",
                text="The message is encrypted; without a key, its content cannot be inspected.",
            )
        ]
    if not facts.signed:
        found = [_signature_finding(problem, facts) for problem in facts.problems]
        return found or [
            SMIMEViolation(code="not-signed", text="No signature covers the whole message.")
        ]
    found = [
        SMIMEViolation(code="other-signer", text=f"{address} did not sign it.")
        for address in by
        if not _signed_by((address,), facts.signers, same)
    ]
    return found or [
        SMIMEViolation(
            code="other-signer",
            text=f"One of its layers is signed by {describe_signers(one.signers)}.",
        )
        for one in facts.layers
        if by and one.kind == "signed" and not _signed_by(by, one.signers, same)
    ]


def _signature_finding(problem: Problem, facts: SMIMEFacts) -> SMIMEViolation:
    """The problem as a finding; if only a part is signed, that part is named."""
    errant = [one.text for one in facts.errant if one.code == "errant-signature"]
    is_errant = problem.code == "not-signed" and errant
    return SMIMEViolation(code=problem.code, text=errant[0] if is_errant else problem.text)


def _signed_by(
    by: Collection[str], signers: Sequence[Signer], same: Callable[[str, str], bool]
) -> bool:
    return any(same(one, name) for signer in signers for name in signer.addresses for one in by)


def _is_closed(facts: SMIMEFacts) -> bool:
    kinds = [layer.kind for layer in facts.layers]
    return bool(kinds) and kinds[-1] in _ENCRYPTED and "signed" not in kinds


def is_encrypted_inside(facts: SMIMEFacts) -> bool:
    """Whether an encrypted layer has another layer around it."""
    return any(layer.kind in _ENCRYPTED for layer in facts.layers[1:])


def encryption_findings(
    facts: SMIMEFacts,
    *,
    to: Sequence[str],
    with_identities: bool,
    authenticated: bool,
    same: Callable[[str, str], bool],
) -> list[SMIMEViolation]:
    """Say why the message does not count as encrypted to exactly *to*; empty if it does."""
    outer = facts.layers[0] if facts.layers else None
    if outer is None or outer.kind not in _ENCRYPTED:
        defects = [
            SMIMEViolation(code=p.code, text=p.text) for p in facts.problems if p.code in _DEFECTS
        ]
        code = "encrypted-inside" if is_encrypted_inside(facts) else "not-encrypted"
        return [SMIMEViolation(code=code, text=_what_it_is(facts)), *defects]
    found = [SMIMEViolation(code=p.code, text=p.text) for p in outer.problems]
    if not found and not facts.encrypted:
        found = [SMIMEViolation(code=p.code, text=p.text) for p in facts.problems]
    if with_identities and outer.valid is None:
        found.append(
            SMIMEViolation(
                code="not-a-recipient", text="None of the given identities is a recipient."
            )
        )
    if authenticated and outer.kind != "authenveloped":
        found.append(
            SMIMEViolation(
                code="not-authenticated-encryption",
                text=f"The encryption ({', '.join(outer.algorithms)}) does not protect integrity: GCM and CCM do.",
            )
        )
    found += [
        SMIMEViolation(
            code="cleartext-beside", text="The body contains bytes outside the encryption."
        )
        for warning in outer.warnings
        if warning.code in _BESIDE
    ][:1]
    return [*found, *_recipient_findings(outer.recipients, to, same)]


def _what_it_is(facts: SMIMEFacts) -> str:
    if facts.errant:
        return f"{facts.errant[0].text}"
    kinds = [layer.kind for layer in facts.layers]
    if len(kinds) > 1:
        return f"Its layers, from the outside in, are: {', '.join(kinds)}."
    return f"Its only layer is {kinds[0]}." if kinds else "It has no S/MIME layer."


def _recipient_findings(
    recipients: Sequence[Recipient], to: Sequence[str], same: Callable[[str, str], bool]
) -> list[SMIMEViolation]:
    missing = [a for a in to if not any(same(a, n) for r in recipients for n in r.addresses)]
    strangers = [r for r in recipients if not any(same(a, n) for a in to for n in r.addresses)]
    found = [
        SMIMEViolation(
            code="recipient-missing",
            text=f"{address} cannot read it: no known entry is theirs.",
        )
        for address in missing
    ]
    found += [
        SMIMEViolation(
            code="recipient-unexpected", text=f"{_name(r)} can read it, but is not a recipient."
        )
        for r in strangers
    ]
    found += [
        SMIMEViolation(
            code="recipient-locked-out", text=f"{_name(r)}: the given key does not decrypt it."
        )
        for r in recipients
        if r.decrypted is False
    ]
    return found


def _name(recipient: Recipient) -> str:
    if recipient.addresses:
        return _listed(recipient.addresses)
    if recipient.serial is not None:
        return f"The unknown certificate {recipient.serial:x}"[:48]
    if recipient.key_identifier is None:
        return f"Whoever knows its secret ({recipient.kind})"
    return f"The unknown key {recipient.key_identifier.hex()}"[:48]


def _listed(addresses: Sequence[str]) -> str:
    """Addresses, safe to show in a terminal: a certificate contains whatever its owner put into it."""
    return printable(", ".join(addresses).encode("utf-8", "backslashreplace"))


def describe_signers(signers: Sequence[Signer]) -> str:
    """Who signed, by the addresses of the certificates."""
    names = [_listed(signer.addresses) or "a certificate without a mailbox" for signer in signers]
    return " and ".join(names) or "nobody"
