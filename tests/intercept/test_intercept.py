"""What is intercepted, by what, and for how long; and what is not."""

from __future__ import annotations

import errno
import smtplib
import socket
import ssl
import threading
from typing import TYPE_CHECKING

import pytest
from _senders import ADDRESS, HOST, MAIL, SENDER, names_in, smtplib_implicit, smtplib_starttls

from pytest_mailtrap._intercept.guard import Guard, MailGuardError
from pytest_mailtrap._intercept.socket_functions import guarding

if TYPE_CHECKING:
    from pytest_mailtrap import MailTrap, MailTrapFactory


# -- which hosts and ports ----------------------------------------------------------------


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize(
    ("host", "meant"),
    [
        (HOST, HOST),
        ("SMTP.Example-Provider.COM", HOST),
        ("bücher.example", "xn--bcher-kva.example"),
        ("smtp_relay", "smtp_relay"),
        ("mail", "mail"),
        (ADDRESS, ADDRESS),
        ("2001:db8::25", "2001:db8::25"),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
    ],
)
@pytest.mark.parametrize("send", [smtplib_starttls, smtplib_implicit])
def test_hosts_in_every_spelling(mailtrap: MailTrap, send, host: str, meant: str) -> None:
    """The certificate is for the host that the client asked for, so the client's verification succeeds."""
    send(host)
    [message] = mailtrap
    assert message.transport.server_host == meant


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize(("host", "meant"), [(f"{HOST}.", HOST), ("::ffff:192.0.2.25", ADDRESS)])
def test_spellings_that_no_certificate_has(mailtrap: MailTrap, host: str, meant: str) -> None:
    """A final dot, an IPv4-mapped address: the same host, but OpenSSL compares text, here as in production."""
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        smtplib_starttls(host)
    [connection] = mailtrap.connections
    assert connection.transport.server_host == meant


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize(
    ("port", "number", "how"),
    [
        (25, 25, "starttls"),
        (2525, 2525, "starttls"),
        ("587", 587, "starttls"),
        ("smtp", 25, "starttls"),
        ("submission", 587, "starttls"),
        ("submissions", 465, "implicit"),
        ("465", 465, "implicit"),
    ],
)
def test_ports_in_every_spelling(
    mailtrap: MailTrap, port: int | str, number: int, how: str
) -> None:
    """Each one leads to the matching port of the trap."""
    (smtplib_implicit if how == "implicit" else smtplib_starttls)(HOST, port)
    [message] = mailtrap
    assert message.transport.requested_port == number
    assert message.transport.negotiated_by == how


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize(
    "host",
    [
        f"{HOST}\n",
        f"{HOST} ",
        f"{HOST}:587",
        "*.example-provider.com",
        "smtp..example-provider.com",
        f"{'x' * 64}.example",
        f"{'ü' * 64}.example",
    ],
)
@pytest.mark.parametrize("send", [smtplib_starttls, lambda host: socket.gethostbyname(host)])
def test_what_no_host_is_called_fails_as_in_production(
    mailtrap: MailTrap, asked: list[str], send, host: str
) -> None:
    """A setting read with its line ending must not pass its test: the system is asked, and its usual error is raised."""
    with pytest.raises((socket.gaierror, UnicodeError)):
        send(host)
    assert asked == [host]
    asked.clear()
    assert mailtrap.connections == []


@pytest.mark.mailtrap(intercept=["smtp.elsewhere.example"])
def test_other_hosts_are_not_intercepted(mailtrap: MailTrap, asked: list[str]) -> None:
    """For hosts that are not listed, the resolver is asked as usual: here it knows none."""
    with pytest.raises(socket.gaierror):
        smtplib_starttls(HOST)
    assert asked == [HOST]
    asked.clear()
    assert mailtrap.connections == []


@pytest.mark.mailtrap(intercept=True)
def test_a_direct_connection_means_the_trap(mailtrap: MailTrap) -> None:
    """Nothing was redirected: no host or port is recorded, and the certificate is the trap's own."""
    smtplib_starttls(mailtrap.host, mailtrap.port)
    [message] = mailtrap
    assert message.transport.server_host is None
    assert message.transport.requested_port is None


