"""`mailtrap_credentials`: the login that all traps of a run accept, so that production settings can log in."""

from __future__ import annotations

import pytest

PASSWORD = "p4ss:w0rd-of-production"
SHOP = f"""
import smtplib, ssl
import pytest

SHOP = ("shop", "{PASSWORD}")

def log_in(host, port, user, password, context=None):
    with smtplib.SMTP(host, port, timeout=10) as client:
        client.starttls(context=context or ssl.create_default_context())
        client.login(user, password)
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: Hi\\r\\n\\r\\n")

def log_in_to(trap, user, password):
    log_in(trap.host, trap.port, user, password, trap.ssl_context)
"""
INTERCEPTED = """
def test_production_settings(mailtrap):
    log_in("smtp.example-provider.com", 587, *SHOP)
    [message] = mailtrap
    assert (message.auth.username, message.auth.password) == SHOP
    mailtrap.assert_authenticated(username="shop")
    assert (mailtrap.username, mailtrap.password) == SHOP
"""
# Every trap of the run: the test's own, one of the factory, and the hostile ones.
EVERYWHERE = """
def test_factory(mailtrap_factory):
    with mailtrap_factory() as trap:
        log_in_to(trap, *SHOP)
        assert trap[0].auth.username == "shop"

@pytest.mark.mailtrap(scenarios=["starttls-stripped"])
def test_hostile(hostile_mailtrap):
    hostile_mailtrap.assert_client_refuses(
        lambda: log_in(hostile_mailtrap.host, hostile_mailtrap.port, *SHOP)
    )

def test_family(mailtrap):
    mailtrap.assert_refuses_hostile_servers(
        lambda host, port: log_in(host, port, *SHOP), scenarios=["starttls-stripped"]
    )
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Run a test of the shop, whose login is in the environment; no output of it may contain the password."""
    monkeypatch.setenv("SHOP_SMTP", f"shop:{PASSWORD}")

    def run(test, *options, setting="SHOP_SMTP"):
        pytester.makepyfile(f"{SHOP}\n{test}")
        pytester.makepyprojecttoml(
            f"[tool.pytest.ini_options]\nmailtrap_intercept = true\nmailtrap_credentials = '{setting}'\n"
        )
        result = pytester.runpytest_inprocess("-p", "no:cacheprovider", *options)
        assert PASSWORD not in result.stdout.str() + result.stderr.str()
        return result

    return run


def test_production_settings_log_in(run):
    """With the variable in the ini file, no test needs a marker; the password may contain a colon."""
    result = run(INTERCEPTED)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "mailtrap: traps accept the user and password in SHOP_SMTP, set by mailtrap_credentials in pyproject.toml"
        ]
    )


def test_control_without_the_setting(run):
    """The control: the trap makes up a pair, and refuses that of production."""
    result = run(INTERCEPTED, "-o", "mailtrap_credentials=")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*  or for the whole run: mailtrap_credentials = VARIABLE"])


@pytest.mark.parametrize("setting", ["SHOP_SMTP", "any"])
def test_every_trap_accepts_it(run, setting):
    """A trap of the factory and hostile servers have the setting too: the client gets as far as with its real server."""
    run(EVERYWHERE, setting=setting).assert_outcomes(passed=3)


def test_control_every_trap_refuses_it(run):
    """The control: without the setting, no trap accepts the login, and no hostile server can be judged."""
    run(EVERYWHERE, "-o", "mailtrap_credentials=").assert_outcomes(failed=3)


def test_any(run):
    """Every user and password is accepted and recorded; a pair for the application is made up nevertheless."""
    test = """
def test_any(mailtrap):
    for pair in [SHOP, ("desk", "x"), (mailtrap.username, mailtrap.password)]:
        log_in_to(mailtrap, *pair)
        auth = mailtrap[-1].auth
        assert (auth.username, auth.password, auth.accepted) == (*pair, True)
"""
    result = run(test, setting="any")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["mailtrap: traps accept any user and password, set by *"])


def test_a_marker_overrides(run):
    """The credentials of a marker or of a trap replace those of the run."""
    test = """
@pytest.mark.mailtrap(credentials=("desk", "desk-secret"))
def test_marked(mailtrap, mailtrap_factory):
    log_in_to(mailtrap, "desk", "desk-secret")
    with pytest.raises(smtplib.SMTPAuthenticationError):
        log_in_to(mailtrap, *SHOP)
    with mailtrap_factory(credentials="any") as trap:
        log_in_to(trap, "anybody", "anything")
"""
    run(test).assert_outcomes(passed=1)


def test_the_command_line_and_workers(run):
    """The flag overrides the ini file; the workers of pytest-xdist have the setting as well."""
    run(INTERCEPTED, "--mailtrap-credentials=SHOP_SMTP", "-n1", setting="any").assert_outcomes(passed=1)  # fmt: skip


@pytest.mark.parametrize("setting", ["SHOP_SMTP", "any"])
def test_a_password_in_the_report_of_a_hostile_server(run, setting):
    """What the application says about a hostile server is shown without its password, even if that is only known from its login."""
    test = """
def send(host, port):
    try:
        log_in(host, port, *SHOP)
    except Exception as error:
        raise RuntimeError(f"{type(error).__name__} with {SHOP[1]}") from None

def test_family(mailtrap):
    [_, refused] = mailtrap.judge_hostile_servers(send, scenarios=["starttls-stripped"])
    print("said:", refused.attempt)
"""
    result = run(test, "-s", setting=setting)
    result.stdout.fnmatch_lines(["*said: *SMTPNotSupportedError with [[]redacted]*"])


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("NOT_SET", "the environment variable NOT_SET is not set"),
        ("EMPTY", "the environment variable EMPTY must hold user:password"),
        ("NO_COLON", "the environment variable NO_COLON must hold user:password"),
        ("NO_USER", "the environment variable NO_USER must hold user:password"),
        (
            f"shop:{PASSWORD}",
            "expected the name of an environment variable that holds user:password, or any",
        ),
        ("", "expected the name of an environment variable that holds user:password, or any"),
    ],
)
def test_a_wrong_setting(run, monkeypatch, setting, text):
    """A variable that is not set is named; what it holds, or a password in the place of its name, is never shown."""
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("NO_COLON", PASSWORD.replace(":", ""))
    monkeypatch.setenv("NO_USER", f":{PASSWORD}")
    result = run("def test_it(): pass", f"--mailtrap-credentials={setting}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --mailtrap-credentials on the command line: {text}"])
    assert "w0rd" not in result.stderr.str()
