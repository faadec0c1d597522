"""E-mail APIs: connections to the HTTP interfaces of mail providers are seen, counted, and refused if requested."""

from __future__ import annotations

import errno
import socket
import threading
from collections import Counter

import pytest
from _api_clients import (
    API,
    OTHER,
    WAYS,
    another,
    by_anyio,
    by_asyncio,
    by_socket,
    by_socket_address,
    by_trio,
    by_uvloop,
)

from pytest_mailtrap import MailGuardError
from pytest_mailtrap._intercept.mail_apis import HOSTS_OF, Visits, api_named, in_words, visits

ONCE = {API: 1}


# -- the table ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        *(host for hosts in HOSTS_OF.values() for host in hosts),
        "API.SendGrid.com",
        "api.sendgrid.com.",
        b"api.sendgrid.com",
        "email.us-east-1.amazonaws.com",
        "email.us-gov-west-1.amazonaws.com",
        "email-fips.ca-central-1.amazonaws.com",
        "email.cn-north-1.amazonaws.com.cn",
        "email.eu-central-1.api.aws",
    ],
)
def test_hosts_of_the_table(host) -> None:
    """In every spelling, and for Amazon in each region."""
    assert api_named(host) is not None


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        b"",
        25,
        "sendgrid.com",
        "my.api.sendgrid.com",
        "api.sendgrid.com.example.org",
        "smtp.sendgrid.net",
        "email.example.org",
        "email-smtp.us-east-1.amazonaws.com",
        "email.us-east-1.amazonaws.com.example.org",
        "s3.us-east-1.amazonaws.com",
        "graph.microsoft.com",
        "api.scaleway.com",
        "127.0.0.1",
    ],
)
def test_other_hosts(host) -> None:
    """Neither similar names nor hosts that also serve other purposes are in the table."""
    assert api_named(host) is None


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        (ONCE, "1 connection to e-mail APIs (api.sendgrid.com): not judged"),
        (
            {"api.resend.com": 1, API: 2},
            "3 connections to e-mail APIs (api.sendgrid.com, api.resend.com): not judged",
        ),
        (
            {"a": 1, "b": 1, "c": 1, "d": 1, "e": 2},
            "6 connections to e-mail APIs (e, a, b and 2 more): not judged",
        ),
    ],
)
def test_how_it_is_told(counts, text) -> None:
    """The hosts with the most connections come first."""
    assert in_words(counts) == text


def test_counts_are_sums() -> None:
    """The same host in several tests is one entry."""
    assert in_words(Counter(ONCE) + Counter(ONCE)).startswith("2 connections")


# -- what counts --------------------------------------------------------------------------


def test_a_look_up_that_fails(seen, resolver, asked) -> None:
    """It goes to the resolver as usual, and counts once; the lookup of another host does not count."""
    resolver.clear()
    for host in (API, OTHER):
        with pytest.raises(socket.gaierror):
            socket.create_connection((host, 443))
    assert asked == [API, OTHER]
    asked.clear()
    assert seen.take() == ONCE


@pytest.mark.parametrize("port", [None, 0, "", 443, "443", "https", b"https", 8080])
def test_a_look_up_alone(seen, resolver, port) -> None:
    """It counts, whatever port it is for."""
    assert socket.getaddrinfo(API, port, type=socket.SOCK_STREAM)
    assert seen.take() == ONCE


def test_an_old_look_up(seen, resolver) -> None:
    """Each of the resolver's functions counts."""
    assert socket.gethostbyname(API) == "127.0.0.1"
    assert socket.gethostbyname_ex(API)[2] == ["127.0.0.1"]
    assert seen.take() == {API: 2}


def test_what_is_no_connection(seen, resolver) -> None:
    """Datagrams do not count, and neither does checking whether a name is an address."""
    socket.getaddrinfo(API, 443, type=socket.SOCK_DGRAM)
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo(API, 443, flags=socket.AI_NUMERICHOST)
    assert seen.take() == {}


@pytest.mark.parametrize("connect", WAYS)
def test_a_look_up_and_its_connection(seen, resolver, server, connect) -> None:
    """Together they count as one, with any library, each time; for another host they do not count."""
    connect(another(connect), server)
    assert seen.take() == {}
    connect(API, server)
    assert seen.take() == ONCE
    connect(API, server)
    connect(API, server)
    assert seen.take() == {API: 2}


