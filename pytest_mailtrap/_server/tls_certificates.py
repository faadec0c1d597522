"""
Certificates, and the TLS contexts that use them.

Rules of this file: one context per certificate and setting for as long as the CA lives, since TLS sessions can only be resumed
within one context; and never `ssl.create_default_context()` for the server (it loads the CAs of the system: 22 ms).
"""

from __future__ import annotations

import ssl
import warnings
from functools import cache, cached_property
from typing import TYPE_CHECKING

from pytest_mailtrap._intercept.hosts import canonical, is_host
from pytest_mailtrap._server.certificate_authority import issue, new_ca
from pytest_mailtrap._smime.issue.certificate_store import CertificateStore
from pytest_mailtrap._system import files

if TYPE_CHECKING:
    from collections.abc import Callable

    import trustme

    from pytest_mailtrap._server.certificate_flaws import CertificateMaker
    from pytest_mailtrap._server.options import Options

_NAMES = ("localhost", "127.0.0.1", "::1")
_VERSIONS = {
    "TLSv1": "TLSv1",
    "TLSv1.1": "TLSv1_1",
    "TLSv1.2": "TLSv1_2",
    "TLSv1.3": "TLSv1_3",
}
OLD_VERSIONS = ("TLSv1", "TLSv1.1")
_VERIFY = {
    "ignore": ssl.CERT_NONE,
    "request": ssl.CERT_OPTIONAL,
    "require": ssl.CERT_REQUIRED,
}


class Certificates:
    """The certificates that a trap presents and its clients trust, all issued by one throwaway CA."""

    def __init__(self, ca: trustme.CA) -> None:
        self.ca = ca
        self.certificate_store = CertificateStore(ca)
        self._leaves: dict[str | None, trustme.LeafCert] = {}
        self._contexts: dict[tuple[object, ...], ssl.SSLContext] = {}
        self._directory: files.OwnDirectory | None = None
        self._ca_file: str | None = None

    @cached_property
    def ca_pem(self) -> str:
        return self.ca.cert_pem.bytes().decode("ascii")

    @property
    def ca_file(self) -> str:
        """The path of a file with the CA; a forked process uses its parent's as long as it exists."""
        if self._ca_file is None or not files.is_file(self._ca_file):
            self._ca_file = files.joined(self.directory, "ca.pem")
            files.write(self._ca_file, self.ca_pem.encode("ascii"))
        return self._ca_file

    @property
    def directory(self) -> str:
        """A directory for files that exist as long as the CA; a forked process gets its own."""
        if self._directory is None or not self._directory.is_ours:
            self._directory = files.OwnDirectory("mailtrap-")
        return self._directory.path

    def leaf(self, name: str | None) -> trustme.LeafCert:
        """The certificate for the host *name*, or for the trap's own names if it is None."""
        if name not in self._leaves:
            self._leaves[name] = issue(self.ca, _NAMES if name is None else (name,))
        return self._leaves[name]

    def server_context(
        self,
        options: Options,
        host: str | None = None,
        *,
        certificate: str | CertificateMaker = "good",
    ) -> ssl.SSLContext:
        """
        The context of a trap with these *options*.

        Its certificate is for *host*, or for the trap's own names if that is None; it is good, or has the named flaw.
        """
        key = (
            host,
            certificate,
            options.minimum_tls,
            options.maximum_tls,
            options.client_certificates,
        )
        if key not in self._contexts:
            self._contexts[key] = self._new_server_context(options, host, certificate)
        return self._contexts[key]

    def _new_server_context(
        self, options: Options, host: str | None, certificate: str | CertificateMaker
    ) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # One ticket is enough to resume a session; OpenSSL's second one takes 3 % of a connection's time.
        context.num_tickets = 1
        if options.minimum_tls in OLD_VERSIONS or certificate != "good":
            # OpenSSL 3 allows old versions and short keys only at security level 0; this must be set before the certificate.
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
        set_versions(context, options.minimum_tls, options.maximum_tls)
        if certificate == "good":
            present(context, self.leaf(host).private_key_and_cert_chain_pem.bytes())
        else:
            present(context, self._flawed(certificate, _NAMES if host is None else (host,)))
        if options.client_certificates != "ignore":
            context.verify_mode = _VERIFY[options.client_certificates]
            self.ca.configure_trust(context)
        return context

    def _flawed(self, certificate: str | CertificateMaker, names: tuple[str, ...]) -> bytes:
        from pytest_mailtrap._server.bad_certificates import pem_of

        return pem_of(certificate, self.ca, names)

    def client_context(self) -> ssl.SSLContext:
        """A new client context that trusts this CA and no other."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.ca.configure_trust(context)
        return context

    def close(self) -> None:
        """Remove what was written to disk."""
        if self._directory is not None:
            self._directory.remove()
            self._directory = None


def present(context: ssl.SSLContext, pem: bytes) -> None:
    """Have a server with *context* present a certificate; *pem* is its key, the certificate and its chain."""
    # OpenSSL reads files only, and does so by itself: no test can keep it from the real disk.
    with files.temporary_file(pem, suffix=".pem") as path:
        context.load_cert_chain(path)


@cache
def can_speak(version: str) -> bool:
    """Whether the OpenSSL in this Python can serve this version of TLS; old ones may be compiled out."""
    if not getattr(ssl, f"HAS_{_VERSIONS[version]}", False):
        return False
    ca = new_ca()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE  # only the handshake is tried
    for context in (server, client):
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        set_versions(context, version, version)
    present(server, issue(ca, _NAMES).private_key_and_cert_chain_pem.bytes())
    return _shake_hands(server, client)


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> bool:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(3):
        for end in list(ends):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return False
            ends.remove(end)
    return not ends


def set_versions(context: ssl.SSLContext, minimum: str, maximum: str) -> None:
    with warnings.catch_warnings():
        # Offering TLS 1.0 or 1.1 is what the user asked for.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion[_VERSIONS[minimum]]
        context.maximum_version = ssl.TLSVersion[_VERSIONS[maximum]]


def certificate_host(
    sni: str | None, requested: str | None, *, claims: Callable[[str], bool]
) -> str | None:
    """
    The host whose certificate is presented to a client: the one it names by SNI, else the one it meant to reach.

    None means the trap's own certificate: if the client meant the trap itself, or asks for something that is not a host name.
    *claims* says whether a host is intercepted at all, for clients of which only the SNI is known.
    """
    named = canonical(sni)
    if requested is None and not (named is not None and claims(named)):
        return None
    host = named or requested
    return None if host in _NAMES or not is_host(host) else host
