"""
How long others wait for the trap while clients crowd it: flooders, which never pause, and thousands that send a byte now and then.

The crowd runs in a process of its own, so that only the trap's share of the work is measured.
"""

from __future__ import annotations

import argparse
import resource
import selectors
import smtplib
import socket
import statistics
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pytest_mailtrap import MailTrap, MailTrapFactory
from pytest_mailtrap._server.certificate_authority import new_ca

if TYPE_CHECKING:
    from collections.abc import Iterator

FLOODERS, DRIBBLERS = 20, 5000
COMMANDS = b"".join(b"RCPT TO:<user%d@example.org>\r\n" % number for number in range(3000))


# -- the crowd, in its own process ------------------------------------------------------------


def flood(port: int) -> None:
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(b"EHLO x\r\nMAIL FROM:<a@example.org>\r\n")

    def read() -> None:
        with suppress(OSError):
            while client.recv(1 << 20):
                pass

    threading.Thread(target=read, daemon=True).start()
    with suppress(OSError):
        while True:
            client.sendall(COMMANDS)


def be_flooders(port: int, count: int) -> None:
    threads = [threading.Thread(target=flood, args=(port,), daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    for thread in threads:
        thread.join()


def be_dribblers(port: int, count: int) -> None:
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    selector = selectors.DefaultSelector()
    for client in clients:
        client.setblocking(False)
        selector.register(client, selectors.EVENT_READ)
    print("ready", flush=True)
    while clients:
        for client in list(clients):
            try:
                client.send(b"N")
            except OSError:
                clients.remove(client)
        for key, _ in selector.select(0.1):
            with suppress(OSError):
                if not key.fileobj.recv(4096):  # type: ignore[union-attr]  # a socket
                    selector.unregister(key.fileobj)


@contextmanager
def crowd(kind: str, trap: MailTrap, count: int) -> Iterator[None]:
    """A crowd of *count* clients within the block."""
    command = [sys.executable, __file__, f"--be={kind}", f"--port={trap.port}", f"--count={count}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield
    finally:
        process.kill()
        process.communicate()


# -- what is measured -------------------------------------------------------------------------


def seconds_of_a_message(trap: MailTrap) -> float:
    start = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", trap.port, local_hostname="localhost", timeout=60) as client:
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: Hi\r\n\r\nHello\r\n")
    return time.perf_counter() - start


def seconds_of_a_look(trap: MailTrap) -> float:
    start = time.perf_counter()
    len(trap.connections)
    return time.perf_counter() - start


def measure(factory: MailTrapFactory, kind: str, count: int, rounds: int) -> None:
    running = factory()
    trap = running.__enter__()
    alone = statistics.median(seconds_of_a_message(trap) for _ in range(rounds))
    with crowd(kind, trap, count):
        time.sleep(1)
        among = [seconds_of_a_message(trap) for _ in range(rounds)]
        look = max(seconds_of_a_look(trap) for _ in range(3))
        start = time.perf_counter()
        running.__exit__(None, None, None)
        stop = time.perf_counter() - start
    print(
        f"{count} {kind}: a message takes {statistics.median(among) / alone:.1f} × its time alone "
        f"(at most {max(among) / alone:.1f} ×), connections {look:.2f} s, stop {stop:.2f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--be", choices=["flooders", "dribblers"], help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if options.be:
        be = be_flooders if options.be == "flooders" else be_dribblers
        be(options.port, options.count)
        return
    factory = MailTrapFactory(new_ca())
    measure(factory, "flooders", FLOODERS, options.rounds)
    measure(factory, "dribblers", DRIBBLERS, options.rounds)
    factory.close()


if __name__ == "__main__":
    main()
