"""The guard: no test reaches a real mail server, and no application hides that it tried."""

from __future__ import annotations

import _socket
import pickle
import signal
import smtplib
import socket
import subprocess
import sys
import textwrap

import pytest
from _tracebacks import OWN_FRAME

from pytest_mailtrap import MailGuardError
from pytest_mailtrap._intercept.guard import Guard, RefusedConnection, explain_attempts
from pytest_mailtrap._intercept.socket_functions import guarding

HOST = "smtp.example-provider.com"

SEND = f"""
import smtplib

import pytest

def send(port=587):
    smtplib.SMTP("{HOST}", port, timeout=5)

def send_and_hide(port=587):
    try:
        send(port)
    except OSError:
        pass
"""


def run(pytester: pytest.Pytester, test: str, *arguments: str) -> pytest.RunResult:
    pytester.makepyfile(
        shop=SEND,
        test_shop=f"import pytest, smtplib, socket\nfrom shop import send, send_and_hide\n{test}",
    )
    return pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:cacheprovider", *arguments)


# -- the error ----------------------------------------------------------------------------


def test_the_error_is_a_connection_that_failed() -> None:
    """Applications handle it as such; it names host, port, test and the two ways out."""
    with (
        guarding(Guard("test_shop.py::test_order")),
        pytest.raises(ConnectionRefusedError) as caught,
    ):
        smtplib.SMTP(HOST, 587)
    error = caught.value
    assert isinstance(error, MailGuardError)
    assert (error.host, error.port, error.test) == (HOST, 587, "test_shop.py::test_order")
    assert str(error).splitlines() == [
        f"the mail guard refused {HOST}:587",
        "  while test_shop.py::test_order ran",
        "",
        "Send it to a trap, or exempt the test:",
        "  @pytest.mark.mailtrap(intercept=True)  and the mailtrap fixture",
        "  @pytest.mark.mailtrap(guard=False)     real mail is sent",
    ]


def test_the_error_survives_the_way_from_another_process() -> None:
    """Process pools pickle what their workers raise."""
    with guarding(Guard()), pytest.raises(MailGuardError) as caught:
        socket.create_connection((HOST, 25))
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.host, copy.port) == (str(caught.value), HOST, 25)


@pytest.mark.parametrize("port", [25, 465, 587, 2525, "smtp"])
@pytest.mark.parametrize(
    "host", [HOST, f"{HOST.upper()}.", "192.0.2.25", "2001:db8::25", "::ffff:192.0.2.25", "mail"]
)
def test_mail_ports_of_other_hosts_are_refused(host: str, port: int | str) -> None:
    """By name before any resolver hears of it, by address when it connects."""
    guard = Guard()
    with guarding(guard), pytest.raises(MailGuardError):
        socket.create_connection((host, port))
    assert len(guard.take_all()) == 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "127.1", "::ffff:127.0.0.1"])
def test_this_machine_is_not_refused(host: str) -> None:
    """Loopback is no real server: the connection is tried, and fails or not as it would without a guard."""
    guard = Guard()
    with guarding(guard):
        error = None
        try:
            socket.create_connection((host, 2525), timeout=5).close()
        except OSError as raised:
            error = raised
        assert not isinstance(error, MailGuardError)
    assert guard.take_all() == []


def test_other_ports_are_not_refused(asked: list[str]) -> None:
    """A web server is none of the guard's business."""
    guard = Guard()
    with guarding(guard), pytest.raises(socket.gaierror):
        socket.create_connection((HOST, 443))
    assert asked == [HOST]
    asked.clear()
    assert guard.take_all() == []


def test_the_way_out_inside_the_guard(asked: list[str]) -> None:
    """None inside a guard lets everything out: the name goes to the resolver."""
    with guarding(Guard()), guarding(None), pytest.raises(socket.gaierror):
        socket.create_connection((HOST, 587))
    assert asked == [HOST]
    asked.clear()


