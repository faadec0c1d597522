"""
Nothing of a trap lives on after its test: neither the trap nor its messages, and not until the garbage collector runs.

pytest keeps every test until the end of the run, so what a test is given to remember would stay as long.
"""

from __future__ import annotations

import json
from importlib.util import find_spec

import pytest

# What a trap consists of. aiosmtpd's engine, which sessions are copied from, is made once.
CONFTEST = """
import gc, json, os, pathlib, sys
import pytest

OF_A_TRAP = {
    *("MailTrap", "HostileMailTrap", "RunningServer", "Behavior", "Inbox", "CapturedMessage", "ReceivedMessage"),
    *("Connection", "Facts", "Recorder", "SMTPConnectionProtocol", "TrapSMTP", "Handshake", "TLSLayer"),
    *("LineReader", "CoroutineDriver", "FaultInjector", "Route"),
}
# These have only sockets, which are closed, and refer to each other or to asyncio's transports.
WITHOUT_MAIL = {"Server", "Listener"}
LINES = pathlib.Path("alive.jsonl")

def alive(kinds):
    from pytest_mailtrap._smtp.session import _engines

    engines = [*map(id, _engines.values())]
    found = [it for it in gc.get_objects() if type(it).__name__ in kinds and id(it) not in engines]
    return sorted(
        type(it).__name__ for it in found if type(it).__module__.startswith("pytest_mailtrap.")
    )

def pytest_sessionstart():
    gc.collect()
    gc.disable()

def pytest_sessionfinish():
    gc.enable()

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    # For debuggers, pytest keeps the last failure; it belongs to the user, with all that is in its traceback.
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        if hasattr(sys, name):
            delattr(sys, name)
    by_itself = alive(OF_A_TRAP)
    gc.collect()
    line = {"test": item.name, "by itself": by_itself, "collected": alive(OF_A_TRAP | WITHOUT_MAIL)}
    with LINES.open("a") as file:
        file.write(json.dumps(line) + "\\n")
"""
# After each test with a trap there is one without, which sees what is left.
SUITE = """
import contextlib, socket
import pytest

kept = []
NUMBERS = pytest.mark.parametrize("number", range(3))

@NUMBERS
def test_passes(mailtrap, number):
    send(mailtrap)
    assert len(mailtrap) == 1

@NUMBERS
def test_after_passing(number): pass

@NUMBERS
def test_fails(mailtrap, number):
    send(mailtrap)
    assert len(mailtrap) == 2

@NUMBERS
def test_after_failing(number): pass

def test_skips(mailtrap):
    send(mailtrap, tls=False)
    pytest.skip("in the middle")

def test_after_skipping(): pass

def test_unfired_fault(mailtrap):
    send(mailtrap)
    mailtrap.reply("VRFY", 550)

def test_after_an_unfired_fault(): pass

def test_many_messages(mailtrap):
    for _ in range(5):
        send(mailtrap, login=True)
    assert mailtrap.connections[0].messages == (mailtrap[0],)
    assert mailtrap[0].subject == "Your order"

def test_after_many_messages(): pass

@pytest.mark.mailtrap(intercept=True)
def test_interception(mailtrap):
    with smtplib.SMTP("smtp.example.com", 587, timeout=10) as client:
        client.starttls(context=mailtrap.ssl_context)
        client.sendmail(FROM, TO, MAIL)

def test_after_interception(): pass

@pytest.mark.mailtrap(scenarios=["starttls-stripped", "certificate-not-trusted"])
def test_hostile(hostile_mailtrap):
    def application(host, port):
        with smtplib.SMTP(host, port, timeout=10) as client:
            client.starttls(context=ssl.create_default_context())
            client.sendmail(FROM, TO, MAIL)
    hostile_mailtrap.assert_client_refuses(application)

def test_after_hostile(): pass

def leave_open(port, *lines):
    # A client that the application never closes, in the middle of something.
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    kept.append(client)
    for line in lines:
        client.recv(1000)
        client.sendall(line)

STATES = {
    "silent": [],
    "in data": [b"EHLO a\\r\\n", b"MAIL FROM:<a@a>\\r\\n", b"RCPT TO:<a@a>\\r\\n", b"DATA\\r\\n", b"half a mess"],
    "before tls": [b"STARTTLS\\r\\n"],
    "delayed": [b"NOOP\\r\\n"],
}

@pytest.mark.parametrize("state", STATES)
def test_open_client(mailtrap, state):
    if state == "delayed":
        mailtrap.delay("NOOP", 50)
    leave_open(mailtrap.port, *STATES[state])
    leave_open(mailtrap.tls_port)
    assert len(mailtrap.connections) == 2

@pytest.mark.parametrize("state", STATES)
def test_after_an_open_client(state): pass

def test_factory(mailtrap_factory):
    with mailtrap_factory() as one, mailtrap_factory(starttls="require") as other:
        send(one)
        send(other)

def test_after_the_factory(): pass

class TestOfAClass:
    @pytest.fixture(scope="class")
    def trap(self, mailtrap_factory):
        with mailtrap_factory() as trap:
            yield trap

    def test_of_a_class(self, trap):
        send(trap)

    def test_is_alive_within_the_class(self, trap):
        assert len(trap) == 1

def test_after_the_class(): pass
"""
# As part of the suite above, this one's object stays.
KEEPING = """
kept = []
def test_keeps(mailtrap):
    send(mailtrap)
    kept.append({what})
def test_after_keeping(): pass
"""
# A traceback and its frames refer to each other: what a test has raised is freed by the garbage collector, whoever runs it.
AFTER_AN_EXCEPTION = {
    *("test_fails[1]", "test_fails[2]", "test_after_failing[0]"),
    *("test_after_skipping", "test_after_an_unfired_fault"),
}
WITH_ALL = (
    *("--mailtrap-policy=testing", "--mailtrap-report=mail.html", "--mailtrap-save=mail"),
    "--mailtrap-expect-mail",
)
ENFORCED = ("--mailtrap-policy=enforce", "--mailtrap-guard")
ON_A_WORKER = ("-n", "1")
RERUN = ("-p", "rerunfailures", "--reruns=1", "-p", "no:xdist")
needs_report = pytest.mark.skipif(find_spec("jinja2") is None, reason="the report needs Jinja2")
needs_xdist = pytest.mark.skipif(find_spec("xdist") is None, reason="needs pytest-xdist")
needs_reruns = pytest.mark.skipif(
    find_spec("pytest_rerunfailures") is None, reason="pytest-rerunfailures is not installed"
)


