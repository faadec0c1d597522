"""gevent, however late the application patches with it: interception and the guard hold, and the trap works."""

from __future__ import annotations

import pytest

pytest.importorskip("gevent", reason="gevent comes with pytest-mailtrap[test]")

# gevent warns that ssl has been imported before; it is the application that patches too late.
CALM = ("-p", "no:randomly", "-W", "ignore::gevent.monkey.MonkeyPatchWarning")
APPLICATION = """
{patch}
import smtplib, ssl

def send(host="smtp.provider.example", port=587, context=None):
    with smtplib.SMTP(host, port, timeout=10) as client:
        client.starttls(context=context or ssl.create_default_context())
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: x\\r\\n\\r\\n")
"""
PATCH = "from gevent import monkey; monkey.patch_all()"
INTERCEPTED = """
from app import send

def test_intercepted(mailtrap):
    send()
    mailtrap.assert_sent_over_tls()
    assert mailtrap[0].transport.server_host == "smtp.provider.example"
"""
GREENLETS = """
import gevent
from app import send

def test_many(mailtrap):
    gevent.joinall(
        [gevent.spawn(send, mailtrap.host, mailtrap.port, mailtrap.ssl_context) for _ in range(10)]
    )
    assert len(mailtrap) == 10

def test_waiting(mailtrap):
    gevent.spawn_later(0.01, send, mailtrap.host, mailtrap.port, mailtrap.ssl_context)
    mailtrap.wait_for(1)
"""
REFUSED = """
import pytest
from app import send
from pytest_mailtrap import MailGuardError

@pytest.mark.parametrize("host", ["smtp.provider.example", "198.51.100.5"])
def test_refused(host):
    with pytest.raises(MailGuardError):
        send(host)
"""
WITHIN_A_TEST = """
import smtplib
import pytest
from pytest_mailtrap import MailGuardError

@pytest.mark.parametrize("host", ["198.51.100.5", "smtp.provider.example"])
def test_patched_here_or_before(host):
    from gevent import monkey; monkey.patch_all()
    with pytest.raises(MailGuardError):
        smtplib.SMTP(host, 587, timeout=10)
"""


@pytest.fixture
def run(pytester):
    """Run a test module with an application that is patched, in a process of its own."""

    def run(source, *options, patch=PATCH):
        pytester.makepyfile(app=APPLICATION.format(patch=patch), test_app=source)
        return pytester.runpytest_subprocess(*CALM, *options, timeout=60)

    return run


@pytest.mark.parametrize("patch", [PATCH, ""], ids=["patched", "control"])
def test_intercepted(run, patch):
    """The application's own import patches it after the interception of the run has begun, or never."""
    run(INTERCEPTED, "--mailtrap-intercept=true", patch=patch).assert_outcomes(passed=1)


def test_control_not_intercepted(run):
    """Without interception nothing reaches the trap."""
    run(INTERCEPTED, "--mailtrap-guard=true").assert_outcomes(failed=1)


@pytest.mark.parametrize("source", [REFUSED, WITHIN_A_TEST], ids=["by an import", "in a test"])
def test_refused(run, source):
    """The guard refuses what gevent's sockets connect to, and the test fails although it has caught the error."""
    result = run(source, "--mailtrap-guard=true")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*to a real mail server, refused by the guard*"])


def test_greenlets(run):
    """They send at the same time, and in the background of a wait."""
    run(GREENLETS).assert_outcomes(passed=2)