def test_a_long_path_does_not_hide_the_test() -> None:
    """Of a node id that a line has no room for the end is shown, where the name stands."""
    node = f"tests/{'deeper/' * 9}test_shop.py::TestShop::test_receipt"
    guard = Guard(test=node)
    lines = str(guard.refuse(HOST, 587)).splitlines()
    assert lines[1].startswith("  while ...deeper/")
    assert lines[1].endswith("/test_shop.py::TestShop::test_receipt ran")
    assert len(lines[1]) == 72
    assert lines[1] in explain_attempts(guard.take_all()).splitlines()


def test_a_table_of_attempts_stays_short() -> None:
    """Repeated attempts are counted, many are cut, and no line is too long."""
    attempts = [
        RefusedConnection(
            host=f"{'x' * 60}-{n}.example", port=25, test="t.py::test", place="a.py:1 in send"
        )
        for n in range(9)
    ]
    text = explain_attempts([*attempts, attempts[0]])
    assert text.startswith("10 connections to a real mail server, refused by the guard\n")
    assert "... and" in text
    assert len(text.splitlines()) <= 18
    assert max(map(len, text.splitlines())) <= 72


# -- in a run -----------------------------------------------------------------------------


def test_off_by_default(pytester: pytest.Pytester) -> None:
    """Without a setting or a marker nothing is replaced, and nothing of it is imported."""
    pytester.makepyfile(
        """
        import _socket, socket, ssl, sys

        def test_nothing_is_imported_for_it():
            assert "pytest_mailtrap._intercept.guard" not in sys.modules

        def test_nothing_is_replaced(mailtrap):
            assert "connect" not in vars(socket.socket)
            assert "connect_ex" not in vars(socket.socket)
            for function in (_socket.getaddrinfo, socket.gethostbyname, socket.gethostbyname_ex):
                assert type(function) is type(len)
            assert ssl.SSLContext.load_default_certs.__module__ == "ssl"
        """
    )
    pytester.runpytest_subprocess("-p", "no:randomly").assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("setting", "flags", "marker", "refused"),
    [
        ("", (), "", False),
        ("true", (), "", True),
        ("false", (), "", False),
        ("", ("--mailtrap-guard",), "", True),
        ("", ("--mailtrap-guard=true",), "", True),
        ("true", ("--mailtrap-guard=false",), "", False),
        ("false", ("--mailtrap-guard",), "", True),
        ("", (), "guard=True", True),
        ("true", (), "guard=False", False),
        ("true", (), "guard=None", True),
        ("", ("--mailtrap-intercept",), "", True),
        ("", ("--mailtrap-intercept=smtp.elsewhere.example",), "", True),
        ("", ("--mailtrap-intercept=false",), "", False),
        ("false", ("--mailtrap-intercept",), "", False),
    ],
)
def test_where_it_is_set(
    pytester: pytest.Pytester,
    asked: list[str],
    setting: str,
    flags: tuple[str, ...],
    marker: str,
    refused: bool,
) -> None:
    """The ini file, the command line, the marker, of which each counts more than the one before; intercepting a run implies it."""
    if setting:
        pytester.makeini(f"[pytest]\nmailtrap_guard = {setting}\n")
    result = run(
        pytester,
        f"""
@pytest.mark.mailtrap({marker})
def test_order():
    send_and_hide()
""",
        *flags,
    )
    result.assert_outcomes(failed=int(refused), passed=int(not refused))
    assert asked == ([] if refused else [HOST])
    asked.clear()


def test_an_application_that_hides_the_error_fails_the_test(pytester: pytest.Pytester) -> None:
    """The failure says what was tried, how often, from where, in which test, and the ways out."""
    result = run(
        pytester,
        """
def test_order():
    for _ in range(3):
        send_and_hide()
    send_and_hide(25)

def test_next():
    pass
""",
        "--mailtrap-guard",
    )
    result.assert_outcomes(failed=1, passed=1)
    assert "\n".join(result.outlines).partition("test_order ____")[2].splitlines()[1:14] == [
        "4 connections to a real mail server, refused by the guard",
        "",
        f"  {HOST}:587 (3 times)",
        "      at shop.py:6 in send",
        f"  {HOST}:25",
        "      at shop.py:6 in send",
        "",
        "  while test_shop.py::test_order ran",
        "",
        "The application caught the error and continued.",
        "Send it to a trap, or exempt the test:",
        "  @pytest.mark.mailtrap(intercept=True)  and the mailtrap fixture",
        "  @pytest.mark.mailtrap(guard=False)     real mail is sent",
    ]