@pytest.mark.mailtrap(intercept=True)
def test_other_ports_are_untouched(mailtrap: MailTrap, asked: list[str]) -> None:
    """Addresses are passed to connect() unchanged, and names to the resolver."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=10) as client,
    ):
        assert client.getpeername() == server.getsockname()
    with pytest.raises(socket.gaierror):
        socket.create_connection((HOST, 443))
    assert asked == [HOST]
    asked.clear()
    assert mailtrap.connections == []


@pytest.mark.mailtrap(intercept=True)
def test_datagrams_are_untouched(mailtrap: MailTrap) -> None:
    """Mail goes over TCP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", 25))
        assert sock.getpeername() == ("127.0.0.1", 25)


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no Unix sockets here")
@pytest.mark.mailtrap(intercept=True)
def test_unix_sockets_are_untouched(mailtrap: MailTrap, tmp_path) -> None:
    """A path is not a host, whatever it looks like."""
    for path in (str(tmp_path / "s"), bytes(tmp_path / "s")[:1] + b"\x19/nothing"):
        with socket.socket(socket.AF_UNIX) as sock, pytest.raises(OSError) as caught:
            sock.connect(path)
        assert caught.value.errno in (errno.ENOENT, errno.ENOTDIR)


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize("address", [(HOST, "25"), (HOST, 25.0), (HOST,), ("a", 25, 0, 0, 0), 25])
def test_nonsense_is_still_an_error(mailtrap: MailTrap, address: object) -> None:
    """connect() raises its usual error."""
    with socket.socket() as sock, pytest.raises((TypeError, OSError)):
        sock.connect(address)  # type: ignore[arg-type]  # that is the point
    assert mailtrap.connections == []


# -- certificates -------------------------------------------------------------------------


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize("host", [HOST, ADDRESS, "2001:db8::25"])
def test_without_sni_the_certificate_is_for_the_host_that_was_looked_up(
    mailtrap: MailTrap, host: str
) -> None:
    """The certificate names this host and no other, and has no wildcard."""
    context = ssl.create_default_context(cadata=mailtrap.ca_pem)
    context.check_hostname = False
    with (
        socket.create_connection((host, 465), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=None) as sock,
    ):
        [name] = names_in(sock.getpeercert())
    assert (
        socket.inet_pton(socket.AF_INET6, name) == socket.inet_pton(socket.AF_INET6, host)
        if ":" in host
        else name == host
    )
    assert mailtrap.connections[0].transport.sni is None


@pytest.mark.mailtrap(intercept=True)
def test_sni_counts_more_than_the_host(mailtrap: MailTrap) -> None:
    """The certificate is for the name that the client requests by SNI."""
    context = ssl.create_default_context(cadata=mailtrap.ca_pem)
    with (
        socket.create_connection((ADDRESS, 465), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=HOST) as sock,
    ):
        assert names_in(sock.getpeercert()) == [HOST]


def test_without_interception_the_certificate_is_the_traps(mailtrap: MailTrap) -> None:
    """The control: a client that asks the trap itself for another name is shown the trap's own certificate."""
    with (
        socket.create_connection(("localhost", mailtrap.tls_port), timeout=10) as raw,
        pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"),
    ):
        mailtrap.ssl_context.wrap_socket(raw, server_hostname=HOST)


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize("sni", ["*.example.com", "a@example.com", "10.0.0.0/8", "a b"])
def test_no_certificate_is_made_for_what_is_no_host(mailtrap: MailTrap, sni: str) -> None:
    """No wildcard, network or mail address: a client that sends such an SNI sees the trap's own names."""
    context = ssl.create_default_context(cadata=mailtrap.ca_pem)
    context.check_hostname = False
    with (
        socket.create_connection((HOST, 465), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=sni) as sock,
    ):
        assert "localhost" in names_in(sock.getpeercert())


@pytest.mark.mailtrap(intercept=True, maximum_tls="TLSv1.2")
def test_sessions_are_resumed_for_one_host_and_not_for_another(mailtrap: MailTrap) -> None:
    """Each host has its own context, which is kept."""
    context = ssl.create_default_context(cadata=mailtrap.ca_pem)

    def visit(host: str, session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool]:
        with (
            socket.create_connection((host, 465), timeout=10) as raw,
            context.wrap_socket(raw, server_hostname=host, session=session) as sock,
        ):
            return sock.session, bool(sock.session_reused)

    session, reused = visit(HOST, None)
    assert not reused
    assert visit(HOST, session)[1]
    assert not visit("smtp.other.example", session)[1]


