"""The parameters of MAIL and RCPT that aiosmtpd does not know: their names, and their valid values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")  # RFC 3461, section 4


def _is_xtext(value: str | bool) -> bool:
    return isinstance(value, str) and _XTEXT.fullmatch(value) is not None


def _is_notify(value: str | bool) -> bool:
    kinds = value.upper().split(",") if isinstance(value, str) else []
    return kinds == ["NEVER"] or (bool(kinds) and set(kinds) <= {"SUCCESS", "FAILURE", "DELAY"})


MAIL: Mapping[str, Callable[[str | bool], bool]] = {
    "RET": lambda value: isinstance(value, str) and value.upper() in ("FULL", "HDRS"),
    "ENVID": lambda value: _is_xtext(value) and len(str(value)) <= 100,
    "AUTH": lambda value: value == "<>" or _is_xtext(value),
}
MAIL_INSIDE_TLS = {**MAIL, "REQUIRETLS": lambda value: value is True}
RCPT: Mapping[str, Callable[[str | bool], bool]] = {
    "NOTIFY": _is_notify,
    "ORCPT": lambda value: isinstance(value, str) and ";" in value,
}


def without_known(
    found: dict[str, str | bool],
    exact: Mapping[str, str | bool],
    known: Mapping[str, Callable[[str | bool], bool]],
) -> dict[str, str | bool] | None:
    """The parameters *found* without those *known* here, or None if one of these has an invalid value; *exact* has their values as written."""
    values = {name.upper(): value for name, value in exact.items()}
    for name, is_valid in known.items():
        if name in found:
            del found[name]
            if not is_valid(values[name]):
                return None
    return found
