"""
A running mail server with all that belongs to it: ports, certificates, passwords, and its behavior.

Rules of this file: it knows connections and behaviors, but not messages or assertions; tests see it as a `MailTrap`.
"""

from __future__ import annotations

import secrets
import weakref
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._clients.identification import client_now
from pytest_mailtrap._intercept.hosts import checked
from pytest_mailtrap._intercept.route import PendingClients, Route
from pytest_mailtrap._intercept.socket_functions import intercepting
from pytest_mailtrap._intercept.trust import is_trusted, trusting
from pytest_mailtrap._server.behavior import Behavior
from pytest_mailtrap._server.inbox import TrapError
from pytest_mailtrap._server.options import ANY_CREDENTIALS
from pytest_mailtrap._server.own_host import own_host
from pytest_mailtrap._server.tls_certificates import certificate_host
from pytest_mailtrap._server.waiting import Deadline
from pytest_mailtrap._smtp.acceptor import SocketLimitError
from pytest_mailtrap._smtp.connection_protocol import SMTPConnectionProtocol
from pytest_mailtrap._smtp.credentials import Credentials
from pytest_mailtrap._smtp.listener import SOCKETS_OF_A_TRAP
from pytest_mailtrap._smtp.server import Server
from pytest_mailtrap._smtp.session import TrapSMTP

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from pytest_mailtrap._assertions.kept_mail_text import Kept
    from pytest_mailtrap._facts.client_hello import ClientHello
    from pytest_mailtrap._facts.received_message import ReceivedMessage
    from pytest_mailtrap._message.captured_message import CapturedMessage
    from pytest_mailtrap._server.inbox import Observer
    from pytest_mailtrap._server.options import Options
    from pytest_mailtrap._server.tls_certificates import Certificates
    from pytest_mailtrap._smtp.loop_thread import LoopThread