def test_an_error_that_is_not_hidden_is_told_once(pytester: pytest.Pytester) -> None:
    """It is the failure of the test: the guard says nothing more."""
    result = run(pytester, "def test_order():\n    send()\n", "--mailtrap-guard")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [f"E * the mail guard refused {HOST}:587", "E *while test_shop.py::test_order ran"]
    )
    assert "caught the error" not in result.stdout.str()


def test_its_traceback_ends_outside_of_the_plugin(pytester: pytest.Pytester) -> None:
    """By name and by address: what is shown is who asked, under the name that users import."""
    result = run(
        pytester,
        """
def test_by_name():
    send()

def test_by_address():
    with socket.socket() as sock:
        sock.connect(("192.0.2.25", 25))
""",
        "--mailtrap-guard",
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["E * pytest_mailtrap.MailGuardError: the mail guard refused *"])
    result.stdout.no_re_match_line(OWN_FRAME)


def test_it_is_shown_next_to_another_failure(pytester: pytest.Pytester) -> None:
    """Which may well come from it."""
    result = run(
        pytester,
        "def test_order():\n    send_and_hide()\n    assert 1 == 2\n",
        "--mailtrap-guard",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E       assert 1 == 2", "*Captured mail guard call*", f"  {HOST}:587"]
    )


@pytest.mark.parametrize(
    ("test", "outcomes"),
    [
        # in a fixture, before the test: the test fails
        ("@pytest.fixture\ndef f():\n    send_and_hide()\ndef test_a(f):\n    pass", {"failed": 1}),
        # after it: there is only the teardown left to fail
        (
            "@pytest.fixture\ndef f():\n    yield\n    send_and_hide()\ndef test_a(f):\n    pass",
            {"passed": 1, "errors": 1},
        ),
        # a fixture of the session belongs to the test that asks for it first
        (
            (
                "@pytest.fixture(scope='session')\ndef f():\n    send_and_hide()\n"
                "def test_a(f):\n    pass\ndef test_b(f):\n    pass"
            ),
            {"failed": 1, "passed": 1},
        ),
        # a skip hides nothing
        (
            "def test_a():\n    send_and_hide()\n    pytest.skip('late')",
            {"skipped": 1, "errors": 1},
        ),
        # an expected failure is one
        ("@pytest.mark.xfail\ndef test_a():\n    send_and_hide()", {"xfailed": 1}),
        ("@pytest.mark.xfail(strict=True)\ndef test_a():\n    pass", {"failed": 1}),
        # threads are of the process
        (
            (
                "import threading\ndef test_a():\n    t = threading.Thread(target=send_and_hide)\n"
                "    t.start()\n    t.join()"
            ),
            {"failed": 1},
        ),
        # the control: nothing is tried, nothing fails
        ("def test_a():\n    pass", {"passed": 1}),
    ],
)
def test_wherever_a_test_tries_it(
    pytester: pytest.Pytester, test: str, outcomes: dict[str, int]
) -> None:
    """In its call phase if it can, the test fails."""
    run(pytester, test, "--mailtrap-guard").assert_outcomes(**outcomes)


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "1")])
def test_collection_is_guarded(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    """A module that sends at import cannot be collected, also when it hides the error."""
    result = run(pytester, "send_and_hide()\ndef test_a():\n    pass", "--mailtrap-guard", *workers)
    assert result.ret in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.TESTS_FAILED)
    result.stdout.fnmatch_lines(
        [
            "*ERROR collecting test_shop.py*",
            "1 connection to a real mail server, refused by the guard",
            "*while no test ran",
            "Send it from a test, not from an import, a hook or a stray thread;",
        ]
    )


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "2")])
def test_what_belongs_to_no_test_makes_the_run_fail(
    pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    """A hook between the tests is told of at the end, also by workers of xdist."""
    pytester.makeconftest(
        """
        class Sender:
            def pytest_runtest_logfinish(self, nodeid):
                from shop import send_and_hide
                send_and_hide()

        def pytest_configure(config):
            if hasattr(config, "workerinput") or WITHOUT_WORKERS:
                config.pluginmanager.register(Sender())
        """.replace("WITHOUT_WORKERS", str(not workers))
    )
    result = run(pytester, "def test_a():\n    pass", "--mailtrap-guard", *workers)
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "*= mail guard =*",
            "1 connection to a real mail server, refused by the guard",
            f"  {HOST}:587",
        ]
    )


