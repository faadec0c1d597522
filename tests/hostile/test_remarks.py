"""A matter of taste is a remark in the default family, and a failure only on request."""

from __future__ import annotations

import smtplib

import _hostile_clients as clients
import pytest

STALLED = {"handshake-stalled": "it would be waited for"}
WEAK, WILDCARD = "certificate-weak-key", "certificate-partial-wildcard"


def takes_short_keys(trap):
    """Verifies certificates, but accepts short keys."""
    return clients.lax_starttls(trap)


def verdict_on(trap, scenario, client=takes_short_keys, **how):
    skips = {} if "scenarios" in how else {"skip_scenarios": STALLED}
    verdicts = trap.judge_hostile_servers(client(trap), **{**skips, **how})
    return next(verdict for verdict in verdicts if verdict.scenario.id == scenario)


def test_default_family_does_not_fail(mailtrap):
    """The server received the message, and the verdict says so; it has neither passed nor failed."""
    verdict = verdict_on(mailtrap, WEAK, skip_scenarios=OLD_TLS)
    assert (verdict.outcome, verdict.channel) == ("leaked", "weak")
    assert verdict.remark
    assert not verdict.failed
    assert not verdict.passed
    mailtrap.assert_refuses_hostile_servers(takes_short_keys(mailtrap), skip_scenarios=OLD_TLS)


OLD_TLS = dict.fromkeys(["tls-1.0-only", "tls-1.1-only"], "this client takes them, too") | STALLED


@pytest.mark.parametrize("how", [{"strict": True}, {"scenarios": [WEAK]}], ids=["strict", "named"])
def test_whoever_asks_for_it(mailtrap, how):
    """The control: the same client fails if strictness, or the scenario itself, is requested."""
    verdict = verdict_on(mailtrap, WEAK, **how)
    assert verdict.failed
    assert not verdict.remark
    with pytest.raises(AssertionError, match="over weak-key TLS"):
        mailtrap.assert_refuses_hostile_servers(takes_short_keys(mailtrap), **how)


@pytest.mark.mailtrap(strict=True)
def test_marker_asks_for_it(mailtrap):
    """The marker's setting applies to the call, unless the call has its own."""
    assert verdict_on(mailtrap, WEAK).failed
    assert verdict_on(mailtrap, WEAK, strict=False).remark


def test_cleartext_is_no_matter_of_taste(mailtrap):
    """A client that falls back to cleartext with such a server gives everything away."""

    def falls_back(trap):
        secure = clients.secure_without_login(trap)

        def send():
            try:
                secure()
            except OSError:
                with smtplib.SMTP(trap.host, trap.port, timeout=1) as client:
                    client.sendmail(*clients.MAIL)

        return send

    verdict = verdict_on(mailtrap, WEAK, falls_back)
    assert verdict.channel == "cleartext"
    assert verdict.failed


def test_silence_is_no_matter_of_taste(mailtrap):
    """Nor is it a matter of taste if a client does not report that it was refused."""
    client = clients.swallowing(clients.secure_starttls)
    assert verdict_on(mailtrap, WEAK, client).outcome == "lost"
    assert verdict_on(mailtrap, WEAK, client).failed


@pytest.mark.parametrize("how", [{}, {"scenarios": [WEAK, "certificate-expired"]}])
def test_who_accepts_anybody_is_told_to_verify(mailtrap, how):
    """Requiring longer keys does not fix a client that checks no certificate at all."""
    with pytest.raises(AssertionError) as caught:
        mailtrap.assert_refuses_hostile_servers(clients.unverified_starttls_lax(mailtrap), **how)
    text = str(caught.value)
    assert "Let the client verify the server's certificate:" in text
    assert "keys that are too short" not in text


def test_who_verifies_is_told_of_keys(mailtrap):
    """The control: if only the key is wrong, the suggested fix is for the key."""
    with pytest.raises(AssertionError) as caught:
        mailtrap.assert_refuses_hostile_servers(takes_short_keys(mailtrap), scenarios=[WEAK])
    text = str(caught.value)
    assert "Let the client refuse keys that are too short:" in text
    assert "verify the server's certificate" not in text


CLIENT = """
import smtplib, ssl, warnings
import pytest

def lax():
    context = ssl.create_default_context()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # the default in most builds of Python, but not in all
    return context

def sending(host, port):
    with smtplib.SMTP(host, port, timeout=0.6) as client:
        client.starttls(context=lax())
        client.sendmail("a@example.org", ["b@example.org"], b"\\r\\n")
"""
ONE = """
{mark}
def test_one(hostile_mailtrap):
    hostile_mailtrap.assert_client_refuses(
        lambda: sending(hostile_mailtrap.host, hostile_mailtrap.port)
    )
"""
FAMILY = """
{mark}
def test_all(mailtrap):
    mailtrap.assert_refuses_hostile_servers(
        sending, skip_scenarios={{"handshake-stalled": "it would be waited for"}}
    )
"""
REMARK = (
    "accepts a server that presents a certificate with a 1024-bit RSA key (certificate-weak-key)"
)


@pytest.mark.parametrize(
    ("test", "name"), [(ONE, f"test_one[[]{WEAK}]"), (FAMILY, "test_all")], ids=["one", "all"]
)
def test_remark_is_told(pytester, test, name):
    """The test passes, and the remark is shown under it and at the end of the run."""
    pytester.makepyfile(CLIENT + test.format(mark=""))
    result = pytester.runpytest("-rP", "-k", f"{WEAK} or test_all", "-p", "no:randomly")
    result.assert_outcomes(passed=1, deselected=29 if test is ONE else 0)
    result.stdout.fnmatch_lines(
        [
            "*Captured mail call*",
            f"remark: the client {REMARK}",
            "*= mail trap =*",
            "1 remark:",
            f"  *.py::{name}: {REMARK}",
        ]
    )


@pytest.mark.parametrize("test", [ONE, FAMILY], ids=["one", "all"])
@pytest.mark.parametrize("mark", ["strict=True", f"scenarios=['{WEAK}']"])
def test_no_remark_where_it_fails(pytester, test, mark):
    """The control: a failure is not a remark."""
    pytester.makepyfile(CLIENT + test.format(mark=f"@pytest.mark.mailtrap({mark})"))
    result = pytester.runpytest("-k", f"{WEAK} or test_all")
    result.assert_outcomes(failed=1, deselected=29 if test is ONE and "strict" in mark else 0)
    result.stdout.no_fnmatch_line("*remark:*")


def test_careful_client_has_no_remark(pytester):
    """The control: if nothing was accepted, there is nothing to report."""
    careful = CLIENT.replace("SECLEVEL=0", "SECLEVEL=2")
    pytester.makepyfile(careful + ONE.format(mark=""))
    result = pytester.runpytest("-rP", "-k", WEAK)
    result.assert_outcomes(passed=1, deselected=29)
    result.stdout.no_fnmatch_line("*remark:*")


def test_partial_wildcard(mailtrap):
    """The other remark: curl accepts such a name, as RFC 2818 allowed; that is not as bad as accepting any name."""
    verdict = verdict_on(mailtrap, WILDCARD, clients.secure_starttls)
    assert verdict.outcome == "refused"
    assert verdict.scenario.advisory