class RunningServer:
    """
    The server that clients connect to.

    *server* has the ports, *behavior* is what it does at the moment, *credentials* are the accepted ones.
    *has_intercepted* is whether connections to other hosts have ever been redirected here.
    *remarks* are the remarks on clients of hostile servers.
    """

    def __init__(
        self,
        thread: LoopThread,
        certificates: Certificates,
        options: Options,
        *,
        capture: Callable[[ReceivedMessage], CapturedMessage],
        observer: Observer | None = None,
    ) -> None:
        self.thread = thread
        self.certificates = certificates
        self.options = options
        self.credentials = Credentials(
            options.passwords() or {"mailtrap": secrets.token_urlsafe(12)},
            accepts_any=options.credentials == ANY_CREDENTIALS,
        )
        self.observer = observer
        self._capture = capture
        self.behavior = Behavior(options, observer=observer)
        self.has_intercepted = False
        self.remarks: list[str] = []
        # Weak, as is all that points from a connection to its trap: without cycles, what a trap holds is freed at its end.
        self.server = Server(thread, new_protocol=_weak(self._new_protocol), fail=_weak(self._fail))
        self._pending = PendingClients()
        self._routes: list[Route] = []
        self._entered: list[ExitStack] = []

    @property
    def host(self) -> str:
        """The name or address of this machine that clients connect to."""
        return own_host()

    # -- start and stop -------------------------------------------------------------------

    def start(self) -> None:
        """Begin to listen; TrapError if too many traps are running."""
        try:
            self.server.start()
        except SocketLimitError as error:
            raise TrapError(
                f"the mail trap could not start: {error.strerror}, and each trap needs {SOCKETS_OF_A_TRAP}"
            ) from error
        if self.observer is not None:
            self.observer.started(self)

    def stop(self) -> None:
        """Stop listening, close all connections, undo all changes to this process; TrapError if the trap itself failed."""
        for stack in self._entered:
            stack.close()
        self.server.stop()
        self._pending.close()
        self.behavior.inbox.raise_failure()

    # -- its behavior ---------------------------------------------------------------------

    def run(self, behavior: Behavior) -> None:
        """Use *behavior* from now on, with an empty inbox."""
        self.behavior = behavior
        self._report_run(behavior)

    @contextmanager
    def running(self, behavior: Behavior) -> Iterator[None]:
        """Use *behavior* for a while; what arrives meanwhile goes into a separate inbox."""
        before, self.behavior = self.behavior, behavior
        try:
            yield
        finally:
            self.behavior = before
            self.server.drop()
            self._report_run(behavior)
        behavior.inbox.raise_failure()

    def remark(self, text: str) -> None:
        """Record a remark on a client, which is not a failure; the same remark is recorded once."""
        if text not in self.remarks:
            self.remarks.append(text)
            if self.observer is not None:
                self.observer.remarked(text)

    def _report_run(self, behavior: Behavior) -> None:
        if self.observer is not None:
            self.observer.used_as_hostile(behavior.inbox.count())

    def kept(self) -> list[Kept]:
        """The current test's mail that stayed in the process: where, how many messages, the setting that sends them."""
        return [] if self.observer is None else self.observer.kept()

    def deadline(self, seconds: float) -> Deadline:
        """A deadline that its thread keeps, for a wait of so many *seconds*."""
        return Deadline(seconds, self.thread.call_later)

    # -- what it does to this process -----------------------------------------------------

    def trust(self) -> AbstractContextManager[None]:
        """Make clients with default settings trust its CA for a while."""
        return self._while_it_runs(trusting(self.certificates.ca_pem, self.certificates.directory))

    def intercept(self, hosts: tuple[str, ...]) -> AbstractContextManager[None]:
        """Redirect mail connections for *hosts* (for any, if empty) here for a while; ValueError if one is not a host."""
        __tracebackhide__ = True
        route = Route(
            hosts=frozenset(map(checked, hosts)) or None,
            port=self.server.port,
            tls_port=self.server.tls_port,
            ipv6=self.server.ipv6,
            arrivals=self._pending,
        )
        return self._while_it_runs(self.trust(), self._following(route))

    @property
    def is_intercepting(self) -> bool:
        """Whether connections are redirected here at this moment."""
        return bool(self._routes)

    @contextmanager
    def _following(self, route: Route) -> Iterator[None]:
        with intercepting(route):
            self._routes.append(route)
            self.has_intercepted = True
            try:
                yield
            finally:
                self._routes.remove(route)

    @contextmanager
    def _while_it_runs(self, *managers: AbstractContextManager[None]) -> Iterator[None]:
        """Enter the *managers*; stop() exits them if the test never does."""
        with ExitStack() as stack:
            for manager in managers:
                stack.enter_context(manager)
            self._entered.append(stack)
            yield
        self._entered.remove(stack)

    # -- a connection ---------------------------------------------------------------------

    def _new_protocol(
        self,
        *,
        implicit: bool,
        on_open: Callable[[SMTPConnectionProtocol], None],
        on_close: Callable[[SMTPConnectionProtocol], None],
    ) -> SMTPConnectionProtocol:
        behavior = self.behavior

        def opened(protocol: SMTPConnectionProtocol) -> None:
            on_open(protocol)
            protocol.facts.trusted = is_trusted(self.certificates.ca_pem)
            protocol.facts.clients = client_now(beside=self.server.still_to_open)
            if not protocol.closing:
                behavior.inbox.connected(protocol.connection)

        protocol: SMTPConnectionProtocol = SMTPConnectionProtocol(
            loop=self.thread.loop,
            buffer=self.thread.buffer,
            implicit=implicit,
            choose_context=lambda hello: self._choose_context(behavior, hello, protocol),
            session=partial(self._new_session, behavior),
            at_handshake=partial(behavior.rules.take, "HANDSHAKE", encrypted=False),
            greets_after=behavior.greets_after,
            on_open=opened,
            on_close=on_close,
            on_error=behavior.inbox.fail,
            settle=_weak(self.server.settle),
            arrived=self._pending.arrived,
        )
        return protocol

    def _deliver(
        self, behavior: Behavior, protocol: SMTPConnectionProtocol, received: ReceivedMessage
    ) -> None:
        message = self._capture(received)
        protocol.facts.messages.add(message)
        behavior.inbox.deliver(message)

    def _fail(self, error: BaseException) -> None:
        self.behavior.inbox.fail(error)

    def _choose_context(
        self, behavior: Behavior, hello: ClientHello | None, protocol: SMTPConnectionProtocol
    ) -> ssl.SSLContext:
        """The context for the name that the client sent and the host that it meant to reach."""
        host = protocol.facts.shown_for = certificate_host(
            hello.server_name if hello else None,
            protocol.connection.transport.server_host,
            claims=lambda name: any(route.claims(name) for route in self._routes),
        )
        return self.certificates.server_context(
            behavior.options, host, certificate=behavior.certificate
        )

    def _new_session(self, behavior: Behavior, protocol: SMTPConnectionProtocol) -> TrapSMTP:
        return TrapSMTP(
            protocol,
            options=behavior.options,
            credentials=self.credentials,
            rules=behavior.rules,
            deliver=partial(self._deliver, behavior, protocol),
            fail=behavior.inbox.fail,
        )


def _weak(method: Callable[..., Any]) -> Callable[..., Any]:
    """The same as *method*, which does not keep its object alive; without the object, it does nothing."""
    reference = weakref.WeakMethod(method)

    def call(*arguments: Any, **keywords: Any) -> Any:  # those of the method
        bound = reference()
        return None if bound is None else bound(*arguments, **keywords)

    return call
