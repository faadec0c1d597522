"""What the caller specifies: anchors, additional certificates, the time, and which weaknesses to accept."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cryptography import x509

from pytest_mailtrap._smime.certificates.known import load
from pytest_mailtrap._smime.identity import Identity

if TYPE_CHECKING:
    from pytest_mailtrap._text.choices import WeakAlgorithm

# For all functions here, comprehensions included: an error is a mistake in the user's call.
__tracebackhide__ = True

CertificateSource = x509.Certificate | bytes | str | os.PathLike[str]
Trust = CertificateSource | Iterable[CertificateSource] | Literal["any"] | None

WEAK = ("md5", "sha1", "dsa", "short-rsa")

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Settings:
    """
    The keywords of `inspect`, checked and loaded.

    *anchors* is None for `trust="any"`; with *bare*, there is no message around the CMS object.
    *readers* are certificates used to look up recipients, but not signers:
    those who receive the message do not have them.
    """

    anchors: tuple[x509.Certificate, ...] | None
    intermediates: tuple[x509.Certificate, ...]
    identities: tuple[Identity, ...]
    at: datetime.datetime
    allow: frozenset[str]
    match_from: bool
    bare: bool = False
    readers: tuple[x509.Certificate, ...] = ()

    @property
    def mathematics_only(self) -> bool:
        return self.anchors is None


def settings(
    *,
    trust: Trust,
    intermediates: Iterable[CertificateSource],
    identities: Identity | Iterable[Identity],
    at: datetime.datetime | None,
    allow: Iterable[WeakAlgorithm],
    match_from: bool,
    bare: bool = False,
    readers: Iterable[x509.Certificate] = (),
) -> Settings:
    return Settings(
        anchors=None if isinstance(trust, str) and trust == "any" else _load_all(trust),
        intermediates=_load_all(intermediates),
        identities=_identities(identities),
        at=_aware(at),
        allow=_allowed(allow),
        match_from=match_from,
        bare=bare,
        readers=tuple(readers),
    )


def _aware(at: datetime.datetime | None) -> datetime.datetime:
    if at is None:
        return datetime.datetime.now(datetime.timezone.utc)
    if not isinstance(at, datetime.datetime):
        raise TypeError(f"at must be an aware datetime, got {at!r}")
    if at.utcoffset() is None:
        raise ValueError(f"at must be an aware datetime, got {at!r}")
    return at


def _identities(given: Identity | Iterable[Identity]) -> tuple[Identity, ...]:
    found = (given,) if isinstance(given, Identity) else tuple(given)
    for one in found:
        if not isinstance(one, Identity):
            raise TypeError(f"identities must be smime.Identity objects, got {one!r}")
    return found


def _allowed(allow: Iterable[WeakAlgorithm]) -> frozenset[str]:
    names = frozenset((allow,) if isinstance(allow, str) else allow)
    if unknown := names - set(WEAK):
        raise ValueError(f"allow must be one or more of {', '.join(WEAK)}, got {sorted(unknown)!r}")
    return names


def _load_all(
    source: CertificateSource | Iterable[CertificateSource] | None,
) -> tuple[x509.Certificate, ...]:
    if source is None:
        return ()
    if isinstance(source, Iterable) and not isinstance(source, (bytes, str)):
        return tuple(certificate for item in source for certificate in _load(item))
    return _load(source)


def _load(source: CertificateSource) -> tuple[x509.Certificate, ...]:
    if isinstance(source, x509.Certificate):
        return (source,)
    if isinstance(source, str) and "-----BEGIN" in source:
        source = source.encode()
    if isinstance(source, (str, os.PathLike)):
        source = Path(source).read_bytes()
    if not isinstance(source, bytes):
        forms = "certificates, PEM, DER or paths"
        raise TypeError(f"trust and intermediates take {forms}, got {source!r}")
    return _parse(source)


@lru_cache(maxsize=64)
def _parse(data: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates of PEM text, or the one certificate in DER."""
    if b"-----BEGIN" not in data:
        return (load(data),)
    found = tuple(x509.load_pem_x509_certificate(pem) for pem in _PEM.findall(data))
    if not found:
        raise ValueError("trust and intermediates must contain certificates, got PEM without one")
    return found
