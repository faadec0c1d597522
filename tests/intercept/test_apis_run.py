"""E-mail APIs in a run: how connections to them are reported, and when they are refused."""

from __future__ import annotations

import pytest
from _api_clients import API
from _tracebacks import OWN_FRAME

SHOP = f"""
import socket

API = "{API}"

def send(host=API, port=443):
    socket.create_connection((host, port), timeout=5)

def send_and_hide(host=API, port=443):
    try:
        send(host, port)
    except OSError:
        pass
"""


def run(pytester, test, *arguments, ini="", how="inprocess"):
    pytester.makepyfile(
        shop=SHOP, test_shop=f"import pytest\nfrom shop import send, send_and_hide\n{test}"
    )
    pytester.makeini(f"[pytest]\n{ini}\n")
    runner = getattr(pytester, f"runpytest_{how}")
    return runner("-p", "no:randomly", "-p", "no:cacheprovider", *arguments)


TWICE = """
def test_order():
    send_and_hide()

def test_reset():
    send_and_hide()
    send_and_hide("api.resend.com")
"""
TOLD = [
    "*= mail APIs =*",
    "3 connections to e-mail APIs (api.sendgrid.com, api.resend.com): not judged",
]


@pytest.fixture
def offline(pytester):
    """For runs in separate processes: names fail to resolve there, too, and no resolver is asked."""
    pytester.makeconftest(
        """
        import _socket, socket

        resolve = _socket.getaddrinfo

        def offline(host, *args):
            if str(host).startswith("api."):
                raise socket.gaierror(socket.EAI_NONAME, "there is no resolver")
            return resolve(host, *args)

        _socket.getaddrinfo = offline
        """
    )


@pytest.mark.parametrize(
    "flags", [("--mailtrap-guard",), ("--mailtrap-intercept",), ("--mailtrap-intercept=a.example",)]
)
def test_the_end_of_the_run_tells_of_them(pytester, asked, flags) -> None:
    """With the guard or interception on, they are reported, but no test fails because of them."""
    result = run(pytester, TWICE, *flags)
    result.assert_outcomes(passed=2)
    assert result.ret == 0
    result.stdout.fnmatch_lines(TOLD, consecutive=True)
    assert len(asked) == 3
    asked.clear()


def test_nothing_is_told_without(pytester, asked) -> None:
    """The control: without the guard, nothing is watched or reported; with it, no connections means no report."""
    result = run(pytester, TWICE)
    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*API*")
    assert len(asked) == 3
    asked.clear()
    result = run(pytester, "def test_order():\n    pass\n", "--mailtrap-guard")
    result.stdout.no_fnmatch_line("*API*")


@pytest.mark.parametrize(
    "test",
    [
        "@pytest.mark.mailtrap(guard=True)\ndef test_order():\n    send_and_hide()\n",
        "@pytest.mark.mailtrap(intercept=True)\ndef test_order():\n    send_and_hide()\n",
        (
            "def test_order(mailtrap):\n    with mailtrap.intercept():\n        send_and_hide()\n"
            "    send_and_hide()\n"
        ),
    ],
)
def test_a_test_that_asks_for_it(pytester, asked, test) -> None:
    """A marker is enough, and so is a trap that intercepts for part of the test."""
    result = run(pytester, test)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["*= mail APIs =*", "1 connection to e-mail APIs (api.sendgrid.com): not judged"]
    )
    asked.clear()


@pytest.mark.parametrize("ini", ["mailtrap_guard = true", ""])
def test_workers_of_xdist_are_added_up(pytester, offline, ini) -> None:
    """Even if only the tests request it, since the controller runs none of them."""
    marked = TWICE.replace("def test", "@pytest.mark.mailtrap(guard=True)\ndef test")
    result = run(pytester, TWICE if ini else marked, "-n", "2", ini=ini, how="subprocess")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(TOLD, consecutive=True)


def test_under_a_failing_test(pytester, asked) -> None:
    """The test's connections from all phases are shown once, with the phase that fails, and for no other test."""
    result = run(
        pytester,
        """
        @pytest.fixture
        def order():
            send_and_hide()

        def test_before():
            send_and_hide()

        def test_order(order):
            send_and_hide()
            assert 1 == 2

        def test_skipped():
            send_and_hide()
            pytest.skip("later")
        """.replace("\n        ", "\n"),
        "--mailtrap-guard",
    )
    result.assert_outcomes(passed=1, failed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "*Captured mail APIs call*",
            "2 connections to e-mail APIs (api.sendgrid.com): not judged",
            "*= mail APIs =*",
            "4 connections to e-mail APIs (api.sendgrid.com): not judged",
        ]
    )
    assert result.stdout.str().count("Captured mail APIs") == 1
    asked.clear()


def test_outside_of_the_tests(pytester, asked) -> None:
    """Connections made by an import or a hook are in the total."""
    pytester.makeconftest(
        "def pytest_sessionfinish():\n    from shop import send_and_hide\n    send_and_hide()\n"
    )
    result = run(
        pytester, "send_and_hide()\ndef test_order():\n    assert False\n", "--mailtrap-guard"
    )
    result.stdout.fnmatch_lines(["2 connections to e-mail APIs (api.sendgrid.com): not judged"])
    result.stdout.no_fnmatch_line("*Captured mail APIs*")
    asked.clear()


