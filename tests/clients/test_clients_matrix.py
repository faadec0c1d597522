"""The script behind docs/clients.md tells careless configurations from careful ones, and the page holds what it writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "docs" / "clients" / "matrix.py"
PAGE = ROOT / "docs" / "clients.md"
CONTEXT = "context=ssl.create_default_context()"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
        timeout=120,
        check=False,
    )


def row(table: str, start: str) -> list[str]:
    """The cells after *start* in the one line of the table that begins so."""
    [line] = [line for line in table.splitlines() if line.startswith(f"| {start} | ")]
    return line.removeprefix(f"| {start} | ").removesuffix(" |").split(" | ")


def test_the_standard_library_is_judged() -> None:
    """One scenario for each disease, and one for implicit TLS: each finds the configurations that have it, and no other."""
    scenarios = ("certificate-host-mismatch", "starttls-stripped", "implicit-plaintext")
    done = run("--client", "smtplib", *(f"--scenario={name}" for name in scenarios))
    assert done.returncode == 0, done.stderr
    summary, certificates, stripping, implicit = done.stdout.split("\n\n| client")[0:1] + [
        part for part in done.stdout.split("### ")[1:]
    ]
    assert row(certificates, "smtplib | `starttls()`") == ["**impostor**"]
    assert row(certificates, f"smtplib | mended: `starttls({CONTEXT})`") == ["ok"]
    assert row(stripping, "smtplib | `starttls()`") == ["ok"]
    assert row(stripping, 'smtplib | `if has_extn("starttls"): …`') == ["**cleartext**"]
    assert row(stripping, f"smtplib | mended: `starttls({CONTEXT})`") == ["ok"]
    assert row(implicit, "smtplib | `SMTP_SSL()`") == ["**impostor**", "ok"]
    assert row(implicit, f"smtplib | mended: `SMTP_SSL({CONTEXT})`") == ["ok", "ok"]
    assert "**does not verify** | `starttls(context=" in summary
