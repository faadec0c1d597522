"""A mistake in a call is shown at that call: no line of the plugin itself comes between the call and the error."""

from __future__ import annotations

import pytest
from _optional_parts import needs_smime

CALLS = {
    "mailtrap.reply('DATA', 1000)": "ValueError: code must be *",
    "mailtrap.delay('DATA', -1)": "ValueError: delay must be *",
    "mailtrap.disconnect('DATUM')": "ValueError: command must be one of *",
    "mailtrap.intercept('maybe')": "ValueError: expected a host name *",
    "mailtrap.wait_for(0)": "ValueError: count must be *",
    "mailtrap.assert_sent_over_tls(minimum='1.2')": "ValueError: minimum must be *",
    "mailtrap.assert_refuses_hostile_servers(None)": "TypeError: send must be a function*",
    "mailtrap.assert_refuses_hostile_servers(print, 'tls')": "ValueError: mode must be *",
    "mailtrap.assert_refuses_hostile_servers(print, timeout=0)": "ValueError: timeout must be *",
    "mailtrap.judge_hostile_servers(print, scenarios=['starttls-striped'])": "ValueError: unknown scenario *",
    "mailtrap.judge_hostile_servers(print, skip_scenarios={'ok': ''})": "ValueError: skip_scenarios: *",
    "hostile_mailtrap.judge(None)": "TypeError: send must be a function*",
    "hostile_mailtrap.assert_client_refuses(print, timeout=-1)": "ValueError: timeout must be *",
    "hostile_mailtrap.reply('DATA', 451)": "TypeError: a hostile trap follows its scenario*",
    "hostile_mailtrap.reply('DATA', 1000)": "ValueError: code must be *",
    "mailtrap.reply('DATUM', 451)": "ValueError: command must be one of *",
    "mailtrap.reply('DATA', 451, nth=0)": "ValueError: nth must be *",
    "mailtrap.reply('DATA', 451, matching=1)": "TypeError: matching must be *",
    "mailtrap.reply('DATA', 451, when=1)": "TypeError: *unexpected keyword argument 'when'*",
    "mailtrap_factory(starttls='never')": "ValueError: starttls must be *",
    "mailtrap_factory(start_tls='off')": "TypeError: unknown mailtrap option 'start_tls'*",
    "mailtrap_factory(guard=True)": "TypeError: mailtrap option 'guard' is for @pytest.mark.mailtrap only*",
    "mailtrap_factory(intercept=['*'])": "ValueError: expected a host name *",
    "mailtrap_factory(require=['mail'])": "ValueError: 'mail' is a requirement for a test, not for a trap*",
    "mailtrap_factory(require=['tlsx'])": "ValueError: unknown requirement 'tlsx'*",
    "smime_identity('alice')": "ValueError: address must look like *",
    "smime_identity('alice@example.org', key='ec')": "ValueError: key must be one of *",
    "smime_identity('alice@example.org', kye='ed25519')": "TypeError: unknown smime_identity keyword 'kye' (did you mean 'key'?), expected one of *",
    "smime_identity('alice@example.org', purposes=['mail'])": "ValueError: purposes must be *",
    "mailtrap.smime_identity('alice')": "ValueError: address must look like *",
    "Rule(command='DATUM', code=451)": "ValueError: command must be one of *",
    "Rule(command='DATA', code='451')": "ValueError: code must be *",
    "Rule(command='DATA', raw='451')": "TypeError: raw must be *",
    "Rule(command='DATA')": "ValueError: a rule for DATA must say what to do*",
    "Rule(order='DATA')": "TypeError: *unexpected keyword argument 'order'*",
    "Scenario(id='No', summary='x')": "ValueError: id must be *",
    "Scenario(id='x', summary='x', rules=[1])": "TypeError: rules must be *",
    "Scenario(id='x', summary='x', modes=['tls'])": "ValueError: modes must be *",
    "Scenario(id='x', summary='x', rule=())": "TypeError: *unexpected keyword argument 'rule'*",
    "smime.inspect('text')": "TypeError: raw must be bytes*",
    "smime.inspect(b'', allow=['md4'])": "ValueError: allow must be *",
    "smime.inspect(b'', trust=[1])": "TypeError: trust and intermediates take *",
    "smime.inspect(b'', at=1)": "TypeError: at must be *",
    "smime.inspect_cms('text')": "TypeError: cms must be bytes*",
    "with mailtrap_factory() as trap: trap.reply('DATUM', 451)": "ValueError: command must be one of *",
}


FIXTURES = "mailtrap, hostile_mailtrap, mailtrap_factory, smime_identity"


def failing(pytester, *options, calls=CALLS):
    """Run one failing test for each call, and return the result."""
    marker = '@pytest.mark.mailtrap(scenarios=["ok"])'
    tests = [f"{marker}\ndef test_{at}({FIXTURES}):\n    {call}\n" for at, call in enumerate(calls)]
    imports = "from pytest_mailtrap import Rule, Scenario, smime"
    pytester.makepyfile("\n".join(["import pytest", imports, *tests]))
    result = pytester.runpytest("-p", "no:randomly", *options)
    result.assert_outcomes(failed=len(calls))
    return result


OURS = r".*(pytest_mailtrap[/\\]|<string>)"


@needs_smime
def test_the_traceback_ends_at_the_users_line(pytester):
    """Whichever part of the plugin finds the mistake, the traceback ends at the user's line."""
    result = failing(pytester)
    result.stdout.fnmatch_lines(
        [line for call, said in CALLS.items() for line in (f">       {call}", f"E *{said}")]
    )
    result.stdout.no_re_match_line(OURS)


def test_the_whole_traceback_is_there_for_who_asks(pytester):
    """The negative control: `--full-trace` shows the lines of the plugin."""
    result = failing(pytester, "--full-trace", calls=["mailtrap.wait_for(0)"])
    result.stdout.re_match_lines([OURS])


def test_a_policy_that_a_trap_must_not_weaken(pytester):
    """The error is raised when the trap starts, and is shown at the `with` statement."""
    pytester.makepyfile(
        """
        def test_weaker(mailtrap_factory):
            with mailtrap_factory(policy="none"):
                pass
        """
    )
    result = pytester.runpytest("--mailtrap-policy=enforce")
    result.stdout.fnmatch_lines(
        [
            '>       with mailtrap_factory(policy="none"):',
            "E *ValueError: policy none is weaker than *",
        ]
    )
    result.stdout.no_re_match_line(OURS)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("starttls='never'", "starttls must be one of offer, require, off, got 'never'"),
        ("start_tls='off'", "unknown mailtrap option 'start_tls'*"),
        ("scenarios=['no']", "unknown scenario 'no'*"),
        ("'off'", "only keyword arguments are allowed, got ('off',)"),
    ],
)
def test_a_mistake_in_the_marker_has_no_traceback(pytester, options, said):
    """Only the error message is shown, since no line of the test has been run."""
    pytester.makepyfile(
        f"import pytest\n\n@pytest.mark.mailtrap({options})\ndef test_marked(): pass"
    )
    result = pytester.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"@pytest.mark.mailtrap: {said}"])
    result.stdout.no_re_match_line(OURS)