def functions() -> tuple[object, ...]:
    """What guard and traps replace."""
    return socket.socket.connect, socket.getaddrinfo, _socket.getaddrinfo


@pytest.mark.parametrize(
    "end", ["assert False", "raise KeyboardInterrupt", "pytest.exit('enough')"]
)
def test_it_falls_with_the_run(pytester: pytest.Pytester, end: str) -> None:
    """Also when a test fails, or the user interrupts, nothing stays replaced."""
    before = functions()
    pytester.makepyfile(
        f"""
        import pytest, socket

        @pytest.mark.mailtrap(intercept=True)
        def test_a(mailtrap):
            assert "connect" in vars(socket.socket)
            print("it was replaced")
            {end}
        """
    )
    options = ("-s", "-p", "no:randomly", "--mailtrap-guard")
    result = pytester.runpytest_inprocess(*options, no_reraise_ctrlc=True)
    assert result.ret in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    result.stdout.fnmatch_lines(["*it was replaced"])
    assert functions() == before


OUTLIVED = """
import _socket, socket, sys, threading

import pytest

def no_resolver(*args):
    raise socket.gaierror("there is no resolver")

_socket.getaddrinfo = no_resolver
go_on = threading.Event()

def outcome():
    try:
        socket.create_connection(("smtp.example-provider.com", 587), timeout=5)
    except OSError as error:
        return type(error).__name__

def send_later():
    go_on.wait(20)
    print("what a test began:", outcome())

class Tests:
    @staticmethod
    def pytest_sessionstart():
        threading.Thread(target=send_later, name="queue").start()

assert pytest.main(["-q", "-p", "no:randomly", *sys.argv[1:]], plugins=[Tests]) == 0
print("who ran pytest:", outcome())
go_on.set()
"""


@pytest.mark.parametrize(
    ("flag", "refused"),
    [("--mailtrap-guard", "MailGuardError"), ("--mailtrap-guard=false", "gaierror")],
)
def test_a_thread_that_outlives_the_run_stays_guarded(
    pytester: pytest.Pytester, flag: str, refused: str
) -> None:
    """A queue that is emptied when pytest has ended holds mail of tests; whoever ran pytest may send his own."""
    pytester.makepyfile(test_a="def test_a():\n    pass", program=OUTLIVED)
    result = pytester.runpython_c(f"import sys; sys.argv[1:] = ['{flag}']; import program")
    result.stdout.fnmatch_lines(
        ["who ran pytest: gaierror", f"what a test began: {refused}"], consecutive=True
    )
    assert result.stderr.str() == ""


def test_others_that_replace_the_same_function(pytester: pytest.Pytester) -> None:
    """A plugin that allows some hosts, and puts the original back after each test, takes neither guard nor trap away."""
    before = functions()
    pytester.makeconftest(
        """
        import socket

        connect = socket.socket.connect

        def allow_this_machine(sock, address):
            assert address[0] in ("127.0.0.1", "::1"), "not allowed"
            return connect(sock, address)

        def pytest_runtest_setup():
            socket.socket.connect = allow_this_machine

        def pytest_runtest_teardown():
            socket.socket.connect = connect
        """
    )
    pytester.makepyfile(
        """
        import smtplib, socket, pytest

        def connect():
            with socket.socket() as sock:
                sock.connect(("192.0.2.25", 25))

        def test_address():
            connect()

        def test_address_once_more():
            connect()

        @pytest.mark.mailtrap(intercept=True)
        def test_trap(mailtrap):
            smtplib.SMTP("smtp.example-provider.com", 25, timeout=10).close()
            assert len(mailtrap.connections) == 1

        @pytest.mark.mailtrap(guard=False)
        def test_it_is_the_other_that_refuses():
            with pytest.raises(AssertionError, match="not allowed"):
                connect()
        """
    )
    result = pytester.runpytest_inprocess("-s", "-p", "no:randomly", "--mailtrap-guard")
    result.assert_outcomes(passed=2, failed=2)
    assert result.stdout.str().count("MailGuardError: the mail guard refused 192.0.2.25:25") == 2
    assert functions() == before


