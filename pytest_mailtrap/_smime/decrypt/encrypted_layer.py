"""Judges an encrypted layer: who can read it, and what it contains for a given identity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pytest_mailtrap._smime.certificates import known
from pytest_mailtrap._smime.certificates.addresses import certificate_addresses
from pytest_mailtrap._smime.certificates.known import known_object
from pytest_mailtrap._smime.certificates.names import name_text
from pytest_mailtrap._smime.cms import algorithms as alg
from pytest_mailtrap._smime.decrypt import ciphers, keys
from pytest_mailtrap._smime.decrypt.ciphers import DecryptionError
from pytest_mailtrap._smime.facts import Layer, Recipient
from pytest_mailtrap._smime.problems import Problem, problem

if TYPE_CHECKING:
    from pytest_mailtrap._smime.certificates.known import KnownCertificate
    from pytest_mailtrap._smime.cms.content_types import EnvelopedData
    from pytest_mailtrap._smime.cms.recipient_infos import RecipientInfo, RecipientKey
    from pytest_mailtrap._smime.cms.structures import CertificateId
    from pytest_mailtrap._smime.identity import Identity
    from pytest_mailtrap._smime.settings import Settings

MAX_ATTEMPTS = 100


@dataclass(slots=True)
class _Opening:
    """The attempts to open one layer."""

    data: EnvelopedData
    identities: tuple[Identity, ...]
    plaintext: bytes | None = None
    differing: bool = False
    attempts: int = 0
    failures: list[Problem] = field(default_factory=list)

    def attempt(self, info: RecipientInfo, key: RecipientKey) -> bool | None:
        """Whether one of the identities decrypts it with this key; None if none matches, or after too many attempts."""
        meant = [one for one in self.identities if _is_named(one, key.rid)]
        if not meant or self.attempts >= MAX_ATTEMPTS:
            return None
        return any(self._opens(info, key, one) for one in meant)

    def _opens(self, info: RecipientInfo, key: RecipientKey, identity: Identity) -> bool:
        self.attempts += 1
        try:
            content_key = keys.content_key(info, key.encrypted_key, identity)
            plaintext = ciphers.decrypt(self.data, content_key)
        except DecryptionError as error:
            self.failures.append(error.problem)
            return False
        if self.plaintext not in (None, plaintext):
            # Neither CBC nor GCM commits to its key: two keys may decrypt one ciphertext to two plaintexts.
            self.differing = True
            return False
        self.plaintext = plaintext
        return True


def _is_named(identity: Identity, rid: CertificateId) -> bool:
    certificate = known_object(identity.certificate)
    return certificate is not None and certificate.named_by(rid)


def judge(
    data: EnvelopedData, kind: Literal["enveloped", "authenveloped"], settings: Settings
) -> tuple[Layer, bytes | None]:
    """The layer, and its content if an identity decrypts it."""
    opening = _Opening(data, settings.identities)
    pool = _pool(settings)
    recipients = tuple(
        _recipient(info, key, pool, opening) for info in data.recipients for key in _entries(info)
    )
    problems = [*_structure(data, recipients), *_outcome(opening)]
    layer = Layer(
        kind=kind,
        valid=_valid(opening, problems),
        problems=tuple(problems),
        warnings=tuple(_warnings(data, kind, settings)),
        recipients=recipients,
        algorithms=_names(data),
    )
    return layer, opening.plaintext


def _entries(info: RecipientInfo) -> tuple[RecipientKey | None, ...]:
    return info.keys or (None,)


def _pool(settings: Settings) -> tuple[KnownCertificate, ...]:
    given = [one.certificate for one in settings.identities]
    given += [*settings.readers, *settings.intermediates, *(settings.anchors or ())]
    return known.collect((), given)


def _recipient(
    info: RecipientInfo,
    key: RecipientKey | None,
    pool: tuple[KnownCertificate, ...],
    opening: _Opening,
) -> Recipient:
    algorithm = alg.key_management_name(info.algorithm.oid)
    if key is None:
        return Recipient(kind=info.kind, algorithm=algorithm)
    found = known.find(pool, key.rid)
    certificate = found[0].certificate if found else None
    return Recipient(
        kind=info.kind,
        algorithm=algorithm,
        issuer=name_text(key.rid.issuer) if key.rid.issuer else None,
        serial=key.rid.serial,
        key_identifier=key.rid.key_identifier,
        certificate=certificate,
        addresses=certificate_addresses(certificate) if certificate else (),
        decrypted=opening.attempt(info, key),
    )


def _structure(data: EnvelopedData, recipients: tuple[Recipient, ...]) -> list[Problem]:
    found = []
    if not recipients:
        found.append(problem("no-recipients"))
    if not data.ciphertext:
        found.append(problem("content-missing"))
    if data.cipher.oid not in alg.CIPHERS:
        found.append(problem("cipher-unknown", data.cipher.oid))
    return found


def _outcome(opening: _Opening) -> list[Problem]:
    if opening.differing:
        return [problem("contents-differ")]
    if not opening.identities or opening.plaintext is not None:
        return []
    return list(dict.fromkeys(opening.failures)) or [problem("not-a-recipient")]


def _valid(opening: _Opening, problems: list[Problem]) -> bool | None:
    if problems:
        return False
    return True if opening.identities else None


def _warnings(data: EnvelopedData, kind: str, settings: Settings) -> list[Problem]:
    found = []
    if kind == "enveloped":
        found.append(problem("no-integrity"))
    cipher = alg.CIPHERS.get(data.cipher.oid)
    if cipher and cipher.family in alg.OBSOLETE_CIPHERS:
        found.append(problem("weak-cipher", cipher.name))
    if not settings.identities:
        found.append(problem("decryption-not-checked"))
    return found


def _names(data: EnvelopedData) -> tuple[str, ...]:
    names = [alg.key_management_name(info.algorithm.oid) for info in data.recipients]
    cipher = alg.CIPHERS.get(data.cipher.oid)
    return tuple(dict.fromkeys([*names, cipher.name if cipher else data.cipher.oid]))
