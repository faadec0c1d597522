"""
Mutate S/MIME messages and check that assessing them never raises, hangs, or uses ever more memory.

    python benchmarks/fuzz_smime.py --count 1000000 --seed 1
"""

from __future__ import annotations

import argparse
import base64
import datetime
import multiprocessing
import random
import re
import sys
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

from pytest_mailtrap import smime

CORPUS = Path(__file__).parent.parent / "tests" / "smime" / "corpus"
RECEIVED = datetime.datetime(2026, 12, 1, tzinfo=datetime.timezone.utc)
SECONDS_PER_MESSAGE = 2.0
MEGABYTES = 50

_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/=]{40,}\r?\n)+[A-Za-z0-9+/=]*")
_TOKENS = (
    b"\r\n", b"\n", b"\r", b"--", b'"', b";", b"(", b"<", b">", b"@", b",", b":", b"\x00", b"\xff",
    b"boundary=", b"From: ", b"Content-Type: ", b"multipart/signed", b"application/pkcs7-mime",
    b"\x30\x80", b"\x00\x00", b"\x24\x80", b"\xa0\x80", b"\x84\xff\xff\xff\xff", b"\x1f\xff",
)  # fmt: skip


class Fuzzer:
    """A stream of mutated messages that is the same for the same seed."""

    def __init__(self, seed: int, *, seconds: float = SECONDS_PER_MESSAGE) -> None:
        self.random = random.Random(seed)
        self.seconds = seconds
        self.messages = [path.read_bytes() for path in sorted(CORPUS.glob("*.eml"))]
        self.tokens = (*_TOKENS, *self._chunks())
        self.outcomes: Counter[str] = Counter()
        self.slowest = 0.0
        identities = [_identity(path) for path in sorted((CORPUS / "keys").glob("*.key"))]
        self.keywords = {
            "trust": [(CORPUS / "keys" / "root.crt").read_bytes()],
            "intermediates": [(CORPUS / "keys" / "inter.crt").read_bytes()],
            "identities": [one for one in identities if one is not None],
            "at": RECEIVED,
        }

    def _chunks(self) -> list[bytes]:
        pick = (self.random.choice(self.messages) for _ in range(50))
        return [raw[(at := self.random.randrange(len(raw))) : at + 60] for raw in pick]

    def run(self, count: int) -> None:
        for _ in range(count):
            self.assess(self.mutated(self.random.choice(self.messages)))

    def mutated(self, raw: bytes) -> bytes:
        """Change the text, or the data inside its base64, so that the CMS parser is fuzzed as well."""
        found = list(_BASE64.finditer(raw)) if self.random.random() < 0.7 else []
        if not found:
            return self._scrambled(raw)
        span = self.random.choice(found)
        try:
            cms = base64.b64decode(span[0])
        except ValueError:
            return self._scrambled(raw)
        encoded = base64.encodebytes(self._scrambled(cms)).replace(b"\n", b"\r\n")
        return raw[: span.start()] + encoded + raw[span.end() :]

    def _scrambled(self, raw: bytes) -> bytes:
        data = bytearray(raw)
        for _ in range(self.random.choice((1, 1, 1, 2, 3, 8))):
            self._scramble(data)
        return bytes(data)

    def _scramble(self, data: bytearray) -> None:
        at = self.random.randrange(len(data) + 1)
        match self.random.randrange(7):
            case 0 if at < len(data):
                data[at] ^= 1 << self.random.randrange(8)
            case 1 if at < len(data):
                data[at] = self.random.randrange(256)
            case 2:
                del data[at : at + self.random.randrange(1, 40)]
            case 3:
                data[at:at] = self.random.choice(self.tokens)
            case 4:
                token = self.random.choice(self.tokens)
                data[at : at + len(token)] = token
            case 5:
                data[at:at] = data[at : at + self.random.randrange(1, 400)]
            case 6 if self.random.random() < 0.2:
                del data[at:]

    def assess(self, raw: bytes) -> None:
        start = time.perf_counter()
        try:
            facts = smime.inspect(raw, **self.keywords)
        except Exception as error:
            Path("fuzz-failure.eml").write_bytes(raw)
            # Not every exception survives the way back from another process.
            raise RuntimeError("".join(traceback.format_exception(error))) from None
        self.slowest = max(self.slowest, seconds := time.perf_counter() - start)
        if seconds > self.seconds:
            Path("fuzz-failure.eml").write_bytes(raw)
            raise RuntimeError(f"one message took {seconds:.1f} s")
        self.outcomes["signed" if facts.signed else facts.problems[0].code] += 1


def _identity(key: Path) -> smime.Identity | None:
    try:
        return smime.Identity.from_pem(key.with_suffix(".crt").read_bytes(), key.read_bytes())
    except (ValueError, TypeError):
        return None  # a key that this version of cryptography does not know


def fuzz(count: int, seed: int) -> tuple[Counter[str], float, float]:
    """Assess *count* messages; return the outcomes, the slowest time in seconds, and the memory growth in megabytes."""
    # A warning would reach the user as an exception under -W error.
    warnings.simplefilter("error")
    fuzzer = Fuzzer(seed)
    fuzzer.run(min(count, 200))
    before = peak_megabytes()
    fuzzer.run(max(count - 200, 0))
    grown = peak_megabytes() - before
    if grown > MEGABYTES:
        raise RuntimeError(f"memory grew by {grown:.0f} MB")
    return fuzzer.outcomes, fuzzer.slowest, grown


def peak_megabytes() -> float:
    """The peak memory of this process; 0 if the platform does not record it."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description="Mutate S/MIME messages and judge them.")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    options = parser.parse_args()
    share = [
        (options.count // options.processes + (one < options.count % options.processes), seed)
        for one, seed in enumerate(range(options.seed, options.seed + options.processes))
    ]
    start = time.perf_counter()
    with multiprocessing.Pool(options.processes) as pool:
        results = pool.starmap(fuzz, share)
    total: Counter[str] = sum((outcomes for outcomes, _, _ in results), Counter())
    for code, count in total.most_common():
        print(f"{count:9d}  {code}")
    slowest, grown = max(one[1] for one in results), max(one[2] for one in results)
    print(f"{total.total()} messages in {time.perf_counter() - start:.0f} s, no exception")
    print(f"slowest {slowest * 1000:.0f} ms, memory grew by {grown:.1f} MB")


if __name__ == "__main__":
    main()