TIMEOUT = """
import signal

def give_up(*_arguments):
    pytest.fail("it took too long")

signal.signal(signal.SIGALRM, give_up)
signal.setitimer(signal.ITIMER_REAL, 0.2)
mailtrap.wait_for(1, timeout=60)
"""


@pytest.mark.parametrize(
    "end",
    [
        "assert False",
        'with smtplib.SMTP("smtp.example.org", 587, timeout=10):\n    raise OSError',
        "mailtrap.intercept().__enter__()\nassert False",
        pytest.param(
            TIMEOUT,
            marks=pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no alarms here"),
        ),
    ],
)
def test_nothing_is_replaced_in_the_test_after_one_that_fails(
    pytester: pytest.Pytester, end: str
) -> None:
    """By an assertion, in the middle of a connection or of an interception, or by a timeout as pytest-timeout has it."""
    result = run(
        pytester,
        f"""
import _socket, os, ssl

def functions():
    return (
        socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo, socket.gethostbyname,
        _socket.getaddrinfo, _socket.gethostbyname, ssl.SSLContext.load_default_certs,
        os.environ.get("SSL_CERT_FILE"),
    )

BEFORE = functions()

@pytest.mark.mailtrap(intercept=True, guard=True)
def test_fails(mailtrap):
    assert not set(functions()) & set(BEFORE) - {{socket.getaddrinfo}}
{textwrap.indent(end, "    ")}

def test_next():
    assert functions() == BEFORE
""",
    )
    result.assert_outcomes(failed=1, passed=1)
    assert "test_fails" in result.stdout.str().partition("short test summary")[2]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--mailtrap-guard=maybe",), "mailtrap_guard: expected true or false, got 'maybe'"),
        (
            ("--mailtrap-guard", "test_shop.py"),
            "--mailtrap-guard took the path 'test_shop.py' as its value: write --mailtrap-guard=true test_shop.py",
        ),
        (
            ("--mailtrap-intercept", "test_shop.py::test_a"),
            "--mailtrap-intercept took the path 'test_shop.py::test_a' as its value: write --mailtrap-intercept=true test_shop.py::test_a",
        ),
        (
            ("--mailtrap-intercept=*.example.com",),
            "--mailtrap-intercept on the command line: expected a host name or an IP address, without scheme, port or wildcard, got '*.example.com'",
        ),
        (("--mailtrap-intercept=",), "expected a host name or an IP address"),
    ],
)
def test_wrong_values_are_a_usage_error(
    pytester: pytest.Pytester, flags: tuple[str, ...], words: str
) -> None:
    """Which names the value and what is allowed, or how to write it."""
    result = run(pytester, "def test_a():\n    pass", *flags)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {words}" in result.stderr.str() or words in result.stderr.str()


@pytest.mark.parametrize("flag", ["--mailtrap-guard=true", "--mailtrap-intercept=smtp.example.com"])
def test_right_values_before_a_path(pytester: pytest.Pytester, flag: str) -> None:
    """The control: with its value written out, the flag leaves the path alone."""
    run(pytester, "def test_a():\n    pass", flag, "test_shop.py").assert_outcomes(passed=1)


def test_a_host_that_is_called_like_a_directory(pytester: pytest.Pytester) -> None:
    """With = there is no doubt."""
    pytester.mkdir("mail")
    run(pytester, "def test_a():\n    pass", "--mailtrap-intercept=mail").assert_outcomes(passed=1)


# -- intercepting a whole run -------------------------------------------------------------

INTERCEPTED = """
import ssl

def test_arrives(mailtrap):
    with smtplib.SMTP("smtp.example-provider.com", 587, timeout=5) as client:
        client.starttls(context=ssl.create_default_context())
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: Hi\\r\\n\\r\\n")
    assert len(mailtrap) == 1
"""


