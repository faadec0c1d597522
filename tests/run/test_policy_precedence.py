"""Which policy and which requirements apply: the closest setting does, and a weaker one needs a reason."""

from __future__ import annotations

import re

import pytest
from _optional_parts import needs_smime
from _policy_outputs import failure
from _policy_projects import CLEARTEXT, ENCRYPTED, ENFORCE, SHARED

MARKED = "@pytest.mark.mailtrap({})\n"


@needs_smime
@pytest.mark.parametrize(
    ("ini", "option", "marker", "outcome"),
    [
        ("enforce", None, None, "failed"),
        ("enforce", "testing", None, "passed"),
        ("none", "enforce", None, "failed"),
        ("none", None, "policy='enforce'", "failed"),
        ("testing", "testing", "policy='enforce'", "failed"),
        ("enforce", None, "policy='testing', reason='a relay on this machine'", "passed"),
        ("enforce", "enforce", "policy='none', reason='a relay on this machine'", "passed"),
        (None, None, "require=['tls']", "failed"),
        ("none", None, "require=['tls']", "passed"),
        ("enforce", None, "require=['tls', 'smime-signed']", "failed"),
    ],
)
def test_the_closest_setting_counts(project, ini, option, marker, outcome):
    """Ini file < command line < marker; a marker that requires something is enforced even if the run has no policy."""
    result = project(
        (MARKED.format(marker) if marker else "") + CLEARTEXT,
        *([f"--mailtrap-policy={option}"] if option else []),
        ini=f'mailtrap_policy = "{ini}"' if ini else "",
    )
    result.assert_outcomes(**{outcome: 1})


@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        ("", {"failed": 1}),
        ("policy='none', reason='a relay on this machine'", {"passed": 1}),
        ("policy='enforce', require=['tls>=1.3']", {"failed": 1}),
    ],
)
def test_an_option_of_the_trap_counts_more_than_the_marker(project, options, outcome):
    """A trap made by the factory may have a policy of its own."""
    source = f"""{SHARED.format(options=options)}
def test_order(shared): send(shared, tls=False)
"""
    project(source, ini=ENFORCE).assert_outcomes(**outcome)


def test_a_trap_may_demand_more_than_the_rest(project):
    """The policy of a trap applies to its own messages only, and the failure names where it comes from."""
    shared = SHARED.format(options="require=['tls>=1.3']")
    source = f"""{shared}
def test_order(shared, mailtrap):
    send(mailtrap, maximum=ssl.TLSVersion.TLSv1_2)
    send(shared, maximum=ssl.TLSVersion.TLSv1_2)
"""
    lines = failure(project(source, ini=ENFORCE))
    assert lines[0] == "the message was sent over TLS older than TLSv1.3"
    assert lines[2].startswith("  #2  TLSv1.2, STARTTLS  ")
    assert lines[-2:] == [
        "Policy enforce: tls>=1.3 (mailtrap_factory)",
        'To exempt this test: mailtrap_factory(policy="none", reason="...")',
    ]


@needs_smime
@pytest.mark.parametrize(
    ("requirement", "first", "numbers"),
    [
        ("tls>=1.3", "send(mailtrap)", ["#2", "#3"]),
        ("auth", "send(mailtrap)", ["#2", "#3"]),
        ("verified-client-certificate", "send(mailtrap)", ["#2", "#3"]),
        ("smime-signed", "send(mailtrap)", ["#2", "#3"]),
        ("smime-encrypted", "send(mailtrap)", ["#2", "#3"]),
        ("tls>=1.3", "pass", ["#1", "#2"]),
    ],
)
def test_a_message_has_one_number(project, requirement, first, numbers):
    """A failure under one trap's policy numbers messages as the mail shown below it and the totals do."""
    source = f"""{SHARED.format(options=f"require=[{requirement!r}, 'tls']")}
def test_order(shared, mailtrap):
    {first}
    send(shared, maximum=ssl.TLSVersion.TLSv1_2, mail=MAIL.replace(b"Your order", b"Second"))
    send(shared, maximum=ssl.TLSVersion.TLSv1_2, mail=MAIL.replace(b"Your order", b"Third"))
"""
    result = project(source, ini=ENFORCE)
    result.assert_outcomes(failed=1)
    assert list(dict.fromkeys(re.findall(r"#\d+", "\n".join(failure(result))))) == numbers
    shown = [line for line in result.stdout.lines if '"Second"' in line or '"Third"' in line]
    assert [line.split()[0] for line in shown] == numbers * 2  # in the failure, and below it
    assert f"  test_shop.py::test_order: {numbers[0]} " in result.stdout.str()


