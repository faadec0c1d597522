"""A run ends with the totals, or with nothing if there is nothing to report."""

from __future__ import annotations

import pytest
from _optional_parts import needs_smime
from _policy_outputs import summary, totals

from pytest_mailtrap._run.files.run_files import RunFiles

SUITE = """
def test_modern(mailtrap): send(mailtrap)
def test_older(mailtrap): send(mailtrap, maximum=ssl.TLSVersion.TLSv1_2)
def test_bare(mailtrap):
    for _ in range(4): send(mailtrap, tls=False)
@pytest.mark.mailtrap(policy="none", reason="the printer speaks no TLS")
def test_printer(mailtrap): send(mailtrap, tls=False)
def test_refused(mailtrap):
    for _ in range(2):
        with pytest.raises(ssl.SSLError), smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
            client.starttls(context=ssl.create_default_context())
def test_without(mailtrap): pass
"""
TOTALS = [
    "================================== mail trap ===================================",
    "7 messages in 4 tests: 1 TLSv1.3, 1 TLSv1.2, 5 in cleartext",
    "policy testing (tls): 6 messages judged",
    "2 connections failed in the handshake:",
    "  client rejected the certificate: unknown CA (2)",
    "1 test violates the policy:",
    "  test_shop.py::test_bare: #1 was sent in cleartext; #2 was sent in cleartext; #3 was sent in cleartext; 1 more",
    "1 test exempt from the policy:",
    "  test_shop.py::test_printer: the printer speaks no TLS",
]
TESTING = 'mailtrap_policy = "testing"'


def test_the_totals_of_a_run(project):
    """Messages, TLS versions, cleartext, refused connections, violations, and exceptions with their reasons."""
    result = project(SUITE, ini=TESTING)
    result.assert_outcomes(passed=6)
    assert totals(result) == TOTALS


@needs_smime
def test_signatures_are_counted(project):
    """Signed and encrypted messages are included in the totals."""
    source = """
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

def test_invoice(mailtrap):
    me = mailtrap.smime_identity("noreply@example.org")
    builder = pkcs7.PKCS7SignatureBuilder().set_data(b"Content-Type: text/plain\\r\\n\\r\\nInvoice\\r\\n")
    builder = builder.add_signer(me.certificate, me.private_key, SHA256())
    signed = builder.sign(Encoding.SMIME, [pkcs7.PKCS7Options.DetachedSignature])
    send(mailtrap, mail=b"From: noreply@example.org\\r\\n" + signed)
    send(mailtrap)
"""
    assert totals(project(source, ini=TESTING))[1:] == [
        "2 messages in 1 test: 2 TLSv1.3, 1 S/MIME signed",
        "policy testing (tls): 2 messages judged",
    ]


@pytest.mark.parametrize("ini", ["", 'mailtrap_policy = "none"'])
def test_nothing_is_said_where_nothing_is_set(project, ini):
    """Without a policy, there is neither a header nor a summary."""
    result = project(
        SUITE.replace("policy", "starttls").replace(
            '"none", reason="the printer speaks no TLS"', '"offer"'
        ),
        ini=ini,
    )
    result.assert_outcomes(passed=6)
    result.stdout.no_fnmatch_line("*mail*trap*:*policy*")
    assert not totals(result)


def test_a_policy_that_judged_nothing_says_so(project):
    """If there is a policy but no mail, the run passes, and the summary says that nothing was judged."""
    result = project("def test_nothing(): pass", ini=TESTING)
    result.stdout.fnmatch_lines(
        ["mailtrap: policy testing (tls), set by mailtrap_policy in pyproject.toml"]
    )
    assert summary(result) == ["no message reached a trap: the policy judged nothing"]


@pytest.mark.parametrize("option", ["--collect-only", "--setup-only", "--fixtures"])
def test_a_run_that_only_lists_something_does_not(project, option):
    """If no tests are run, no mail is expected."""
    result = project("def test_nothing(mailtrap): pass", option, ini=TESTING)
    assert not totals(result)


def test_mail_that_is_exempt_is_not_judged(project):
    """Mail that a marker exempts has reached a trap, but was not judged by any policy."""
    marker = "@pytest.mark.mailtrap(policy='none', reason='an old relay')"
    source = f"{marker}\ndef test_order(mailtrap): send(mailtrap, tls=False)"
    assert summary(project(source, ini=TESTING))[:2] == [
        "1 message in 1 test: 1 in cleartext",
        "policy testing (tls): 0 messages judged",
    ]