@pytest.mark.parametrize(
    ("ini", "flags", "marker", "arrives"),
    [
        ("true", (), "", True),
        (HOST, (), "", True),
        (f"smtp.elsewhere.example\n  {HOST}", (), "", True),
        ("smtp.elsewhere.example", (), "", False),
        ("", ("--mailtrap-intercept",), "", True),
        ("", (f"--mailtrap-intercept=smtp.elsewhere.example,{HOST.upper()}.",), "", True),
        ("smtp.elsewhere.example", ("--mailtrap-intercept",), "", True),
        (f"smtp.elsewhere.example {HOST}", (), "", True),
        ("true", ("--mailtrap-intercept=false", "--mailtrap-guard"), "", False),
        ("true", (), "@pytest.mark.mailtrap(intercept=False)", False),
        ("true", (), '@pytest.mark.mailtrap(intercept=["smtp.elsewhere.example"])', False),
        ("smtp.elsewhere.example", (), "@pytest.mark.mailtrap(intercept=True)", True),
        ("true", (), "@pytest.mark.mailtrap(starttls='offer')", True),
    ],
)
def test_a_run_that_intercepts(
    pytester: pytest.Pytester, ini: str, flags: tuple[str, ...], marker: str, arrives: bool
) -> None:
    """Every test with the fixture, unless its marker says otherwise; what is not intercepted meets the guard."""
    if ini:
        pytester.makeini(f"[pytest]\nmailtrap_intercept = {ini}\n")
    result = run(pytester, INTERCEPTED.replace("def test", f"{marker}\ndef test"), *flags)
    result.assert_outcomes(passed=int(arrives), failed=int(not arrives))
    if not arrives:
        result.stdout.fnmatch_lines([f"E * the mail guard refused {HOST}:587"])


CONNECT = f'smtplib.SMTP("{HOST}", 587, timeout=5).close()'


@pytest.mark.parametrize(
    ("marker", "body", "outcome"),
    [
        ("intercept=True", CONNECT, {"passed": 2}),
        (f"intercept=['{HOST}']", CONNECT, {"passed": 2}),
        ("trust=True", "assert 'mailtrap-' in os.environ['SSL_CERT_FILE']", {"passed": 2}),
        ("intercept=False", CONNECT, {"failed": 2}),
        ("starttls='require'", CONNECT, {"failed": 2}),
    ],
)
def test_a_marker_without_the_fixture(
    pytester: pytest.Pytester, marker: str, body: str, outcome: dict[str, int]
) -> None:
    """Who marks a test so means it: without a trap its mail would leave."""
    test = f"""
import os, unittest
pytestmark = pytest.mark.mailtrap({marker})

def test_function():
    {body}

class TestOfOldKind(unittest.TestCase):
    def test_method(self):
        {body}
"""
    run(pytester, test, "--mailtrap-guard").assert_outcomes(**outcome)


def test_a_marker_of_one_parameter_is_of_no_other(pytester: pytest.Pytester) -> None:
    """The test that is marked has the trap, and the same test with another parameter has none."""
    test = f"""
MARKED = pytest.param(1, marks=pytest.mark.mailtrap(intercept=True))

@pytest.mark.parametrize("n", [MARKED, 2])
def test_a(n, request):
    assert ("mailtrap" in request.node.fixturenames) is (n == 1)
    {CONNECT}
"""
    result = run(pytester, test, "--mailtrap-guard", "-p", "no:randomly")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["E *MailGuardError: the mail guard refused*"])


def test_tests_without_the_fixture_are_guarded(pytester: pytest.Pytester) -> None:
    """Where a run intercepts, mail that no trap waits for must not leave."""
    result = run(pytester, "def test_a():\n    send_and_hide()", "--mailtrap-intercept")
    result.assert_outcomes(failed=1)


# -- what is out of reach -----------------------------------------------------------------


def test_a_subprocess_is_not_guarded() -> None:
    """The limit that the documentation tells of: another process has its own socket functions."""
    program = "import socket; print('connect' in vars(socket.socket))"
    with guarding(Guard()):
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
        )
    assert done.stdout == "False\n"
