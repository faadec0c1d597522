"""
A running mail server with all that belongs to it: ports, certificates, passwords, and the stage it plays on.

Rules of this file: it knows connections and stages, but neither messages nor assertions; `MailTrap` is what a test sees of it.
"""

from __future__ import annotations

import secrets
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from pytest_mailtrap._clients.identification import client_now
from pytest_mailtrap._intercept.hosts import checked
from pytest_mailtrap._intercept.route import Arrivals, Route
from pytest_mailtrap._intercept.socket_functions import intercepting
from pytest_mailtrap._intercept.trust import is_trusted, trusting
from pytest_mailtrap._server.behavior import Stage
from pytest_mailtrap._server.tls_certificates import certificate_host
from pytest_mailtrap._smtp.connection_protocol import Wire
from pytest_mailtrap._smtp.server import Server
from pytest_mailtrap._smtp.session import Dialogue

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from pytest_mailtrap._assertions.kept_mail_text import Kept
    from pytest_mailtrap._facts.client_hello import ClientHello
    from pytest_mailtrap._hostile.scenario import Scenario
    from pytest_mailtrap._server.inbox import Observer
    from pytest_mailtrap._server.options import Options
    from pytest_mailtrap._server.tls_certificates import Certificates
    from pytest_mailtrap._smtp.loop_thread import LoopThread


class Station:
    """
    Where clients arrive.

    *server* has the ports, *stage* what is played on them at the moment, *passwords* those that it accepts, by user name.
    *has_intercepted* tells whether connections have ever been led here from elsewhere; *remarks* are those on clients of hostile servers.
    """

    host = "localhost"

    def __init__(
        self,
        thread: LoopThread,
        certificates: Certificates,
        options: Options,
        *,
        observer: Observer | None = None,
    ) -> None:
        self.thread = thread
        self.certificates = certificates
        self.options = options
        self.passwords = options.passwords() or {"mailtrap": secrets.token_urlsafe(12)}
        self.observer = observer
        self.stage = Stage(options, observer=observer)
        self.has_intercepted = False
        self.remarks: list[str] = []
        self.server = Server(thread, new_wire=self._new_wire, fail=self._fail)
        self._arrivals = Arrivals()
        self._routes: list[Route] = []
        self._entered: list[ExitStack] = []

    # -- start and stop -------------------------------------------------------------------

    def start(self) -> None:
        """Begin to listen."""
        self.server.start()
        if self.observer is not None:
            self.observer.started(self)

    def stop(self) -> None:
        """Stop listening, close every connection, take back what was done to this process; raise what failed in the trap itself."""
        for stack in self._entered:
            stack.close()
        self.server.stop()
        self.stage.inbox.raise_failure()

    # -- what it plays --------------------------------------------------------------------

    def play(self, scenario: Scenario) -> None:
        """Be the server of *scenario* from now on, with an empty inbox."""
        self.stage = Stage(self.options, scenario=scenario)
        self._tell_played(self.stage)

    @contextmanager
    def playing(self, scenario: Scenario) -> Iterator[Stage]:
        """Be the server of *scenario* for a while; what comes meanwhile goes into an inbox of its own."""
        stage = Stage(self.options, scenario=scenario)
        before, self.stage = self.stage, stage
        try:
            yield stage
        finally:
            self.stage = before
            self.server.drop()
            self._tell_played(stage)
        stage.inbox.raise_failure()

    def remark(self, text: str) -> None:
        """Take note of what a client did that is no failure; once is enough."""
        if text not in self.remarks:
            self.remarks.append(text)
            if self.observer is not None:
                self.observer.remarked(text)

    def _tell_played(self, stage: Stage) -> None:
        if self.observer is not None:
            self.observer.played(stage.inbox.count())

    def kept(self) -> list[Kept]:
        """The mail of the test that runs which has stayed in the process: where, how many messages, and the setting that sends them."""
        return [] if self.observer is None else self.observer.kept()

    # -- what it does to this process -----------------------------------------------------

    def trust(self) -> AbstractContextManager[None]:
        """Let clients with default settings trust its CA for a while."""
        return self._while_it_runs(trusting(self.certificates.ca_pem, self.certificates.directory))

    def intercept(self, hosts: tuple[str, ...]) -> AbstractContextManager[None]:
        """Lead mail connections for *hosts*, for any where there is none, here for a while; ValueError for what is no host."""
        __tracebackhide__ = True
        route = Route(
            hosts=frozenset(map(checked, hosts)) or None,
            port=self.server.port,
            tls_port=self.server.tls_port,
            ipv6=self.server.ipv6,
            arrivals=self._arrivals,
        )
        return self._while_it_runs(self.trust(), self._following(route))

    @property
    def is_intercepting(self) -> bool:
        """Whether connections are led here at this moment."""
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
        """Enter the *managers*; stop() leaves them where a test never does."""
        with ExitStack() as stack:
            for manager in managers:
                stack.enter_context(manager)
            self._entered.append(stack)
            yield
        self._entered.remove(stack)

    # -- a connection ---------------------------------------------------------------------

    def _new_wire(
        self, *, implicit: bool, on_open: Callable[[Wire], None], on_close: Callable[[Wire], None]
    ) -> Wire:
        stage = self.stage

        def opened(wire: Wire) -> None:
            on_open(wire)
            wire.facts.trusted = is_trusted(self.certificates.ca_pem)
            wire.facts.clients = client_now(beside=self.server.still_to_open)
            if not wire.closing:
                stage.inbox.connected(wire.connection)

        wire: Wire = Wire(
            loop=self.thread.loop,
            buffer=self.thread.buffer,
            implicit=implicit,
            choose_context=lambda hello: self._choose_context(stage, hello, wire),
            dialogue=partial(self._new_dialogue, stage),
            at_handshake=partial(stage.rules.take, "HANDSHAKE", encrypted=False),
            greets_after=stage.greets_after,
            on_open=opened,
            on_close=on_close,
            on_error=stage.inbox.fail,
            settle=self.server.settle,
            arrived=self._arrivals.arrived,
        )
        return wire

    def _fail(self, error: BaseException) -> None:
        self.stage.inbox.fail(error)

    def _choose_context(
        self, stage: Stage, hello: ClientHello | None, wire: Wire
    ) -> ssl.SSLContext:
        """The context for what the client names and what it meant to reach."""
        host = wire.facts.shown_for = certificate_host(
            hello.server_name if hello else None,
            wire.connection.transport.server_host,
            claims=lambda name: any(route.claims(name) for route in self._routes),
        )
        return self.certificates.server_context(stage.options, host, certificate=stage.certificate)

    def _new_dialogue(self, stage: Stage, wire: Wire) -> Dialogue:
        return Dialogue(
            wire,
            options=stage.options,
            passwords=self.passwords,
            directory=self.certificates.smime_directory,
            rules=stage.rules,
            deliver=stage.inbox.deliver,
            fail=stage.inbox.fail,
        )
