"""A mistake in a call is shown at that call: no line of the plugin's own stands between it and what is said of it."""

from __future__ import annotations

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
}


def failing(pytester, *options, calls=CALLS):
    """A run of one test for each call."""
    marker = '@pytest.mark.mailtrap(scenarios=["ok"])'
    tests = [
        f"{marker}\ndef test_{at}(mailtrap, hostile_mailtrap):\n    {call}\n"
        for at, call in enumerate(calls)
    ]
    pytester.makepyfile("\n".join(["import pytest", *tests]))
    result = pytester.runpytest("-p", "no:randomly", *options)
    result.assert_outcomes(failed=len(calls))
    return result


OURS = r".*(pytest_mailtrap[/\\]|<string>)"


def test_the_traceback_ends_at_the_users_line(pytester):
    """Whatever part of the trap finds it."""
    result = failing(pytester)
    result.stdout.fnmatch_lines(
        [line for call, said in CALLS.items() for line in (f">       {call}", f"E *{said}")]
    )
    result.stdout.no_re_match_line(OURS)


def test_the_whole_traceback_is_there_for_who_asks(pytester):
    """The negative control: `--full-trace` shows the lines of the plugin."""
    result = failing(pytester, "--full-trace", calls=["mailtrap.wait_for(0)"])
    result.stdout.re_match_lines([OURS])
