"""
The assertions: each combines a pure decision with its failure text; the trap and its messages share them.

They take messages by number, and a failure refers to a message by its number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

from pytest_mailtrap._assertions.failure_text import explain_auth, explain_transport
from pytest_mailtrap._assertions.violations import auth_violations, transport_violations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_mailtrap._assertions.message import Message
    from pytest_mailtrap._smime.diagnosis.digest_mismatch import Diagnosis
    from pytest_mailtrap._smime.facts import SMIMEFacts
    from pytest_mailtrap._smime.identity import Identity
    from pytest_mailtrap._smime.settings import Trust
    from pytest_mailtrap._text.choices import Mechanism, MinimumTLS, WeakAlgorithm

Given = TypeVar("Given")
# How many hexadecimal digits of a digest are shown.
_DIGITS = 24


def assert_sent_over_tls(messages: Mapping[int, Message], *, minimum: MinimumTLS) -> None:
    __tracebackhide__ = True
    if violations := transport_violations(messages, minimum=minimum):
        raise AssertionError(explain_transport(violations, messages, minimum=minimum))


def assert_authenticated(
    messages: Mapping[int, Message], *, username: str | None, mechanism: Mechanism | None
) -> None:
    __tracebackhide__ = True
    if violations := auth_violations(messages, username=username, mechanism=mechanism):
        raise AssertionError(
            explain_auth(violations, messages, username=username, mechanism=mechanism)
        )


def assert_smime_signed(
    messages: Mapping[int, Message],
    *,
    by: str | Iterable[str] | None,
    trust: Trust,
    allow: Iterable[WeakAlgorithm],
    match_from: bool,
    identities: Identity | Iterable[Identity],
) -> None:
    __tracebackhide__ = True
    from pytest_mailtrap._assertions.smime_text import Case, explain_smime
    from pytest_mailtrap._assertions.smime_violations import signature_findings
    from pytest_mailtrap._mime.addresses import same_mailbox

    wanted = _addresses(by)
    if by is not None and not wanted:
        raise ValueError(f"by must name at least one address, got {by!r}")
    trust, identities, allow = _lasting(trust), _lasting(identities), _lasting(allow)
    cases: list[Case] = []
    expected = received = ""
    for number, message in messages.items():
        facts = message.inspect_smime(
            trust=trust, identities=identities, allow=allow, match_from=match_from
        )
        if findings := signature_findings(facts, by=wanted, same=same_mailbox):
            # Only the first is explained; the others are counted.
            diagnosis = None
            if not cases:
                diagnosis = _diagnosis(facts, message)
                who = " and ".join(wanted) or ("the sender in From" if match_from else "anybody")
                expected, received = _compared_signature(
                    findings[0].code, facts, message, f"signed by {who}, {_trusted(trust)}"
                )
            cases.append(Case(number=number, findings=findings, diagnosis=diagnosis))
    if cases:
        raise AssertionError(
            explain_smime(
                cases,
                messages,
                done="validly signed",
                expected=expected,
                received=received,
            )
        )


def assert_smime_encrypted(
    messages: Mapping[int, Message],
    *,
    to: str | Iterable[str] | None,
    identities: Identity | Iterable[Identity] | None,
    authenticated: bool,
) -> None:
    __tracebackhide__ = True
    from pytest_mailtrap._assertions.smime_text import Case, explain_smime
    from pytest_mailtrap._assertions.smime_violations import encryption_findings
    from pytest_mailtrap._mime.addresses import same_mailbox

    to, identities = _lasting(to), _lasting(identities)
    cases: list[Case] = []
    expected = received = ""
    for number, message in messages.items():
        facts = message.inspect_smime(trust="any", identities=identities or (), match_from=False)
        readers = message.rcpt_tos if to is None else _addresses(to)
        findings = encryption_findings(
            facts,
            to=readers,
            with_identities=bool(identities),
            authenticated=authenticated,
            same=same_mailbox,
        )
        if findings:
            if not cases:
                mode = ", AES-GCM or AES-CCM" if authenticated else ""
                expected = f"encrypted to {', '.join(readers)}{mode}"
                received = _received_encryption(findings[0].code, facts)
            cases.append(Case(number=number, findings=findings))
    if cases:
        raise AssertionError(
            explain_smime(
                cases,
                messages,
                done="properly encrypted",
                expected=expected,
                received=received,
            )
        )


def _lasting(given: Given) -> Given:
    """What was given, as a tuple if it is an iterator: it is read again for every message."""
    return tuple(given) if isinstance(given, Iterator) else given  # type: ignore[return-value]  # both can be iterated over


def _addresses(given: str | Iterable[str] | None) -> tuple[str, ...]:
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else tuple(given)


def _trusted(trust: Trust) -> str:
    if trust is None:
        return "under the trap's CA"
    is_any = isinstance(trust, str) and trust == "any"
    return "by any CA (trust='any')" if is_any else "under the given CA"


def _compared_signature(
    code: str, facts: SMIMEFacts, message: Message, wanted: str
) -> tuple[str, str]:
    """What was expected and what was received, in terms of what is wrong; *wanted* is the whole of what was expected."""
    from pytest_mailtrap._assertions.smime_text import SHORT
    from pytest_mailtrap._assertions.smime_violations import describe_signers

    if code == "closed":
        return wanted, "encrypted, and no key to look for a signature inside"
    if not facts.signers:
        return wanted, "no signature"
    names = describe_signers(facts.signers)
    if code == "from-mismatch":
        return f"signed by the mailbox in From, {_sender(message)}", f"signed by {names}"
    if code == "other-signer":
        return wanted, f"signed by {names}"
    compared = _compared_digests(code, facts) or _compared_dates(code, facts, message)
    return compared or (wanted, f"signed by {names} ({SHORT[code]})")


def _sender(message: Message) -> str:
    from pytest_mailtrap._mime.entity import Entity, with_crlf
    from pytest_mailtrap._smime.sender import from_mailbox

    return getattr(from_mailbox(Entity(with_crlf(message.raw))), "address", "")


def _compared_digests(code: str, facts: SMIMEFacts) -> tuple[str, str] | None:
    details = [one.detail for one in facts.problems if one.code == code and one.detail is not None]
    if not details:
        return None
    detail = details[0]
    arrived = hashlib.new(detail.algorithm, detail.content).hexdigest()
    return (
        f"digest that was signed: {_start(detail.expected.hex())}",
        f"digest of what arrived: {_start(arrived)}",
    )


def _start(digest: str) -> str:
    return digest if len(digest) <= _DIGITS else f"{digest[:_DIGITS]}..."


def _compared_dates(code: str, facts: SMIMEFacts, message: Message) -> tuple[str, str] | None:
    certificates = [
        signer.certificate
        for signer in facts.signers
        if signer.certificate is not None and code in [one.code for one in signer.problems]
    ]
    if not certificates:
        return None
    expected = f"certificate valid at {message.received_at:%Y-%m-%d}"
    if code == "certificate-expired":
        return expected, f"certificate expired on {certificates[0].not_valid_after_utc:%Y-%m-%d}"
    if code == "certificate-not-yet-valid":
        return expected, f"certificate valid from {certificates[0].not_valid_before_utc:%Y-%m-%d}"
    return None


def _received_encryption(code: str, facts: SMIMEFacts) -> str:
    from pytest_mailtrap._assertions.smime_text import SHORT
    from pytest_mailtrap._assertions.smime_violations import is_encrypted_inside

    if is_encrypted_inside(facts) and facts.layers[0].kind == "signed":
        return "encrypted inside a signature"
    if not facts.layers or not facts.layers[0].recipients:
        return "not encrypted"
    entries = facts.layers[0].recipients
    known = [address for entry in entries for address in entry.addresses]
    unknown = sum(not entry.addresses for entry in entries)
    readers = ", ".join([*known, *([f"{unknown} unknown"] if unknown else [])])
    shows = code in ("recipient-missing", "recipient-unexpected")
    return f"encrypted to {readers}" if shows else f"encrypted to {readers} ({SHORT[code]})"


def _diagnosis(facts: SMIMEFacts, message: Message) -> Diagnosis | None:
    """Why the content is not what was signed: found by hashing what it may have been."""
    from pytest_mailtrap._smime.diagnosis.digest_mismatch import diagnose

    for problem in facts.problems:
        if problem.detail is not None:
            detail = problem.detail
            return diagnose(detail.content, detail.expected, detail.algorithm, message=message.raw)
    return None
