"""
What a TLS client offers in its first flight: a pure parser of the ClientHello (RFC 8446, section 4.1.2).

Rules of this file: bytes in, a value out; no input raises an exception; nothing is read past the ClientHello.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

_HANDSHAKE = 22
_CLIENT_HELLO = 1
# A ClientHello with several post-quantum key shares and a long ticket stays below this; OpenSSL's own bound is 131396.
_LONGEST = 1 << 17

_VERSIONS = {
    0x0300: "SSLv3",
    0x0301: "TLSv1",
    0x0302: "TLSv1.1",
    0x0303: "TLSv1.2",
    0x0304: "TLSv1.3",
}
_GROUPS = {
    0x0017: "secp256r1",
    0x0018: "secp384r1",
    0x0019: "secp521r1",
    0x001A: "brainpoolP256r1",
    0x001B: "brainpoolP384r1",
    0x001C: "brainpoolP512r1",
    0x001D: "x25519",
    0x001E: "x448",
    0x0100: "ffdhe2048",
    0x0101: "ffdhe3072",
    0x0102: "ffdhe4096",
    0x0103: "ffdhe6144",
    0x0104: "ffdhe8192",
    0x0200: "MLKEM512",
    0x0201: "MLKEM768",
    0x0202: "MLKEM1024",
    0x11EB: "SecP256r1MLKEM768",
    0x11EC: "X25519MLKEM768",
    0x11ED: "SecP384r1MLKEM1024",
}
_SIGNATURES = {
    0x0201: "rsa_pkcs1_sha1",
    0x0202: "dsa_sha1",
    0x0203: "ecdsa_sha1",
    0x0301: "rsa_pkcs1_sha224",
    0x0302: "dsa_sha224",
    0x0303: "ecdsa_sha224",
    0x0401: "rsa_pkcs1_sha256",
    0x0402: "dsa_sha256",
    0x0403: "ecdsa_secp256r1_sha256",
    0x0501: "rsa_pkcs1_sha384",
    0x0502: "dsa_sha384",
    0x0503: "ecdsa_secp384r1_sha384",
    0x0601: "rsa_pkcs1_sha512",
    0x0602: "dsa_sha512",
    0x0603: "ecdsa_secp521r1_sha512",
    0x0804: "rsa_pss_rsae_sha256",
    0x0805: "rsa_pss_rsae_sha384",
    0x0806: "rsa_pss_rsae_sha512",
    0x0807: "ed25519",
    0x0808: "ed448",
    0x0809: "rsa_pss_pss_sha256",
    0x080A: "rsa_pss_pss_sha384",
    0x080B: "rsa_pss_pss_sha512",
    0x081A: "ecdsa_brainpoolP256r1tls13_sha256",
    0x081B: "ecdsa_brainpoolP384r1tls13_sha384",
    0x081C: "ecdsa_brainpoolP512r1tls13_sha512",
    0x0904: "mldsa44",
    0x0905: "mldsa65",
    0x0906: "mldsa87",
}
_CIPHERS = {
    0x0004: "TLS_RSA_WITH_RC4_128_MD5",
    0x0005: "TLS_RSA_WITH_RC4_128_SHA",
    0x000A: "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    0x002F: "TLS_RSA_WITH_AES_128_CBC_SHA",
    0x0033: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
    0x0035: "TLS_RSA_WITH_AES_256_CBC_SHA",
    0x0039: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
    0x003C: "TLS_RSA_WITH_AES_128_CBC_SHA256",
    0x003D: "TLS_RSA_WITH_AES_256_CBC_SHA256",
    0x0067: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",
    0x006B: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
    0x009C: "TLS_RSA_WITH_AES_128_GCM_SHA256",
    0x009D: "TLS_RSA_WITH_AES_256_GCM_SHA384",
    0x009E: "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    0x009F: "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    0x00FF: "TLS_EMPTY_RENEGOTIATION_INFO_SCSV",
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1302: "TLS_AES_256_GCM_SHA384",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
    0x1304: "TLS_AES_128_CCM_SHA256",
    0x1305: "TLS_AES_128_CCM_8_SHA256",
    0x5600: "TLS_FALLBACK_SCSV",
    0xC008: "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA",
    0xC009: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    0xC00A: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    0xC012: "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    0xC013: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    0xC014: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    0xC023: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    0xC024: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    0xC027: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    0xC028: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    0xC02B: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    0xC02C: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    0xC02F: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    0xC030: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    0xC09C: "TLS_RSA_WITH_AES_128_CCM",
    0xC09D: "TLS_RSA_WITH_AES_256_CCM",
    0xC0AC: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
    0xC0AD: "TLS_ECDHE_ECDSA_WITH_AES_256_CCM",
    0xCCA8: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    0xCCA9: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    0xCCAA: "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
}


_TABLES = {
    "versions": _VERSIONS,
    "ciphers": _CIPHERS,
    "groups": _GROUPS,
    "signatures": _SIGNATURES,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientHello:
    """
    What a TLS client offered, in its order of preference, under the names of the IANA registries.

    A value without a known name is hexadecimal ("0x0a0b").
    The random values that clients add to test servers (GREASE, RFC 8701) are left out.
    """

    versions: tuple[str, ...]
    """The TLS versions; only the newest one if the client does not list them (TLS 1.2 and older, RFC 5246, appendix E.1)."""

    ciphers: tuple[str, ...]
    """The cipher suites."""

    groups: tuple[str, ...]
    """The groups for the key exchange."""

    signature_algorithms: tuple[str, ...]
    """The signature algorithms."""

    server_name: str | None
    """The name in the SNI extension (RFC 6066, section 3), or None."""

    alpn: tuple[str, ...]
    """The protocols in the ALPN extension; empty if there are none."""


def parse_client_hello(stream: bytes) -> ClientHello | Literal["incomplete"] | None:
    """
    Parse the first bytes of a TLS connection.

    "incomplete" means: a ClientHello so far, but more bytes are needed. None means: this is not a ClientHello.
    """
    try:
        message = _handshake_message(stream)
        return _client_hello(message) if isinstance(message, bytes) else message
    except (IndexError, ValueError):
        return None


def _handshake_message(stream: bytes) -> bytes | Literal["incomplete"] | None:
    """Join the first handshake message from its records, without its four-byte header."""
    message = b""
    at = 0
    while len(message) < 4 or len(message) < 4 + int.from_bytes(message[1:4], "big"):
        header = stream[at : at + 5]
        if header[:1] not in (b"", bytes([_HANDSHAKE])) or header[1:2] not in (b"", b"\x03"):
            return None
        length = int.from_bytes(header[3:5], "big")
        if len(header) < 5 or len(stream) < at + 5 + length:
            return "incomplete"
        message += stream[at + 5 : at + 5 + length]
        at += 5 + length
        if length == 0 or message[0] != _CLIENT_HELLO or len(message) > _LONGEST:
            return None
    return message[4 : 4 + int.from_bytes(message[1:4], "big")]


class _Reader:
    """Reads length-prefixed fields from a byte string; ValueError if one is truncated."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self, length: int) -> bytes:
        part = self._data[self._at : self._at + length]
        if len(part) != length:
            raise ValueError("cut short")
        self._at += length
        return part

    def number(self, width: int) -> int:
        self._at = end = self._at + width
        if end > len(self._data):
            raise ValueError("cut short")
        return int.from_bytes(self._data[end - width : end], "big")

    def vector(self, width: int) -> _Reader:
        return _Reader(self.take(self.number(width)))

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._at)


