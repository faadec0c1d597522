"""The assertions, as pytest shows them: the exact text if they fail, and no output if they pass."""

from __future__ import annotations

import pytest
from _trap_failures import PREAMBLE, failure, passes

# -- assert_sent_over_tls ----------------------------------------------------------------------

CLEARTEXT = """
def test_it(mailtrap):
    with connect(mailtrap) as client:
        send(client, "alice@example.org", b"Subject: Welcome\\r\\n\\r\\n")
    with connect(mailtrap, tls={tls}) as client:
        send(client)
    mailtrap.assert_sent_over_tls()
"""


def test_cleartext(pytester):
    """One of two messages came in cleartext though STARTTLS was offered."""
    assert failure(pytester, CLEARTEXT.format(tls=False)) == (
        "1 of 2 messages was sent in cleartext\n"
        "\n"
        '  #1  TLSv1.3, STARTTLS  "Welcome" -> alice@example.org\n'
        '  #2  no TLS             "Reset your password" -> bob@example.org\n'
        "\n"
        "  #2 on the wire:\n"
        "      S: 250-STARTTLS\n"
        "      C: mail FROM:<noreply@example.org> size=32   <-- not inside TLS\n"
        "      S: 250 OK\n"
        "\n"
        "  - expected: TLSv1.2 or newer\n"
        "  + received: cleartext (STARTTLS was offered, never used)\n"
        "\n"
        "Upgrade before sending:\n"
        "  smtplib  client.starttls(context=ssl.create_default_context())"
    )


def test_no_cleartext(pytester):
    """The assertion passes if both messages came over TLS."""
    passes(pytester, CLEARTEXT.format(tls=True))


NOT_OFFERED = """
@pytest.mark.mailtrap(starttls="{starttls}")
def test_it(mailtrap):
    with connect(mailtrap, tls={tls}) as client:
        send(client)
    [message] = mailtrap
    message.assert_sent_over_tls()
"""


def test_cleartext_where_no_tls_was_offered(pytester):
    """If the trap offered no TLS, the advice is to require it; an assertion on one message reports that message only."""
    assert failure(pytester, NOT_OFFERED.format(starttls="off", tls=False)) == (
        "the message was sent in cleartext\n"
        "\n"
        '  #1  no TLS  "Reset your password" -> bob@example.org\n'
        "\n"
        "  #1 on the wire:\n"
        "      C: mail FROM:<noreply@example.org> size=32   <-- not inside TLS\n"
        "      S: 250 OK\n"
        "\n"
        "  - expected: TLSv1.2 or newer\n"
        "  + received: cleartext (STARTTLS was not offered)\n"
        "\n"
        "Require TLS, even if STARTTLS is not offered:\n"
        "  smtplib  client.starttls(context=ssl.create_default_context())"
    )


def test_tls_where_it_was_offered(pytester):
    """The same assertion passes with TLS."""
    passes(pytester, NOT_OFFERED.format(starttls="offer", tls=True))


REFUSED = """
@pytest.mark.mailtrap(starttls="off")
def test_it(mailtrap):
    with connect(mailtrap, tls=False) as client:
        assert client.docmd("STARTTLS")[0] == 502
        send(client)
    mailtrap.assert_sent_over_tls()
"""


def test_starttls_tried_and_refused(pytester):
    """A client that asked for TLS, was refused, and sent anyway."""
    assert "  + received: cleartext (STARTTLS was tried and refused)\n" in failure(
        pytester, REFUSED
    )


TOO_OLD = """
@pytest.mark.mailtrap(maximum_tls="{trap}")
def test_it(mailtrap):
    with connect(mailtrap, maximum={client}) as client:
        send(client)
    mailtrap.assert_sent_over_tls(minimum="{minimum}")
"""


def test_too_old_because_of_the_client(pytester):
    """If the client offers nothing better, the advice is to change its context."""
    code = TOO_OLD.format(trap="TLSv1.3", client="ssl.TLSVersion.TLSv1_2", minimum="TLSv1.3")
    assert failure(pytester, code) == (
        "the message was sent over TLS older than TLSv1.3\n"
        "\n"
        '  #1  TLSv1.2, STARTTLS  "Reset your password" -> bob@example.org\n'
        "\n"
        "  - expected: TLSv1.3 or newer\n"
        "  + received: TLSv1.2 (the client offered TLSv1.2)\n"
        "\n"
        "Make the client's context offer it:\n"
        "  context.maximum_version = ssl.TLSVersion.TLSv1_3  (or leave it unset)\n"
        "More: docs/clients.md"
    )