@pytest.mark.parametrize("connect", [by_socket, by_asyncio, by_trio, by_anyio, by_uvloop])
@pytest.mark.parametrize("answers", [True, False])
def test_several_addresses_of_one_connection(seen, resolver, server, connect, answers) -> None:
    """They are tried one after the other, and still count as one connection, whether or not it succeeds."""
    resolver[API] = ["::1", "127.0.0.1"] if answers else ["::1"]
    for _ in range(2):
        failure = None
        try:
            connect(API, server)
        except OSError as error:
            failure = error
        assert answers == (failure is None)
    assert seen.take() == {API: 2}


def test_a_client_that_keeps_what_it_has_looked_up(seen, resolver, server) -> None:
    """Each connection counts, even if they all share one lookup."""
    address = socket.gethostbyname(API)
    for _ in range(3):
        by_socket_address(address, server)
    assert seen.take() == {API: 3}


def test_a_socket_that_does_not_block(seen, resolver, server) -> None:
    """Repeated calls until it is connected count once; the next socket is another connection."""
    address = socket.gethostbyname(API)
    for _ in range(2):
        with socket.socket() as sock:
            sock.setblocking(False)
            deadline = threading.Event()
            codes = []
            while not codes or codes[-1] not in (0, errno.EISCONN):
                assert len(codes) < 500
                codes.append(sock.connect_ex((address, server)))
                deadline.wait(0.01)
    assert seen.take() == {API: 2}


def test_an_address_that_another_host_has(seen, resolver, server) -> None:
    """Providers share addresses with other hosts: the host that was looked up last counts."""
    by_socket(API, server)
    by_socket(OTHER, server)
    by_socket_address("127.0.0.1", server)
    assert seen.take() == ONCE


def test_the_next_test_knows_nothing_of_addresses(seen, resolver, server) -> None:
    """A lookup in one test does not affect how connections of another test are counted."""
    by_socket(API, server)
    visits.forget()
    by_socket_address("127.0.0.1", server)
    assert seen.take() == ONCE


def test_addresses_are_forgotten_between_the_tests_of_a_run(pytester, resolver, server) -> None:
    """The first of these tests connects to the API, the second to a server on this machine."""
    pytester.makepyfile(
        f"""
        import socket

        def test_api():
            socket.create_connection(("{API}", {server}), timeout=5).close()

        def test_own_server():
            with socket.socket() as sock:
                sock.connect(("127.0.0.1", {server}))
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:randomly", "--mailtrap-guard")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([in_words(ONCE)])


def test_an_address_that_is_tried_again(seen, resolver) -> None:
    """It counts as another connection, since the previous one has already tried this address."""
    address = socket.gethostbyname(API)
    with socket.socket() as occupied:
        occupied.bind((address, 0))
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                by_socket_address(*occupied.getsockname())
    assert seen.take() == {API: 3}


@pytest.mark.parametrize(("is_connected", "count"), [(True, 2), (False, 1)])
def test_an_address_after_one_that_answered(server, is_connected, count) -> None:
    """Once connected, a client needs no other address: the next attempt is another connection."""
    known = Visits()
    known.look_up(API)
    with socket.socket() as first, socket.socket() as second:
        if is_connected:
            first.connect(("127.0.0.1", server))
        known.connect(API, first, "192.0.2.1")
        known.connect(API, second, "192.0.2.2")
    assert known.take() == {API: count}


def test_several_threads(seen, resolver, server) -> None:
    """Each is counted."""
    threads = [threading.Thread(target=by_socket, args=(API, server)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen.take() == {API: 8}


def test_mail_ports_are_the_guards(seen) -> None:
    """A connection to a mail port counts as one to a mail server, not to an API."""
    with pytest.raises(MailGuardError):
        socket.create_connection((API, 587))
    assert seen.take() == {}


def test_a_trap_that_intercepts_sees_them(mailtrap, resolver, server) -> None:
    """Even without the guard; outside the interception, nothing is counted."""
    visits.take()
    by_socket(API, server)
    assert visits.take() == {}
    with mailtrap.intercept():
        by_socket(API, server)
        assert visits.take() == ONCE
    by_socket(API, server)
    assert visits.take() == {}


def test_an_alias_that_is_used_for_the_web(seen, mailtrap, resolver, server) -> None:
    """A host intercepted by name has a stand-in address if no port is named: it still counts as one connection."""
    with mailtrap.intercept(API):
        [(family, kind, proto, _, address)] = socket.getaddrinfo(
            API, None, socket.AF_INET, socket.SOCK_STREAM
        )
        assert address[0].startswith("127.192.")
        with socket.socket(family, kind, proto) as sock:
            sock.settimeout(5)
            sock.connect((address[0], server))
    assert seen.take() == ONCE
