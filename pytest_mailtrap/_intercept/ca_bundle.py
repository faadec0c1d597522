"""
A file with the CAs that a client should trust: those of the system, or of the file that a variable named, and temporarily ours.

Rules of this file: it handles files and CAs, but not variables, and does not decide which CAs are trusted when.
"""

from __future__ import annotations

import os
import ssl
import sys
from functools import lru_cache
from hashlib import sha256

from pytest_mailtrap._system import files

# Where systems keep their bundle, for a Python whose OpenSSL was built with a different path.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Arch, Gentoo
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # Alpine, macOS, OpenBSD
    "/usr/local/share/certs/ca-root-nss.crt",  # FreeBSD
)


class Bundle:
    """
    A file with the CAs that clients trust if a variable has the value *before*, and with the CAs in `held` in addition.

    There is one bundle for each value and directory; its path stays the same whatever it holds.
    Only the process that has made it changes it: for a forked one it holds what it held then.
    """

    def __init__(self, before: str | None, directory: str) -> None:
        self.before = before
        self.path = path_of(before, directory)
        self.held: tuple[str, ...] = ()
        # What the file was made from, and the length of that part; our CAs follow it.
        self._source: object = None
        self._owner = files.Ownership()
        self._length = 0

    def hold(self, cas: tuple[str, ...]) -> None:
        """Hold exactly *cas* from now on."""
        if cas == self.held or not self._owner.is_ours:
            return
        try:
            if not self.held:
                self._renew()
            self._write(cas)
        except FileNotFoundError:  # the directory was removed, and the file with it
            self._source = None
        self.held = cas

    def _renew(self) -> None:
        """Create the file, or create it again if its source has changed."""
        source = _state_of(self.before) if self.before else "the system"
        if source != self._source or not files.exists(self.path):
            theirs = _read(self.before) if self.before else _system_bundle()
            self._length = files.write(self.path, theirs.rstrip() + b"\n")
            self._source = source

    def _write(self, cas: tuple[str, ...]) -> None:
        # The system's CAs are 200 KB, and a client may be reading them: only what follows them is changed.
        kept = 0
        while kept < len(cas) and self.held[kept : kept + 1] == cas[kept : kept + 1]:
            kept += 1
        with files.opened(self.path, "r+b") as file:
            file.truncate(self._length + len("".join(cas[:kept])))
            file.seek(0, os.SEEK_END)
            file.write("".join(cas[kept:]).encode("ascii"))


def path_of(before: str | None, directory: str) -> str:
    """The path of the bundle for the value *before* in *directory*."""
    name = sha256(repr(before).encode("ascii", "backslashreplace")).hexdigest()[:16]
    return files.joined(directory, f"bundle-{name}.pem")


def _state_of(file: str) -> tuple[int, int] | None:
    """A value that changes if the content of *file* changes; None if there is no such file."""
    found = files.state(file)
    return None if found is None else (found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=1)
def _system_bundle() -> bytes:
    """The CAs that the system trusts, as PEM; those of certifi if the system has none."""
    paths = ssl.get_default_verify_paths()
    for name in (paths.openssl_cafile, *_BUNDLES):
        if found := _read(name):
            return found
    return _directory_bundle(paths.openssl_capath) or _windows_bundle() or _certifi_bundle()


def _directory_bundle(directory: str) -> bytes:
    # OpenSSL finds a CA by the hash of its name: 5ed36f99.0
    names = files.names(directory) if files.is_directory(directory) else []
    return b"\n".join(_read(files.joined(directory, n)) for n in names if n.endswith(".0"))


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
        import certifi  # type: ignore[import-not-found,unused-ignore]  # not a dependency of ours
    except ImportError:
        return b""
    return _read(certifi.where())


def _read(path: str) -> bytes:
    try:
        return files.read(path)
    except OSError:
        return b""
