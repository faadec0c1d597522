"""The requirement `mail`: a test that names the trap, or has the marker, must send mail."""

from __future__ import annotations

import pytest
from _policy_outputs import failure, summary

from pytest_mailtrap._run.files.run_files import RunFiles

MAIL = 'mailtrap_policy = "enforce"\nmailtrap_require = ["tls", "mail"]'
TESTING = MAIL.replace("enforce", "testing")
# Each names the trap in another way, and can send by `trap`.
NAMED = {
    "argument": "def test_order(mailtrap):\n    trap = mailtrap\n    {what}\n",
    "usefixtures": """
@pytest.mark.usefixtures("mailtrap")
def test_order(request):
    trap = request.getfixturevalue("mailtrap")
    {what}
""",
    "fixture": """
@pytest.fixture
def client(mailtrap): return mailtrap

@pytest.fixture
def shop(client): return client

def test_order(shop):
    trap = shop
    {what}
""",
    "dynamic": """
def test_order(request):
    trap = request.getfixturevalue("mailtrap")
    {what}
""",
    "dynamic fixture": """
@pytest.fixture
def shop(request): return request.getfixturevalue("mailtrap")

def test_order(shop):
    trap = shop
    {what}
""",
    "own autouse": """
import unittest
class TestShop(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def trap(self, mailtrap): self.trap = mailtrap
    def test_order(self):
        trap = self.trap
        {what}
""",
    "marker": """
@pytest.mark.mailtrap(starttls="offer")
def test_order(mailtrap_factory):
    with mailtrap_factory() as trap:
        {what}
""",
}


@pytest.mark.parametrize("how", NAMED)
def test_a_test_that_names_the_trap_and_sends_nothing_fails(project, how):
    """It fails however it names the trap."""
    result = project(NAMED[how].format(what="pass"), ini=MAIL)
    result.assert_outcomes(failed=1)
    assert failure(result)[-2:] == [
        "Policy enforce: mail (mailtrap_require in pyproject.toml)",
        'To exempt this test: @pytest.mark.mailtrap(policy="none", reason="...")',
    ]
    assert summary(result)[1:] == [
        "1 test violates the policy:",
        next(line for line in summary(result) if line.endswith("test_order: sent no mail")),
    ]


@pytest.mark.parametrize("how", NAMED)
def test_a_test_that_names_the_trap_and_sends_passes(project, how):
    """The negative control: the same tests with their mail."""
    project(NAMED[how].format(what="send(trap)"), ini=MAIL).assert_outcomes(passed=1)


@pytest.mark.parametrize("how", NAMED)
def test_without_the_requirement_nothing_is_demanded(project, how):
    """The negative control: the same run without `mail`."""
    ini = 'mailtrap_policy = "enforce"'
    project(NAMED[how].format(what="pass"), ini=ini).assert_outcomes(passed=1)


def test_the_failure_says_what_did_happen(project):
    """The text is that of an assertion on an empty trap, plus the setting that requires the mail."""
    assert failure(project(NAMED["argument"].format(what="pass"), ini=MAIL)) == [
        "no message reached the trap",
        "",
        "  nothing connected to localhost:PORT (STARTTLS) or",
        "  localhost:PORT (implicit TLS)",
        "",
        "Send to the trap; wait for mail that is sent in the background:",
        "  host, port  mailtrap.host, mailtrap.port (or mailtrap.tls_port)",
        "  background  mailtrap.wait_for(1)",
        "More: README.md",
        "",
        "Policy enforce: mail (mailtrap_require in pyproject.toml)",
        'To exempt this test: @pytest.mark.mailtrap(policy="none", reason="...")',
    ]


def test_a_failed_handshake_is_its_evidence(project):
    """If something did connect, the failure shows what became of it."""
    source = """
def test_order(mailtrap):
    with pytest.raises(ssl.SSLError), smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
        client.starttls(context=ssl.create_default_context())
"""
    lines = failure(project(source, ini=MAIL))
    assert lines[:4] == [
        "no message reached the trap",
        "",
        "  connection 1 on the STARTTLS port:",
        "      client rejected the certificate: unknown CA",
    ]
    assert len(lines) <= 18
    assert max(map(len, lines)) <= 72


def test_a_marked_test_without_a_trap(project):
    """The marker alone means that mail is to be sent; there is no port to name."""
    source = "@pytest.mark.mailtrap(starttls='offer')\ndef test_order(): pass\n"
    assert failure(project(source, ini=MAIL))[:3] == [
        "no message reached a trap",
        "",
        "  nothing connected to a trap",
    ]