def test_too_old_because_of_the_trap(pytester):
    """If the client offered a better version, the advice is not to change the client."""
    code = TOO_OLD.format(trap="TLSv1.2", client=None, minimum="TLSv1.3")
    assert failure(pytester, code).endswith(
        "  - expected: TLSv1.3 or newer\n"
        "  + received: TLSv1.2 (the client offered TLSv1.3, TLSv1.2)\n"
        "\n"
        "The client offered it; the trap's maximum_tls ruled it out.\n"
        "More: README.md"
    )


@pytest.mark.parametrize(
    ("trap", "client", "minimum"),
    [
        ("TLSv1.3", "ssl.TLSVersion.TLSv1_2", "TLSv1.2"),
        ("TLSv1.2", None, "TLSv1.2"),
        ("TLSv1.3", None, "TLSv1.3"),
    ],
)
def test_new_enough(pytester, trap, client, minimum):
    """The assertion passes if the negotiated version meets the minimum."""
    passes(pytester, TOO_OLD.format(trap=trap, client=client, minimum=minimum))


MIXED = """
def test_it(mailtrap):
    for maximum, tls in ((ssl.TLSVersion.TLSv1_2, True), (None, True), (None, False), (None, True)):
        with connect(mailtrap, tls, maximum) as client:
            send(client)
    mailtrap.assert_sent_over_tls(minimum="{minimum}")
"""


def test_several_reasons_and_many_messages(pytester):
    """The culprits are listed first, and the evidence is for the first of them."""
    assert failure(pytester, MIXED.format(minimum="TLSv1.3")) == (
        "2 of 4 messages were not sent over TLSv1.3 or newer\n"
        "\n"
        '  #1  TLSv1.2, STARTTLS  "Reset your password" -> bob@example.org\n'
        '  #3  no TLS             "Reset your password" -> bob@example.org\n'
        '  #2  TLSv1.3, STARTTLS  "Reset your password" -> bob@example.org\n'
        '  #4  TLSv1.3, STARTTLS  "Reset your password" -> bob@example.org\n'
        "\n"
        "  - expected: TLSv1.3 or newer\n"
        "  + received: TLSv1.2 (the client offered TLSv1.2)\n"
        "\n"
        "Make the client's context offer it:\n"
        "  context.maximum_version = ssl.TLSVersion.TLSv1_3  (or leave it unset)\n"
        "More: docs/clients.md"
    )


MANY = """
def test_it(mailtrap):
    for number in range(20):
        with connect(mailtrap, tls=number != 12) as client:
            send(client, data=b"Subject: %d " % number + b"long " * 30 + b"\\r\\n\\r\\n")
    mailtrap.assert_sent_over_tls()
"""


def test_twenty_messages(pytester):
    """The failure text stays within its lines and columns, and the culprit is not left out."""
    lines = failure(pytester, MANY).splitlines()
    assert lines[0] == "1 of 20 messages was sent in cleartext"
    assert lines[2].startswith('  #13  no TLS             "12 long long')
    assert lines[2].endswith('.." -> bob@example.org')
    assert len(lines[2]) == 72
    assert lines[6] == "  ... and 16 more"
    assert lines[-1] == "  smtplib  client.starttls(context=ssl.create_default_context())"
    assert len(lines) == 18


@pytest.mark.parametrize("minimum", ["TLSv1.1", "TLS1.2", "SSLv3", None])
def test_wrong_minimum(mailtrap, minimum):
    """An invalid minimum is an error, even on an empty trap."""
    with pytest.raises(ValueError, match=r"minimum must be TLSv1.2 or TLSv1.3, got "):
        mailtrap.assert_sent_over_tls(minimum=minimum)


# -- assert_authenticated ----------------------------------------------------------------------

AUTHENTICATED = """
def test_it(mailtrap):
    with connect(mailtrap) as client:
        {login}
        send(client)
    mailtrap.assert_authenticated({arguments})
"""
LOGIN = "client.login(mailtrap.username, mailtrap.password)"


