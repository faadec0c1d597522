"""The guard: no test reaches a real mail server, and no application can hide that it tried."""

from __future__ import annotations

import pickle
import smtplib
import socket
import subprocess
import sys

import pytest
from _guarded_runs import HOST

from pytest_mailtrap import MailGuardError
from pytest_mailtrap._intercept.guard import Guard, RefusedConnection, explain_attempts
from pytest_mailtrap._intercept.socket_functions import guarding


def test_the_error_is_a_connection_that_failed() -> None:
    """Applications handle it as a failed connection; it names host, port, test and the two ways to avoid it."""
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
        "Send it to a trap, or exempt the test or the host:",
        "  @pytest.mark.mailtrap(intercept=True)  and the mailtrap fixture",
        "  @pytest.mark.mailtrap(guard=False)     real mail is sent",
        "  mailtrap_guard_allow = HOST            for a mail server of your own",
    ]


def test_the_error_survives_the_way_from_another_process() -> None:
    """Process pools pickle the exceptions that their workers raise."""
    with guarding(Guard()), pytest.raises(MailGuardError) as caught:
        socket.create_connection((HOST, 25))
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.host, copy.port) == (str(caught.value), HOST, 25)


@pytest.mark.parametrize("port", [25, 465, 587, 2525, "smtp"])
@pytest.mark.parametrize(
    "host", [HOST, f"{HOST.upper()}.", "192.0.2.25", "2001:db8::25", "::ffff:192.0.2.25", "mail"]
)
def test_mail_ports_of_other_hosts_are_refused(host: str, port: int | str) -> None:
    """By name before any resolver is asked, by address when it connects."""
    guard = Guard()
    with guarding(guard), pytest.raises(MailGuardError):
        socket.create_connection((host, port))
    assert len(guard.take_all()) == 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "127.1", "::ffff:127.0.0.1"])
def test_this_machine_is_not_refused(host: str) -> None:
    """Loopback is not a real server: the connection is tried, and succeeds or fails as it would without a guard."""
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
    """If a node id is too long for the line, its end is shown, since that contains the test's name."""
    node = f"tests/{'deeper/' * 9}test_shop.py::TestShop::test_receipt"
    guard = Guard(test=node)
    lines = str(guard.refuse(HOST, 587)).splitlines()
    assert lines[1].startswith("  while ...deeper/")
    assert lines[1].endswith("/test_shop.py::TestShop::test_receipt ran")
    assert len(lines[1]) == 72
    assert lines[1] in explain_attempts(guard.take_all()).splitlines()


def test_a_table_of_attempts_stays_short() -> None:
    """Repeated attempts are counted, a long list is truncated, and no line is too long."""
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


def test_a_subprocess_is_not_guarded() -> None:
    """The documented limit: another process has its own socket functions."""
    program = "import socket; print('connect' in vars(socket.socket))"
    with guarding(Guard()):
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
        )
    assert done.stdout == "False\n"