# -- who need not -----------------------------------------------------------------------------

CAREFUL = """
def sending(host, port):
    with smtplib.SMTP(host, port, timeout=5) as client:
        client.starttls(context=ssl.create_default_context())
        client.sendmail(FROM, TO, MAIL)
"""
FREE = {
    "no trap": "def test_order(): pass",
    "factory": "def test_order(mailtrap_factory): pass",
    "skipped by mark": "@pytest.mark.skip\ndef test_order(mailtrap): pass",
    "skipped": "def test_order(mailtrap): pytest.skip('no relay')",
    "skipped TestCase": NAMED["own autouse"].format(what="self.skipTest('no relay')"),
    "family": f"""{CAREFUL}
def test_order(mailtrap):
    mailtrap.assert_refuses_hostile_servers(sending, scenarios=["starttls-stripped"])
""",
    "judged family": f"""{CAREFUL}
def test_order(mailtrap):
    mailtrap.judge_hostile_servers(sending, scenarios=["starttls-stripped"])
""",
    "hostile": f"""{CAREFUL}
@pytest.mark.mailtrap(scenarios=["starttls-stripped"])
def test_order(hostile_mailtrap, mailtrap):
    hostile_mailtrap.assert_client_refuses(lambda: sending("localhost", hostile_mailtrap.port))
""",
    "hostile, not tried": """
@pytest.mark.mailtrap(scenarios=["starttls-stripped"])
def test_order(hostile_mailtrap): pass
""",
    "exempt": "@pytest.mark.mailtrap(policy='none', reason='r')\ndef test_order(mailtrap): pass",
    "required only": "@pytest.mark.mailtrap(require_only=['tls'], reason='r')\ndef test_order(mailtrap): pass",
    "finalizers": "def test_order(request): request.addfinalizer(lambda: None)",
}


@pytest.mark.parametrize("who", FREE)
def test_who_need_not_send(project, who):
    """There is no failure, and nothing is listed as a violation of the policy."""
    result = project(FREE[who], ini=MAIL)
    outcomes = result.parseoutcomes()
    assert {*outcomes} <= {"passed", "skipped"}
    assert "violates the policy" not in result.stdout.str()


def test_interception_of_the_run_demands_nothing(project):
    """Only tests that name the trap have to send mail."""
    ini = f"{MAIL}\nmailtrap_intercept = true"
    project("def test_order(): pass", ini=ini).assert_outcomes(passed=1)


CONFTEST = """
import pytest

@pytest.fixture
def shop(mailtrap): return mailtrap

@pytest.fixture(autouse=True)
def everywhere(shop): return shop
"""


@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        ("def test_order(): pass", "passed"),
        ("def test_order(everywhere): pass", "failed"),
        ("def test_order(shop): pass", "failed"),
        ("def test_order(mailtrap): pass", "failed"),
    ],
)
def test_an_autouse_fixture_of_a_conftest_speaks_for_no_test(project, pytester, source, outcome):
    """The trap it requests obliges only those tests that name the fixture themselves."""
    pytester.makeconftest(CONFTEST)
    project(source, ini=MAIL).assert_outcomes(**{outcome: 1})


def test_a_trap_of_the_whole_session_that_is_named_mailtrap(project, pytester):
    """A fixture that is set up once for all tests counts as named by each test that requests it."""
    pytester.makeconftest(
        """
import pytest

@pytest.fixture(scope="session")
def mailtrap(mailtrap_factory):
    with mailtrap_factory() as trap:
        yield trap

@pytest.fixture(scope="session")
def shop(mailtrap): return mailtrap
"""
    )
    source = """
def test_sends(shop): send(shop)
def test_silent(shop): pass
def test_else(): pass
"""
    result = project(source, "-v", ini=MAIL)
    result.stdout.fnmatch_lines(
        ["*test_sends PASSED*", "*test_silent FAILED*", "*test_else PASSED*"]
    )


# -- how it fails -----------------------------------------------------------------------------

SILENT = "def test_order(mailtrap): pass\n"


def test_a_failure_of_its_own_is_kept(project):
    """A test that fails before it sends shows its own failure, and is not listed."""
    for source in (
        "def test_order(mailtrap): assert 'mine' == 'yours'",
        NAMED["own autouse"].format(what="assert 'mine' == 'yours'"),
    ):
        result = project(source, ini=MAIL)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["E  *AssertionError: *'mine' *= 'yours'*"])
        assert "sent no mail" not in result.stdout.str()


