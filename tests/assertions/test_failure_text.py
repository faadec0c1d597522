"""The text of failures as a pure function of values, including edge cases that real clients seldom reach."""

from __future__ import annotations

from collections import Counter

import pytest
from _optional_parts import needs_smime
from _trap_values import auth, connection, hello, message, transport

from pytest_mailtrap._assertions import assertions, message_table, outcomes
from pytest_mailtrap._assertions.advice import _ADVICE, advice_for
from pytest_mailtrap._assertions.failure_text import (
    explain_auth,
    explain_nothing,
    explain_transport,
    explain_waiting,
)
from pytest_mailtrap._assertions.outcomes import _REASONS, diagnosis, outcome
from pytest_mailtrap._assertions.violations import auth_violations, numbered, transport_violations
from pytest_mailtrap._smtp.tls import _ALERTS, _REFUSALS

PORTS = {"port": 2525, "tls_port": 4650}
CLEARTEXT = ("C: EHLO x", "S: 250-x", "S: 250 STARTTLS", "C: MAIL FROM:<a@b.c>", "S: 250 OK")


def said_of(messages, minimum="TLSv1.2"):
    messages = numbered(messages)
    return explain_transport(
        transport_violations(messages, minimum=minimum), messages, minimum=minimum
    )


def said_of_auth(messages, **demands):
    messages = numbered(messages)
    demands = {"username": None, "mechanism": None, **demands}
    return explain_auth(auth_violations(messages, **demands), messages, **demands)


def fits(text):
    lines = text.split("\n")
    assert len(lines) <= 18, text
    assert max(map(len, lines)) <= 72, text
    assert len(lines[0]) <= 60, text
    return text


# -- eighteen lines of seventy-two columns, whatever comes ------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 9, 10, 100, 1000])
@pytest.mark.parametrize("subject", ["", "x", "long " * 100, "\u4e2d" * 200, "a\x1b[31mb\x07"])
def test_it_fits_whatever_was_sent(count, subject):
    """If the last of many messages is the culprit, it is shown, and the rest are counted."""
    good = message(transport("TLSv1.3"), subject=subject)
    bad = message(transport(), *CLEARTEXT, subject=subject, to=("b@example.org",) * 50)
    text = fits(said_of([good] * (count - 1) + [bad]))
    those = "the message" if count == 1 else f"1 of {count} messages"
    assert text.startswith(f"{those} was sent in cleartext\n")
    assert f"\n  #{count} " in text
    assert f"  #{count} on the wire:\n" in text
    assert "smtplib     client.starttls(context=ssl.create_default_context())" in text
    assert text.endswith("\nMore: docs/clients.md")
    assert ("  ... and " in text) is (count > 3)
    if count > 3:
        assert f"\n  ... and {count - 2} more\n" in text
    assert "\x1b" not in text
    assert "\x07" not in text


@pytest.mark.parametrize("connections", [0, 1, 2, 5, 6, 50, 1000])
@pytest.mark.parametrize("messages", [0, 1, 5, 100])
@pytest.mark.parametrize(
    "error", [None, "client rejected the certificate: unknown CA", "words " * 100]
)
def test_waiting_fits_whatever_happened(connections, messages, error):
    """Messages and connections share the available lines, and the advice is complete."""
    idle = [connection(handshake_error=error) for _ in range(connections)]
    came = [message(transport("TLSv1.3"), subject="long " * 50) for _ in range(messages)]
    text = fits(explain_waiting(came, idle, count=messages + 1, timeout=0.25, **PORTS))
    those = f"{messages} of {messages + 1} messages" if messages else "no message"
    assert text.startswith(f"{those} arrived within 0.25 s")
    if not messages:
        fits(explain_nothing(idle, **PORTS))


@pytest.mark.parametrize(
    ("recipients", "end"),
    [
        (("bob@example.org",), '..." -> bob@example.org'),
        (("bob@example.org", "carol@example.org"), '..." -> bob@example.org...'),
    ],
)
def test_a_long_subject_does_not_hide_its_recipient(recipients, end):
    """Someone looking for the culprit can see whom the mail was for."""
    culprit = message(transport(), *CLEARTEXT, subject="Your order " * 20, to=recipients)
    line = fits(said_of([culprit])).split("\n")[2]
    assert line.startswith('  #1  no TLS  "Your order Your order')
    assert line.endswith(end)
    assert len(line) == 72


