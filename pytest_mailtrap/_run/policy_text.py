"""
The text of a policy violation: mail and breaches in, text out.

Rules of this file: those of `_assertions.failure_text`; it decides nothing, and the text of a requirement is that of
the assertion that checks the same thing.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from pytest_mailtrap._assertions import assertions
from pytest_mailtrap._assertions.advice import login_advice
from pytest_mailtrap._assertions.failure_text import explain_nothing
from pytest_mailtrap._assertions.message_table import table
from pytest_mailtrap._assertions.requirements import MAIL, MINIMUM_TLS
from pytest_mailtrap._run.policy import FACTORY, MARKER
from pytest_mailtrap._text.layout import COLUMNS, Rows, clip, compose, shortened
from pytest_mailtrap._text.pages import MORE, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_mailtrap._assertions.requirements import Breach
    from pytest_mailtrap._message.captured_message import CapturedMessage
    from pytest_mailtrap._run.mail_of_test import MailOfTest
    from pytest_mailtrap._run.policy import Policy

_LINES = 18
# How many lines must remain of the table, of the evidence, of "expected" and "received", and of the advice.
_LEAST = (2, 3, 2, 3)


def explain_policy(
    mail_of_test: MailOfTest,
    policy: Policy,
    breaches: Sequence[Breach],
    *,
    skipped: str | None = None,
) -> str:
    """Say what violates *policy*, where it is set, and how to exempt the test; *skipped* is why it skips afterwards."""
    first = breaches[0]
    same = [breach for breach in breaches if breach.requirement == first.requirement]
    messages = mail_of_test.under(policy)
    if first.requirement == MAIL:
        text = _explain_silence(mail_of_test)
    elif first.connection is not None:
        text = _explain_connections(mail_of_test, same)
    else:
        text = _assertion_text(first.requirement, messages) or _explain_messages(messages, same)
    others = dict.fromkeys(b.requirement for b in breaches if b not in same)
    closing = [*_also(list(others)), *_skip(skipped), *_way_out(first.requirement, policy)]
    return _fitted(text, closing)


def _way_out(requirement: str, policy: Policy) -> list[str]:
    option = 'policy="none", reason="..."'
    way = f"{FACTORY}({option})" if policy.origin == FACTORY else f"{MARKER}({option})"
    demand = f"Policy {policy.mode}: {requirement} ({policy.required_at(requirement)})"
    return [*textwrap.wrap(demand, COLUMNS), f"To exempt this test: {way}"]


def _also(others: list[str]) -> list[str]:
    return [f"Also not met: {', '.join(others)}."] if others else []


def _skip(reason: str | None) -> list[str]:
    if reason is None:
        return []
    first = reason.partition("\n")[0]
    return [f"The test skipped afterwards: {first}" if first else "The test skipped afterwards."]


def _assertion_text(requirement: str, messages: dict[int, CapturedMessage]) -> str | None:
    """The text of the assertion that checks the same thing; None if there is none."""
    try:
        if requirement in MINIMUM_TLS:
            assertions.assert_sent_over_tls(messages, minimum=MINIMUM_TLS[requirement])
        elif requirement == "auth":
            assertions.assert_authenticated(messages, username=None, mechanism=None)
        elif requirement == "smime-signed":
            assertions.assert_smime_signed(
                messages, by=None, trust=None, allow=(), match_from=True, identities=()
            )
        elif requirement == "smime-encrypted":
            assertions.assert_smime_encrypted(
                messages, to=None, identities=None, authenticated=False
            )
    except AssertionError as error:
        return str(error)
    return None


def _explain_messages(messages: dict[int, CapturedMessage], breaches: Sequence[Breach]) -> str:
    wrong = dict.fromkeys(breach.message for breach in breaches if breach.message is not None)
    first = breaches[0]
    those = "the message" if len(messages) == 1 else f"{len(wrong)} of {len(messages)} messages"
    return compose(
        f"{those} {first.text}",
        table(wrong, messages, lambda n: "no certificate" if n in wrong else "certificate"),
        [
            "Have the trap request one, and the client present it:",
            '  trap    client_certificates="request" or "require"',
            "  client  context.load_cert_chain(...), issued by mailtrap_ca",
            read("ci"),
        ],
    )


def _explain_silence(mail_of_test: MailOfTest) -> str:
    """What the assertions say about an empty trap, the test's own if it has one."""
    if not mail_of_test.servers:
        return explain_nothing(
            mail_of_test.connections, port=None, tls_port=None, kept=mail_of_test.kept()
        )
    server = mail_of_test.servers[0]
    return explain_nothing(
        mail_of_test.connections,
        port=server.server.port,
        tls_port=server.server.tls_port,
        intercepts=server.has_intercepted,
        kept=mail_of_test.kept(),
    )


def _explain_connections(mail_of_test: MailOfTest, breaches: Sequence[Breach]) -> str:
    first = breaches[0]
    place = first.connection or 0
    connection = mail_of_test.connections[place]
    evidence = [
        str(line) for line in connection.transcript if line.speaker == "C" and not line.encrypted
    ]
    count = len(breaches)
    verb = "connection" if count == 1 else "connections"
    return compose(
        f"{count} {verb} sent a password in cleartext",
        Rows(
            range(count),
            lambda n: f"  connection {(breaches[n].connection or 0) + 1}  {breaches[n].text}",
        ),
        [f"  connection {place + 1} on the wire:", *(f"      {line}" for line in evidence[-3:])],
        ["  - expected: AUTH inside TLS only", f"  + received: {first.text}"],
        login_advice(connection.transcript),
    )


def _fitted(text: str, closing: Sequence[str]) -> str:
    """Join the two within 18 lines: cut what is necessary from the ends of the advice, the evidence and the table."""
    verdict, *rest = text.split("\n\n")
    blocks = [block.split("\n") for block in rest]
    surplus = 2 + sum(len(block) + 1 for block in blocks) + len(closing) - _LINES
    if blocks[-1][-1].startswith(MORE):
        advice = blocks.pop()
        blocks.append(shortened(advice, surplus))
        surplus -= len(advice) - len(blocks[-1])
    least = dict(zip(range(-len(blocks), 0), _LEAST[-len(blocks) :], strict=False))
    for place in sorted(least, reverse=True):
        block = blocks[place]
        while surplus > 0 and len(block) > least[place]:
            surplus -= 1
            _drop_row(block)
    parts = ["\n".join(map(clip, block)) for block in blocks]
    return "\n\n".join([clip(verdict), *parts, "\n".join(map(clip, closing))])


def _drop_row(block: list[str]) -> None:
    more = re.fullmatch(r"  \.\.\. and (\d+) more", block[-1])
    if more is None:
        block.pop()
    else:
        block[-2:] = [f"  ... and {int(more[1]) + 1} more"]