def test_testing_lists_it(project):
    """In the mode "testing" the run passes, and the test is named."""
    result = project(SILENT, ini=TESTING)
    result.assert_outcomes(passed=1)
    assert summary(result) == [
        "no message reached a trap: the policy judged nothing",
        "1 test violates the policy:",
        "  test_shop.py::test_order: sent no mail",
    ]


def test_xfail_takes_it_for_a_failure(project):
    """It fails in the call phase, like any other policy violation."""
    project(f"@pytest.mark.xfail(strict=True)\n{SILENT}", ini=MAIL).assert_outcomes(xfailed=1)


def test_a_marker_may_require_it(project):
    """A marker may require mail of a single test, even if the run has no policy."""
    marker = "@pytest.mark.mailtrap(require=['mail'])\n"
    result = project(f"{marker}{SILENT}{SILENT.replace('order', 'other')}")
    result.assert_outcomes(failed=1, passed=1)
    assert failure(result)[-2] == "Policy enforce: mail (@pytest.mark.mailtrap)"
    sending = marker + SILENT.replace("pass", "send(mailtrap)")
    project(sending).assert_outcomes(passed=1)


def test_a_trap_cannot_require_it(project):
    """Whether a test sends mail cannot be decided by one of its traps."""
    source = "def test_order(mailtrap_factory): mailtrap_factory(require=['mail'])"
    project(source).stdout.fnmatch_lines(
        ["E *ValueError: 'mail' is a requirement for a test, not for a*"]
    )


def test_a_trap_has_no_say_in_it(project):
    """A trap that requires something else is not considered weaker, and the test still has to send mail."""
    source = """
def test_order(mailtrap_factory, mailtrap):
    with mailtrap_factory(require_only=["tls>=1.3"]) as trap: {}
"""
    project(source.format("send(trap)"), ini=MAIL).assert_outcomes(passed=1)
    project(source.format("pass"), ini=MAIL).assert_outcomes(failed=1)


@pytest.mark.parametrize(("require", "passed"), [("mail", 1), ("tls, mail", 0)])
def test_mail_is_required_as_others_are(project, require, passed):
    """A user's own list replaces the default: the header line shows the result."""
    ini = f'mailtrap_policy = "enforce"\nmailtrap_require = "{require}"'
    result = project("def test_order(mailtrap): send(mailtrap, tls=False)", ini=ini)
    result.assert_outcomes(passed=passed, failed=1 - passed)
    result.stdout.fnmatch_lines([f"mailtrap: policy enforce ({require}), set by *"])


def test_mail_that_is_forgotten_has_been_sent(project):
    """`clear()` empties the trap, but the mail still counts as sent."""
    source = "def test_order(mailtrap):\n    send(mailtrap)\n    mailtrap.clear()\n"
    project(source, ini=MAIL).assert_outcomes(passed=1)


def test_the_record_has_it(project, pytester):
    """A test with a connection and no mail has a record: its violation names neither message nor connection."""
    source = """
def test_order(mailtrap):
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=10) as client:
        client.ehlo()
"""
    project(source, "--mailtrap-save=mail", "--junitxml=junit.xml", ini=MAIL)
    [record] = RunFiles(pytester.path / "mail").records()
    assert record["violations"] == [
        {
            "requirement": "mail",
            "code": "no-mail",
            "text": "sent no mail",
            "message": None,
            "connection": None,
        }
    ]
    assert "no message reached the trap" in (pytester.path / "junit.xml").read_text("utf-8")


def test_github_is_told_where(project, pytester, monkeypatch):
    """A test that should have sent mail is annotated like one that sent what it should not have."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / "step.md"))
    result = project(SILENT, ini=MAIL)
    result.stdout.fnmatch_lines(["::error file=*line=3,*::test_shop.py::test_order: sent no mail"])
    assert "| sent no mail |" in (pytester.path / "step.md").read_text("utf-8")


def test_workers_know_it_too(project):
    """Under pytest-xdist the same test fails, and the controller lists it."""
    result = project(SILENT + "def test_sends(mailtrap): send(mailtrap)\n", "-n", "1", ini=MAIL)
    result.assert_outcomes(passed=1, failed=1)
    assert summary(result)[-1] == "  test_shop.py::test_order: sent no mail"
