"""Looking up an intercepted host: every family, flag and function, with a port or without."""

from __future__ import annotations

import smtplib
import socket
import ssl
import sys
from typing import TYPE_CHECKING

import pytest
from _senders import ADDRESS, HOST, MAIL, RECIPIENT, SENDER

if TYPE_CHECKING:
    from pytest_mailtrap import MailTrap

KINDS = {
    0: "any",
    socket.SOCK_STREAM: "stream",
    socket.SOCK_DGRAM: "dgram",
    getattr(socket, "SOCK_RAW", None): "raw",
}


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((HOST, 587), {"stream", "dgram"}),
        ((HOST, 587, 0, socket.SOCK_STREAM), {"stream"}),
        ((HOST, "submission", socket.AF_INET, socket.SOCK_STREAM), {"stream", "inet"}),
        ((HOST, 587, socket.AF_INET6, socket.SOCK_STREAM), {"stream", "inet6"}),
        ((HOST, 587, socket.AF_INET6, 0, socket.IPPROTO_TCP), {"stream", "inet6"}),
        ((HOST, 587, 0, 0, socket.IPPROTO_TCP, socket.AI_PASSIVE), {"stream"}),
        ((HOST.encode(), b"587", socket.AF_INET), {"stream", "inet"}),
    ],
)
def test_lookups_with_odd_flags_and_families(
    mailtrap: MailTrap, arguments: tuple, expected: set[str]
) -> None:
    """Each answer contains only what was requested, and each address leads to the trap."""
    found = socket.getaddrinfo(*arguments)
    kinds = {KINDS[entry[1]] for entry in found}
    # Windows does not list the types if none was requested.
    assert "any" not in kinds or sys.platform == "win32"
    if kinds != {"any"}:
        assert ({"stream", "dgram"} & expected) <= kinds
    if (len(arguments) > 3 and arguments[3]) or (len(arguments) > 4 and kinds != {"any"}):
        assert kinds == {"stream"}
    families = {entry[0] for entry in found}
    if "inet" in expected:
        assert families == {socket.AF_INET}
    if "inet6" in expected:
        assert families == {socket.AF_INET6}
    for family, kind, proto, _, address in found:
        if KINDS[kind] in ("stream", "any"):
            with socket.socket(family, socket.SOCK_STREAM, proto) as sock:
                sock.settimeout(10)
                sock.connect(address)
                assert sock.recv(3) == b"220"
    assert {c.transport.server_host for c in mailtrap.connections} == {HOST}


@pytest.mark.mailtrap(intercept=True)
def test_the_canonical_name_is_the_host(mailtrap: MailTrap) -> None:
    """AI_CANONNAME returns the host name, not the alias, and only when it is requested."""
    first, *rest = socket.getaddrinfo(HOST, 587, type=1, flags=socket.AI_CANONNAME)
    assert first[3] == HOST
    assert {entry[3] for entry in rest} <= {""}
    assert socket.getaddrinfo(HOST, 587)[0][3] == ""


@pytest.mark.mailtrap(intercept=True)
def test_lookups_that_cannot_succeed(mailtrap: MailTrap) -> None:
    """What the system rejects is rejected: a name where a number is required, a type that has no ports."""
    with pytest.raises(socket.gaierror) as caught:
        socket.getaddrinfo(HOST, 587, flags=socket.AI_NUMERICHOST)
    assert caught.value.errno == socket.EAI_NONAME
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo(HOST, "submission", flags=socket.AI_NUMERICSERV)
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo(HOST, 587, family=12345)


@pytest.mark.mailtrap(intercept=True)
def test_servers_bind_where_they_want(mailtrap: MailTrap) -> None:
    """For servers that bind, names of this machine still mean this machine."""
    found = socket.getaddrinfo("localhost", 2525, type=1, flags=socket.AI_PASSIVE)
    assert {entry[4][0] for entry in found} <= {"127.0.0.1", "::1"}
    found = socket.getaddrinfo(None, 2525, type=1, flags=socket.AI_PASSIVE)
    assert {entry[4][0] for entry in found} <= {"0.0.0.0", "::"}


@pytest.mark.mailtrap(intercept=[HOST])
@pytest.mark.parametrize(
    "look_up",
    [
        lambda: socket.gethostbyname(HOST.upper()),
        lambda: socket.gethostbyname_ex(HOST)[2][0],
        lambda: socket.getaddrinfo(HOST, None)[0][4][0],
        lambda: socket.getaddrinfo(HOST, 0, socket.AF_INET6)[0][4][0],
    ],
)
def test_lookups_without_a_port(mailtrap: MailTrap, look_up) -> None:
    """A host that is intercepted by name is never looked up, and the connection shows its name."""
    address = look_up()
    with smtplib.SMTP(address, 587, timeout=10) as client:
        client._host = HOST  # whose certificate is to be verified
        client.starttls(context=ssl.create_default_context())
        client.sendmail(SENDER, [RECIPIENT], MAIL)
    assert mailtrap[0].transport.server_host == HOST


