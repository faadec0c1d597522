"""The fixture `hostile_mailtrap`: which tests it generates, how they are selected, and how misuse is reported."""

from __future__ import annotations

import pytest

from pytest_mailtrap._hostile.scenarios import SCENARIOS

STARTTLS = [s.id for s in SCENARIOS if "starttls" in s.modes and s.by_default]
IMPLICIT = [s.id for s in SCENARIOS if "implicit" in s.modes and s.by_default]

SECURE = """
import smtplib, ssl
import pytest

def sender(trap):
    def send():
        with smtplib.SMTP(trap.host, trap.port, timeout=2) as client:
            client.starttls(context=ssl.create_default_context())
            client.sendmail("a@example.org", ["b@example.org"], b"Subject: Hi\\r\\n\\r\\n")
    return send
"""
TEST = """
def test_refuses(hostile_mailtrap):
    hostile_mailtrap.assert_client_refuses(sender(hostile_mailtrap))
"""


def collected(pytester, source, *options):
    pytester.makepyfile(source)
    result = pytester.runpytest("--collect-only", "-q", "-p", "no:randomly", *options)
    return [line.split("::")[-1] for line in result.outlines if "::" in line]


def test_one_test_per_scenario(pytester):
    """The test ids are those of the scenarios; STARTTLS is the default mode."""
    assert collected(pytester, SECURE + TEST) == [f"test_refuses[{s}]" for s in STARTTLS]


def test_mode_of_the_marker(pytester):
    """The other mode has a family of its own."""
    source = SECURE + '@pytest.mark.mailtrap(mode="implicit")' + TEST
    assert collected(pytester, source) == [f"test_refuses[{s}]" for s in IMPLICIT]


def test_mode_of_a_module(pytester):
    """The closest marker wins; a module's marker applies to all its tests."""
    source = SECURE + 'pytestmark = pytest.mark.mailtrap(mode="implicit")' + TEST
    assert collected(pytester, source) == [f"test_refuses[{s}]" for s in IMPLICIT]


def test_chosen_by_name(pytester):
    """-k selects among them, as with any test."""
    found = collected(pytester, SECURE + TEST, "-k", "stripped or expired")
    assert found == ["test_refuses[starttls-stripped]", "test_refuses[certificate-expired]"]


def test_chosen_by_marker(pytester):
    """*scenarios* selects them by name, even those that do not run by default."""
    source = SECURE + '@pytest.mark.mailtrap(scenarios=["certificate-cn-only", "ok"])' + TEST
    assert collected(pytester, source) == ["test_refuses[certificate-cn-only]", "test_refuses[ok]"]


def test_through_another_fixture(pytester):
    """A fixture that uses it multiplies the tests that use that fixture."""
    source = (
        SECURE
        + """
@pytest.fixture
def mail_settings(hostile_mailtrap):
    return hostile_mailtrap.host, hostile_mailtrap.port

def test_refuses(mail_settings):
    pass
"""
    )
    assert len(collected(pytester, source)) == len(STARTTLS)


def test_together_with_parametrize(pytester):
    """The test's own parameters multiply with the scenarios."""
    source = (
        SECURE
        + '@pytest.mark.parametrize("kind", ["a", "b"])'
        + TEST.replace("hostile_mailtrap)", "hostile_mailtrap, kind)", 1)
    )
    assert len(collected(pytester, source)) == 2 * len(STARTTLS)


def test_skips_need_and_show_their_reason(pytester):
    """A scenario that is left out shows up as skipped, with the reason."""
    pytester.makepyfile(
        SECURE
        + '@pytest.mark.mailtrap(scenarios=["ok", "tls-1.0-only"], skip_scenarios={"tls-1.0-only": "legacy relay, #12"})'
        + TEST
    )
    result = pytester.runpytest("-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*legacy relay, #12"])


KNOWN = [
    "  ok, auth-before-tls, starttls-not-supported, starttls-stripped,",
    "  starttls-refused, *",
]
WRONG = {
    'scenarios=["starttls-striped"]': ["unknown scenario 'starttls-striped'", "(did you mean 'starttls-stripped'?), expected one of", *KNOWN],
    'scenarios=["implicit-plaintext"]': ["the scenario 'implicit-plaintext' does not exist in mode 'starttls', only in implicit"],
    'mode="tls"': ["mode must be one of starttls, implicit, got 'tls'"],
    "scenarios=[]": ["scenarios must name at least one scenario"],
    'skip_scenarios={"ok": ""}': ["skip_scenarios: 'ok' needs a reason, got ''"],
    'skip_scenarios={"no": "x"}': ["unknown scenario 'no', expected one of", *KNOWN],
    'scenario="ok"': ["unknown mailtrap option 'scenario' (did you mean 'scenarios'?)*"],
    'scenarios="ok"': ["scenarios must be a list*"],
    "scenarios=3": ["scenarios must be a list of ids or Scenario objects, got 3"],
    'scenarios=[["ok"]]': ["unknown scenario ['ok']*"],
    'skip_scenarios=["ok"]': ["skip_scenarios must be*"],
}  # fmt: skip
IN_NO_MODE = 'scenarios=["implicit-plaintext"]'


