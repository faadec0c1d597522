"""The sender and recipients that a message names, and whether signers, readers and protected header agree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_mailtrap._mime.addresses import Mailbox, normalise, parse_mailbox, same_mailbox
from pytest_mailtrap._mime.entity import Entity, text
from pytest_mailtrap._smime.facts import Fields, Layer, Recipient
from pytest_mailtrap._smime.problems import Problem, problem

if TYPE_CHECKING:
    from collections.abc import Sequence

_ADDRESSEES = ("from", "sender", "reply-to", "to", "cc")
# Enough to find addresses among names and comments.
_BETWEEN = re.compile(r"""[\s<>(),:;"]+""")
_STRUCTURAL = ("content-", "mime-version", "hp-outer")


def from_mailbox(entity: Entity) -> Mailbox | Problem:
    """The single mailbox of the single From field, or what is wrong with it."""
    values = entity.all("from")
    if len(values) != 1:
        return problem("from-repeated" if values else "from-missing")
    found = parse_mailbox(values[0])
    return found if isinstance(found, Mailbox) else problem(found.code, found.note)


def binding_problems(entity: Entity, signed: Sequence[Layer]) -> list[Problem]:
    """RFC 8550 section 3, for every layer of signatures."""
    mailbox = from_mailbox(entity)
    if isinstance(mailbox, Problem):
        return [mailbox]
    found = []
    for layer in signed:
        addresses = _addresses(layer)
        if not layer.signers:
            continue  # the layer already has a problem
        if not addresses:
            found.append(problem("certificate-without-mailbox"))
        elif not any(same_mailbox(mailbox.address, address) for address in addresses):
            note = f"From is {mailbox.address!a}, signed by {_listed(addresses)}"
            found.append(problem("from-mismatch", note))
    return found


def _addresses(layer: Layer) -> list[str]:
    return [address for signer in layer.signers for address in signer.addresses]


def _listed(addresses: list[str]) -> str:
    return ", ".join(ascii(address[:100]) for address in addresses[:5])


def warnings(entity: Entity, signed: Sequence[Layer], protected: Fields) -> list[Problem]:
    found = []
    mailbox = from_mailbox(entity)
    if isinstance(mailbox, Mailbox) and _looks_like_another(mailbox):
        found.append(problem("from-display-address", ascii(mailbox.display_name[:100])))
    addresses = [address for layer in signed for address in _addresses(layer)]
    for value in entity.all("sender")[:1]:
        sender = parse_mailbox(value)
        named = isinstance(sender, Mailbox) and any(
            same_mailbox(sender.address, address) for address in addresses
        )
        if not named:
            found.append(problem("sender-mismatch"))
    if entity.all("subject") and "subject" not in protected:
        found.append(problem("subject-unprotected"))
    return found


def revealed_readers(entity: Entity, readers: Sequence[Recipient]) -> list[Problem]:
    """A Bcc recipient whose entry reveals it to the other readers; the sender's own entry reveals nothing."""
    if len(readers) == 1 or not any(reader.addresses for reader in readers):
        return []
    fields = [text(value) for name in _ADDRESSEES for value in entity.all(name)]
    words = {word for field in fields for word in _BETWEEN.split(field) if "@" in word}
    shown = {normalise(word) for word in words} - {None}
    hidden = [
        reader.addresses[0]
        for reader in readers
        if reader.addresses and shown.isdisjoint(map(normalise, reader.addresses))
    ]
    return [problem("bcc-revealed", _listed(hidden))] if hidden else []


def _looks_like_another(mailbox: Mailbox) -> bool:
    name = mailbox.display_name
    return "@" in name.replace("=40", "@") and not same_mailbox(name, mailbox.address)


def protected_fields(outer: Entity, payload: Entity) -> tuple[Fields, list[Problem]]:
    """
    The header fields inside the innermost layer, and what contradicts them outside.

    They exist if the payload says `hp=` (RFC 9788), or if it is the whole message wrapped
    in message/rfc822 (RFC 8551 section 3.1), although a forwarded message looks like that, too.
    """
    if payload.content_type["hp"] is not None:
        return _fields(payload), _contradictions(outer, payload)
    if payload.content_type.type in ("message/rfc822", "message/global"):
        wrapped = Entity(payload.body)
        if not _contradictions(outer, wrapped):
            return _fields(wrapped), []
    return Fields({}), []


def _fields(entity: Entity) -> Fields:
    named = {
        field.title: text(field.value)
        for field in reversed(entity.fields)
        if not field.name.startswith(_STRUCTURAL)
    }
    return Fields(dict(reversed(named.items())))


def same_sender(one: Entity, other: Entity) -> bool:
    """Whether both say that they are from the same mailbox."""
    first, second = from_mailbox(one), from_mailbox(other)
    if isinstance(first, Problem) or isinstance(second, Problem):
        return False
    return same_mailbox(first.address, second.address)


def _contradictions(outer: Entity, inner: Entity) -> list[Problem]:
    protected = from_mailbox(inner)
    if isinstance(protected, Problem):
        return [problem("protected-from-malformed", protected.code)]
    if not same_sender(outer, inner):
        return [problem("protected-from-mismatch", f"protected is {protected.address!a}")]
    return []
