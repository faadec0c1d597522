"""
HTTP APIs of mail providers: their hosts, and how often a test used one of them.

A lookup and the connection that follows it are one visit, and so are the addresses that are tried for one connection.
What is sent over the connection is not inspected.

Rules of this file: it opens, resolves and refuses nothing; hosts that serve other purposes as well, such as
graph.microsoft.com and api.scaleway.com, are not in the table.
"""

from __future__ import annotations

import re
import threading
import weakref
from collections import Counter, deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_mailtrap._intercept.hosts import as_text
from pytest_mailtrap._text.terms import plural

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Iterator, Mapping

HOSTS_OF: dict[str, tuple[str, ...]] = {
    "Brevo": ("api.brevo.com", "api.sendinblue.com"),
    "Elastic Email": ("api.elasticemail.com",),
    "MailerSend": ("api.mailersend.com",),
    "Mailgun": ("api.mailgun.net", "api.eu.mailgun.net"),
    "Mailjet": ("api.mailjet.com", "api.us.mailjet.com"),
    "MailPace": ("app.mailpace.com",),
    "Mailtrap": ("send.api.mailtrap.io", "bulk.api.mailtrap.io", "sandbox.api.mailtrap.io"),
    "Mandrill": ("mandrillapp.com", "www.mandrillapp.com"),
    "Postmark": ("api.postmarkapp.com",),
    "Resend": ("api.resend.com",),
    "SendGrid": ("api.sendgrid.com", "api.eu.sendgrid.com"),
    "SMTP2GO": (
        "api.smtp2go.com",
        "us-api.smtp2go.com",
        "eu-api.smtp2go.com",
        "au-api.smtp2go.com",
    ),
    "SocketLabs": ("inject.socketlabs.com",),
    "SparkPost": ("api.sparkpost.com", "api.eu.sparkpost.com"),
    "ZeptoMail": ("api.zeptomail.com", "api.zeptomail.eu", "api.zeptomail.in"),
}
_HOSTS = frozenset(host for hosts in HOSTS_OF.values() for host in hosts)
# Amazon SES has one for each region, another one for each region with FIPS, and other domains in China and for IPv6.
_SES_NAMES = ("email.", "email-fips.")
_SES = re.compile(r"email(-fips)?\.[a-z]{2}(-[a-z]+)+-\d+\.(amazonaws\.com(\.cn)?|api\.aws)")
_MOST_NAMED = 3
_MOST_OPEN = 64


def api_named(host: object) -> str | None:
    """The name of the e-mail API host that *host* is, in whatever spelling; None for any other host."""
    host = as_text(host)
    if not isinstance(host, str):
        return None
    name = host.lower().removesuffix(".")
    if name in _HOSTS or (name.startswith(_SES_NAMES) and _SES.fullmatch(name)):
        return name
    return None


def in_words(counts: Mapping[str, int]) -> str:
    """Such as "3 connections to e-mail APIs (api.sendgrid.com): not judged"."""
    hosts = sorted(counts, key=lambda host: (-counts[host], host))
    more = len(hosts) - _MOST_NAMED
    named = ", ".join(hosts[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"{plural(sum(counts.values()), 'connection')} to e-mail APIs ({named}): not judged"


class Visit:
    """A host that was looked up or connected to, and which of its addresses have been tried."""

    def __init__(self, host: str) -> None:
        self.host = host
        self._tried: set[str] = set()
        self._sockets: list[weakref.ref[socket.socket]] = []
        self._is_over = False

    def has(self, sock: socket.socket) -> bool:
        """Whether *sock* has tried one of its addresses, and now checks the result or tries another one."""
        return any(known() is sock for known in self._sockets)

    def takes(self, address: str) -> bool:
        """Whether *address* may be the next one to be tried."""
        # A non-blocking socket does not report when it is connected, but has a peer from then on.
        self._is_over = self._is_over or any(_has_peer(known()) for known in self._sockets)
        return not self._is_over and address not in self._tried

    def add(self, sock: socket.socket, address: str) -> None:
        self._tried.add(address)
        self._sockets.append(weakref.ref(sock))

    def end(self) -> None:
        """The connection has been made: the next one is another visit."""
        self._is_over = True


def _has_peer(sock: socket.socket | None) -> bool:
    if sock is None:
        return False
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


class Visits:
    """The visits of this process. *names* maps the addresses that were looked up in the running test to their hosts."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self._lock = threading.Lock()
        self._thread = threading.local()
        self._latest: deque[Visit] = deque(maxlen=_MOST_OPEN)
        self._untaken: Counter[str] = Counter()

    def forget(self) -> None:
        """Start again, with a new test: only lookups from now on count for its connections."""
        with self._lock:
            self.names.clear()
            self._latest.clear()

    def take(self) -> Counter[str]:
        """How many visits there were, by host, since the last call."""
        with self._lock:
            taken, self._untaken = self._untaken, Counter()
        return taken

    def look_up(self, host: str) -> None:
        """*host* is being looked up, whether for a connection or not."""
        if not self.is_aside:
            with self._lock:
                self._begin(host)

    def resolved(self, host: str | None, addresses: Iterable[object]) -> None:
        """*addresses* belong to *host* from now on; if it is None, to none of these hosts."""
        for address in map(str, addresses):
            if host is None:
                self.names.pop(address, None)
            else:
                self.names[address] = host

    def connect(self, host: str, sock: socket.socket, address: str) -> Visit:
        """*sock* is being connected to an address of *host*."""
        with self._lock:
            latest = [visit for visit in self._latest if visit.host == host]
            known = next((visit for visit in latest if visit.has(sock)), None)
            visit = known or next((v for v in latest if v.takes(address)), None)
            visit = visit or self._begin(host)
            if visit is not known:
                visit.add(sock, address)
            return visit

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What this thread does within the block is not a visit, or is part of a known one."""
        self._thread.is_aside = True
        try:
            yield
        finally:
            self._thread.is_aside = False

    @property
    def is_aside(self) -> bool:
        """Whether this thread is within such a block."""
        return getattr(self._thread, "is_aside", False)

    def _begin(self, host: str) -> Visit:
        visit = Visit(host)
        self._latest.append(visit)
        self._untaken[host] += 1
        return visit


visits = Visits()
