"""
The header objects of the email package, for the fields that it can read in reasonable time.

It raises many kinds of errors on malformed fields, and takes time that grows with the square of the length of some.
"""

from __future__ import annotations

import email.policy
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_mailtrap._mime.parts import DecodedField

# This takes at most half a second, whatever is in the field.
_LONGEST = 8192
_LONGEST_MAILBOX = 500
_PLAIN_MAILBOX = re.compile(
    rb'\s*(?:"[^"\\]*"|[^"\\():;<>@\[\]]*)\s*(<)?[^\s"\\():;<>@\[\]]+@[^\s"\\():;<>@\[\]]+(?(1)>)\s*'
)


def header_object(field: DecodedField) -> Any:  # the type depends on the kind of field
    """The field as `EmailMessage` has it, or its decoded text if the email package cannot read it."""
    if len(field.raw) > _LONGEST and not _is_plain_list(field.raw):
        return field.value
    text = field.raw.decode("utf-8", "surrogateescape")
    source = text.replace("\r\n", "").replace("\n", "").lstrip(" \t").rstrip("\r")
    try:
        return email.policy.default.header_factory(field.name, source)
    except Exception:  # IndexError, AttributeError, RecursionError and others
        return field.value


def _is_plain_list(raw: bytes) -> bool:
    """Whether it is a list of plain mailboxes, which may be long."""
    return all(
        len(one) <= _LONGEST_MAILBOX and _PLAIN_MAILBOX.fullmatch(one) for one in raw.split(b",")
    )
