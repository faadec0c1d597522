"""The certificates that a server can present: a good one, one with a named flaw, or one that a function makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    import trustme

# Gets the good CA and the names of the server; returns the key, the certificate and its chain, as PEM.
CertificateMaker = Callable[["trustme.CA", tuple[str, ...]], bytes]
CertificateName = Literal[
    "good",
    "not-trusted",
    "self-signed",
    "expired",
    "not-yet-valid",
    "host-mismatch",
    "missing-intermediate",
    "wrong-purpose",
    "cn-only",
    "partial-wildcard",
    "weak-key",
]
CERTIFICATES: tuple[CertificateName, ...] = get_args(CertificateName)
