"""How long a whole family of hostile servers takes to test one smtplib sender, including the control."""

from __future__ import annotations

import argparse
import smtplib
import ssl
import statistics
import time

from pytest_mailtrap import MailTrap, MailTrapFactory
from pytest_mailtrap._server.certificate_authority import new_ca

# What handshake-stalled costs: it lasts as long as the client has patience.
PATIENCE = 0.2


def send_starttls(host: str, port: int) -> None:
    with smtplib.SMTP(host, port, timeout=PATIENCE) as client:
        client.starttls(context=CONTEXTS[0])
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: Hi\r\n\r\nHello\r\n")


def send_implicit(host: str, port: int) -> None:
    with smtplib.SMTP_SSL(host, port, timeout=PATIENCE, context=CONTEXTS[0]) as client:
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: Hi\r\n\r\nHello\r\n")


SENDERS = {"starttls": send_starttls, "implicit": send_implicit}
# Made once, as an application does: ssl.create_default_context() reads all CAs of the system.
CONTEXTS: list[ssl.SSLContext] = []


def family(trap: MailTrap, mode: str) -> tuple[float, int]:
    """Return the seconds taken and the number of servers."""
    start = time.perf_counter()
    verdicts = trap.assert_refuses_hostile_servers(SENDERS[mode], mode)
    return time.perf_counter() - start, len(verdicts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    factory = MailTrapFactory(new_ca())
    with factory() as trap:
        CONTEXTS.append(ssl.create_default_context(cadata=trap.ca_pem))
        for mode in SENDERS:
            first, count = family(trap, mode)
            rest = [family(trap, mode)[0] for _ in range(rounds)]
            print(
                f"{mode:8}  {count} servers  first {first:.2f} s, then {statistics.median(rest):.2f} s (median of {rounds})"
            )
    factory.close()


if __name__ == "__main__":
    main()
