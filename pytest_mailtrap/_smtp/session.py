"""
The SMTP server: aiosmtpd, on a protocol of our own.

Rules of this file: aiosmtpd parses and replies; this file has only what aiosmtpd lacks or does differently than a
trap must, each with its reason. It is the only file that touches aiosmtpd's internals.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._facts.received_message import ReceivedMessage
from pytest_mailtrap._smtp import extensions, parameters
from pytest_mailtrap._smtp.authenticator import Authenticator, mechanism_of
from pytest_mailtrap._smtp.coroutine_driver import CoroutineDriver
from pytest_mailtrap._smtp.engine import SMTP, AuthResult, LoginPassword
from pytest_mailtrap._smtp.fault_injector import Command, FaultInjector
from pytest_mailtrap._smtp.faults import carries_out
from pytest_mailtrap._smtp.line_reader import (
    LineReader,
    TooLongError,
    has_long_line,
    unstuff,
)
from pytest_mailtrap._smtp.paths import path_of
from pytest_mailtrap._smtp.reply_only import ReplyOnlyCommands
from pytest_mailtrap._text.printable import printable
from pytest_mailtrap._text.terms import plural

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from pytest_mailtrap._server.options import Options
    from pytest_mailtrap._smtp.connection_protocol import SMTPConnectionProtocol
    from pytest_mailtrap._smtp.credentials import Credentials
    from pytest_mailtrap._smtp.engine import Envelope, Session
    from pytest_mailtrap._smtp.faults import Rule, Rules

COMMAND_SECONDS = 60.0
# RFC 3207, section 4; and AUTH, to record the credentials that it gives away.
_BEFORE_TLS = frozenset({"EHLO", "NOOP", "QUIT", "STARTTLS", "AUTH"})

Deliver = Callable[[ReceivedMessage], None]
Fail = Callable[[BaseException], None]


class TrapSMTP(ReplyOnlyCommands):
    """One SMTP session, from the greeting to its end; it starts over inside TLS (RFC 3207, section 4.2)."""

    # Always set; aiosmtpd types them as optional.
    session: Session
    envelope: Envelope
    _timeout_handle: asyncio.TimerHandle
    # aiosmtpd only tests whether they are true: is STARTTLS offered, is the session inside TLS?
    tls_context: Any
    _tls_protocol: Any
    # What aiosmtpd reads and writes; all that it writes goes through push().
    _reader: Any
    _writer: Any
    transport: Any

    def __init__(
        self,
        protocol: SMTPConnectionProtocol,
        *,
        options: Options,
        credentials: Credentials,
        rules: Rules,
        deliver: Deliver,
        fail: Fail,
    ) -> None:
        # SMTP.__init__ reflects over the class for every connection (0.3 ms): we do it once and copy the result.
        self.__dict__.update(_engine(protocol.loop).__dict__)
        self._needs_tls = options.starttls == "require" and not protocol.secured
        self._handle_hooks = {"EHLO": self._complete_ehlo}
        self._ehlo_hook_ver = "new"
        # A class-wide table in aiosmtpd, whose limits every EHLO on every connection raises.
        self.command_size_limits = collections.defaultdict(lambda: 512, extensions.LONGEST_COMMANDS)
        self._recorder = protocol.recorder
        self._protocol = protocol
        self._driver = CoroutineDriver(protocol.loop, ended=self._ended)
        self._line_reader = LineReader(protocol, self._driver)
        self._injector = FaultInjector(
            rules, protocol, self._line_reader, passed_over=self._passed_over
        )
        self._smtp_methods = self._injector.over(self._smtp_methods, self._command)
        self._at_end: list[Rule] = []
        self._reader = self._line_reader
        self._writer = self.transport = protocol
        self._options = options
        self._authentication = Authenticator(protocol, credentials)
        self._deliver = deliver
        self._fail = fail
        self._known_parameters: Mapping[str, Callable[[str | bool], bool]] = {}
        self._parameters: list[str] = []
        self._timeout_duration = COMMAND_SECONDS
        self.data_size_limit = options.max_message_size
        self.tls_context = options.starttls != "off"
        self._tls_protocol = protocol.secured
        # _command() does this: aiosmtpd's own check would hide a refused AUTH.
        self.require_starttls = False
        self._auth_required = options.require_auth
        self._auth_require_tls = not options.auth_without_tls

    # -- the life of the connection -------------------------------------------------------

    def begin(self) -> None:
        """Send the greeting, and reply to commands from then on."""
        self._set_rset_state()  # type: ignore[no-untyped-call]  # aiosmtpd's
        self.session = self._create_session()
        self.session.peer = self._protocol.get_extra_info("peername")
        self._reset_timeout()
        self._driver.begin(self._injector.greet(self._handle_client))

    def data_received(self, data: bytes) -> None:
        self._line_reader.feed(data)
        self._driver.resume()

    def eof_received(self) -> None:
        self._line_reader.feed_eof()
        self._driver.resume()

    def resume(self) -> None:
        self._driver.resume()

    def _ended(self, error: Exception | None) -> None:
        self._timeout_handle.cancel()
        if error is not None and not isinstance(error, ConnectionError):
            self._fail(error)
        self._protocol.session_ended(failed=error is not None)
        # It refers to itself, and would keep the trap until a garbage collection.
        vars(self).clear()

    def _reset_timeout(self, duration: float | None = None) -> None:
        # aiosmtpd cancels a timer and makes another for each command: ours keeps running, and checks when it fires.
        self._expires = self.loop.time() + (duration or self._timeout_duration)
        timer = self._timeout_handle
        if timer is None or timer.cancelled() or timer.when() > self._expires:
            self._await_expiry(self._expires)

    def _await_expiry(self, when: float) -> None:
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        self._timeout_handle = self.loop.call_at(when, self._timeout_cb)

    def _timeout_cb(self) -> None:
        expires = self._expires
        if self._line_reader.takes_data:
            expires = max(expires, self._protocol.last_activity + COMMAND_SECONDS)
        if self.loop.time() < expires:
            self._await_expiry(expires)
            return
        self._recorder.event(f"no command within {COMMAND_SECONDS:g} s")
        self._protocol.end("timeout")
        self._protocol.close()

    async def handle_exception(self, error: Exception) -> str:
        """Reply to what a client can cause; anything else is an error of the trap, which the test raises."""
        if isinstance(error, TooLongError):
            return "500 5.5.6 Authentication exchange line is too long"
        self._fail(error)
        self._protocol.abort()
        return ""

    async def push(self, status: str | bytes) -> None:
        # aiosmtpd echoes unknown commands; one can be a password that a confused client sends.
        if isinstance(status, str):
            if status.startswith('500 Error: command "'):
                status = "500 Error: command not recognized"
            status = status.encode("utf-8", "replace")
        reply = self._injector.instead_of(status + b"\r\n")
        self._recorder.server(reply)
        self._protocol.send(reply)
        if self._protocol.is_full:
            await self._driver.wait_until(
                lambda: not self._protocol.is_full or self._protocol.closing
            )

    # -- commands -------------------------------------------------------------------------

    def _command(self, name: str) -> Command:
        """The method for a command; before TLS that is required, most commands are refused."""
        if self._needs_tls and name not in _BEFORE_TLS:
            return self._refuse_before_tls
        command: Command = getattr(self, f"smtp_{name}", self.unknown_command)
        return command

    async def _refuse_before_tls(self, _arg: str | None) -> None:
        await self.push("530 Must issue a STARTTLS command first")

    async def _complete_ehlo(
        self, _server: SMTP, session: Any, _envelope: Any, hostname: str, lines: list[str]
    ) -> list[str]:
        """Offer what aiosmtpd does not know, in one write: some clients read only the first segment."""
        session.host_name = hostname
        limit, secured = bool(self.data_size_limit), self._protocol.secured
        keywords = extensions.offered(lines, has_size_limit=limit, inside_tls=secured)
        return [extensions.reply(self._injector.offered(keywords))]

    async def smtp_EHLO(self, hostname: str) -> None:
        await super().smtp_EHLO(hostname)
        self._note_name()

    async def smtp_HELO(self, hostname: str) -> None:
        await super().smtp_HELO(hostname)
        self._note_name()

    def _note_name(self) -> None:
        name = self.session.host_name
        if name:
            self._protocol.facts.record(ehlo=printable(name.encode("utf-8", "surrogateescape")))

    async def smtp_QUIT(self, arg: str | None) -> None:
        if arg:
            await self.push("501 Syntax: QUIT")
            return
        # The end of the connection may be known already, if the client did not wait for the reply.
        self._protocol.facts.ended_by = "quit"
        self._protocol.part()
        await self.push("221 Bye")
        self._protocol.close()  # aiosmtpd would cancel the session as well

    async def smtp_STARTTLS(self, arg: str | None) -> None:
        if arg:
            await self.push("501 Syntax: STARTTLS")
            return
        if self._protocol.secured:
            await self.push("503 5.5.1 TLS is already active")
            return
        if not self.tls_context:
            await self.push("502 5.5.1 STARTTLS is not offered")
            return
        self._timeout_handle.cancel()
        await self.push("220 Ready to start TLS")
        # What was sent together with STARTTLS was not protected: it must not count (RFC 3207, section 4.2).
        if discarded := self._line_reader.discard():
            self._recorder.event(f"{plural(discarded, 'byte')} sent before TLS, and discarded")
        self._protocol.expect_tls()
        await self._driver.wait_until(lambda: self._protocol.secured or self._protocol.closing)
        if self._protocol.closing:
            raise ConnectionResetError("closed during the handshake")
        self._tls_protocol = True
        self._needs_tls = False
        self._authentication.accepted = None
        self._set_rset_state()  # type: ignore[no-untyped-call]  # aiosmtpd's
        peer = self.session.peer
        self.session = self._create_session()
        self.session.peer = peer
        self._reset_timeout()

    async def smtp_AUTH(self, arg: str | None) -> None:
        mechanism, initial = mechanism_of(arg)
        if initial and not self._protocol.secured and not self._takes_auth(mechanism):
            self._authentication.lose(mechanism, initial)
        if self._needs_tls:
            await self._refuse_before_tls(arg)
            return
        # aiosmtpd's table has the methods of the session that it was made for.
        self._auth_methods = {
            name: attribute._replace(method=getattr(self, f"auth_{name}"))
            for name, attribute in self._auth_methods.items()
        }
        await super().smtp_AUTH(f"{mechanism} {initial}".strip())

    def _takes_auth(self, mechanism: str) -> bool:
        """Whether an AUTH in cleartext will reach `_authenticate`."""
        session = self.session
        may = self._options.auth_without_tls and mechanism in self._auth_methods
        return bool(may and session.extended_smtp and not session.authenticated)

    def _passed_over(self, command: str, arg: str | None) -> None:
        """A rule has replied: the secret of an AUTH was sent nevertheless, and STARTTLS does not lead to TLS."""
        self._protocol.breaks_promise = command == "STARTTLS"
        mechanism, initial = mechanism_of(arg)
        if command == "AUTH" and initial:
            self._authentication.lose(mechanism, initial)

    def _authenticate(self, mechanism: str, auth_data: Any) -> AuthResult:
        accepted = self._authentication.accept(mechanism, *auth_data)
        return AuthResult(success=accepted, handled=False, auth_data=LoginPassword(*auth_data))

    async def smtp_MAIL(self, arg: str | None) -> None:
        before = self.envelope.mail_from
        self._known_parameters = (
            parameters.MAIL_INSIDE_TLS if self._protocol.secured else parameters.MAIL
        )
        await super().smtp_MAIL(arg)
        if self.envelope.mail_from and not before:
            self.envelope.mail_options = self._parameters  # aiosmtpd's are in uppercase

    async def smtp_RCPT(self, arg: str | None) -> None:
        count = len(self.envelope.rcpt_tos)
        options = list(self.envelope.rcpt_options)
        self._known_parameters = parameters.RCPT
        await super().smtp_RCPT(arg)
        if len(self.envelope.rcpt_tos) > count:
            self.envelope.rcpt_options = options + self._parameters

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        self._parameters = []
        address, rest = path_of(arg, super()._getaddr)
        if address == "<>" and self._known_parameters is parameters.RCPT:
            # The null reverse-path is not a recipient (RFC 5321, section 4.1.1.3).
            return None, None
        if address:
            self._parameters = (rest or "").split()
        return address, rest

    def _getparams(self, params: Any) -> dict[str, str | bool] | None:
        """Check the parameters that aiosmtpd does not know or does not check enough, and leave the others to it."""
        found = super()._getparams(params)
        if found is None or len(found) != len(params):
            return None
        if not str(found.get("SIZE", "0")).isascii():
            return None  # "²" passes for a digit there
        exact = super()._getparams(self._parameters) or {}
        return parameters.without_known(found, exact, self._known_parameters)

    async def smtp_DATA(self, arg: str | None) -> None:
        """
        Read the message in chunks, as it comes: reading it line by line takes eight times as long.

        It is stored as soon as its last byte has come, before the reply: a synchronous client returns from its
        send on that reply, and the next line of the test may count the messages.
        """
        if await self.check_helo_needed() or await self.check_auth_needed("DATA"):
            return
        if not self.envelope.rcpt_tos:
            await self.push("503 Error: need RCPT command")
            return
        if arg:
            await self.push("501 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        self._at_end = []
        reply = await self._line_reader.read_data(self._store, self.data_size_limit)
        self._reset_timeout()
        self._set_post_data_state()  # type: ignore[no-untyped-call]  # aiosmtpd's
        await self._injector.perform(self._at_end, functools.partial(self.push, reply))

    def _store(self, stuffed: bytearray | None, size: int) -> str:
        """Capture the message and return the reply; *stuffed* is None if it was far larger than allowed."""
        self._recorder.event(f"message data, {plural(size, 'byte')}")
        raw = None if stuffed is None else unstuff(stuffed)
        limit = self.data_size_limit
        if raw is None or (limit is not None and len(raw) > limit):
            return "552 5.3.4 Message exceeds the maximum size"
        if has_long_line(raw, self.line_length_limit - 1):
            return "500 5.5.2 Line too long (RFC 5321, section 4.5.3.1.6)"
        self._at_end = self._injector.take("END-OF-MESSAGE")
        if not all(carries_out(rule) for rule in self._at_end):
            return ""  # a rule supplies the reply
        envelope = self.envelope
        received = ReceivedMessage(
            mail_from=(envelope.mail_from or "").removeprefix("<>"),
            rcpt_tos=tuple(envelope.rcpt_tos),
            mail_options=tuple(envelope.mail_options),
            rcpt_options=tuple(envelope.rcpt_options),
            smtp_utf8=envelope.smtp_utf8,
            raw=raw,
            transport=self._protocol.connection.transport,
            auth=self._authentication.accepted,
            connection=self._protocol.connection,
            transcript=self._recorder.snapshot(and_next=1),
            received_at=datetime.now(timezone.utc),
        )
        self._deliver(received)
        return "250 OK"


for _name in ("AUTH", "DATA", "EHLO", "HELO", "MAIL", "QUIT", "RCPT", "STARTTLS"):
    # The texts for HELP, which aiosmtpd's decorator has set on the methods that ours override.
    vars(getattr(TrapSMTP, f"smtp_{_name}")).update(vars(getattr(SMTP, f"smtp_{_name}")))


_engines: dict[asyncio.AbstractEventLoop, SMTP] = {}


def _engine(loop: asyncio.AbstractEventLoop) -> SMTP:
    """A new aiosmtpd session whose state is copied, made once for each loop."""
    if loop not in _engines:
        _engines.clear()
        engine = TrapSMTP.__new__(TrapSMTP)
        SMTP.__init__(
            engine,
            object(),
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="pytest-mailtrap",
            timeout=COMMAND_SECONDS,
            loop=loop,
        )
        _engines[loop] = engine
    return _engines[loop]
