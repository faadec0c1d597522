"""
The assertions: each joins a pure decision and its words; the trap and its messages share them.

They take messages by their numbers, by which a failure calls them.
"""

from __future__ import annotations

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
        raise ValueError(f"by must name an address at least, got {by!r}")
    trust, identities, allow = _lasting(trust), _lasting(identities), _lasting(allow)
    cases: list[Case] = []
    received = ""
    for number, message in messages.items():
        facts = message.inspect_smime(
            trust=trust, identities=identities, allow=allow, match_from=match_from
        )
        if findings := signature_findings(facts, by=wanted, same=same_mailbox):
            # The first is explained, the others are counted.
            diagnosis = None
            if not cases:
                diagnosis = _diagnosis(facts, message)
                received = _received_signature(facts)
            cases.append(Case(number=number, findings=findings, diagnosis=diagnosis))
    if cases:
        who = " and ".join(wanted) or ("the sender in From" if match_from else "anybody")
        raise AssertionError(
            explain_smime(
                cases,
                messages,
                done="validly signed",
                expected=f"signed by {who}, {_trusted(trust)}",
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
                received = _received_encryption(facts)
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
    """What was given, where it can be looked at once only, in a form for every message."""
    return tuple(given) if isinstance(given, Iterator) else given  # type: ignore[return-value]  # as good to those who iterate


def _addresses(given: str | Iterable[str] | None) -> tuple[str, ...]:
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else tuple(given)


def _trusted(trust: Trust) -> str:
    if trust is None:
        return "under the trap's CA"
    is_any = isinstance(trust, str) and trust == "any"
    return "by any CA (trust='any')" if is_any else "under the given CA"


def _received_signature(facts: SMIMEFacts) -> str:
    from pytest_mailtrap._assertions.smime_violations import describe_signers

    if not facts.signers:
        return "no signature"
    return f"a signature of {describe_signers(facts.signers)}"


def _received_encryption(facts: SMIMEFacts) -> str:
    from pytest_mailtrap._assertions.smime_violations import is_encrypted_inside

    if is_encrypted_inside(facts) and facts.layers[0].kind == "signed":
        return "encrypted inside a signature"
    if not facts.layers or not facts.layers[0].recipients:
        return "not encrypted"
    entries = facts.layers[0].recipients
    known = [address for entry in entries for address in entry.addresses]
    unknown = sum(not entry.addresses for entry in entries)
    return ", ".join([*known, *([f"{unknown} unknown"] if unknown else [])])


def _diagnosis(facts: SMIMEFacts, message: Message) -> Diagnosis | None:
    """Why the content is not what was signed, found out by hashing what it may have been."""
    from pytest_mailtrap._smime.diagnosis.digest_mismatch import diagnose

    for problem in facts.problems:
        if problem.detail is not None:
            detail = problem.detail
            return diagnose(detail.content, detail.expected, detail.algorithm, message=message.raw)
    return None
