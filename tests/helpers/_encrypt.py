"""EnvelopedData and AuthEnvelopedData built by hand, so that every byte of them can be flipped."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from _der import context, integer, null, octets, oid, retagged, sequence, set_of
from _forge import DATA, RSA_ENCRYPTION, algorithm, issuer_and_serial
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import padding as blocks
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cryptography import x509

ENVELOPED_DATA = "1.2.840.113549.1.7.3"
AUTH_ENVELOPED_DATA = "1.2.840.113549.1.9.16.1.23"
AES256_CBC = "2.16.840.1.101.3.4.1.42"
AES256_GCM = "2.16.840.1.101.3.4.1.46"


def key_transport(
    certificate: x509.Certificate,
    key: bytes,
    *,
    scheme: str = RSA_ENCRYPTION,
    encrypted: bytes | None = None,
) -> bytes:
    """RFC 5652 section 6.2.1 with RSAES-PKCS1-v1_5; *scheme* and *encrypted*, if given, replace the real values."""
    public_key = certificate.public_key()
    assert isinstance(public_key, rsa.RSAPublicKey)
    wrapped = public_key.encrypt(key, padding.PKCS1v15()) if encrypted is None else encrypted
    return sequence(
        integer(0), issuer_and_serial(certificate), algorithm(scheme, null()), octets(wrapped)
    )


def sealed_with(info: bytes, ciphertext: bytes) -> bytes:
    """EnvelopedData with one RecipientInfo, AES-256-CBC with an all-zero IV."""
    inner = _encrypted(DATA, AES256_CBC, octets(bytes(16)), ciphertext)
    return sequence(oid(ENVELOPED_DATA), context(0, sequence(integer(0), set_of(info), inner)))


def enveloped(
    content: bytes,
    recipients: Iterable[x509.Certificate],
    *,
    flip: int | None = None,
    content_type: str = DATA,
    second_key: Callable[[bytes, bytes], bytes] | None = None,
) -> bytes:
    """
    AES-256-CBC; *flip* inverts a bit of that byte of the ciphertext.

    *second_key* computes another key for the second recipient from the IV and the ciphertext.
    """
    key, iv = os.urandom(32), os.urandom(16)
    padder = blocks.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    ciphertext = encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()
    first, *others = recipients
    other_key = key if second_key is None else second_key(iv, ciphertext)
    infos = [key_transport(first, key), *(key_transport(one, other_key) for one in others)]
    return sequence(
        oid(ENVELOPED_DATA),
        context(
            0,
            sequence(
                integer(0),
                set_of(*infos),
                _encrypted(content_type, AES256_CBC, octets(iv), flipped(ciphertext, flip)),
            ),
        ),
    )


def mislabelled(content: bytes, recipient: x509.Certificate, *, authenticated: bool) -> bytes:
    """AuthEnvelopedData that holds AES-CBC and a made-up tag, or EnvelopedData that holds AES-GCM."""
    key, vector = os.urandom(32), os.urandom(16)
    if authenticated:
        padder = blocks.PKCS7(128).padder()
        encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
        ciphertext = encryptor.update(padder.update(content) + padder.finalize())
        inner = _encrypted(DATA, AES256_CBC, octets(vector), ciphertext)
    else:
        sealed = AESGCM(key).encrypt(vector[:12], content, None)
        inner = _encrypted(DATA, AES256_GCM, sequence(octets(vector[:12]), integer(16)), sealed)
    fields = [integer(0), set_of(key_transport(recipient, key)), inner]
    kind = AUTH_ENVELOPED_DATA if authenticated else ENVELOPED_DATA
    fields += [octets(bytes(16))] if authenticated else []
    return sequence(oid(kind), context(0, sequence(*fields)))


def triple_des(content: bytes, recipient: x509.Certificate) -> bytes:
    """The encryption that mail programs used in 2005."""
    key, vector = os.urandom(24), os.urandom(8)
    padder = blocks.PKCS7(64).padder()
    encryptor = Cipher(TripleDES(key), modes.CBC(vector)).encryptor()
    ciphertext = encryptor.update(padder.update(content) + padder.finalize())
    inner = _encrypted(DATA, "1.2.840.113549.3.7", octets(vector), ciphertext)
    infos = set_of(key_transport(recipient, key))
    return sequence(oid(ENVELOPED_DATA), context(0, sequence(integer(0), infos, inner)))


def for_nobody(content: bytes | None) -> bytes:
    """EnvelopedData without a recipient and, if the content is None, without content."""
    fields = [oid(DATA), algorithm(AES256_CBC, octets(bytes(16)))]
    fields += [] if content is None else [context(0, content, constructed=False)]
    body = sequence(integer(0), set_of(), sequence(*fields))
    return sequence(oid(ENVELOPED_DATA), context(0, body))


def auth_enveloped(
    content: bytes,
    recipients: Iterable[x509.Certificate],
    *,
    flip: int | None = None,
    flip_tag: bool = False,
    tag_length: int = 16,
    says_length: int | None = None,
    attributes: bytes = b"",
    says_attributes: bytes | None = None,
) -> bytes:
    """
    AES-256-GCM (RFC 5084 section 3.2).

    *attributes* are authenticated, a SET OF in DER; the parameters named "says..." override what is written.
    """
    key, nonce = os.urandom(32), os.urandom(12)
    sealed = AESGCM(key).encrypt(nonce, content, attributes or None)
    ciphertext, tag = sealed[:-16], sealed[-16:][:tag_length]
    parameters = sequence(octets(nonce), integer(says_length or tag_length))
    written = attributes if says_attributes is None else says_attributes
    return sequence(
        oid(AUTH_ENVELOPED_DATA),
        context(
            0,
            sequence(
                integer(0),
                set_of(*(key_transport(one, key) for one in recipients)),
                _encrypted(DATA, AES256_GCM, parameters, flipped(ciphertext, flip)),
                retagged(written, 0xA1) if written else b"",
                octets(flipped(tag, 0 if flip_tag else None)),
            ),
        ),
    )


def _encrypted(content_type: str, cipher: str, parameters: bytes, ciphertext: bytes) -> bytes:
    return sequence(
        oid(content_type),
        algorithm(cipher, parameters),
        context(0, ciphertext, constructed=False),
    )


def flipped(data: bytes, at: int | None) -> bytes:
    """The same bytes with one bit inverted."""
    if at is None:
        return data
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
