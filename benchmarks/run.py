"""
Compare pytest-mailtrap with the alternatives in one run, and print a Markdown table.

    python -m pip install -e . -r benchmarks/requirements.txt
    python benchmarks/run.py

Every round measures each contender once, one after the other, so that a load on the machine affects all of them.
A cell is the median of the rounds; the last column is the median of each round's ratio, which noise affects least.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from contenders import CONTENDERS

HERE = Path(__file__).parent
OURS = "pytest-mailtrap"


@dataclass(frozen=True)
class Figure:
    """
    One line of the table.

    *script* and *name* select the measurement; *against* is the contender to compare with, None for a plain bound.
    *at_most* and *at_least* are the target for the ratio, or for the figure itself.
    """

    title: str
    script: str
    name: str
    unit: str
    against: str | None = None
    at_most: float | None = None
    at_least: float | None = None

    @property
    def bound(self) -> str:
        sign, value = ("≥", self.at_least) if self.at_most is None else ("≤", self.at_most)
        return (
            f"{sign} {value:g} ×"
            if self.against or self.unit == "×"
            else f"{sign} {value:g} {self.unit}"
        )

    def is_reached(self, value: float) -> bool:
        return value <= self.at_most if self.at_most is not None else value >= (self.at_least or 0)


FIGURES = (
    Figure(
        "the fixture, in a test that sends nothing",
        "in_pytest",
        "nothing",
        "ms",
        "smtpdfix",
        at_most=0.2,
    ),
    Figure(
        "a test that sends one message over STARTTLS",
        "in_pytest",
        "starttls",
        "ms",
        "smtpdfix",
        at_most=0.5,
    ),
    Figure("the same over implicit TLS", "in_pytest", "implicit", "ms", "smtpdfix", at_most=0.2),
    Figure(
        "messages of 1 kB on one STARTTLS connection",
        "traffic",
        "messages",
        "/s",
        "aiosmtpd by hand",
        at_least=1.2,
    ),
    Figure(
        "STARTTLS connections with one message each",
        "traffic",
        "connections",
        "/s",
        "aiosmtpd by hand",
        at_least=1.2,
    ),
    Figure(
        "one message of 25 MiB over TLS", "traffic", "large", "MB/s", "aiosmtpd by hand", at_least=3
    ),
    Figure("start-up of a pytest run that uses none", "in_pytest", "start", "ms", at_most=3),
    Figure("memory for 10,000 messages of 10 kB, per byte", "traffic", "memory", "×", at_most=1.2),
)


def measure(figure: Figure, contender: str) -> float | None:
    """One measurement in a process of its own; None if the contender does not offer the mode."""
    done = subprocess.run(
        [sys.executable, HERE / f"{figure.script}.py", figure.name, contender],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{figure.title}, {contender}:\n{done.stderr}")
    last = done.stdout.split("\n")[-2]
    return None if last == "none" else float(last)


def rounds(figure: Figure, contenders: list[str], count: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(count):
        for name in contenders:
            value = measure(figure, name)
            if value is not None:
                found[name].append(value)
    return found


def row(figure: Figure, found: dict[str, list[float]]) -> str:
    cells = [
        number(statistics.median(values), figure.unit) if values else "–"
        for values in found.values()
    ]
    ours = found[OURS]
    if figure.against in found:
        pairs = zip(ours, found[figure.against], strict=True)
        reached = statistics.median(mine / other for mine, other in pairs)
        result = f"{reached:.2f} × {figure.against}"
    elif figure.against is None:
        reached = statistics.median(ours)
        result = number(reached, figure.unit)
    else:
        return f"| {figure.title} | {' | '.join(cells)} | – | {figure.bound} |"
    mark = "" if figure.is_reached(reached) else " **missed**"
    return f"| {figure.title} | {' | '.join(cells)} | {result}{mark} | {figure.bound} |"


def number(value: float, unit: str) -> str:
    text = (
        f"{value:,.0f}"
        if abs(value) >= 100
        else f"{value:.1f}"
        if abs(value) >= 10
        else f"{value:.2f}"
    )
    return f"{text} {unit}" if unit != "/s" else f"{text}/s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="a part of the title of the figures to measure")
    options = parser.parse_args()
    contenders = [name for name, c in CONTENDERS.items() if importlib.util.find_spec(c.module)]
    absent = [name for name in CONTENDERS if name not in contenders]
    print(f"| | {' | '.join(contenders)} | reached | to be reached |")
    print("|---|" + "---|" * (len(contenders) + 2))
    for figure in FIGURES:
        if options.only is None or options.only in figure.title:
            print(row(figure, rounds(figure, contenders, options.rounds)), flush=True)
    today = datetime.now(timezone.utc).date()
    print(
        f"\nCPython {platform.python_version()}, {platform.system()}, {today}, {options.rounds} rounds."
    )
    if absent:
        print(f"Not installed: {', '.join(absent)}.")


if __name__ == "__main__":
    main()
