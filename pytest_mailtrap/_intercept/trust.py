"""
Trust in a temporary CA for clients with default settings: through the environment, in this process and in subprocesses.

Rules of this file: the system's own CAs stay trusted (the variables *replace* the system's bundle, so our bundle starts with it);
several trusts may overlap and end in any order; afterwards everything is as it was.

Code that changes a variable in the meantime, such as the test's monkeypatch, remembers the path of one of our bundles, and may
restore it long after the trust has ended. So a bundle holds the CA only while it is trusted, and `settle()` restores the old value.
"""

from __future__ import annotations

import os
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._intercept import fork_server
from pytest_mailtrap._intercept.ca_bundle import Bundle, path_of
from pytest_mailtrap._intercept.patch import Patch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# REQUESTS_CA_BUNDLE is not changed: requests does not speak SMTP, and if the variable is unset, it reads CURL_CA_BUNDLE.
_VARIABLES = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE")


@contextmanager
def trusting(ca_pem: str, directory: str) -> Iterator[None]:
    """Make clients with default settings also trust the CA *ca_pem*; *directory* is for bundle files and outlives the trust."""
    _everybody.begin(ca_pem, directory)
    try:
        yield
    finally:
        _everybody.end(ca_pem, directory)


def is_trusted(ca_pem: str) -> bool:
    """Whether clients with default settings trust the CA *ca_pem* at this moment."""
    return _everybody.trusts(ca_pem)


def settle() -> None:
    """Restore the variables that name a bundle whose trust has ended."""
    _everybody.settle()


class _Trust:
    """The CAs that are currently trusted, and the current and earlier bundles."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: list[tuple[str, str]] = []
        # By path, all bundles that a variable has ever named: it may be set back to any of them.
        self._bundles: dict[str | None, Bundle] = {}
        self._patch: Patch | None = None

    def begin(self, ca_pem: str, directory: str) -> None:
        with self._lock:
            if not self._active:
                self._patch = Patch(ssl.SSLContext, "load_default_certs", self._loading)
            self._active.append((ca_pem, directory))
            for name in _VARIABLES:
                self._point(name)
            self._fill()
        fork_server.renew()

    def end(self, ca_pem: str, directory: str) -> None:
        with self._lock:
            self._active.remove((ca_pem, directory))
            if not self._active and self._patch is not None:
                self._patch.undo()
            self._settle()
            self._fill()
        fork_server.renew()

    def settle(self) -> None:
        with self._lock:
            if self._settle():
                self._fill()

    def trusts(self, ca_pem: str) -> bool:
        return any(ca == ca_pem for ca, _ in self._active)

    def _settle(self) -> bool:
        """Leave no variable with an outdated bundle; returns whether any variable named a bundle."""
        ours = [name for name in _VARIABLES if os.environ.get(name) in self._bundles]
        # Any other value is the test's own and is kept.
        for name in ours:
            if self._active:
                self._point(name)
            else:
                self._put_back(name)
        return bool(ours)

    def _point(self, name: str) -> None:
        before = self._before(name)
        # The directory of an active trust: it will not be removed before this is called again.
        directory = self._active[-1][1]
        path = str(path_of(before, directory))
        if path not in self._bundles:
            self._bundles[path] = Bundle(before, directory)
        os.environ[name] = path

    def _put_back(self, name: str) -> None:
        before = self._before(name)
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before

    def _before(self, name: str) -> str | None:
        """The value that the variable would have without us."""
        value = os.environ.get(name)
        bundle = self._bundles.get(value)
        return value if bundle is None else bundle.before

    def _fill(self) -> None:
        """Update the bundles that a variable names, or that hold any CA, to the trusted CAs."""
        cas = self._cas()
        named = {os.environ.get(name) for name in _VARIABLES}
        for path, bundle in self._bundles.items():
            if bundle.held or path in named:
                bundle.hold(cas)

    def _cas(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(ca for ca, _ in self._active))

    def _loading(self, original: Callable[..., None]) -> Callable[..., None]:
        """Load the CAs explicitly, too: not every build of OpenSSL reads the environment, and none does in a setuid process."""

        def load_default_certs(context: ssl.SSLContext, *args: Any, **kwargs: Any) -> None:
            original(context, *args, **kwargs)
            if cas := self._cas():
                context.load_verify_locations(cadata="".join(cas))

        return load_default_certs


_everybody = _Trust()
