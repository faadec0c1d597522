"""
Hosts and ports in all the ways in which an application may write them: pure.

Rules of this file: nothing is resolved; what cannot be understood is left to the operating system, which reports the error.
"""

from __future__ import annotations

import ipaddress
import operator
import re
import socket

IMPLICIT_TLS_PORT = 465
MAIL_PORTS = frozenset({25, 465, 587, 2525})
# The names registered with IANA and those that systems use; slim containers do not have /etc/services.
_SERVICES = {"smtp": 25, "submission": 587, "submissions": 465, "smtps": 465, "urd": 465}
_LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"})
# 127.1, 0x7f.1, 2130706433: inet_aton() understands these, and so does connect().
_OLD_IPV4 = re.compile(r"[0-9][0-9a-fx.]*")
# Words that turn something on or off, and that are rarely the names of hosts.
_ON = frozenset({"*", "all", "always", "any", "enable", "enabled", "on", "t", "true", "y", "yes"})
_OFF = frozenset(
    {"disable", "disabled", "f", "false", "n", "never", "nil", "no", "none", "null", "off"}
)
_NEITHER = frozenset({"auto", "default", "maybe"})
_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def as_text(value: object) -> object:
    """A host or port as text if it is given as bytes, which the socket module accepts too; anything else unchanged."""
    return value.decode("ascii", "replace") if isinstance(value, bytes | bytearray) else value


def port_number(port: object) -> int | None:
    """The number of a port given as a number, digits or the name of a mail service; 0 for no port, None for anything else."""
    if port is None:
        return 0
    port = as_text(port)
    if isinstance(port, str):
        is_number = not port or (port.isascii() and port.isdecimal())
        return int(port or 0) if is_number else _SERVICES.get(port)
    try:
        return operator.index(port)  # type: ignore[arg-type]  # any object may come: hence the except
    except TypeError:
        return None


def canonical(host: object) -> str | None:
    """
    One spelling for each host: lower case, no trailing dot, A-labels (RFC 5890), addresses in their shortest form.

    None if it is not the name of a host.
    """
    host = as_text(host)
    if not isinstance(host, str) or not host:
        return None
    if (address := as_address(host)) is not None:
        return str(address)
    name = host if host.isascii() else _a_labels(host)
    return name.lower().removesuffix(".") or None


def as_address(host: str) -> Address | None:
    """The IP address that *host* is, an IPv4-mapped one as IPv4; None for a name."""
    try:
        address = ipaddress.ip_address(host.strip("[]") if host.startswith("[") else host)
    except ValueError:
        return _old_address(host)
    return getattr(address, "ipv4_mapped", None) or address


def is_mail(host: object, port: object) -> bool:
    """Whether this is a mail port of some host, which a route or the guard must check."""
    return canonical(host) is not None and port_number(port) in MAIL_PORTS


def is_own(host: str) -> bool:
    """Whether the canonical *host* is this machine's loopback, whatever a resolver says."""
    address = as_address(host)
    if address is not None:
        return (
            address.is_loopback or address.is_unspecified
        )  # connecting to 0.0.0.0 or :: ends here
    return host in _LOCAL_NAMES or host.endswith(".localhost")  # RFC 6761, section 6.3


def is_host(host: str | None) -> bool:
    """Whether the canonical *host* is an address or can be the name of one host."""
    return host is not None and (as_address(host) is not None or _NAME.fullmatch(host) is not None)


def checked(host: object) -> str:
    """
    The canonical form of a host that a user names; raises ValueError if it is not the name of one host, or reads like a switch.

    With a trailing dot, `all.` is a host.
    """
    __tracebackhide__ = True
    if isinstance(host, str) and is_switch(host):
        raise ValueError(
            f"expected a host name or an IP address, got {host!r}, which reads like a switch"
        )
    name = canonical(host)
    if name is None or not is_host(name):
        raise ValueError(
            f"expected a host name or an IP address, without scheme, port or wildcard, got {host!r}"
        )
    return name


def is_switch(word: str) -> bool:
    """Whether *word* reads as if it turned something on or off."""
    return word.isdecimal() or word.lower() in _ON | _OFF | _NEITHER


def meant_by(word: str) -> str:
    """Such as " (did you mean true?)" for a word that reads like a switch, otherwise ""."""
    meanings = {"true": _ON | {"1"}, "false": _OFF | {"0"}}
    meant = [switch for switch, words in meanings.items() if word.lower() in words]
    return f" (did you mean {meant[0]}?)" if meant else ""


def spoken(host: str, port: int) -> str:
    """`host:port`, as in URLs, on one line whatever the host."""
    if not is_host(host):
        return f"{host!r}:{port}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _old_address(host: str) -> Address | None:
    if not _OLD_IPV4.fullmatch(host):
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _a_labels(host: str) -> str:
    try:
        # The codec that the socket module itself applies to names.
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host
