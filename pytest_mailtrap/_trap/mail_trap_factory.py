"""Creates traps, with one event loop and one CA for all of them."""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_mailtrap._message.captured_message import capture
from pytest_mailtrap._server.options import Options, check_for_a_trap
from pytest_mailtrap._server.running_server import RunningServer
from pytest_mailtrap._server.socket_ban import check_sockets
from pytest_mailtrap._server.tls_certificates import Certificates
from pytest_mailtrap._smtp.loop_thread import LoopThread
from pytest_mailtrap._trap.mail_trap import MailTrap
from pytest_mailtrap._trap.trap_context import CALLED, TrapContext

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    import trustme
    from typing_extensions import Unpack

    from pytest_mailtrap._hostile.scenario import Scenario
    from pytest_mailtrap._server.inbox import Observer
    from pytest_mailtrap._server.keywords import MailTrapOptions
    from pytest_mailtrap._smime.identity import Identity
    from pytest_mailtrap._smime.issue.keywords import IdentityKeywords
    from pytest_mailtrap._text.choices import Mode
    from pytest_mailtrap._trap.hostile_mail_trap import HostileMailTrap


class MailTrapFactory:
    """
    Creates additional traps: `with mailtrap_factory(starttls="require") as trap:`.

    The keywords are those of `@pytest.mark.mailtrap`.
    """

    def __init__(
        self,
        ca: trustme.CA,
        *,
        observer: Observer | None = None,
        defaults: Options | None = None,
    ) -> None:
        # *defaults* has the credentials of the run.
        self._observer = observer
        self._defaults = Options() if defaults is None else defaults
        self._certificates = Certificates(ca)

    def __call__(self, **options: Unpack[MailTrapOptions]) -> AbstractContextManager[MailTrap]:
        """Check the options now; the trap runs inside the `with` block, and scripted faults must have happened by its end."""
        __tracebackhide__ = True

        def run() -> AbstractContextManager[MailTrap]:
            __tracebackhide__ = True
            return self._running(checked)

        try:
            checked = Options.of(options)
            check_for_a_trap(checked)
        except (TypeError, ValueError) as error:
            wrong = error
        else:
            return TrapContext(run)
        # Without the traceback of the checks: the mistake is in the call.
        raise wrong.with_traceback(None)

    # For a test that forgets the call: the error shows what is missing.

    def __enter__(self) -> NoReturn:
        __tracebackhide__ = True
        raise TypeError(CALLED)

    def __exit__(self, *_: object) -> None:
        """Required by Python for a `with` statement to reach `__enter__()`."""

    def __getattr__(self, name: str) -> NoReturn:
        __tracebackhide__ = True
        if hasattr(MailTrap, name) and not name.startswith("_"):
            raise AttributeError(CALLED)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _running(
        self, options: Options, *, hostile: Mapping[str, Any] | None = None
    ) -> AbstractContextManager[MailTrap]:  # as in MailTrap
        """Run a trap with *options* inside the `with` block; *hostile* holds its marker's options for hostile servers."""
        __tracebackhide__ = True
        # Not inside the block: contextlib's lines would be shown with the error.
        if self._observer is not None:
            self._observer.starting(options)
        return self._trap(options, hostile)

    @contextmanager
    def _trap(self, options: Options, hostile: Mapping[str, Any] | None) -> Iterator[MailTrap]:
        server = self._new_server(options)
        with self._run(server):
            yield MailTrap(server, hostile=hostile)

    @contextmanager
    def _running_hostile(
        self, options: Options, scenario: Scenario, mode: Mode, *, strict: bool = True
    ) -> Iterator[HostileMailTrap]:
        """
        Run a trap with *scenario*; its CA is trusted in the block, so that clients with default settings can verify it.

        Its mail is deliberately insecure and is not reported to the observer: no policy applies to it, and no total counts it.
        """
        from pytest_mailtrap._trap.hostile_mail_trap import HostileMailTrap

        options = dataclasses.replace(options, trust=True)
        server = self._new_server(options)
        trap = HostileMailTrap(server, scenario=scenario, mode=mode, strict=strict)
        with self._run(server):
            yield trap

    @cached_property
    def _thread(self) -> LoopThread:
        """Started with the first trap: a session's fixture must not fail because its first test may not open sockets."""
        return LoopThread()

    def _new_server(self, options: Options) -> RunningServer:
        __tracebackhide__ = True
        check_sockets()
        if not self._thread.is_alive():
            # It has failed, or this is a forked process, which has none.
            self._thread.stop()
            self._thread = LoopThread()
        if options.credentials is None:
            options = dataclasses.replace(options, credentials=self._defaults.credentials)
        return RunningServer(
            self._thread,
            self._certificates,
            options,
            capture=partial(capture, certificates=self._certificates.certificate_store),
            observer=self._observer,
        )

    @contextmanager
    def _run(self, server: RunningServer) -> Iterator[None]:
        server.start()
        options = server.options
        try:
            with ExitStack() as stack:
                if options.trust:
                    stack.enter_context(server.trust())
                if options.intercept:
                    hosts = options.intercept if isinstance(options.intercept, tuple) else ()
                    stack.enter_context(server.intercept(hosts))
                yield
        finally:
            server.stop()

    def smime_identity(
        self, address: str | None, *addresses: str, **keywords: Unpack[IdentityKeywords]
    ) -> Identity:
        """Issue an S/MIME certificate with its key under the CA of all traps; see `MailTrap.smime_identity`."""
        __tracebackhide__ = True
        return self._certificates.certificate_store.issue(address, *addresses, **keywords)

    def close(self) -> None:
        """Stop the thread and remove the files."""
        if "_thread" in vars(self):
            self._thread.stop()
        self._certificates.close()


def running(
    factory: MailTrapFactory, options: Options, *, hostile: Mapping[str, Any] | None = None
) -> AbstractContextManager[MailTrap]:
    """A trap with *options* for one `with` block; *hostile* holds its marker's options for hostile servers."""
    return factory._running(options, hostile=hostile)  # noqa: SLF001  # the file of both


def running_hostile(
    factory: MailTrapFactory, options: Options, scenario: Scenario, mode: Mode, *, strict: bool
) -> AbstractContextManager[HostileMailTrap]:
    """A trap that runs *scenario* for one `with` block."""
    return factory._running_hostile(options, scenario, mode, strict=strict)  # noqa: SLF001  # as above