def test_not_authenticated(pytester):
    """A message without AUTH."""
    assert failure(pytester, AUTHENTICATED.format(login="pass", arguments="")) == (
        "the message was sent without authentication\n"
        "\n"
        '  #1  no AUTH  "Reset your password" -> bob@example.org\n'
        "\n"
        "  #1 on the wire:\n"
        "      C: mail FROM:<noreply@example.org> size=32\n"
        "      S: 250 OK\n"
        "\n"
        "  - expected: AUTH inside TLS\n"
        "  + received: no AUTH\n"
        "\n"
        "Log in before sending, inside TLS:\n"
        "  smtplib  client.login(mailtrap.username,\n"
        "                        mailtrap.password)"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "username=mailtrap.username",
        "mechanism='PLAIN'",
        "username='mailtrap', mechanism='plain'",
    ],
)
def test_authenticated(pytester, arguments):
    """The same assertion passes with a login, even if a username and a mechanism are given."""
    passes(pytester, AUTHENTICATED.format(login=LOGIN, arguments=arguments))


def test_other_username(pytester):
    """Another user has logged in."""
    assert failure(pytester, AUTHENTICATED.format(login=LOGIN, arguments="username='shop'")) == (
        "the message was sent by another user\n"
        "\n"
        "  #1  AUTH PLAIN as 'mailtrap'  \"Reset your password\" -> bob@example.org\n"
        "\n"
        "  #1 on the wire:\n"
        "      C: AUTH PLAIN [redacted]\n"
        "      S: 235 2.7.0 Authentication successful\n"
        "\n"
        "  - expected: AUTH inside TLS as 'shop'\n"
        "  + received: AUTH PLAIN as 'mailtrap'\n"
        "\n"
        "Check the user name in the application's configuration.\n"
        "More: README.md"
    )


def test_other_mechanism(pytester):
    """Another mechanism was used."""
    assert failure(pytester, AUTHENTICATED.format(login=LOGIN, arguments="mechanism='LOGIN'")) == (
        "the message was sent with another AUTH mechanism\n"
        "\n"
        "  #1  AUTH PLAIN as 'mailtrap'  \"Reset your password\" -> bob@example.org\n"
        "\n"
        "  #1 on the wire:\n"
        "      C: AUTH PLAIN [redacted]\n"
        "      S: 235 2.7.0 Authentication successful\n"
        "\n"
        "  - expected: AUTH LOGIN inside TLS\n"
        "  + received: AUTH PLAIN as 'mailtrap'\n"
        "\n"
        "Check which AUTH mechanisms the client prefers.\n"
        "More: docs/clients.md"
    )


LEAKED = """
@pytest.mark.mailtrap(auth_without_tls={allowed}, starttls="{starttls}")
def test_it(mailtrap):
    with connect(mailtrap, tls=False) as client:
        client.ehlo("client")
        {leak}
        {upgrade}
        client.login(mailtrap.username, mailtrap.password)
        send(client)
    mailtrap.assert_authenticated()
"""
LEAK = "plain(client, mailtrap.username, mailtrap.password)"
UPGRADE = "client.starttls(context=mailtrap.ssl_context)"


def test_password_in_cleartext_refused_first(pytester):
    """A password refused in cleartext has leaked, even if a second one was sent inside TLS: the line shown is the first."""
    code = LEAKED.format(allowed=False, starttls="offer", leak=LEAK, upgrade=UPGRADE)
    assert failure(pytester, code) == (
        "the message was sent after a password in cleartext\n"
        "\n"
        '  #1  AUTH PLAIN in cleartext  "Reset your password" -> bob@example.org\n'
        "\n"
        "  #1 on the wire:\n"
        "      S: 250-STARTTLS\n"
        "      C: AUTH PLAIN [redacted]   <-- not inside TLS\n"
        "      S: 538 5.7.11 Encryption required for requested authentication ...\n"
        "\n"
        "  - expected: AUTH inside TLS\n"
        "  + received: AUTH PLAIN in cleartext\n"
        "\n"
        "Upgrade before logging in:\n"
        "  smtplib  client.starttls(context=ssl.create_default_context())"
    )


def test_password_in_cleartext_accepted(pytester):
    """If the trap accepts passwords in cleartext and offers no TLS, the advice is to require TLS."""
    code = LEAKED.format(allowed=True, starttls="off", leak="pass", upgrade="pass")
    text = failure(pytester, code)
    assert text.startswith("the message was sent after a password in cleartext\n")
    assert "      C: AUTH PLAIN [redacted]   <-- not inside TLS\n      S: 235 " in text
    assert "\nRequire TLS, even if STARTTLS is not offered:\n" in text


