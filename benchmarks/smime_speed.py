"""How many complete assessments of a signed message, including its chain, one core performs per second."""

from __future__ import annotations

import argparse
import datetime
import time
from pathlib import Path

from pytest_mailtrap import smime

CORPUS = Path(__file__).parent.parent / "tests" / "smime" / "corpus"
RECEIVED = datetime.datetime(2026, 12, 1, tzinfo=datetime.timezone.utc)
MESSAGES = (
    "ossl30-smime-sign.eml",
    "ossl36-alice-sha512-opaque-ber.eml",
    "pyca-alice_p256-sha256.eml",
    "bc-alice_ed25519-Ed25519.eml",
)


def assessments_per_second(raw: bytes, *, seconds: float) -> float:
    """Inspect one message again and again, like a test suite with one CA."""
    trust = [(CORPUS / "keys" / "root.crt").read_bytes()]
    extra = [(CORPUS / "keys" / "inter.crt").read_bytes()]
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        facts = smime.inspect(raw, trust=trust, intermediates=extra, at=RECEIVED)
        if not facts.signed:
            raise SystemExit(f"not signed: {[found.text for found in facts.problems]}")
        count += 1
    return count / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="per message")
    options = parser.parse_args()
    for name in MESSAGES:
        rate = assessments_per_second((CORPUS / name).read_bytes(), seconds=options.seconds)
        print(f"{rate:8.0f}/s  {name}")


if __name__ == "__main__":
    main()
