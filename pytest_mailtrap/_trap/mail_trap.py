"""The mail trap: the object that a test uses."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, overload

from pytest_mailtrap._assertions import assertions
from pytest_mailtrap._assertions.failure_text import explain_nothing, explain_waiting
from pytest_mailtrap._assertions.violations import numbered, transport_violations
from pytest_mailtrap._message.captured_message import CapturedMessage
from pytest_mailtrap._server.waiting import changed, check_wait, is_in_a_loop
from pytest_mailtrap._text.terms import MODES, plural
from pytest_mailtrap._trap.fault_scripting import FaultScripting

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from typing_extensions import Unpack

    from pytest_mailtrap._facts.connection import Connection
    from pytest_mailtrap._hostile.scenario import Scenario
    from pytest_mailtrap._hostile.verdicts import Verdict
    from pytest_mailtrap._server.running_server import RunningServer
    from pytest_mailtrap._smime.identity import Identity
    from pytest_mailtrap._smime.issue.keywords import IdentityKeywords
    from pytest_mailtrap._smime.settings import Trust
    from pytest_mailtrap._text.choices import Mechanism, MinimumTLS, Mode, WeakAlgorithm


class MailTrap(FaultScripting, Sequence[CapturedMessage]):
    """
    A running mail server that keeps what it receives: a read-only sequence of the captured messages, oldest first.

    It may be used from any thread.
    A message is in the sequence before the client receives the reply that accepts it.
    """

    def __init__(self, server: RunningServer, *, hostile: Mapping[str, Any] | None = None) -> None:
        # *hostile* holds the options of the test's marker for hostile servers, as keywords of judge_family().
        self._hostile = {"mode": MODES[0], **(hostile or {})}
        self._server = server
        self._inbox = server.behavior.inbox
        self._rules = server.behavior.rules

    # -- the messages ---------------------------------------------------------------------

    def __len__(self) -> int:
        self._inbox.raise_failure()
        return self._inbox.count()

    @overload
    def __getitem__(self, index: int) -> CapturedMessage: ...
    @overload
    def __getitem__(self, index: slice) -> list[CapturedMessage]: ...
    def __getitem__(self, index: int | slice) -> CapturedMessage | list[CapturedMessage]:
        __tracebackhide__ = True
        messages = self._messages()
        try:
            return messages[index]
        except IndexError:
            there = plural(len(messages), "message")
            raise IndexError(f"no message at [{index}]: the trap has {there}") from None

    def __iter__(self) -> Iterator[CapturedMessage]:
        """Iterate over the messages captured so far; later ones are not included."""
        return iter(self._messages())

    def __repr__(self) -> str:
        messages = plural(self._inbox.count(), "message")
        return f"<MailTrap localhost:{self.port}, TLS {self.tls_port}, {messages}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a mail trap is a running server: it cannot be copied, but its messages can"
        )

    def _messages(self) -> list[CapturedMessage]:
        self._inbox.raise_failure()
        return self._inbox.messages()

    def messages_to(self, address: str) -> list[CapturedMessage]:
        """The messages that have *address* among their envelope recipients; upper and lower case do not matter."""
        wanted = address.casefold()
        return [m for m in self._messages() if wanted in (to.casefold() for to in m.rcpt_tos)]

    @property
    def connections(self) -> Sequence[Connection]:
        """Every TCP connection, even those that carried no mail or failed in the handshake."""
        self._server.server.settle()
        self._inbox.raise_failure()
        return self._inbox.connections()

    def clear(self) -> None:
        """Discard the messages and connections so far."""
        self._inbox.clear()

    # -- addresses ----------------------------------------------------------------------

    @property
    def host(self) -> str:
        """The host to connect to: "localhost", or "127.0.0.1" if that is unknown here; the certificate is for both and ::1."""
        return self._server.host

    @property
    def port(self) -> int:
        """The port that greets in cleartext and offers STARTTLS."""
        return self._server.server.port

    @property
    def tls_port(self) -> int:
        """The port for implicit TLS (RFC 8314, section 3.3)."""
        return self._server.server.tls_port

    @property
    def smtp_url(self) -> str:
        """`smtp://localhost:PORT`."""
        return f"smtp://{self.host}:{self.port}"

    @property
    def smtps_url(self) -> str:
        """`smtps://localhost:TLS_PORT`."""
        return f"smtps://{self.host}:{self.tls_port}"

    @property
    def username(self) -> str:
        """A user name that the trap accepts; the first one if *credentials* has several."""
        return next(iter(self._server.credentials))

    @property
    def password(self) -> str:
        """The password for `username`."""
        return self._server.credentials[self.username]

    # -- trust ----------------------------------------------------------------------------

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        """A client context that trusts only the trap's CA."""
        return self._server.certificates.client_context()

    @property
    def ca_pem(self) -> str:
        """The certificate of the trap's CA as PEM text."""
        return self._server.certificates.ca_pem

    @property
    def ca_file(self) -> Path:
        """The path of a PEM file with the certificate of the trap's CA."""
        return Path(self._server.certificates.ca_file)

    def smime_identity(
        self, address: str | None, *addresses: str, **keywords: Unpack[IdentityKeywords]
    ) -> Identity:
        """
        Issue an S/MIME certificate for *address*, with its key, from the trap's CA.

        Keywords: *key* ("ec-p256", "ec-p384", "ec-p521", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519", and "rsa-1024" for negative tests),
        *not_before* and *not_after* (aware datetimes), *purposes*, *key_usage*, *common_name*, *self_signed*, *other_ca*.
        """
        __tracebackhide__ = True
        return self._server.certificates.certificate_store.issue(address, *addresses, **keywords)

    def trust(self) -> AbstractContextManager[None]:
        """
        Make clients with default settings trust the trap's CA within a block: `with mailtrap.trust():`.

        SSL_CERT_FILE, NODE_EXTRA_CA_CERTS and CURL_CA_BUNDLE then name a file with the system's CAs (or those in the file that
        the variable named before) and this one, for this process and for subprocesses started in the block.
        A client reads them when it creates its TLS context: contexts created earlier are not affected.
        """
        return self._server.trust()

    def intercept(self, *hosts: str) -> AbstractContextManager[None]:
        """
        Redirect this process's mail connections to this trap within a block: `with mailtrap.intercept("smtp.example.com"):`.

        Connections to port 25, 587 or 2525 of *hosts*, or of any host if none is named, arrive at `port`; connections to port 465
        arrive at `tls_port`.
        The certificate is issued for the requested host, and `trust()` is implied.
        If interceptions overlap, the latest one applies.
        """
        __tracebackhide__ = True
        return self._server.intercept(hosts)

    # -- waiting --------------------------------------------------------------------------

    def wait_for(self, count: int = 1, *, timeout: float = 5.0) -> list[CapturedMessage]:
        """
        Block until *count* messages have arrived, and return the first *count*.

        After *timeout* seconds, raises AssertionError, which says what did arrive.
        """
        __tracebackhide__ = True
        check_wait(count, timeout)
        self._inbox.wait(count, timeout)
        return self._first(count, timeout, has_blocked=True)

    async def wait_for_async(
        self, count: int = 1, *, timeout: float = 5.0
    ) -> list[CapturedMessage]:  # the counterpart of wait_for(), for both asyncio and trio
        """Like `wait_for()`, but without blocking the event loop (asyncio's or trio's) that the test runs on."""
        __tracebackhide__ = True
        check_wait(count, timeout)
        await changed(self._inbox, lambda: self._inbox.ready(count), self._server.deadline(timeout))
        return self._first(count, timeout)

    def _first(
        self, count: int, timeout: float, *, has_blocked: bool = False
    ) -> list[CapturedMessage]:
        __tracebackhide__ = True
        connections = self.connections if self._inbox.count() < count else []
        messages = self._messages()
        if len(messages) < count:
            text = explain_waiting(
                messages,
                connections,
                count=count,
                timeout=max(timeout, 0),
                port=self.port,
                tls_port=self.tls_port,
                blocked_a_loop=has_blocked and is_in_a_loop(),
                intercepts=self._server.has_intercepted,
                kept=self._server.kept(),
            )
            messages = self._messages()
            if len(messages) < count:  # still not
                raise AssertionError(text)
        return messages[:count]

    # -- assertions -----------------------------------------------------------------------

    def assert_sent_over_tls(self, *, minimum: MinimumTLS = "TLSv1.2") -> None:
        """
        Fail unless there is at least one message, and every message was sent over TLS version *minimum* or newer.

        *minimum* is "TLSv1.2" or "TLSv1.3".
        This does not show whether the client verified the trap's certificate.
        """
        __tracebackhide__ = True
        # A wrong *minimum* is an error even if nothing arrived.
        transport_violations({}, minimum=minimum)
        assertions.assert_sent_over_tls(self._at_least_one(), minimum=minimum)

    def assert_authenticated(
        self, *, username: str | None = None, mechanism: Mechanism | None = None
    ) -> None:
        """
        Fail unless there is at least one message, and every message was sent after AUTH, with every password sent inside TLS.

        *username* and *mechanism* ("PLAIN", "LOGIN") require a certain user and AUTH mechanism.
        """
        __tracebackhide__ = True
        assertions.assert_authenticated(
            self._at_least_one(), username=username, mechanism=mechanism
        )

    def assert_smime_signed(
        self,
        *,
        by: str | Iterable[str] | None = None,
        trust: Trust = None,
        allow: Iterable[WeakAlgorithm] = (),
        match_from: bool = True,
        identities: Identity | Iterable[Identity] = (),
    ) -> None:
        """
        Fail unless there is at least one message, and every message is validly S/MIME signed by the sender in its From.

        The keywords are those of `CapturedMessage.assert_smime_signed`.
        """
        __tracebackhide__ = True
        assertions.assert_smime_signed(
            self._at_least_one(),
            by=by,
            trust=trust,
            allow=allow,
            match_from=match_from,
            identities=identities,
        )

    def assert_smime_encrypted(
        self,
        *,
        to: str | Iterable[str] | None = None,
        identities: Identity | Iterable[Identity] | None = None,
        authenticated: bool = False,
    ) -> None:
        """
        Fail unless there is at least one message, and every message is S/MIME encrypted to its recipients, and to nobody else.

        The keywords are those of `CapturedMessage.assert_smime_encrypted`.
        """
        __tracebackhide__ = True
        assertions.assert_smime_encrypted(
            self._at_least_one(), to=to, identities=identities, authenticated=authenticated
        )

    def assert_refuses_hostile_servers(
        self,
        send: Callable[..., Any],
        mode: Mode | None = None,
        *,
        scenarios: Iterable[str | Scenario] | None = None,
        skip_scenarios: Mapping[str, str] | None = None,
        strict: bool | None = None,
        timeout: float | None = 10.0,
        may_fail_silently: bool = False,
    ) -> tuple[Verdict, ...]:
        """
        Fail unless the application refuses every hostile server of *mode*, after it has sent mail to a good one.

        This trap runs the scenarios one after the other, on its own ports.
        *send* makes the application send one message; it is passed host and port if it accepts them,
        but its own defaults for them are kept while `intercept()` is active.
        *mode* is "starttls" or "implicit"; *scenarios* selects scenarios, *skip_scenarios* maps the ids of skipped ones to the reasons.
        *strict* makes failures of what are only remarks in the default set, such as a weak key.
        For each of these four, None means the value in the test's marker, if any; otherwise all scenarios of "starttls" run.
        *timeout* and *may_fail_silently* are those of `HostileMailTrap.assert_client_refuses`.
        One failure message covers all failures; the verdicts are returned, the control's first.
        What the hostile servers received is in the verdicts, not among the messages of the trap.
        """
        __tracebackhide__ = True
        from pytest_mailtrap._hostile.trial import assert_family_refused

        return assert_family_refused(
            self._server,
            send,
            timeout=timeout,
            may_fail_silently=may_fail_silently,
            **self._with_marker_options(
                mode=mode, scenarios=scenarios, skip_scenarios=skip_scenarios, strict=strict
            ),
        )

    def judge_hostile_servers(
        self,
        send: Callable[..., Any],
        mode: Mode | None = None,
        *,
        scenarios: Iterable[str | Scenario] | None = None,
        skip_scenarios: Mapping[str, str] | None = None,
        strict: bool | None = None,
        **keywords: Any,
    ) -> tuple[Verdict, ...]:  # *keywords* are those of the method above
        """
        Like `assert_refuses_hostile_servers()`, but return the verdicts instead of failing, the control's first.

        If the control fails, its verdict is the only one.
        """
        __tracebackhide__ = True
        from pytest_mailtrap._hostile.trial import judge_family

        options = self._with_marker_options(
            mode=mode, scenarios=scenarios, skip_scenarios=skip_scenarios, strict=strict
        )
        return judge_family(self._server, send, **options, **keywords)

    def _mail_note(self, failed: bool) -> str | None:
        """What is shown with the test's mail: remarks on a client that has passed."""
        if failed:
            self._server.server.settle()  # a client that has just disconnected may not have been accepted yet
        return "\n".join(f"remark: the client {text}" for text in self._server.remarks) or None

    def _with_marker_options(
        self, **given: Any
    ) -> dict[str, Any]:  # arguments of the two methods above
        """The arguments *given*, with the marker's values in place of None."""
        __tracebackhide__ = True
        return {
            **self._hostile,
            **{name: it for name, it in given.items() if it is not None},
        }

    def _at_least_one(self) -> dict[int, CapturedMessage]:
        """The messages by number, from 1, as in failure messages."""
        __tracebackhide__ = True
        messages = self._messages()
        if not messages:
            self._server.server.settle_until_quiet()
            text = explain_nothing(
                self.connections,
                port=self.port,
                tls_port=self.tls_port,
                in_a_loop=is_in_a_loop(),
                intercepts=self._server.has_intercepted,
                kept=self._server.kept(),
            )
            if not (messages := self._messages()):  # still not
                raise AssertionError(text)
        return numbered(messages)


def mail_note(trap: MailTrap, *, failed: bool) -> str | None:
    """What is shown with the mail of the test that uses *trap*, depending on whether it *failed*."""
    return trap._mail_note(failed)  # noqa: SLF001  # for the fixtures, not for users
