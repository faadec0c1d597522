"""The mail trap: what a test holds in its hand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
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
    from pathlib import Path

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
    A running mail server that keeps what it gets: a read-only sequence of the captured messages, oldest first.

    It may be used from any thread.
    A message is in it before the client hears that it was accepted.
    """

    def __init__(self, server: RunningServer, *, plays: Mapping[str, Any] | None = None) -> None:
        # *plays* is what the test's marker says of the hostile servers, by keywords of judge_family().
        self._plays = {"mode": MODES[0], **(plays or {})}
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
        """Iterate over the messages of this moment; later ones do not show."""
        return iter(self._messages())

    def __repr__(self) -> str:
        messages = plural(self._inbox.count(), "message")
        return f"<MailTrap localhost:{self.port}, TLS {self.tls_port}, {messages}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a mail trap is a running server: it cannot be copied, its messages can")

    def _messages(self) -> list[CapturedMessage]:
        self._inbox.raise_failure()
        return self._inbox.messages()

    def messages_to(self, address: str) -> list[CapturedMessage]:
        """The messages that have *address* among their envelope recipients, whatever its case."""
        wanted = address.casefold()
        return [m for m in self._messages() if wanted in (to.casefold() for to in m.rcpt_tos)]

    @property
    def connections(self) -> Sequence[Connection]:
        """Every TCP connection, also those that carried nothing or failed in the handshake."""
        self._server.server.settle()
        self._inbox.raise_failure()
        return self._inbox.connections()

    def clear(self) -> None:
        """Forget the messages and the connections so far."""
        self._inbox.clear()

    # -- where it is ----------------------------------------------------------------------

    @property
    def host(self) -> str:
        """The host name to connect to, which the certificate is for; 127.0.0.1 and ::1 do as well."""
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
        return f"smtp://{self.host}:{self._server.server.port}"

    @property
    def smtps_url(self) -> str:
        """`smtps://localhost:TLS_PORT`."""
        return f"smtps://{self.host}:{self.tls_port}"

    @property
    def username(self) -> str:
        """A user name it accepts; the first one where *credentials* names several."""
        return next(iter(self._server.passwords))

    @property
    def password(self) -> str:
        """The password that goes with `username`."""
        return self._server.passwords[self.username]

    # -- whom to trust --------------------------------------------------------------------

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        """A client context that trusts the trap's CA, and nothing else."""
        return self._server.certificates.client_context()

    @property
    def ca_pem(self) -> str:
        """The certificate of the trap's CA as PEM text."""
        return self._server.certificates.ca_pem

    @property
    def ca_file(self) -> Path:
        """The path of a file with the certificate of the trap's CA, as PEM."""
        return self._server.certificates.ca_file

    def smime_identity(
        self, address: str | None, *addresses: str, **keywords: Unpack[IdentityKeywords]
    ) -> Identity:
        """
        Issue an S/MIME certificate with its key for *address*, under the trap's CA.

        Keywords: *key* ("ec-p256", "ec-p384", "ec-p521", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519", and "rsa-1024" for controls),
        *not_before* and *not_after* (aware datetimes), *purposes*, *key_usage*, *common_name*, *self_signed*, *other_ca*.
        """
        return self._server.certificates.certificate_store.issue(address, *addresses, **keywords)

    def trust(self) -> AbstractContextManager[None]:
        """
        Let clients with default settings trust the trap's CA for a while: `with mailtrap.trust():`.

        SSL_CERT_FILE, NODE_EXTRA_CA_CERTS and CURL_CA_BUNDLE then name a file with the CAs of the system (or those the
        variable named before) and this one, for this process and for subprocesses started meanwhile.
        A client reads them when it makes its TLS context: contexts made earlier are out of reach.
        """
        return self._server.trust()

    def intercept(self, *hosts: str) -> AbstractContextManager[None]:
        """
        Lead this process's mail connections here for a while: `with mailtrap.intercept("smtp.example.com"):`.

        What connects to port 25, 587 or 2525 of *hosts*, or of any host where none is named, arrives at `port`; what connects
        to 465 at `tls_port`. The certificate is for the host that was asked for, and `trust()` is implied.
        Of several interceptions the latest counts.
        """
        __tracebackhide__ = True
        return self._server.intercept(hosts)

    # -- waiting --------------------------------------------------------------------------

    def wait_for(self, count: int = 1, *, timeout: float = 5.0) -> list[CapturedMessage]:
        """
        Block until *count* messages are in, and return the first *count*.

        After *timeout* seconds: AssertionError, saying what did arrive.
        """
        __tracebackhide__ = True
        check_wait(count, timeout)
        self._inbox.wait(count, timeout)
        return self._first(count, timeout, has_blocked=True)

    async def wait_for_async(
        self, count: int = 1, *, timeout: float = 5.0
    ) -> list[CapturedMessage]:  # the twin of wait_for(), for asyncio and trio alike
        """Do as `wait_for()`, without blocking the event loop (asyncio's or trio's) the test runs on."""
        __tracebackhide__ = True
        check_wait(count, timeout)
        await changed(self._inbox, lambda: self._inbox.ready(count), timeout)
        return self._first(count, timeout)

    def _first(
        self, count: int, timeout: float, *, has_blocked: bool = False
    ) -> list[CapturedMessage]:
        __tracebackhide__ = True
        messages = self._messages()
        if len(messages) < count:
            raise AssertionError(
                explain_waiting(
                    messages,
                    self.connections,
                    count=count,
                    timeout=max(timeout, 0),
                    port=self.port,
                    tls_port=self.tls_port,
                    blocked_a_loop=has_blocked and is_in_a_loop(),
                    intercepts=self._server.has_intercepted,
                    kept=self._server.kept(),
                )
            )
        return messages[:count]

    # -- assertions -----------------------------------------------------------------------

    def assert_sent_over_tls(self, *, minimum: MinimumTLS = "TLSv1.2") -> None:
        """
        Fail unless every message, and at least one, came through TLS of version *minimum* or newer.

        *minimum* is "TLSv1.2" or "TLSv1.3".
        This cannot see whether the client verified the trap's certificate.
        """
        __tracebackhide__ = True
        transport_violations(
            {}, minimum=minimum
        )  # a wrong *minimum* is an error also when nothing came
        assertions.assert_sent_over_tls(self._at_least_one(), minimum=minimum)

    def assert_authenticated(
        self, *, username: str | None = None, mechanism: Mechanism | None = None
    ) -> None:
        """
        Fail unless every message, and at least one, was sent after AUTH, with the password inside TLS every time.

        *username* and *mechanism* ("PLAIN", "LOGIN") narrow down who and how.
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
        Fail unless every message, and at least one, is validly S/MIME signed by whom its From names.

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
        Fail unless every message, and at least one, is S/MIME encrypted to its recipients, and to nobody else.

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
        Fail unless the application refuses every hostile server of *mode*, after it could send to a good one.

        This trap plays them one after the other, on its own ports.
        *send* makes the application send one message; it is given host and port where it takes them,
        but keeps its own where it has defaults for them and `intercept()` is in force.
        *mode* is "starttls" or "implicit"; *scenarios* narrows the family, *skip_scenarios* maps ids to the reason why they are left out.
        *strict* makes failures of the remarks of the default family, such as a weak key.
        For each of the four None stands for what the test's marker says, if anything; else it is the whole family of "starttls".
        *timeout* and *may_fail_silently* are those of `HostileMailTrap.assert_client_refuses`.
        All failures stand in one message; the verdicts are returned, the control's first.
        What the servers got is in the verdicts, not among the messages of the trap.
        """
        __tracebackhide__ = True
        from pytest_mailtrap._hostile.trial import assert_family_refused

        return assert_family_refused(
            self._server,
            send,
            timeout=timeout,
            may_fail_silently=may_fail_silently,
            **self._played(
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
    ) -> tuple[Verdict, ...]:  # the keywords of the method above
        """
        Do as `assert_refuses_hostile_servers()`, and give the verdicts instead of failing, the control's first.

        Where the control fails, its verdict is the only one.
        """
        __tracebackhide__ = True
        from pytest_mailtrap._hostile.trial import judge_family

        played = self._played(
            mode=mode, scenarios=scenarios, skip_scenarios=skip_scenarios, strict=strict
        )
        return judge_family(self._server, send, **played, **keywords)

    def _mail_note(self, failed: bool) -> str | None:
        """What is shown with the test's mail: what was remarked of a client that has passed."""
        if failed:
            self._server.server.settle()  # a client that has just left may not have been let in yet
        return "\n".join(f"remark: the client {text}" for text in self._server.remarks) or None

    def _played(self, **given: Any) -> dict[str, Any]:  # arguments of the two methods above
        """What was *given*, and what the marker says in place of None."""
        __tracebackhide__ = True
        return {**self._plays, **{name: it for name, it in given.items() if it is not None}}

    def _at_least_one(self) -> dict[int, CapturedMessage]:
        """The messages by their places, from 1, as a failure calls them."""
        __tracebackhide__ = True
        messages = self._messages()
        if not messages:
            self._server.server.settle_until_quiet()
            raise AssertionError(
                explain_nothing(
                    self.connections,
                    port=self.port,
                    tls_port=self.tls_port,
                    in_a_loop=is_in_a_loop(),
                    intercepts=self._server.has_intercepted,
                    kept=self._server.kept(),
                )
            )
        return numbered(messages)


def mail_note(trap: MailTrap, *, failed: bool) -> str | None:
    """What is shown with the mail of the test that has *trap*, given whether it has *failed*."""
    return trap._mail_note(failed)  # noqa: SLF001  # for the fixtures, and not for users