def _client_hello(body: bytes) -> ClientHello:
    reader = _Reader(body)
    legacy_version = reader.take(2)
    reader.take(32)
    reader.vector(1)
    ciphers = reader.vector(2).rest()
    reader.vector(1)
    extensions: dict[int, bytes] = {}
    if reader:
        fields = reader.vector(2)
        while fields:
            kind = fields.number(2)
            extensions[kind] = fields.take(fields.number(2))
    # Up to TLS 1.2 a client names only the newest version it supports, and the server may choose an older one.
    versions = _list(extensions, 43, 1) or legacy_version
    return ClientHello(
        versions=_names("versions", versions),
        ciphers=_names("ciphers", ciphers),
        groups=_names("groups", _list(extensions, 10, 2)),
        signature_algorithms=_names("signatures", _list(extensions, 13, 2)),
        server_name=_server_name(extensions.get(0)),
        alpn=_alpn(extensions.get(16)),
    )


def _list(extensions: dict[int, bytes], kind: int, width: int) -> bytes:
    data = extensions.get(kind)
    return _Reader(data).vector(width).rest() if data else b""


# The clients of a test run offer the same on each connection.
@lru_cache(maxsize=32)
def _names(table: str, numbers: bytes) -> tuple[str, ...]:
    """The names of two-byte numbers; ValueError if the last one is truncated."""
    if len(numbers) % 2:
        raise ValueError("cut short")
    values = struct.unpack(f">{len(numbers) // 2}H", numbers)
    names = _TABLES[table]
    return tuple(names.get(v, f"0x{v:04x}") for v in values if not _is_grease(v))


def _is_grease(value: int) -> bool:
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


def _server_name(data: bytes | None) -> str | None:
    if not data:
        return None
    names = _Reader(data).vector(2)
    while names:
        kind, name = names.number(1), names.vector(2)
        if kind == 0:
            return name.rest().decode("ascii", "backslashreplace")
    return None


def _alpn(data: bytes | None) -> tuple[str, ...]:
    found = []
    protocols = _Reader(data).vector(2) if data else _Reader(b"")
    while protocols:
        name = protocols.vector(1)
        found.append(name.rest().decode("ascii", "backslashreplace"))
    return tuple(found)
