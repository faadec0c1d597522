"""Key wraps: from a key-encryption key and a wrapped key to the key inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_unwrap_with_padding,
)

from pytest_mailtrap._smime.cms.algorithms import KEY_WRAPS, digest
from pytest_mailtrap._smime.decrypt.ciphers import DecryptionError

if TYPE_CHECKING:
    from collections.abc import Callable

# RFC 3217 section 3: the initialization vector of the second encryption.
_SECOND_VECTOR = bytes.fromhex("4adda22c79e82105")
_BLOCK = 8


def key_size(oid: str) -> int:
    """The size in bytes of the key-encryption key, or a `DecryptionError`."""
    return _known(oid)[0]


def unwrap(oid: str, kek: bytes, wrapped: bytes) -> bytes:
    """The key inside; `InvalidUnwrap` if the check value is wrong."""
    return _WAYS[_known(oid)[1]](kek, wrapped)


def _known(oid: str) -> tuple[int, str]:
    if oid not in KEY_WRAPS:
        raise DecryptionError("recipient-unsupported", f"key wrap {oid}")
    return KEY_WRAPS[oid]


def _triple_des(kek: bytes, wrapped: bytes) -> bytes:
    """
    RFC 3217 section 3.2: encrypted twice, the second time backwards.

    The RFC wraps only Triple-DES keys; OpenSSL also wraps AES keys in this way.
    """
    if len(wrapped) < 4 * _BLOCK or len(wrapped) % _BLOCK:
        raise InvalidUnwrap
    backwards = _decrypted(kek, _SECOND_VECTOR, wrapped)[::-1]
    inside = _decrypted(kek, backwards[:_BLOCK], backwards[_BLOCK:])
    key, checksum = inside[:-_BLOCK], inside[-_BLOCK:]
    known = digest(hashes.SHA1(), key)[:_BLOCK]  # noqa: S303 (as the RFC has it)
    if not bytes_eq(known, checksum):
        raise InvalidUnwrap
    return key


def _decrypted(key: bytes, vector: bytes, data: bytes) -> bytes:
    decryptor = Cipher(TripleDES(key), modes.CBC(vector)).decryptor()
    return decryptor.update(data) + decryptor.finalize()


_WAYS: dict[str, Callable[[bytes, bytes], bytes]] = {
    "aes": aes_key_unwrap,
    "aes-padded": aes_key_unwrap_with_padding,
    "des-ede3": _triple_des,
}
