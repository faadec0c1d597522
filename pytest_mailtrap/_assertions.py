"""The assertions: each joins a pure decision and its words; the trap and its messages share them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mailtrap._explain import explain_auth, explain_transport
from pytest_mailtrap._policy import auth_violations, transport_violations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_mailtrap._message import CapturedMessage


def assert_sent_over_tls(messages: Sequence[CapturedMessage], *, minimum: str) -> None:
    __tracebackhide__ = True
    if violations := transport_violations(messages, minimum=minimum):
        raise AssertionError(explain_transport(violations, messages, minimum=minimum))


def assert_authenticated(
    messages: Sequence[CapturedMessage], *, username: str | None, mechanism: str | None
) -> None:
    __tracebackhide__ = True
    if violations := auth_violations(messages, username=username, mechanism=mechanism):
        raise AssertionError(
            explain_auth(violations, messages, username=username, mechanism=mechanism)
        )
