"""Every kind of client, production settings unchanged: redirected to the trap, guarded, verifying certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from _senders import (
    ADDRESS,
    HOST,
    RECIPIENT,
    Application,
    aiosmtplib_starttls,
    applications,
    open_connection,
    with_anyio,
    with_trio,
    with_uvloop,
)

from pytest_mailtrap._intercept.guard import Guard
from pytest_mailtrap._intercept.socket_functions import guarding
from pytest_mailtrap._server import running_server

if TYPE_CHECKING:
    from pytest_mailtrap import MailTrap

APPLICATIONS = applications()
every = pytest.mark.parametrize("application", APPLICATIONS.values(), ids=APPLICATIONS)
every_verifying = pytest.mark.parametrize(
    "application",
    [application for application in APPLICATIONS.values() if application.verifies],
    ids=[name for name, application in APPLICATIONS.items() if application.verifies],
)


@every
@pytest.mark.mailtrap(intercept=True, credentials=("user", "secret"))
def test_mail_for_any_host_arrives(mailtrap: MailTrap, application: Application) -> None:
    """Over TLS, at the matching port, and the trap records the intended host."""
    application.send()
    [message] = mailtrap.wait_for(1)
    assert message.rcpt_tos == (RECIPIENT,)
    how = message.transport
    assert (how.server_host, how.requested_port) == (application.host, application.port)
    assert how.negotiated_by == ("implicit" if application.port == 465 else "starttls")
    assert how.sni == (HOST if application.host == HOST else None)


@every
@pytest.mark.mailtrap(intercept=[HOST, ADDRESS], credentials=("user", "secret"))
def test_mail_for_a_named_host_arrives(mailtrap: MailTrap, application: Application) -> None:
    """As with any host."""
    application.send()
    assert len(mailtrap.wait_for(1)) == 1


@pytest.mark.mailtrap(intercept=True)
@pytest.mark.parametrize(
    ("host", "meant"),
    [
        ("SMTP.Example-Provider.COM", HOST),
        ("bücher.example", "xn--bcher-kva.example"),
        ("2001:db8::25", "2001:db8::25"),
        (ADDRESS, ADDRESS),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
@pytest.mark.parametrize(
    "send",
    [
        open_connection,
        aiosmtplib_starttls,
        with_trio,
        lambda host: with_anyio(host=host),
        lambda host: with_anyio("trio", host),
        with_uvloop,
    ],
    ids=["asyncio", "aiosmtplib", "trio", "anyio", "anyio on trio", "uvloop"],
)
def test_hosts_in_every_spelling_through_event_loops(
    mailtrap: MailTrap, send, host: str, meant: str
) -> None:
    """Each loop has its own way of handling names and addresses; all of them verify the host they asked for."""
    send(host)
    [message] = mailtrap.wait_for(1)
    assert message.transport.server_host == meant


@every
@pytest.mark.mailtrap(intercept=["smtp.elsewhere.example"])
def test_without_a_trap_the_guard_refuses(mailtrap: MailTrap, application: Application) -> None:
    """The same applications if their host is not intercepted: nothing leaves the process, and no resolver is asked."""
    guard = Guard("this test")
    with guarding(guard):
        if application.refuses is None:
            application.send()
        else:
            with pytest.raises(
                application.refuses, match=r"mail guard|All connection attempts failed"
            ):
                application.send()
    attempts = {(attempt.host, attempt.port) for attempt in guard.take_all()}
    assert attempts == {(application.host, application.port)}
    assert mailtrap.connections == []


@every_verifying
@pytest.mark.mailtrap(intercept=True, credentials=("user", "secret"))
def test_a_certificate_for_another_host_is_refused(
    mailtrap: MailTrap, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same applications with another certificate from the same CA: verification is really on."""
    monkeypatch.setattr(
        running_server, "certificate_host", lambda *_args, **_kw: "smtp.impostor.example"
    )
    assert application.refuses is not None
    with pytest.raises(application.refuses):
        application.send()
    assert len(mailtrap) == 0
    # anyio and trio may have tried the host's other address, too, and closed that connection without a word.
    [_] = [connection for connection in mailtrap.connections if connection.client_hello]