@pytest.mark.mailtrap(intercept=["localhost"])
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_an_alias_serves_other_ports(mailtrap: MailTrap, family: socket.AddressFamily) -> None:
    """An address that was looked up without a port may be used for something other than mail."""
    [alias, *_] = socket.getaddrinfo("localhost", None, family)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(family) as client:
        client.settimeout(10)
        address = (alias[4][0], server.getsockname()[1])
        assert address[0] not in ("127.0.0.1", "::1")
        try:
            client.connect(address)
        except ConnectionRefusedError:
            assert family == socket.AF_INET6  # localhost is ::1, where nobody listens
        else:
            assert client.getpeername()[1] == server.getsockname()[1]
    assert mailtrap.connections == []


LOOK_UPS = {
    "gethostbyname": lambda host: socket.gethostbyname(host),
    "gethostbyname_ex": lambda host: socket.gethostbyname_ex(host)[2][0],
    "no port": lambda host: socket.getaddrinfo(host, None)[0][4][0],
    "port 0": lambda host: socket.getaddrinfo(host, 0)[0][4][0],
    "port 80": lambda host: socket.getaddrinfo(host, 80)[0][4][0],
}


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize("look_up", LOOK_UPS.values(), ids=LOOK_UPS)
def test_names_that_do_not_exist(mailtrap: MailTrap, asked: list[str], look_up) -> None:
    """When all mail is intercepted, a lookup that names no mail port fails as it does without interception."""
    with pytest.raises(socket.gaierror):
        look_up(HOST)
    assert asked == [HOST]
    asked.clear()
    # The control: only a mail port says that the name is looked up for mail.
    assert socket.getaddrinfo(HOST, 587)


@pytest.mark.mailtrap(intercept=[HOST])
@pytest.mark.parametrize(
    "look_up", [look_up for name, look_up in LOOK_UPS.items() if name != "port 80"]
)
def test_names_that_do_not_exist_but_are_intercepted(mailtrap: MailTrap, look_up) -> None:
    """A host that is intercepted by name has its alias for every lookup that can be for mail."""
    assert look_up(HOST).removeprefix("::ffff:").startswith("127.192.")


@pytest.fixture
def known(resolver: dict[str, list[str]]) -> dict[str, list[str]]:
    """A resolver that knows HOST, at ADDRESS."""
    resolver[HOST] = [ADDRESS]
    return resolver


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize(
    "look_up", [look_up for name, look_up in LOOK_UPS.items() if name != "port 80"]
)
def test_an_address_that_was_looked_up(known: dict, mailtrap: MailTrap, look_up) -> None:
    """A connection right after the lookup of a name is reported by that name."""
    with socket.socket() as sock:
        sock.connect((look_up(HOST), 587))
    assert _meant(mailtrap) == [HOST]


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize("look_up", [None, *LOOK_UPS.values()], ids=[None, *LOOK_UPS])
def test_an_address_that_the_application_names(known: dict, mailtrap: MailTrap, look_up) -> None:
    """smtplib looks up even an address: it keeps its own text, whatever name had it before."""
    known[ADDRESS] = [ADDRESS]
    address = ADDRESS if look_up is None else look_up(HOST)
    assert address == ADDRESS
    with smtplib.SMTP(address, 587, local_hostname="here", timeout=10) as client:
        client.noop()
    with socket.socket() as sock:
        sock.connect((address, 587))
    assert _meant(mailtrap) == [ADDRESS, ADDRESS]


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize("name", ["this-machine", "this-machine.example", HOST])
def test_the_names_of_this_machine(
    known: dict, mailtrap: MailTrap, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """smtplib looks up the machine's own name to say it in EHLO: it is not where the application meant to go."""
    known[name] = [ADDRESS]
    monkeypatch.setattr(socket, "gethostname", lambda: "This-Machine")
    with socket.socket() as sock:
        sock.connect((socket.gethostbyname(name), 587))
    # The control: any other name is.
    assert _meant(mailtrap) == [HOST if name == HOST else ADDRESS]


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.1.1", ADDRESS])
def test_addresses_of_this_machine(known: dict, mailtrap: MailTrap, address: str) -> None:
    """A loopback address has many names: it is reported as it is."""
    known[HOST] = [address]
    for _ in range(2):
        with socket.socket() as sock:
            sock.connect((socket.gethostbyname(HOST), 587))
    # The control: the address of another machine is reported by name.
    assert _meant(mailtrap) == 2 * [HOST if address == ADDRESS else address]


def _meant(mailtrap: MailTrap) -> list[str | None]:
    return [connection.transport.server_host for connection in mailtrap.connections]
