"""The address in an argument of MAIL or RCPT (RFC 5321, section 4.1.2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Path = tuple[str | None, str | None]

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
# The form of nearly all addresses; aiosmtpd's own parser takes 100 us for each.
_PLAIN_PATH = re.compile(
    rf"\s*<({_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*)?>(?:\s(.*))?", re.DOTALL
)


def path_of(argument: str, parse: Callable[[str], Path]) -> Path:
    """The address, "<>" for the null reverse-path, and what follows it; (None, None) for garbage. *parse* reads unusual forms."""
    plain = _PLAIN_PATH.fullmatch(argument)
    if plain is not None:
        return plain[1] or "<>", plain[2] or ""
    # No address has control characters or surrogates (bytes that are not UTF-8); the library's parser accepts both.
    if not argument.isprintable() or (argument.lstrip().startswith("<") and ">" not in argument):
        return None, None
    try:
        return parse(argument)
    except Exception:  # the standard library's parser raises many things on garbage
        return None, None