@pytest.fixture
def alive(pytester, project):
    """Run a suite in a process of its own, and return what is alive when each test begins: `alive(suite, *options)`."""

    def run(suite, *options, conftest=CONFTEST):
        pytester.makeconftest(conftest)
        result = project(suite, *options, subprocess=True)
        lines = (pytester.path / "alive.jsonl").read_text(encoding="utf-8").splitlines()
        return result, [json.loads(line) for line in lines]

    return run


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="without settings"),
        pytest.param(WITH_ALL, id="report and files", marks=needs_report),
        pytest.param(ENFORCED, id="enforced"),
        pytest.param(ON_A_WORKER, id="worker", marks=needs_xdist),
    ],
)
def test_nothing_of_an_ended_test_is_alive(alive, options):
    """
    Whatever a test did, the next one finds nothing of its trap.

    If it raised nothing, no garbage collection was needed to free its mail.
    """
    result, lines = alive(SUITE, *options)
    outcomes = result.parseoutcomes()
    # test_fails three times, and the unfired fault; with an enforced policy, the mail in cleartext as well.
    assert outcomes["failed"] == 4 + ("--mailtrap-policy=enforce" in options)
    assert len(lines) == sum(
        outcomes[name] for name in ("passed", "failed", "skipped") if name in outcomes
    )
    within = "test_is_alive_within_the_class"
    left = {line["test"]: line for line in lines if line["by itself"] or line["collected"]}
    assert left.pop(within)["collected"].count("RunningServer") == 1
    assert {test for test, line in left.items() if line["collected"]} == set()
    assert left.keys() == AFTER_AN_EXCEPTION


@needs_reruns
def test_nothing_of_a_rerun_test_is_alive(alive):
    """A test that is run again has a new trap; that plugin keeps the traceback of the first run, but no other does."""
    suite = """
runs = []
@pytest.mark.parametrize("number", range(3))
def test_flaky(mailtrap, number):
    send(mailtrap)
    runs.append(number)
    if runs.count(number) == 1:
        del mailtrap
        raise ValueError("the first time")
def test_after(): pass
"""
    forget = """
def pytest_fixture_post_finalizer(fixturedef, request):
    if fixturedef.argname == "mailtrap":
        for failures in getattr(request.node, "_rerun_condition_excinfos", {}).values():
            failures.clear()
"""
    result, lines = alive(suite, *RERUN, conftest=CONFTEST + forget)
    assert result.parseoutcomes() == {"passed": 4, "rerun": 3}
    assert len(lines) == 7
    assert [line["collected"] for line in lines] == [[]] * 7


@pytest.mark.parametrize(
    ("what", "stays"),
    [
        ("mailtrap", ["CapturedMessage", "Connection", "Inbox", "MailTrap", "RunningServer"]),
        ("mailtrap[0]", ["CapturedMessage", "Connection"]),
        ("mailtrap.connections[0]", ["CapturedMessage", "Connection"]),
        ("mailtrap.ssl_context", []),
    ],
)
def test_what_the_test_itself_keeps_stays(alive, what, stays):
    """The negative control: what a test keeps is found; a message or a connection does not keep its trap."""
    result, [_, line] = alive(KEEPING.format(what=what))
    assert result.parseoutcomes() == {"passed": 2}
    looked_for = {"CapturedMessage", "Connection", "Inbox", "MailTrap", "RunningServer", "Server"}
    assert sorted(looked_for & {*line["by itself"]}) == stays
    assert ("Server" in line["collected"]) is ("MailTrap" in stays)


@pytest.mark.parametrize("broken", ["forget", "_let_go"])
def test_the_ingredients_are_needed(alive, broken):
    """The negative control: if a test's checks are not forgotten, or a connection does not let go, its trap is alive."""
    breaking = {
        "forget": "import pytest_mailtrap.plugin as p; p.forget = lambda item: None",
        "_let_go": (
            "from pytest_mailtrap._smtp.connection_protocol import SMTPConnectionProtocol as P; "
            "P._let_go = lambda self: None"
        ),
    }[broken]
    _, [_, line] = alive(KEEPING.format(what="None"), conftest=f"{breaking}\n{CONFTEST}")
    assert "Inbox" in line["by itself"]
    assert ("Inbox" in line["collected"]) is (broken == "forget")
