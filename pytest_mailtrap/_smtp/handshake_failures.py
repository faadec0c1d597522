"""
The messages for handshakes that failed without an error from the TLS library.

Rules of this file: pure. *implicit* is True for the implicit TLS port, False after STARTTLS.
"""

from __future__ import annotations

from pytest_mailtrap._facts.unknown_commands import is_command


def too_slow(seconds: float, *, implicit: bool, has_begun: bool) -> str:
    """The handshake took longer than *seconds*."""
    if implicit and not has_begun:
        return (
            f"no TLS handshake within {seconds:g} s: the client may wait for a cleartext "
            "greeting, but this is the implicit TLS port"
        )
    return f"the handshake was not finished within {seconds:g} s"


def left(verb: str, *, implicit: bool, has_begun: bool) -> str:
    """The client has "closed" or "reset" the connection."""
    if has_begun:
        # asyncio's clients reject a certificate this way: without an alert.
        return (
            f"client {verb} the connection during the handshake, without giving a reason: "
            "it may have rejected the certificate"
        )
    if implicit:
        return f"client {verb} the connection without a TLS handshake"
    return f"client {verb} the connection after STARTTLS, without a TLS handshake"


def no_tls(received: bytes, *, implicit: bool) -> str:
    """*received* came instead of a ClientHello; for a line of text, its first word is shown if it looks like a command."""
    where = "on the implicit TLS port" if implicit else "after the 220 to STARTTLS"
    line = received.partition(b"\n")[0].rstrip(b"\r")
    if not (line.isascii() and line.decode("ascii").isprintable()):
        return f"client sent bytes that are not a TLS handshake {where}"
    first = line[:12].split(b" ")[0]
    seen = f" ({first.decode()})" if is_command(first) else ""
    return f"client spoke cleartext{seen} {where}"