# -- by whom, and for how long ------------------------------------------------------------


def test_nothing_is_replaced_afterwards(mailtrap: MailTrap) -> None:
    """Afterwards, the socket functions are the same objects as before; during interception, they are different ones."""

    def functions() -> list[object]:
        return [
            socket.getaddrinfo,
            socket._socket.getaddrinfo,  # type: ignore[attr-defined]
            socket.gethostbyname,
            socket.socket.connect,
            socket.socket.connect_ex,
            ssl.SSLContext.load_default_certs,
            vars(socket.socket).get("connect"),
        ]

    before = functions()
    with mailtrap.intercept(HOST):
        meanwhile = functions()
        with mailtrap.intercept():
            assert functions() == meanwhile
        assert functions() == meanwhile
    assert functions() == before
    assert meanwhile != before


def test_what_is_never_left_ends_with_the_trap(mailtrap_factory: MailTrapFactory) -> None:
    """A test that enters an interception and never leaves it does not pass it on to the next test."""
    connect = socket.socket.connect
    with mailtrap_factory() as trap:
        entered = trap.intercept()
        entered.__enter__()
        smtplib_starttls()
        assert len(trap) == 1
    assert socket.socket.connect == connect
    entered.__exit__(None, None, None)  # and leaving late is no error
    assert socket.socket.connect == connect


def test_a_block_that_fails_ends_it(mailtrap: MailTrap) -> None:
    """It ends with any exception, even one that ends the run."""
    connect = socket.socket.connect
    with pytest.raises(KeyboardInterrupt), mailtrap.intercept():
        raise KeyboardInterrupt
    assert socket.socket.connect == connect


def test_nested_and_repeated(mailtrap: MailTrap) -> None:
    """One trap may intercept several times; each interception ends separately."""
    with mailtrap.intercept("smtp.one.example"):
        with mailtrap.intercept("smtp.two.example"):
            smtplib_starttls("smtp.one.example")
            smtplib_starttls("smtp.two.example")
        smtplib_starttls("smtp.one.example")
        with guarding(Guard()), pytest.raises(MailGuardError):
            smtplib_starttls("smtp.two.example")
    with mailtrap.intercept("smtp.two.example"):
        smtplib_starttls("smtp.two.example")
    hosts = [message.transport.server_host for message in mailtrap]
    assert hosts == [f"smtp.{n}.example" for n in ("one", "two", "one", "two")]


def test_of_several_traps_the_latest_counts(
    mailtrap: MailTrap, mailtrap_factory: MailTrapFactory
) -> None:
    """Each has its hosts; if both claim a host, the one that began later gets the mail."""
    with mailtrap.intercept(), mailtrap_factory(intercept=["smtp.bills.example"]) as bills:
        smtplib_starttls("smtp.bills.example")
        smtplib_starttls(HOST)
        with mailtrap.intercept("smtp.bills.example"):
            smtplib_starttls("smtp.bills.example")
    assert [message.transport.server_host for message in bills] == ["smtp.bills.example"]
    assert [m.transport.server_host for m in mailtrap] == [HOST, "smtp.bills.example"]


def test_interceptions_that_overlap_end_in_any_order(
    mailtrap: MailTrap, mailtrap_factory: MailTrapFactory
) -> None:
    """The one that began first may end first."""
    with mailtrap_factory() as other:
        first, second = mailtrap.intercept("a.example"), other.intercept("b.example")
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        smtplib_starttls("b.example")
        with guarding(Guard()), pytest.raises(MailGuardError):
            smtplib_starttls("a.example")
        second.__exit__(None, None, None)
        assert len(other) == 1


@pytest.mark.mailtrap(intercept=True)
def test_many_threads_and_hosts_are_told_apart(mailtrap: MailTrap) -> None:
    """Each message has the host that its own client asked for."""
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(5):
                host = f"smtp-{number}-{turn}.example"
                with smtplib.SMTP(host, 587, timeout=30) as client:
                    client.starttls(context=ssl.create_default_context())
                    client.sendmail(SENDER, [f"{host}@example.org"], MAIL)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(mailtrap) == 40
    for message in mailtrap:
        assert message.rcpt_tos == (f"{message.transport.server_host}@example.org",)
        assert message.transport.sni == message.transport.server_host
