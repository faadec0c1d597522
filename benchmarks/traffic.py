"""
Measure one contender under traffic, in a single process, as tests and trap share one, and print one number.

    python benchmarks/traffic.py messages smtpdfix
"""

from __future__ import annotations

import argparse
import gc
import smtplib
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING

from contenders import CONTENDERS, NotOfferedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from contenders import Running

MESSAGES = 2000
CONNECTIONS = 500
LARGE = 25 * 1024 * 1024
KEPT, KEPT_SIZE = 10_000, 10_000

LINE = b"x" * 70 + b"\r\n"
HEADER = b"Subject: Speed\r\nFrom: a@example.org\r\nTo: b@example.org\r\n\r\n"


def message(size: int) -> bytes:
    """A message of *size* bytes, give or take a line."""
    return HEADER + LINE * ((size - len(HEADER)) // len(LINE))


def client_context() -> ssl.SSLContext:
    """A client context that accepts any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def connect(server: Running, context: ssl.SSLContext) -> smtplib.SMTP:
    client = smtplib.SMTP("127.0.0.1", server.port, local_hostname="localhost", timeout=60)
    client.starttls(context=context)
    return client


def send(client: smtplib.SMTP, raw: bytes) -> None:
    client.sendmail("a@example.org", ["b@example.org"], raw)


def messages(server: Running) -> float:
    """Messages of 1 kB per second, on one connection."""
    raw = message(1000)
    with connect(server, client_context()) as client:
        send(client, raw)
        start = time.perf_counter()
        for _ in range(MESSAGES):
            send(client, raw)
        seconds = time.perf_counter() - start
    expect(server, MESSAGES + 1)
    return MESSAGES / seconds


def connections(server: Running) -> float:
    """Connections per second, one after the other, with one message each."""
    raw, context = message(1000), client_context()
    start = time.perf_counter()
    for _ in range(CONNECTIONS):
        with connect(server, context) as client:
            send(client, raw)
    seconds = time.perf_counter() - start
    expect(server, CONNECTIONS)
    return CONNECTIONS / seconds


def large(server: Running) -> float:
    """Megabytes per second for one large message, encoded for the wire in advance."""
    raw = message(LARGE) + b".\r\n"
    with connect(server, client_context()) as client:
        client.ehlo()
        client.mail("a@example.org")
        client.rcpt("b@example.org")
        client.docmd("DATA")
        start = time.perf_counter()
        client.sock.sendall(raw)
        client.getreply()
        seconds = time.perf_counter() - start
    expect(server, 1)
    return len(raw) / 1e6 / seconds


def memory(server: Running) -> float:
    """Memory used by the messages, as a multiple of their size in bytes."""
    raw = message(KEPT_SIZE)
    with connect(server, client_context()) as client:
        send(client, raw)
        gc.collect()
        before = resident_bytes()
        for _ in range(KEPT):
            send(client, raw)
        gc.collect()
        after = resident_bytes()
    expect(server, KEPT + 1)
    return (after - before) / (KEPT * len(raw))


def resident_bytes() -> int:
    """The resident memory of this process; Linux only."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def expect(server: Running, count: int) -> None:
    if server.count() != count:
        raise SystemExit(f"{server.count()} messages of {count} came in")


FIGURES: dict[str, Callable[[Running], float]] = {
    "messages": messages,
    "connections": connections,
    "large": large,
    "memory": memory,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("figure", choices=FIGURES)
    parser.add_argument("contender", choices=CONTENDERS)
    options = parser.parse_args()
    try:
        with CONTENDERS[options.contender].serve("starttls") as server:
            print(FIGURES[options.figure](server))
    except NotOfferedError:
        print("none")


if __name__ == "__main__":
    main()
