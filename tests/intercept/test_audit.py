"""Mail connections that avoid the replaced methods: refused below them, by the guard and by interception."""

from __future__ import annotations

import _socket
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from _senders import ADDRESS
from _ways_out import ABOVE, BELOW

from pytest_mailtrap import MailGuardError
from pytest_mailtrap._intercept import audit, connections
from pytest_mailtrap._intercept.audit import ConnectionAudit
from pytest_mailtrap._intercept.guard import Guard
from pytest_mailtrap._intercept.hosts import MAIL_PORTS
from pytest_mailtrap._intercept.socket_functions import guarding, renew

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_mailtrap import MailTrap

    Way = Callable[[tuple[str, int]], None]


@pytest.mark.parametrize("way", [*ABOVE, *BELOW])
def test_the_guard_refuses_every_way(way: Way) -> None:
    """The error reaches the caller, or its number does, and the attempt is recorded once."""
    guard = Guard()
    with guarding(guard), pytest.raises(ConnectionRefusedError):
        way((ADDRESS, 587))
    [attempt] = guard.take_all()
    assert (attempt.host, attempt.port, attempt.bypassed) == (ADDRESS, 587, False)


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize("way", BELOW)
def test_interception_refuses_what_it_cannot_redirect(mailtrap: MailTrap, way: Way) -> None:
    """Such a connection would reach the real server: the error says so, and what to do."""
    with pytest.raises(MailGuardError) as caught:
        way((ADDRESS, 587))
    assert str(caught.value).splitlines()[0] == (
        f"the mail guard refused {ADDRESS}:587, which it could not redirect"
    )
    assert "Give the application mailtrap.host and a port." in str(caught.value)
    assert mailtrap.connections == []


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize("way", ABOVE)
def test_interception_redirects_the_rest(mailtrap: MailTrap, way: Way) -> None:
    """The control: what goes through a socket's methods arrives in the trap, for any kind of port number."""
    way((ADDRESS, 587))
    [connection] = mailtrap.connections
    assert connection.transport.server_host == ADDRESS
    assert connection.transport.requested_port == 587


@pytest.mark.mailtrap(intercept=True)
def test_a_refusal_of_interception_is_recorded_by_the_guard(mailtrap: MailTrap) -> None:
    """With a guard, the test fails even if the application hides the error, and the text says what to do."""
    guard = Guard()
    with guarding(guard), pytest.raises(MailGuardError):
        BELOW[0]((ADDRESS, 587))
    [attempt] = guard.take_all()
    assert attempt.bypassed
    assert attempt.place is not None


@pytest.mark.mailtrap(intercept=True)
def test_a_redirected_connection_is_checked_once(
    mailtrap: MailTrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trap's own port may be one of those that clients use for mail."""
    for module in (audit, connections):
        monkeypatch.setattr(module, "MAIL_PORTS", MAIL_PORTS | {mailtrap.port})
    with socket.socket() as sock:
        sock.settimeout(10)
        sock.connect((ADDRESS, 587))
        assert sock.recv(3) == b"220"
    # The control: without the mark on its descriptor, the same address is refused.
    with socket.socket() as sock, pytest.raises(MailGuardError):
        super(socket.socket, sock).connect(("127.0.0.1", mailtrap.port))


@pytest.mark.parametrize("family", [socket.AF_INET, getattr(socket, "AF_UNIX", None)])
def test_everything_else_is_left_to_the_system(
    family: socket.AddressFamily | None, server: int, tmp_path: Path
) -> None:
    """Other ports, this machine, other kinds of sockets, and addresses that nobody understands."""
    if family is None:
        pytest.skip("this Python has no Unix sockets")
    guard = Guard()
    with guarding(guard):
        if family == socket.AF_INET:
            sock = _socket.socket(family, socket.SOCK_STREAM)
            sock.connect(("127.0.0.1", server))
            sock.close()
            with socket.socket(family, socket.SOCK_DGRAM) as datagrams:
                super(socket.socket, datagrams).connect(("127.0.0.1", 587))
        else:
            with socket.socket(family) as path, pytest.raises(FileNotFoundError):
                super(socket.socket, path).connect(str(tmp_path / "nobody"))
    assert guard.take_all() == []


def test_the_hook_raises_nothing_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in the check is not the application's: the connection is made, or fails, as without the check."""

    def broken(*_arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(audit, "requested_by", broken)
    with guarding(Guard()), socket.socket() as sock:
        code = super(socket.socket, sock).connect_ex(("127.0.0.1", 1))
    assert isinstance(code, int)


def test_the_hook_is_installed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be removed, so it is added with the first route or guard, and never again."""
    added: list[object] = []
    monkeypatch.setattr(sys, "addaudithook", added.append)
    new = ConnectionAudit()
    monkeypatch.setattr("pytest_mailtrap._intercept.socket_functions.connection_audit", new)
    renew()
    assert added == []
    with guarding(Guard()):
        assert len(added) == 1
        renew()
    with guarding(Guard()):
        assert len(added) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="needs the network namespaces of Linux")
@pytest.mark.skipif(not (shutil.which("unshare") and shutil.which("ip")), reason="needs iproute2")
def test_nothing_reaches_a_real_server() -> None:
    """In a network of its own: no way leads to a server under the guard, and each of them does without it."""
    here = Path(__file__).parent
    paths = [str(here), *filter(None, sys.path)]
    program = (
        "ip link set lo up && ip addr add 198.51.100.5/32 dev lo && "
        f"exec {sys.executable} {here / '_ways_out.py'}"
    )
    namespace = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*namespace, "ip", "link"], capture_output=True, timeout=60).returncode:
        namespace = ["unshare", "--net"]
        if subprocess.run([*namespace, "ip", "link"], capture_output=True, timeout=60).returncode:
            pytest.skip("this user may not create a network namespace")
    done = subprocess.run(
        [*namespace, "sh", "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    assert done.returncode == 0, done.stderr
    arrived = json.loads(done.stdout)
    assert arrived["guarded"] == []
    sent_in_syn = {"by_sendto", "by_sendmsg"}  # the system may have TCP Fast Open turned off
    assert {way.__name__ for way in (*ABOVE, *BELOW)} - sent_in_syn <= set(arrived["free"])