def misused(pytester, keywords, arguments):
    """A run of one test with this marker, between two others."""
    pytester.makepyfile(
        f"""{SECURE}
def test_before(): pass

@pytest.mark.mailtrap({keywords})
def test_it({arguments}): print("it ran")

def test_after(mailtrap): pass
"""
    )
    result = pytester.runpytest("-p", "no:randomly")
    result.stdout.no_fnmatch_line("*Interrupted*")
    result.stdout.no_fnmatch_line("*During handling of the above exception*")
    return result


@pytest.mark.parametrize("keywords", WRONG)
def test_misuse_fails_its_own_test(pytester, keywords):
    """A scenario that cannot be run fails the test that requests it, and valid ones are listed; other tests run."""
    result = misused(pytester, keywords, "hostile_mailtrap")
    result.assert_outcomes(passed=2, errors=1)
    first, *rest = (line.replace("[", "[[]") for line in WRONG[keywords])
    result.stdout.fnmatch_lines([f"@pytest.mark.mailtrap: {first}", *rest], consecutive=True)
    result.stdout.fnmatch_lines(["ERROR *::test_it - *"])
    result.stdout.no_fnmatch_line("*it ran*")


@pytest.mark.parametrize("keywords", [k for k in WRONG if k != IN_NO_MODE])
@pytest.mark.parametrize("arguments", ["mailtrap", ""])
def test_misuse_without_the_fixture(pytester, keywords, arguments):
    """The same applies if the test would have passed its scenarios to assert_refuses_hostile_servers()."""
    result = misused(pytester, keywords, arguments)
    result.assert_outcomes(passed=2, errors=1)
    first = WRONG[keywords][0].replace("[", "[[]")
    result.stdout.fnmatch_lines([f"@pytest.mark.mailtrap: {first}"])


@pytest.mark.parametrize("keywords", [IN_NO_MODE, 'scenarios=["ok"]', 'skip_scenarios={"ok": "x"}'])
def test_control_the_call_may_say_the_mode(pytester, keywords):
    """A test that runs the scenarios itself may pass the mode in the call: the marker is valid without it."""
    misused(pytester, keywords, "mailtrap").assert_outcomes(passed=3)


def test_a_misspelt_name_fits_into_a_failure(pytester):
    """The error message has no more lines and columns than other failures."""
    result = misused(pytester, 'scenarios=["certificate-expird"]', "hostile_mailtrap")
    lines = result.outlines
    begin = lines.index("@pytest.mark.mailtrap: unknown scenario 'certificate-expird'")
    text = lines[begin : next(i for i, line in enumerate(lines) if i > begin and line[:1] == "=")]
    assert text[1] == "(did you mean 'certificate-expired'?), expected one of"
    assert len(text) <= 18
    assert max(map(len, text)) <= 72
    assert ", ".join(s.id for s in SCENARIOS) == " ".join(line.strip() for line in text[2:])


def test_misuse_in_parametrize(pytester):
    """A wrong name among the test's own parameters fails that test alone."""
    pytester.makepyfile(
        f"""{SECURE}
NAMES = ["certificate-expird", "ok", "implicit-plaintext"]

@pytest.mark.parametrize("hostile_mailtrap", NAMES, indirect=True)
def test_it(hostile_mailtrap): pass
"""
    )
    result = pytester.runpytest("-p", "no:randomly")
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(
        [
            "hostile_mailtrap: unknown scenario 'certificate-expird'",
            "(did you mean 'certificate-expired'?), expected one of",
            "hostile_mailtrap: the scenario 'implicit-plaintext' does not exist in mode *",
            "ERROR *::test_it[[]certificate-expird[]] - *",
            "ERROR *::test_it[[]implicit-plaintext[]] - *",
        ]
    )
    result.stdout.no_fnmatch_line("*Error:*")


def test_asked_for_at_run_time(pytester):
    """Without a scenario there is nothing to run: the error says why."""
    pytester.makepyfile("def test_it(request):\n    request.getfixturevalue('hostile_mailtrap')\n")
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*hostile_mailtrap is parametrized: request it as an argument of the test*"]
    )