# -- of many, only what is shown is written ----------------------------------------------------------


@pytest.fixture
def written(monkeypatch):
    """Counts how often a message or a connection is formatted as text."""
    counts = Counter()

    def counted(name, function):
        def wrapper(*arguments):
            counts[name] += 1
            return function(*arguments)

        return wrapper

    headline = counted("message", message_table.headline)
    monkeypatch.setattr(message_table, "headline", headline)
    monkeypatch.setattr(outcomes, "outcome", counted("connection", outcome))
    monkeypatch.setattr(assertions, "_diagnosis", counted("diagnosis", assertions._diagnosis))
    return counts


def signed(messages):
    assertions.assert_smime_signed(
        messages, by=None, trust="any", allow=(), match_from=True, identities=()
    )


def encrypted(messages):
    assertions.assert_smime_encrypted(messages, to=None, identities=None, authenticated=False)


def failure(assertion, messages):
    with pytest.raises(AssertionError) as caught:
        assertion(numbered(messages))
    return str(caught.value)


@needs_smime
@pytest.mark.parametrize(
    "said",
    [
        said_of,
        said_of_auth,
        lambda messages: failure(signed, messages),
        lambda messages: failure(encrypted, messages),
        lambda messages: explain_waiting(messages, [], count=10**6, timeout=1, **PORTS),
    ],
    ids=["tls", "auth", "signed", "encrypted", "waiting"],
)
@pytest.mark.parametrize("culprits", ["all", "the last"])
def test_the_messages_that_are_not_shown_are_only_counted(written, said, culprits):
    """A failure formats as many messages out of a thousand as out of a hundred: no more than it has lines."""
    bad = message(transport(), *CLEARTEXT)
    good = message(transport("TLSv1.3"), auth=auth()) if culprits == "the last" else bad
    counts = []
    for total in (2, 100, 1_000):
        written.clear()
        text = said([good] * (total - 1) + [bad])
        counts.append(written["message"])
        assert written["message"] == text.count('"Hello"')
        assert written["diagnosis"] <= 1
    assert counts[0] == 2  # where there is room, all are shown
    assert 1 <= counts[1] == counts[2] <= 18


def test_the_connections_that_are_not_shown_are_only_counted(written):
    """Of ten thousand connections without mail, the last ones are shown, and no others are formatted."""
    for total in (1, 100, 10_000):
        written.clear()
        text = fits(explain_nothing([connection()] * total, **PORTS))
        shown = text.count(" on the STARTTLS port:")
        assert f"  connection {total} on the STARTTLS port:\n" in text
        assert shown <= written["connection"] <= shown + 1
        assert (f"after {total - shown} other connections" in text) is (total > 1)


def test_a_short_line_is_not_cut():
    """The control: a line that fits is shown in full."""
    text = said_of([message(transport(), *CLEARTEXT, subject="s" * 20)])
    assert f'  #1  no TLS  "{"s" * 20}" -> bob@example.org\n' in text
    assert "..." not in text


# -- what was received ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "words", "head"),
    [
        (CLEARTEXT, "STARTTLS was offered, never used", "Upgrade before sending:"),
        (
            ("C: HELO x", "S: 250 x", "C: MAIL FROM:<a@b.c>", "S: 250 OK"),
            "STARTTLS was not offered",
            "Require TLS, even if STARTTLS is not offered:",
        ),
        (
            ("C: STARTTLS", "S: 454 not now", "C: MAIL FROM:<a@b.c>", "S: 250 OK"),
            "STARTTLS was tried and refused",
            "Require TLS, even if STARTTLS is not offered:",
        ),
        ((), "STARTTLS was not offered", "Require TLS, even if STARTTLS is not offered:"),
    ],
)
def test_how_starttls_went(lines, words, head):
    """The transcript determines the wording and the advice."""
    text = fits(said_of([message(transport(), *lines)]))
    assert f"  + received: cleartext ({words})\n" in text
    assert f"\n{head}\n" in text
    assert ("on the wire" in text) is bool(lines)


