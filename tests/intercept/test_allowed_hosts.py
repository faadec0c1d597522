"""`mailtrap_guard_allow`: hosts that the guard does not refuse, and to which mail is not intercepted unless it is named."""

from __future__ import annotations

import asyncio
import socket
from importlib.util import find_spec

import pytest

from pytest_mailtrap import MailGuardError
from pytest_mailtrap._intercept.allow_list import allow_list, allowed_host
from pytest_mailtrap._intercept.guard import Guard
from pytest_mailtrap._intercept.socket_functions import guarding

ADDRESSES = {
    "mailpit": ["192.0.2.5", "2001:db8::5"],
    "mail.internal": ["192.0.2.6"],
    "MailPit.": ["192.0.2.5", "2001:db8::5"],
    "Bücher.example": ["192.0.2.7"],
    "other.example": ["192.0.2.8"],
}
ALLOWED = ["mailpit:25", "*.internal", "10.0.0.5", "198.51.100.0/24:587", "[2001:db8::9]:25"]


@pytest.fixture
def gone(resolver, monkeypatch):
    """Where connections went; none leaves this machine."""
    resolver.update(ADDRESSES)
    there: list[tuple[str, int]] = []

    def connect(_self, address):
        there.append(tuple(address[:2]))
        raise ConnectionResetError("nobody is there")

    monkeypatch.setattr(socket.socket, "connect", connect)
    return there


def connect(host, port):
    with pytest.raises(ConnectionResetError):
        socket.create_connection((host, port), timeout=5)


def is_refused(host, port):
    with pytest.raises(MailGuardError):
        socket.create_connection((host, port), timeout=5)


def allowing(*entries):
    return allow_list.using(map(allowed_host, entries))


@pytest.mark.parametrize(
    ("host", "port", "there"),
    [
        ("mailpit", 25, ["192.0.2.5", "2001:db8::5"]),
        ("MailPit.", "smtp", ["192.0.2.5", "2001:db8::5"]),
        ("mail.internal", 587, ["192.0.2.6"]),
        ("10.0.0.5", 465, ["10.0.0.5"]),
        ("198.51.100.77", 587, ["198.51.100.77"]),
        ("2001:db8:0::9", 25, ["2001:db8::9"]),
    ],
)
def test_an_allowed_host(gone, host, port, there):
    """An allowed name can be looked up, and each of its addresses can be connected to, on the port of its entry."""
    with guarding(Guard()), allowing(*ALLOWED):
        connect(host, port)
    assert {address for address, _ in gone} <= {*there, host}
    assert gone


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("mailpit", 587),
        ("other.example", 25),
        ("internal", 25),
        ("mail.internal.example", 25),
        ("10.0.0.6", 25),
        ("198.51.100.77", 25),
        ("198.51.101.1", 587),
        ("2001:db8::9", 465),
        ("192.0.2.5", 25),
    ],
)
def test_control_any_other_host_or_port(gone, host, port):
    """Another port, a host outside of the pattern or network, or an address that was not looked up: refused."""
    with guarding(Guard()), allowing(*ALLOWED):
        is_refused(host, port)
    assert gone == []


@pytest.mark.parametrize(
    "entry", ["bücher.example", "BÜCHER.example.:25", "xn--bcher-kva.example", "*.example", "b*.example", "x?--*.example"]
)  # fmt: skip
def test_the_spelling_of_a_name(gone, entry):
    """An internationalized name is the same host in each of its spellings; a pattern is about its A-labels."""
    with guarding(Guard()), allowing(entry):
        if entry == "b*.example":
            is_refused("bücher.example", 25)
        else:
            connect("Bücher.example", 25)


@pytest.mark.parametrize(
    "look_up",
    [
        lambda: socket.getaddrinfo("mailpit", None),
        lambda: socket.getaddrinfo("mailpit", 80),
        lambda: socket.gethostbyname("mailpit"),
        lambda: socket.gethostbyname_ex("mailpit"),
    ],
    ids=["no port", "another port", "gethostbyname", "gethostbyname_ex"],
)
def test_a_lookup_without_the_port(gone, look_up):
    """The addresses of an allowed name are known after any lookup; the port is checked when they are connected to."""
    with guarding(Guard()), allowing("mailpit:25"):
        look_up()
        connect("192.0.2.5", 25)
        is_refused("192.0.2.5", 587)
        socket.getaddrinfo("other.example", None)
        is_refused("192.0.2.8", 25)
    with guarding(Guard()), allowing("mailpit:25"):
        is_refused("192.0.2.5", 25)


@pytest.mark.skipif(find_spec("uvloop") is None, reason="uvloop is not installed")
def test_a_lookup_by_uvloop(gone):
    """uvloop's own lookups are noticed too."""
    import uvloop

    async def look_up():
        loop = asyncio.get_running_loop()
        await loop.getaddrinfo("mailpit", None, type=socket.SOCK_STREAM)

    with guarding(Guard()), allowing("mailpit"):
        loop = uvloop.new_event_loop()
        try:
            loop.run_until_complete(look_up())
        finally:
            loop.close()
        connect("192.0.2.5", 25)


def test_what_the_run_intercepts(gone, mailtrap):
    """Interception of any host leaves an allowed host alone; if it names the host, the mail arrives in the trap."""
    with allowing("mailpit:25"):
        with mailtrap.intercept():
            connect("mailpit", 25)
            assert {address for address, _ in gone} == {*ADDRESSES["mailpit"]}
        gone.clear()
        with mailtrap.intercept("mailpit"):
            socket.getaddrinfo("mailpit", None)
            connect("mailpit", 25)
        assert {port for _, port in gone} == {mailtrap.port}


