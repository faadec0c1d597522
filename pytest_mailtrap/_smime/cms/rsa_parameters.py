"""The parameters of RSASSA-PSS and of RSAES-OAEP, which consist of the same parts (RFC 4055)."""

from __future__ import annotations

from pytest_mailtrap._smime.cms import algorithms as alg
from pytest_mailtrap._smime.cms import ber
from pytest_mailtrap._smime.cms.ber import SEQUENCE, BerError, Element
from pytest_mailtrap._smime.cms.structures import CONTEXT

SHA1 = "1.3.14.3.2.26"  # the default of both
_MGF1 = "1.2.840.113549.1.1.8"


def tagged(raw: bytes, count: int) -> dict[int, Element]:
    """The content of each of the fields [0] to [*count* - 1]; none of them may occur twice, and no others."""
    fields = ber.read_exactly(raw).children(SEQUENCE)
    found = {field.tag - CONTEXT: field.only_child() for field in fields}
    if len(found) < len(fields):
        raise BerError("a parameter is repeated")
    if not found.keys() <= set(range(count)):
        raise BerError("an unknown parameter")
    return found


def hash_oid(identifier: Element | None) -> str:
    """The hash that an AlgorithmIdentifier names; SHA-1 if there is none."""
    if identifier is None:
        return SHA1
    children = identifier.children(SEQUENCE)
    if not children or children[0].oid() not in alg.HASHES:
        raise BerError("an unknown hash")
    return children[0].oid()


def mask_hash_oid(identifier: Element | None) -> str:
    """The hash of MGF1, the only mask generation function."""
    return SHA1 if identifier is None else hash_oid(argument(identifier, _MGF1))


def argument(identifier: Element, oid: str) -> Element:
    """The one parameter of the function called *oid*."""
    children = identifier.children(SEQUENCE)
    if len(children) != 2 or children[0].oid() != oid:
        raise BerError("an unknown function")
    return children[1]