@pytest.mark.parametrize(
    ("ini", "flags", "marker", "refused"),
    [
        ("", (), "", False),
        ("mailtrap_guard = true", (), "", False),
        ("mailtrap_intercept = true", (), "", False),
        ("mailtrap_guard_apis = true", (), "", True),
        ("mailtrap_guard_apis = false", (), "", False),
        ("mailtrap_guard_apis = false", ("--mailtrap-guard-apis",), "", True),
        ("mailtrap_guard_apis = true", ("--mailtrap-guard-apis=false",), "", False),
        ("mailtrap_guard_apis = true\nmailtrap_guard = false", (), "", True),
        ("mailtrap_guard_apis = true\nmailtrap_guard = true", (), "", True),
        ("mailtrap_guard_apis = true", (), "guard=False", False),
        ("mailtrap_guard_apis = true\nmailtrap_guard = true", (), "guard=False", False),
        ("mailtrap_guard_apis = true", (), "guard=True", True),
        ("mailtrap_guard_apis = true", (), "guard=None", True),
        ("", (), "guard=True", False),
    ],
)
def test_where_it_is_set(pytester, asked, ini, flags, marker, refused) -> None:
    """The setting refuses, and the marker exempts a test; the guard alone does not refuse."""
    test = f"@pytest.mark.mailtrap({marker})\ndef test_order():\n    send_and_hide()\n"
    result = run(pytester, test, *flags, ini=ini)
    result.assert_outcomes(failed=int(refused), passed=int(not refused))
    assert asked == ([] if refused else [API])
    asked.clear()


@pytest.mark.parametrize(
    ("ini", "marker", "refused"),
    [
        ("", "", False),
        ("mailtrap_guard = true", "", True),
        ("mailtrap_intercept = a.example", "", True),
        ("", "guard=True", True),
        ("mailtrap_guard = true", "guard=False", False),
    ],
)
def test_mail_ports_stay_free(pytester, asked, ini, marker, refused) -> None:
    """Set alone, it applies only to APIs."""
    test = f"@pytest.mark.mailtrap({marker})\ndef test_order():\n    send_and_hide('mail', 587)\n"
    result = run(pytester, test, ini=f"mailtrap_guard_apis = true\n{ini}")
    result.assert_outcomes(failed=int(refused), passed=int(not refused))
    assert asked == ([] if refused else ["mail"])
    asked.clear()


def test_a_setting_that_is_none(pytester) -> None:
    """An invalid value is a usage error."""
    result = run(pytester, "", ini="mailtrap_guard_apis = perhaps")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: mailtrap_guard_apis: *"])


def test_an_application_that_hides_the_error_fails_the_test(pytester) -> None:
    """The failure shows what was tried, from where, in which test, and how to allow it."""
    result = run(
        pytester,
        "def test_order():\n    send_and_hide()\n    send_and_hide()\n",
        "--mailtrap-guard-apis",
    )
    result.assert_outcomes(failed=1)
    assert "\n".join(result.outlines).partition("test_order ____")[2].splitlines()[1:12] == [
        "2 connections to an e-mail API, refused by the guard",
        "",
        "  api.sendgrid.com:443 (2 times)",
        "      at shop.py:6 in send",
        "",
        "  while test_shop.py::test_order ran",
        "",
        "The application caught the error and continued.",
        "Replace the provider's client in this test, or exempt the test or host:",
        "  @pytest.mark.mailtrap(guard=False)     real mail is sent",
        "  mailtrap_guard_allow = HOST            for an API of your own",
    ]
    result.stdout.no_fnmatch_line("*mail APIs*")


def test_both_kinds_in_one_test(pytester) -> None:
    """One text reports both, with the ways to allow each."""
    result = run(
        pytester,
        "def test_order():\n    send_and_hide()\n    send_and_hide('mail', 25)\n",
        "--mailtrap-guard-apis",
        "--mailtrap-guard",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "2 connections to mail servers and e-mail APIs, refused by the guard",
            "  api.sendgrid.com:443",
            "  mail:25",
            "  @pytest.mark.mailtrap(guard=False)     real mail is sent",
            "  mailtrap_guard_allow = HOST            for a mail server of your own",
        ]
    )


def test_an_error_that_is_not_hidden(pytester) -> None:
    """The error is the failure of the test, its traceback ends outside the plugin, and the guard adds nothing."""
    result = run(pytester, "def test_order():\n    send()\n", "--mailtrap-guard-apis")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E * pytest_mailtrap.MailGuardError: the mail guard refused api.sendgrid.com:443, an *"]
    )
    result.stdout.no_re_match_line(OWN_FRAME)
    assert "caught the error" not in result.stdout.str()


def test_an_import_that_connects(pytester) -> None:
    """The module cannot be collected, and the text names the setting."""
    result = run(
        pytester, "send_and_hide()\ndef test_order():\n    pass\n", "--mailtrap-guard-apis"
    )
    result.stdout.fnmatch_lines(
        [
            "*ERROR collecting test_shop.py*",
            "1 connection to an e-mail API, refused by the guard",
            "mailtrap_guard_apis = false allows connections to all e-mail APIs.",
        ]
    )
