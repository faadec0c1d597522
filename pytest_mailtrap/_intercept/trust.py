"""
Trust in a throwaway CA for clients with default settings: through the environment, here and in subprocesses.

Rules of this file: the system's own CAs stay trusted (the variables *replace* the system's bundle, so the bundle goes in first);
several trusts may overlap and end in any order; afterwards everything is as it was.

Whoever changes a variable meanwhile, such as the test's monkeypatch, remembers the path of a bundle of ours, and may put it back
long after the trust has ended. So a bundle holds the CA only while it is trusted, and `settle()` puts back what was there before.
"""

from __future__ import annotations

import os
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._intercept.ca_bundle import Bundle, path_of
from pytest_mailtrap._intercept.patch import Patch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# REQUESTS_CA_BUNDLE is left alone: requests speaks no SMTP, and where the variable is unset it reads CURL_CA_BUNDLE.
_VARIABLES = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE")


@contextmanager
def trusting(ca_pem: str, directory: Path) -> Iterator[None]:
    """Let clients with default settings trust the CA *ca_pem*, too; *directory* is for bundle files and outlives the trust."""
    _everybody.begin(ca_pem, directory)
    try:
        yield
    finally:
        _everybody.end(ca_pem, directory)


def is_trusted(ca_pem: str) -> bool:
    """Whether clients with default settings trust the CA *ca_pem* at this moment."""
    return _everybody.trusts(ca_pem)


def settle() -> None:
    """Set right the variables that have come to name a bundle of a trust that has ended."""
    _everybody.settle()


class _Trust:
    """The CAs trusted at this moment, and the bundles of this moment and of earlier ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: list[tuple[str, Path]] = []
        # By their paths, all that a variable has ever named: it may be set back to any of them.
        self._bundles: dict[str | None, Bundle] = {}
        self._patch: Patch | None = None

    def begin(self, ca_pem: str, directory: Path) -> None:
        with self._lock:
            if not self._active:
                self._patch = Patch(ssl.SSLContext, "load_default_certs", self._loading)
            self._active.append((ca_pem, directory))
            for name in _VARIABLES:
                self._point(name)
            self._fill()

    def end(self, ca_pem: str, directory: Path) -> None:
        with self._lock:
            self._active.remove((ca_pem, directory))
            if not self._active and self._patch is not None:
                self._patch.undo()
            self._settle()
            self._fill()

    def settle(self) -> None:
        with self._lock:
            if self._settle():
                self._fill()

    def trusts(self, ca_pem: str) -> bool:
        return any(ca == ca_pem for ca, _ in self._active)

    def _settle(self) -> bool:
        """Leave no variable with a bundle that is not for now; whether there was one."""
        ours = [name for name in _VARIABLES if os.environ.get(name) in self._bundles]
        # Any other value is the test's own, and stays.
        for name in ours:
            if self._active:
                self._point(name)
            else:
                self._put_back(name)
        return bool(ours)

    def _point(self, name: str) -> None:
        before = self._before(name)
        # The directory of one that is still active: it will not vanish before this is called again.
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
        """What the variable says, but for us."""
        value = os.environ.get(name)
        bundle = self._bundles.get(value)
        return value if bundle is None else bundle.before

    def _fill(self) -> None:
        """Let the bundles that are named, and those that hold any CA, hold those that are trusted."""
        cas = self._cas()
        named = {os.environ.get(name) for name in _VARIABLES}
        for path, bundle in self._bundles.items():
            if bundle.held or path in named:
                bundle.hold(cas)

    def _cas(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(ca for ca, _ in self._active))

    def _loading(self, original: Callable[..., None]) -> Callable[..., None]:
        """The environment is not read by every build of OpenSSL, and by none in a setuid process: load the CAs by hand, too."""

        def load_default_certs(context: ssl.SSLContext, *args: Any, **kwargs: Any) -> None:
            original(context, *args, **kwargs)
            if cas := self._cas():
                context.load_verify_locations(cadata="".join(cas))

        return load_default_certs


_everybody = _Trust()
