"""The message about a client that failed at many servers: 18 lines, with the fix for each thing that it did."""

from __future__ import annotations

import pytest

from pytest_mailtrap._hostile.family_text import explain_family
from pytest_mailtrap._hostile.scenarios import SCENARIOS, scenario_named
from pytest_mailtrap._hostile.verdicts import Attempt, Verdict

EVERYTHING = ("password", "envelope", "message")
LOST = [s for s in SCENARIOS if s.id.startswith(("starttls-re", "handshake", "tls-", "plaintext"))]
IMPOSTORS = [s for s in SCENARIOS if s.id.startswith("certificate")]


def verdict(scenario, outcome, *, told="reported success", clients=("smtplib",), **facts):
    how = Attempt(told=told, clients=clients)
    return Verdict(scenario=scenario, mode="starttls", outcome=outcome, attempt=how, **facts)


def leaks(name, *leaked, clients=("smtplib",)):
    channel = "impostor" if name.startswith("certificate") else "cleartext"
    scenario = scenario_named(name)
    return verdict(scenario, "leaked", leaked=leaked, channel=channel, clients=clients)


def lines_of(verdicts):
    lines = explain_family(verdicts).splitlines()
    assert len(lines) <= 18
    assert all(len(line) <= 72 for line in lines)
    return lines


REPORT = [
    "Let the error reach the caller, or allow silence if it is intended:",
    "  smtplib  end the except clause with raise",
    "  silence  assert_client_refuses(...,",
    "               may_fail_silently=True)",
]


@pytest.mark.parametrize("told", ["reported success: send() returned (False, 'error %d')", "%d"])
def test_a_client_that_tells_each_time_something_else(told):
    """There is one fact, however the client reported it, and the fix."""
    lines = lines_of([verdict(s, "lost", told=told % at) for at, s in enumerate(LOST)])
    assert lines[2].startswith(f"  nothing arrived, and send() had {len(LOST)} different results,")
    assert sum("starttls-refused" in line for line in lines) == 1
    assert lines[-len(REPORT) :] == REPORT


def test_a_client_that_tells_always_the_same():
    """The negative control: if the client always reports the same thing, its report is quoted as it was."""
    told = "reported success: send() returned 6"
    lines = lines_of([verdict(scenario, "lost", told=told) for scenario in LOST])
    assert lines[2] == f"  {told}, and nothing arrived:"


def test_what_was_told_at_length_is_cut_at_its_end():
    """What happened to the mail comes before the client's report."""
    told = f"reported success: send() returned {'x ' * 200}"
    lines = lines_of([verdict(scenario, "lost", told=told) for scenario in LOST[:2]])
    assert lines[2].startswith("  nothing arrived: reported success: send() returned x x")
    assert lines[3].endswith(" x ...:")


MUCH = [
    leaks("starttls-stripped", *EVERYTHING),
    *(verdict(scenario, "lost") for scenario in LOST),
    leaks("ehlo-refused", "envelope"),
    *(leaks(scenario.id, *EVERYTHING) for scenario in IMPOSTORS),
    verdict(scenario_named("truncated-after-data"), "false-success"),
]


def test_fixes_survive_five_facts():
    """Facts about a single server share a line with it if that makes room for a row for each fix."""
    lines = lines_of(MUCH)
    assert "  envelope sent in cleartext: ehlo-refused" in lines
    assert [line for line in lines if line][-6:] == [
        "Insist on TLS, and never fall back to cleartext after an error:",
        "  smtplib  always starttls(), not if has_extn('starttls')",
        "Let the error reach the caller, or allow silence if it is intended:",
        "  smtplib  end the except clause with raise",
        "Let the client verify the server's certificate:",
        "  smtplib  context=ssl.create_default_context()",
    ]


def test_a_fix_that_has_no_room_is_on_the_page():
    """The sentence stays, without the colon that would announce a row."""
    lines = lines_of([*MUCH, verdict(scenario_named("response-injection"), "spoke-out-of-turn")])
    assert lines[-1] == "More: docs/clients.md"
    assert "Let the client verify the server's certificate" in lines


def test_a_client_that_nobody_knows_is_sent_to_the_page():
    """None of the rows has a fix for an unknown client, so the message refers to the page."""
    lines = lines_of([leaks("starttls-stripped", *EVERYTHING, clients=())])
    assert lines[-1] == "More: docs/clients.md"


EVERY_OUTCOME = [
    *MUCH,
    leaks("starttls-not-supported", "login"),
    verdict(scenario_named("handshake-stalled"), "hung"),
    verdict(scenario_named("tls-1.0-only"), "leaked", leaked=EVERYTHING, channel="outdated"),
    verdict(scenario_named("response-injection"), "forbidden-command"),
    verdict(scenario_named("stale-capabilities"), "forbidden-command"),
    verdict(scenario_named("hostile-reply-text"), "control-characters"),
    verdict(scenario_named("auth-never-offered"), "never-connected"),
    verdict(scenario_named("requiretls-not-offered"), "went-without"),
]


@pytest.mark.parametrize("number", range(1, len(EVERY_OUTCOME) + 1))
def test_whatever_there_is_it_fits(number):
    """Facts beyond the available lines are only counted; fixes for which there is no room are on the page."""
    lines = lines_of(EVERY_OUTCOME[-number:])
    blocks = "\n".join(lines).split("\n\n")
    assert len(blocks) > 2
    assert len(blocks[1].splitlines()) <= 16 - len(blocks[2].splitlines())
    if number == len(EVERY_OUTCOME):
        assert [line for line in lines if line.startswith("  ... and ")]
        assert lines[-1] == "More: docs/clients.md"


def test_leaks_of_one_kind_are_one_fact_where_there_is_little_room():
    """The fact is named after the worst of them."""
    lines = lines_of(EVERY_OUTCOME)
    assert "  password, envelope and message sent in cleartext:" in lines
    assert not [line for line in lines if line.startswith("  AUTH sent")]
