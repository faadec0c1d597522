"""
Trust in a throwaway CA for clients with default settings: through the environment, here and in subprocesses.

Rules of this file: the system's own CAs stay trusted (the variables *replace* the system's bundle, so the bundle goes in first);
several trusts may overlap and end in any order; afterwards everything is as it was.
"""

from __future__ import annotations

import os
import ssl
import sys
import threading
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_mailtrap._patch import Patch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# REQUESTS_CA_BUNDLE is left alone: requests speaks no SMTP, and where the variable is unset it reads CURL_CA_BUNDLE.
_VARIABLES = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE")
# Where systems keep their bundle, for a Python whose OpenSSL was built with another path.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Arch, Gentoo
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # Alpine, macOS, OpenBSD
    "/usr/local/share/certs/ca-root-nss.crt",  # FreeBSD
)


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


class _Trust:
    """The CAs trusted at this moment, and what the environment said before the first of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: list[tuple[str, Path]] = []
        self._before: dict[str, str | None] = {}
        self._set: dict[str, str] = {}
        self._patch: Patch | None = None

    def begin(self, ca_pem: str, directory: Path) -> None:
        with self._lock:
            if not self._active:
                self._patch = Patch(ssl.SSLContext, "load_default_certs", self._loading)
            self._active.append((ca_pem, directory))
            self._point()

    def end(self, ca_pem: str, directory: Path) -> None:
        with self._lock:
            self._active.remove((ca_pem, directory))
            if self._active:
                self._point()
                return
            if self._patch is not None:
                self._patch.undo()
            self._restore()

    def trusts(self, ca_pem: str) -> bool:
        return any(ca == ca_pem for ca, _ in self._active)

    def _point(self) -> None:
        cas = self._cas()
        # The directory of one that is still active: it will not vanish before this is called again.
        directory = self._active[-1][1]
        for name in _VARIABLES:
            now = os.environ.get(name)
            if name not in self._set or now != self._set[name]:
                self._before[name] = now  # also where the test has set it since the last time
            path = str(_bundle(self._before[name] or "", cas, directory))
            os.environ[name] = self._set[name] = path

    def _restore(self) -> None:
        for name, path in self._set.items():
            if os.environ.get(name) != path:
                continue  # the test has set it since, or taken it away
            before = self._before[name]
            if before is None:
                del os.environ[name]
            else:
                os.environ[name] = before
        self._set.clear()

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


@lru_cache(maxsize=64)
def _bundle(before: str, cas: tuple[str, ...], directory: Path) -> Path:
    """A file with what was trusted *before* (the system's CAs where that is empty), and *cas*."""
    theirs = _read(Path(before)) if before else _system_bundle()
    path = directory / f"bundle-{len(list(directory.glob('bundle-*')))}.pem"
    path.write_bytes(theirs.rstrip() + b"\n" + "".join(cas).encode("ascii"))
    return path


@lru_cache(maxsize=1)
def _system_bundle() -> bytes:
    """The CAs the system trusts, as PEM; those of certifi where the system has none."""
    paths = ssl.get_default_verify_paths()
    for name in (paths.openssl_cafile, *_BUNDLES):
        if found := _read(Path(name)):
            return found
    return _directory_bundle(Path(paths.openssl_capath)) or _windows_bundle() or _certifi_bundle()


def _directory_bundle(directory: Path) -> bytes:
    # OpenSSL finds a CA by the hash of its name: 5ed36f99.0
    return b"\n".join(_read(path) for path in sorted(directory.glob("*.0")))


def _windows_bundle() -> bytes:
    if sys.platform != "win32":
        return b""
    found = [
        certificate
        for store in ("ROOT", "CA")
        for certificate, encoding, trust in ssl.enum_certificates(store)
        if encoding == "x509_asn" and (trust is True or ssl.Purpose.SERVER_AUTH.oid in trust)
    ]
    return "".join(map(ssl.DER_cert_to_PEM_cert, dict.fromkeys(found))).encode("ascii")


def _certifi_bundle() -> bytes:
    try:
        import certifi  # type: ignore[import-not-found,unused-ignore]  # not ours to require
    except ImportError:
        return b""
    return _read(Path(certifi.where()))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