def test_scenario_of_ones_own(pytester):
    """A Scenario is a value: a custom one runs like the others, and its rules apply."""
    pytester.makepyfile(
        SECURE
        + """
from pytest_mailtrap import Rule, Scenario

def no_certificate_at_all(ca, names):
    leaf = ca.issue_cert("elsewhere.example")
    return leaf.private_key_and_cert_chain_pem.bytes()

MINE = [
    Scenario(id="rcpt-421", summary="hangs up at RCPT", expected="either", rules=[Rule(command="RCPT", code=421, times=None)]),
    Scenario(id="elsewhere", summary="is elsewhere", certificate=no_certificate_at_all),
    Scenario(id="starttls-twice-refused", summary="refuses twice", modes=["starttls"], auth_without_tls=True,
             rules=[Rule(command="STARTTLS", code=454, times=None)]),
]

@pytest.mark.mailtrap(scenarios=MINE)
def test_refuses(hostile_mailtrap):
    hostile_mailtrap.assert_client_refuses(sender(hostile_mailtrap))

def test_the_trap_was_what_it_should_be(hostile_mailtrap):
    with pytest.raises((smtplib.SMTPException, OSError)):
        sender(hostile_mailtrap)()
    [connection] = hostile_mailtrap.connections
    assert hostile_mailtrap.scenario in MINE
    expected = {"rcpt-421": "S: 421", "elsewhere": "client rejected the certificate", "starttls-twice-refused": "S: 454"}
    assert expected[hostile_mailtrap.scenario.id] in connection.transcript
test_the_trap_was_what_it_should_be = pytest.mark.mailtrap(scenarios=MINE)(test_the_trap_was_what_it_should_be)
"""
    )
    result = pytester.runpytest("-v")
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(["*test_refuses[[]elsewhere[]] PASSED*"])


def test_scenario_checks_its_fields():
    """An invalid field of a Scenario raises an error that says what is allowed."""
    from pytest_mailtrap import Scenario

    for wrong, text in (
        ({"id": "Not Kebab"}, "id must be in kebab-case, got 'Not Kebab'"),
        ({"modes": ["tls"]}, "modes must be one or more of starttls, implicit"),
        ({"expected": "fail"}, "expected must be refuse, deliver or either, got 'fail'"),
        ({"certificate": "rotten"}, "certificate must be one of good, not-trusted"),
        ({"greets_after": -1}, "greets_after must be a number of seconds or None, got -1"),
        ({"greets_after": "1"}, "greets_after must be a number of seconds or None, got '1'"),
    ):
        with pytest.raises(ValueError, match=text):
            Scenario(**{"id": "mine", "summary": "is mine", **wrong})
    with pytest.raises(TypeError, match="rules must be Rule objects, got 'RCPT'"):
        Scenario(id="mine", summary="is mine", rules=["RCPT"])


@pytest.mark.mailtrap(scenarios=["certificate-expired"])
def test_everything_a_trap_has(hostile_mailtrap):
    """It is a MailTrap: host, ports, credentials, connections, plus the scenario it runs."""
    trap = hostile_mailtrap
    assert (trap.host, trap.mode, trap.scenario.id) == (
        "localhost",
        "starttls",
        "certificate-expired",
    )
    assert trap.port != trap.tls_port
    assert trap.username
    assert trap.password
    assert len(trap) == 0
    assert not trap.connections


@pytest.mark.mailtrap(scenarios=["certificate-expired"])
def test_connections_are_those_of_the_hostile_server(hostile_mailtrap):
    """After the assertion, the trap shows what the hostile server saw, not what the control saw."""
    import _hostile_clients as clients

    hostile_mailtrap.assert_client_refuses(clients.secure_starttls(hostile_mailtrap))
    [connection] = hostile_mailtrap.connections
    assert connection.handshake_error == "client rejected the certificate: certificate expired"
    assert len(hostile_mailtrap) == 0


@pytest.mark.mailtrap(scenarios=["ok"])
def test_faults_are_not_mixed_in(hostile_mailtrap):
    """A hostile trap follows its scenario and rejects added faults; the error says how to change its behavior."""
    with pytest.raises(TypeError, match="put the rule into your own Scenario"):
        hostile_mailtrap.reply("RCPT", 550)


def test_nothing_is_left_of_the_trust(pytester):
    """The CA is trusted for the duration of the test, and no longer."""
    pytester.makepyfile(
        SECURE
        + """
import os

BEFORE = os.environ.get("SSL_CERT_FILE")

@pytest.mark.mailtrap(scenarios=["ok"])
def test_during(hostile_mailtrap):
    assert os.environ["SSL_CERT_FILE"] != BEFORE

def test_afterwards():
    assert os.environ.get("SSL_CERT_FILE") == BEFORE
"""
    )
    pytester.runpytest("-p", "no:randomly").assert_outcomes(passed=2)


def test_under_xdist(pytester):
    """The ids are the same in every process."""
    pytest.importorskip("xdist")
    pytester.makepyfile(SECURE + TEST)
    result = pytester.runpytest("-n", "2", "-q", "-k", "certificate", "-W", "error")
    result.assert_outcomes(passed=len([s for s in STARTTLS if "certificate" in s]))


@pytest.mark.parametrize("hostile_mailtrap", ["ok", "certificate-expired"], indirect=True)
def test_parametrised_by_the_test_itself(hostile_mailtrap):
    """pytest's own way of choosing parameters works as well."""
    assert hostile_mailtrap.scenario.id in ("ok", "certificate-expired")