@pytest.mark.parametrize(
    ("offered", "received", "advice"),
    [
        (
            hello("TLSv1.2"),
            "TLSv1.2 (the client offered TLSv1.2)",
            "Make the client's context offer it:",
        ),
        (
            hello("TLSv1.3", "TLSv1.2"),
            "TLSv1.2 (the client offered TLSv1.3, TLSv1.2)",
            "The client offered it; the trap's maximum_tls ruled it out.",
        ),
        (None, "TLSv1.2 (agreed with the client)", "Make the client's context offer it:"),
    ],
)
def test_who_kept_the_version_down(offered, received, advice):
    """The advice is not to change the client if it offered a better version."""
    how = transport("TLSv1.2", client_hello=offered)
    text = fits(said_of([message(how)], "TLSv1.3"))
    assert f"  + received: {received}\n" in text
    assert f"\n{advice}" in text


def test_the_evidence_is_that_of_the_message():
    """For a connection with several messages, the last MAIL before the reply is shown, not the first."""
    lines = (*CLEARTEXT, "C: RSET", "S: 250 OK", "C: MAIL FROM:<second@b.c>", "S: 250 OK")
    text = said_of([message(transport(), *lines)])
    assert "      C: MAIL FROM:<second@b.c>   <-- not inside TLS\n      S: 250 OK\n" in text
    assert "FROM:<a@b.c>" not in text


def test_the_first_leak_is_the_evidence():
    """If a password was sent in cleartext before one inside TLS, the cleartext line is shown."""
    lines = ("S: 250 STARTTLS", "C: AUTH PLAIN AHgAeA==", "S: 538 no", "C: STARTTLS", "S: 220 go")
    inside = ("+C: AUTH PLAIN AHgAeA==", "+S: 235 ok", "+C: MAIL FROM:<a@b.c>", "+S: 250 OK")
    leak, good = auth(encrypted=False, accepted=False), auth()
    mail = message(transport("TLSv1.3"), *lines, *inside, auth=good, attempts=(leak, good))
    text = fits(said_of_auth([mail]))
    assert "      C: AUTH PLAIN [redacted]   <-- not inside TLS\n      S: 538 no\n" in text
    assert "235" not in text
    assert "AHgAeA" not in text


# -- the reason, and the advice for it -----------------------------------------------------------

SAID = ("S: 220 x", "C: EHLO x", "S: 250 x")
REASONS = [
    ([], "no-connection"),
    ([connection()], "nothing-sent"),
    ([connection(*SAID)], "nothing-sent"),
    ([connection(*SAID, ended_by=None)], "still-connected"),
    ([connection(ended_by=None)], "still-connected"),
    ([connection(*SAID, "C: DATA", "S: 354 go", ended_by="eof")], "broken-off"),
    ([connection(*SAID, "C: DATA", "S: 354 go", ended_by=None)], "still-connected"),
    ([connection(*SAID, "C: MAIL FROM:<a>", "S: 550 no")], "refused"),
    ([connection(*SAID, "C: MAIL FROM:<a>", "S: 451 no", ended_by=None)], "refused"),
    ([connection("S: 530 Must issue a STARTTLS command first")], "tls-required"),
    ([connection("S: 530 5.7.0 Authentication required")], "auth-required"),
    ([connection("S: 535 5.7.8 Authentication credentials invalid")], "auth-refused"),
    ([connection("S: 538 5.7.11 Encryption required for requested ...")], "auth-outside-tls"),
    ([connection("S: 552 5.3.4 Message exceeds the maximum size")], "too-large"),
    ([connection(transport=transport("TLSv1.3"), ended_by="close_notify")], "not-trusted"),
    ([connection(transport=transport("TLSv1.3"), ended_by="server")], "nothing-sent"),
    ([connection(transport=transport("TLSv1.3"), ended_by=None)], "still-connected"),
    (
        [connection(transport=transport("TLSv1.3"), ended_by="eof", trusted=True)],
        "context-out-of-reach",
    ),
    ([connection(), connection(handshake_error="no common cipher")], "no-common-cipher"),
]


