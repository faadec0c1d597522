"""The guard in a run: where it is set; a hidden error fails its test, or the run if it belongs to no test."""

from __future__ import annotations

import pytest
from _guarded_runs import HOST, run
from _tracebacks import OWN_FRAME


def test_off_by_default(pytester: pytest.Pytester) -> None:
    """Without a setting or a marker, nothing is replaced, and none of the guard's code is imported."""
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
    """The ini file, the command line, the marker, each overriding the one before; intercepting a run implies it."""
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
    """The failure shows what was tried, how often, from where, in which test, and the ways to avoid it."""
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
    assert "\n".join(result.outlines).partition("test_order ____")[2].splitlines()[1:15] == [
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
        "Send it to a trap, or exempt the test or the host:",
        "  @pytest.mark.mailtrap(intercept=True)  and the mailtrap fixture",
        "  @pytest.mark.mailtrap(guard=False)     real mail is sent",
        "  mailtrap_guard_allow = HOST            for a mail server of your own",
    ]


def test_an_error_that_is_not_hidden_is_told_once(pytester: pytest.Pytester) -> None:
    """The error is the failure of the test: the guard adds nothing."""
    result = run(pytester, "def test_order():\n    send()\n", "--mailtrap-guard")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [f"E * the mail guard refused {HOST}:587", "E *while test_shop.py::test_order ran"]
    )
    assert "caught the error" not in result.stdout.str()


def test_its_traceback_ends_outside_of_the_plugin(pytester: pytest.Pytester) -> None:
    """By name and by address: the traceback shows the caller, and the error has the name that users import."""
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
    """The other failure may well be caused by it."""
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
    """The test fails in its call phase if possible."""
    run(pytester, test, "--mailtrap-guard").assert_outcomes(**outcomes)


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "1")])
def test_collection_is_guarded(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    """A module that sends at import cannot be collected, even if it hides the error."""
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
    """An attempt in a hook between the tests is reported at the end, even in xdist workers."""
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
    """The error names the value and what is allowed, or how to write it."""
    result = run(pytester, "def test_a():\n    pass", *flags)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {words}" in result.stderr.str() or words in result.stderr.str()


@pytest.mark.parametrize("flag", ["--mailtrap-guard=true", "--mailtrap-intercept=smtp.example.com"])
def test_right_values_before_a_path(pytester: pytest.Pytester, flag: str) -> None:
    """The control: if its value is written out, the flag does not consume the path."""
    run(pytester, "def test_a():\n    pass", flag, "test_shop.py").assert_outcomes(passed=1)


def test_a_host_that_is_called_like_a_directory(pytester: pytest.Pytester) -> None:
    """With =, there is no ambiguity."""
    pytester.mkdir("mail")
    run(pytester, "def test_a():\n    pass", "--mailtrap-intercept=mail").assert_outcomes(passed=1)