@needs_smime
@pytest.mark.parametrize(
    ("options", "way_out"),
    [
        ("policy='none'", ""),
        ("policy='testing'", ""),
        ("require_only=['smime-signed']", "also require tls, or "),
    ],
)
def test_a_marker_that_weakens_needs_a_reason(project, options, way_out):
    """No test gets out of the policy without giving a reason; the error says what is weaker than what."""
    result = project(f"@pytest.mark.mailtrap({options})\n{ENCRYPTED}", ini=ENFORCE)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            (
                "@pytest.mark.mailtrap: policy * is weaker than policy enforce (tls), "
                f'set by mailtrap_policy in pyproject.toml: {way_out}give a reason with reason="..."'
            )
        ]
    )


@pytest.mark.parametrize(
    "options",
    [
        "policy='enforce'",
        "require=['tls>=1.3']",
        "require=['auth-over-tls']",
        "require_only=['tls>=1.3']",
        "require_only=['tls', 'auth-over-tls']",
        "starttls='offer'",
    ],
)
def test_a_marker_that_does_not_weaken_needs_none(project, options):
    """The negative control: a marker that requires as much or more needs no reason."""
    project(f"@pytest.mark.mailtrap({options})\n{ENCRYPTED}", ini=ENFORCE).assert_outcomes(passed=1)


def test_a_trap_that_weakens_needs_a_reason(project):
    """The same applies to options of the factory: the trap does not start."""
    shared = SHARED.format(options="policy='none'")
    source = f"{shared}\ndef test_order(shared): send(shared)\n"
    result = project(source, ini=ENFORCE)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["E  *ValueError: policy none is weaker than policy enforce (tls)*"]
    )


CARELESS = """
def sending(port):
    with smtplib.SMTP("localhost", port, timeout=5) as client:
        client.ehlo()
        if client.has_extn("starttls"):
            client.starttls(context=ssl.create_default_context())
        client.sendmail(FROM, TO, MAIL)
"""
STRIPPED = """
@pytest.mark.mailtrap(scenarios=["starttls-stripped"])
def test_refuses(hostile_mailtrap):
    {}(lambda: sending(hostile_mailtrap.port))
"""
FAMILY = """
def test_refuses(mailtrap):
    verdicts = mailtrap.judge_hostile_servers(
        lambda host, port: sending(port), scenarios=["starttls-stripped"]
    )
    assert [verdict.failed for verdict in verdicts] == [False, True]
"""


def test_what_a_hostile_server_gets_fails_by_its_own_verdict_alone(project):
    """A careless client fails its test once, with the message of the hostile trap, which the policy does not repeat."""
    result = project(
        CARELESS + STRIPPED.format("hostile_mailtrap.assert_client_refuses"), ini=ENFORCE
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E  *AssertionError: envelope and message sent in cleartext*"])
    result.stdout.no_fnmatch_line("*Policy enforce:*")
    result.stdout.no_fnmatch_line("*message* in * test*")


@pytest.mark.parametrize("source", [STRIPPED.format("assert hostile_mailtrap.judge"), FAMILY])
def test_hostile_servers_are_under_no_policy(project, source):
    """Mail that leaked to a deliberately bad server is not listed as an exemption, and is not in any total."""
    result = project(CARELESS + source, "-rA", ini=ENFORCE)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*exempt*")
    result.stdout.no_fnmatch_line("*message* in * test*")


def test_the_same_mail_to_a_good_server_is_under_the_policy(project):
    """The negative control: mail to a good server is judged, even in a test that also has a hostile one."""
    source = f"""{CARELESS}
@pytest.mark.mailtrap(scenarios=["starttls-stripped"])
def test_refuses(hostile_mailtrap, mailtrap):
    hostile_mailtrap.judge(lambda: sending(hostile_mailtrap.port))
    send(mailtrap, tls=False)
"""
    assert failure(project(source, ini=ENFORCE))[-2].startswith("Policy enforce: tls")