OWN_POLICIES = """
@pytest.mark.mailtrap(policy="enforce")
def test_order(mailtrap): send(mailtrap)

@pytest.mark.mailtrap(policy="testing")
def test_nothing(): pass

def test_trap(mailtrap_factory):
    with mailtrap_factory(require=["tls"]) as trap:
        send(trap)

def test_trap_alone(mailtrap_factory):
    with mailtrap_factory(require=["tls"]): pass

def test_free(mailtrap): send(mailtrap, tls=False)

@pytest.mark.mailtrap(policy="none")
def test_marked(mailtrap): send(mailtrap, tls=False)
"""


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["one process", "workers"])
def test_the_policies_of_tests_say_what_they_judged(project, options):
    """If the run has no policy of its own; mail from tests without a policy is not counted."""
    result = project(OWN_POLICIES, *options)
    result.assert_outcomes(passed=6)
    assert summary(result) == ["policies of 4 tests: 2 messages judged"]


def test_the_policy_of_a_test_that_judged_nothing_says_so(project):
    """Just as the policy of a run does."""
    marker = "@pytest.mark.mailtrap(policy='enforce')\n"
    assert summary(project(f"{marker}def test_nothing(mailtrap): pass")) == [
        "the policy of 1 test judged nothing"
    ]
    assert not summary(project("def test_nothing(mailtrap): pass"))
    assert not summary(project(f"{marker}def test_nothing(mailtrap): pass", "--setup-only"))


@pytest.mark.parametrize(("body", "has_properties"), [("pass", False), ("send(mailtrap)", True)])
def test_a_test_case_without_mail_has_no_properties(project, pytester, body, has_properties):
    """Having a policy does not count as having mail; if there is mail, the properties are present."""
    marker = "@pytest.mark.mailtrap(policy='enforce')\n"
    options = ("--junitxml=junit.xml", "-o", "mailtrap_junit_properties=true")
    project(f"{marker}def test_order(mailtrap): {body}", *options).assert_outcomes(passed=1)
    written = (pytester.path / "junit.xml").read_text(encoding="utf-8")
    assert ("mailtrap.messages" in written) is has_properties


@needs_smime
@pytest.mark.parametrize(("empty", "judged"), [(True, "0 messages"), (False, "1 message")])
def test_where_nothing_is_required_nothing_is_judged(project, empty, judged):
    """For example, with `require_only=[]`; if there is a requirement, the mail is judged."""
    require = [] if empty else ["smime-signed"]
    marker = f"@pytest.mark.mailtrap(require_only={require}, reason='an old relay')"
    source = f"{marker}\ndef test_order(mailtrap): send(mailtrap, tls=False)"
    assert summary(project(source, ini=TESTING))[1] == f"policy testing (tls): {judged} judged"


def test_workers_that_got_no_mail_judged_nothing(project):
    """Under pytest-xdist, the controller reports it, once."""
    result = project("def test_nothing(mailtrap): pass", "-n", "1", ini=TESTING)
    result.assert_outcomes(passed=1)
    assert summary(result) == ["no message reached a trap: the policy judged nothing"]


def test_a_run_without_terminal_reporter_works(project):
    """With `-p no:terminal`, the tests still run, and the policy still applies to them."""
    result = project(SUITE, "-p", "no:terminal", ini='mailtrap_policy = "enforce"')
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.outlines == []
    assert result.errlines == []


@pytest.mark.parametrize(
    ("options", "where"),
    [((), "(outside of tests)"), (("-n", "1"), "(outside of tests) gw0")],
    ids=["one process", "workers"],
)
def test_mail_between_tests_is_put_down_to_no_test(project, pytester, options, where):
    """Mail that a plugin sends between tests is in the totals and is saved, but is not attributed to any test."""
    pytester.makeconftest(
        """
import pytest, sending

@pytest.fixture(scope="session", autouse=True)
def shared(mailtrap_factory, request):
    with mailtrap_factory() as trap:
        request.config.trap = trap
        yield

def pytest_runtest_logfinish(nodeid):
    if "test_one" in nodeid and hasattr(configuration, "trap"):
        sending.send(configuration.trap, tls=False)

def pytest_configure(config):
    global configuration
    configuration = config
"""
    )
    source = "def test_one(): pass\ndef test_two(): pass"
    options += ("--mailtrap-save=mail",)
    result = project(source, *options, ini=TESTING)
    assert f"  {where}: #1 was sent in cleartext" in totals(result)
    [record] = RunFiles(pytester.path / "mail").records()
    assert record["test"] == where