@pytest.mark.parametrize(("connections", "code"), REASONS)
def test_the_reason(connections, code):
    """The connections determine the reason, and it has advice that fits the page."""
    assert diagnosis(connections) == code
    fits(explain_nothing(connections, **PORTS))
    fits(explain_waiting([], connections, count=1, timeout=5, **PORTS))


REJECTED = connection(
    implicit=True,
    handshake_error="client rejected the certificate: unknown CA",
    transport=transport(client_hello=hello("TLSv1.3")),
)


@pytest.mark.parametrize(
    ("peer", "more", "code"),
    [
        ("::1", {"ended_by": "eof"}, "not-trusted"),
        ("::1", {"ended_by": "reset"}, "not-trusted"),
        ("127.0.0.1", {"ended_by": "eof"}, "wrong-port"),  # a client that came a second time
        ("::1", {"ended_by": "timeout"}, "wrong-port"),  # one that waited
        ("::1", {"ended_by": "eof", "implicit": False}, "wrong-port"),  # to the other port
        ("::1", {"ended_by": "eof", "client_hello": hello("TLSv1.3")}, "wrong-port"),
    ],
)
def test_an_address_that_was_only_tried(peer, more, code):
    """A connection that a client dropped in favor of its other address is not a reason, whether it came before or after."""
    facts = dict(more)
    way = transport(peer=(peer, 50001), client_hello=facts.pop("client_hello", None))
    error = "client closed the connection without a TLS handshake"
    dropped = connection(transport=way, handshake_error=error, **{"implicit": True, **facts})
    assert diagnosis([dropped, REJECTED]) == diagnosis([REJECTED, dropped]) == code
    assert diagnosis([dropped]) == "wrong-port"


@pytest.mark.parametrize("code", [*_REASONS, "nothing-sent", "no-connection", "not-intercepted"])
def test_every_reason_has_advice(code):
    """Even if the test has already waited: it is not advised to wait again."""
    assert advice_for(code)
    waited = advice_for(code, may_be_late=False)
    assert waited
    assert "wait_for" not in "\n".join(waited)
    assert max(map(len, waited + advice_for(code))) <= 72


def test_no_advice_is_for_nothing():
    """The table has no row that can never be shown."""
    demands = {"not-authenticated", "other-username", "other-mechanism"}
    bare = {"cleartext-offered", "cleartext-not-offered"}
    reasons = {*_REASONS, "nothing-sent", "no-connection", "not-intercepted"}
    assert set(_ADVICE) == reasons | demands | bare


NO_ADVICE_ABOUT_TRUST = "Make the client trust"


@pytest.mark.parametrize("words", [*_ALERTS.values(), *_REFUSALS.values()])
def test_trust_is_advised_where_it_is_the_matter(words):
    """Of all the things that can go wrong in a handshake, only a rejected certificate is attributed to missing trust."""
    text = explain_nothing([connection(handshake_error=words)], **PORTS)
    rejected = words.startswith("client rejected the certificate")
    assert (NO_ADVICE_ABOUT_TRUST in text) is rejected
    assert words[:40] in text


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (connection(), "sent nothing"),
        (connection(ended_by=None), "is still connected, and has sent nothing so far"),
        (connection(*SAID), "sent EHLO, but no message"),
        (connection(*SAID, ended_by=None), "is still connected, and has sent EHLO so far"),
        (connection(*SAID, "S: 354 go"), "left in the middle of a message"),
        (connection(*SAID, "S: 354 go", ended_by=None), "is in the middle of a message"),
        (connection("S: 550 a", "S: 551 b"), "the trap answered 551 b"),
        (connection(handshake_error="no common cipher"), "no common cipher"),
    ],
)
def test_outcome(made, words):
    """One connection, summarized in a few words."""
    assert outcome(made) == words