def test_password_inside_tls(pytester):
    """The same assertion passes without the leak."""
    passes(
        pytester,
        LEAKED.format(allowed=False, starttls="offer", leak="pass", upgrade=UPGRADE),
    )


TWO = """
def test_it(mailtrap):
    with connect(mailtrap) as client:
        {login}
        send(client)
    with connect(mailtrap) as client:
        send(client)
    mailtrap.assert_authenticated()
"""


def test_one_of_two_authenticated(pytester):
    """Every message must be authenticated: one of two is not enough."""
    text = failure(pytester, TWO.format(login=LOGIN))
    assert text.startswith("1 of 2 messages was sent without authentication\n")
    assert "  #1  AUTH PLAIN as 'mailtrap'  " in text
    assert "  #2  no AUTH                   " in text


DIFFERENT = """
@pytest.mark.mailtrap(auth_without_tls=True)
def test_it(mailtrap):
    with connect(mailtrap) as client:
        send(client)
    with connect(mailtrap, tls=False) as client:
        client.login(mailtrap.username, mailtrap.password)
        send(client)
    mailtrap.assert_authenticated(username="shop", mechanism="login")
"""


def test_several_reasons_for_several_messages(pytester):
    """The verdict applies to all of the messages, and the evidence is for the first of them."""
    text = failure(pytester, DIFFERENT)
    assert text.startswith(
        "2 of 2 messages were not authenticated as expected\n"
        "\n"
        '  #1  no AUTH                  "Reset your password" -> bob@example.org\n'
        '  #2  AUTH PLAIN in cleartext  "Reset your password" -> bob@example.org\n'
        "\n"
        "  #1 on the wire:\n"
    )
    assert "  - expected: AUTH LOGIN inside TLS as 'shop'\n  + received: no AUTH\n" in text


OF_ONE = """
def test_it(mailtrap):
    with connect(mailtrap) as client:
        send(client)
    with connect(mailtrap) as client:
        client.login(mailtrap.username, mailtrap.password)
        send(client)
    mailtrap[{place}].assert_authenticated()
"""


def test_of_one_message(pytester):
    """An assertion on one message reports that message only."""
    text = failure(pytester, OF_ONE.format(place=0))
    assert text.startswith("the message was sent without authentication\n")


def test_of_the_other_message(pytester):
    """The same assertion passes for the message that was authenticated."""
    passes(pytester, OF_ONE.format(place=1))


# -- as pytest runs it ---------------------------------------------------------------------------


def test_failures_are_failures(pytester):
    """An assertion fails the test in its call phase, so that xfail works."""
    pytester.makepyfile(
        PREAMBLE
        + """
@pytest.mark.xfail(raises=AssertionError, strict=True)
def test_it(mailtrap):
    mailtrap.assert_sent_over_tls()
"""
    )
    pytester.runpytest().assert_outcomes(xfailed=1)


def test_ci_shows_it_twice_and_whole(pytester, monkeypatch):
    """If CI is set, pytest repeats the message in its summary: all of it, so at most eighteen lines twice."""
    monkeypatch.setenv("CI", "true")
    pytester.makepyfile(PREAMBLE + MANY)
    result = pytester.runpytest("-p", "no:randomly")
    result.assert_outcomes(failed=1)
    shown = [line[8:] for line in result.outlines if line[:2] == "E "]
    start = next(n for n, line in enumerate(result.outlines) if line.startswith("FAILED "))
    summary = result.outlines[start : start + len(shown)]
    assert summary[0].endswith("::test_it - AssertionError: 1 of 20 messages was sent in cleartext")
    assert summary[1:] == shown[1:]
    assert len(shown) == 18
    assert max(map(len, shown[1:])) == 72


def test_without_ci_the_summary_holds_the_verdict(pytester, monkeypatch):
    """Without CI, the summary holds one line, which begins with the fact."""
    monkeypatch.setenv("COLUMNS", "120")
    pytester.makepyfile(test_mail=PREAMBLE + MANY)
    result = pytester.runpytest("-p", "no:randomly")
    assert [line for line in result.outlines if line.startswith("FAILED ")] == [
        "FAILED test_mail.py::test_it - AssertionError: 1 of 20 messages was sent in cleartext"
    ]