def test_a_name_that_does_not_exist(gone, asked, mailtrap):
    """A lookup of an allowed name fails as it does without interception: it does not return an alias."""
    with mailtrap.intercept():
        assert socket.getaddrinfo("no.internal", 25)
        with allowing("*.internal"), pytest.raises(socket.gaierror):
            socket.getaddrinfo("no.internal", 25)
    asked.clear()


def test_an_api(gone):
    """The guard for e-mail APIs has the same list."""
    with guarding(Guard(apis=True)), allowing("api.sendgrid.com:443"):
        connect("api.sendgrid.com", 443)
        is_refused("api.sendgrid.com", 80)
        is_refused("api.resend.com", 443)


# -- the setting ----------------------------------------------------------------------------

TEST = """
import pytest, smtplib, socket

def test_it(mailtrap):
    print("it ran")
    for port in (25, 587):
        try:
            socket.create_connection(("10.255.255.5", port), timeout=0.01)
        except OSError as error:
            print(port, type(error).__name__)
"""


def run(pytester, ini, *options):
    pytester.makepyfile(TEST)
    pytester.makepyprojecttoml(f"[tool.pytest.ini_options]\n{ini}")
    return pytester.runpytest_inprocess("-s", *options)


def test_the_header_and_the_guard(gone, pytester):
    """The header of the run names the hosts in one spelling, and the guard lets connections to them pass."""
    result = run(
        pytester,
        'mailtrap_guard = true\nmailtrap_guard_allow = ["10.255.255.5:25", "MAILPIT.", "*.internal, [fd00::5]:25"]',
    )
    result.stdout.fnmatch_lines(
        [
            "mailtrap: allows connections to 10.255.255.5:25, mailpit, [*].internal, [[]fd00::5]:25, set by mailtrap_guard_allow in pyproject.toml",
            "25 ConnectionResetError",
            "587 MailGuardError",
        ]
    )
    assert gone == [("10.255.255.5", 25)]
    assert allow_list.entries == ()


def test_the_command_line_overrides(gone, pytester):
    """The flag replaces the list of the ini file; given twice, it adds up."""
    result = run(
        pytester,
        'mailtrap_intercept = true\nmailtrap_guard_allow = ["10.255.255.5"]',
        "--mailtrap-guard-allow=mailpit",
        "--mailtrap-guard-allow=fd00::/8",
    )
    result.stdout.fnmatch_lines(
        [
            "mailtrap: allows connections to mailpit, fd00::/8, set by --mailtrap-guard-allow on the command line",
            "25 ConnectionResetError",
        ]
    )
    assert [host for host, _ in gone] == ["127.0.0.1", "127.0.0.1"]  # both led to the trap


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("smtp://mailpit", ": '//mailpit' is not a port"),
        ("a b", None),
        ("mailpit:", ": '' is not a port"),
        ("mailpit:0", ": '0' is not a port"),
        ("mailpit:65536", ": '65536' is not a port"),
        ("mailpit:x", ": 'x' is not a port"),
        ("[fd00::5", ""),
        ("[fd00::5]25", ""),
        ("fd00::zz", ""),
        ("10.0.0.*", ": wildcards are for names, and a network is written as 10.0.0.0/8"),
        ("*.*", ": wildcards are for names, and a network is written as 10.0.0.0/8"),
        ("10.0.0.1/8", ": 10.0.0.1/8 has host bits set"),
        ("bü*.example", ": a wildcard cannot be part of an internationalized label"),
        ("*", ", which reads like a switch"),
        ("true", ", which reads like a switch"),
        ("user@mailpit", ""),
    ],
)
def test_what_is_not_a_host(entry, reason):
    """The error says what an entry can be, and what is wrong with this one."""
    with pytest.raises(ValueError) as caught:
        allowed_host(entry)
    if reason is not None:
        forms = "mailpit, mailpit:25, *.internal, 10.0.0.5, [fd00::5]:25 or 10.0.0.0/8"
        assert str(caught.value) == f"expected hosts such as {forms}, got {entry!r}{reason}"


@pytest.mark.parametrize(
    ("ini", "text"),
    [
        (
            "mailtrap_guard = true\nmailtrap_guard_allow = 'mailpit:x'",
            "mailtrap_guard_allow in pyproject.toml: expected hosts such as *, got 'mailpit:x': 'x' is not a port",
        ),
        (
            "mailtrap_guard_allow = 'mailpit'",
            "mailtrap_guard_allow in pyproject.toml has no effect: set mailtrap_guard or mailtrap_intercept to true, or mailtrap_guard to false to keep it for other runs",
        ),
        (
            "mailtrap_intercept = 'MAIL.internal'\nmailtrap_guard_allow = '*.internal:25'",
            "mailtrap_guard_allow in pyproject.toml: [*].internal:25 allows mail.internal, which mailtrap_intercept intercepts",
        ),
    ],
)
def test_a_wrong_setting(pytester, ini, text):
    """A wrong entry, a list without effect and a contradiction end the run before its first test."""
    result = run(pytester, ini)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {text}"])
    result.stdout.no_fnmatch_line("*it ran*")


@pytest.mark.parametrize("ini", ["mailtrap_guard = false", "mailtrap_guard_apis = true"])
def test_control_a_list_for_other_runs(gone, pytester, ini):
    """With the guard turned off for this run, or only on for e-mail APIs, the list is no mistake."""
    run(pytester, f"{ini}\nmailtrap_guard_allow = 'mailpit'").assert_outcomes(passed=1)
