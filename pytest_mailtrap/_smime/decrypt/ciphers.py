"""Content encryption: from a key and a ciphertext to the plaintext."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import RC2, TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.padding import PKCS7

from pytest_mailtrap._smime.cms import ber
from pytest_mailtrap._smime.cms.algorithms import CIPHERS
from pytest_mailtrap._smime.cms.ber import OCTET_STRING, SEQUENCE, BerError
from pytest_mailtrap._smime.problems import Problem, problem

if TYPE_CHECKING:
    from pytest_mailtrap._smime.cms.content_types import EnvelopedData
    from pytest_mailtrap._smime.cms.structures import Algorithm

try:
    from cryptography.hazmat.decrepit.ciphers.algorithms import Camellia
except ImportError:
    from cryptography.hazmat.primitives.ciphers.algorithms import Camellia

_BLOCK_CIPHERS: dict[str, Any] = {  # Any: the algorithm classes differ in their constructors
    "aes": AES,
    "camellia": Camellia,
    "des-ede3": TripleDES,
    "rc2": RC2,
}
# RFC 8018 appendix B.2.3: how RC2 encodes 128 effective key bits, the only supported size.
_RC2_128_BITS = 58


class DecryptionError(Exception):
    """The content cannot be decrypted; *problem* says why."""

    def __init__(self, code: str, note: str = "") -> None:
        self.problem: Problem = problem(code, note)
        super().__init__(self.problem.text)


def key_size(algorithm: Algorithm) -> int | None:
    """The size of the key in bytes, or None if the algorithm leaves it open."""
    cipher = CIPHERS.get(algorithm.oid)
    return None if cipher is None else cipher.key_size


def decrypt(data: EnvelopedData, key: bytes) -> bytes:
    """The plaintext, or a `DecryptionError`."""
    cipher = CIPHERS.get(data.cipher.oid)
    if cipher is None:
        raise DecryptionError("cipher-unknown", data.cipher.oid)
    if cipher.key_size not in (None, len(key)):
        raise DecryptionError("decryption-failed", "the key has the wrong size")
    authenticated = cipher.mode != "cbc"
    if authenticated != (data.tag is not None):
        raise DecryptionError(
            "cipher-unknown", f"{cipher.name} does not belong in this kind of layer"
        )
    try:
        if not authenticated:
            return _cbc(data, cipher.family, key)
        return _aead(data, cipher.mode, key)
    except InvalidTag as error:
        raise DecryptionError("tag-wrong") from error
    except (BerError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise DecryptionError("decryption-failed") from error


def _cbc(data: EnvelopedData, family: str, key: bytes) -> bytes:
    vector = _rc2_vector(data.cipher) if family == "rc2" else _octets(data.cipher)
    algorithm = _BLOCK_CIPHERS[family](key)
    decryptor = Cipher(algorithm, modes.CBC(vector)).decryptor()
    padded = decryptor.update(data.ciphertext or b"") + decryptor.finalize()
    unpadder = PKCS7(algorithm.block_size).unpadder()
    return unpadder.update(padded) + unpadder.finalize()


def _octets(algorithm: Algorithm) -> bytes:
    return ber.read_exactly(algorithm.parameters or b"").octets()


def _rc2_vector(algorithm: Algorithm) -> bytes:
    version, vector = ber.read_exactly(algorithm.parameters or b"").children(SEQUENCE, limit=2)
    if version.integer() != _RC2_128_BITS:
        raise DecryptionError("cipher-unknown", "RC2 with a size other than 128 bits")
    return vector.octets()


def _aead(data: EnvelopedData, mode: str, key: bytes) -> bytes:
    ciphertext, tag = data.ciphertext or b"", data.tag or b""
    associated = data.authenticated_attributes
    if mode == "poly1305":
        nonce = _octets(data.cipher)
        return ChaCha20Poly1305(key).decrypt(nonce, ciphertext + tag, associated)
    nonce, length = _nonce_and_tag_length(data.cipher)
    if len(tag) != length:
        raise InvalidTag
    if mode == "ccm":
        return AESCCM(key, tag_length=length).decrypt(nonce, ciphertext + tag, associated)
    decryptor = Cipher(AES(key), modes.GCM(nonce, tag, min_tag_length=12)).decryptor()
    decryptor.authenticate_additional_data(associated)
    return decryptor.update(ciphertext) + decryptor.finalize()


def _nonce_and_tag_length(algorithm: Algorithm) -> tuple[bytes, int]:
    """GCMParameters and CCMParameters of RFC 5084 have the same shape."""
    fields = ber.read_exactly(algorithm.parameters or b"").children(SEQUENCE, limit=2)
    if not fields or fields[0].tag != OCTET_STRING:
        raise BerError("the nonce is missing")
    return fields[0].octets(), fields[1].integer() if len(fields) > 1 else 12
