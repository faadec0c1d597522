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


def cells(table: str, *start: str) -> list[str]:
    """The cells that follow *start* in the one line of the table that begins with them."""
    beginning = " | ".join(["| smtplib", *start, ""])
    [line] = [line for line in table.splitlines() if line.startswith(beginning)]
    return line.removeprefix(beginning).removesuffix(" |").split(" | ")


def test_each_disease_is_found_where_it_is_and_nowhere_else() -> None:
    """smtplib, careless and careful, on one server for each kind of flaw and one for implicit TLS."""
    scenarios = ("certificate-host-mismatch", "starttls-stripped", "implicit-plaintext")
    done = run("--client=smtplib", *(f"--scenario={name}" for name in scenarios))
    assert done.returncode == 0, done.stderr
    summary, certificates, stripping, implicit = done.stdout.split("\n### ")
    opportunist, careful = '`if has_extn("starttls"): …`', f"fixed: `starttls({CONTEXT})`"
    assert cells(certificates, "`starttls()`") == ["**impostor**"]
    assert cells(certificates, opportunist) == ["ok"]
    assert cells(certificates, careful) == ["ok"]
    assert cells(stripping, "`starttls()`") == ["ok"]
    assert cells(stripping, opportunist) == ["**cleartext**"]
    assert cells(stripping, careful) == ["ok"]
    assert cells(implicit, "`SMTP_SSL()`") == ["**impostor**", "ok"]
    assert cells(implicit, f"fixed: `SMTP_SSL({CONTEXT})`") == ["ok", "ok"]
    python = "Python {}.{}.{}".format(*sys.version_info)
    verdicts = [cells(summary, python, "STARTTLS", it)[0] for it in ("`starttls()`", opportunist)]
    assert verdicts == ["**does not verify**", "**falls back to cleartext**"]


def test_what_never_uses_tls_is_named() -> None:
    """SMTPHandler ignores `secure=()` without credentials, so it fails its control; with the fix and credentials, it verifies."""
    done = run("--client=logging", "--scenario=certificate-not-trusted")
    assert done.returncode == 0, done.stderr
    rows = [
        line.split(" | ")[3:5] for line in done.stdout.split("\n### ")[0].splitlines()[2:] if line
    ]
    assert rows == [
        ["`SMTPHandler(credentials=…, secure=())`", "**does not verify**"],
        ["`SMTPHandler(secure=())` without credentials", "**never uses TLS**"],
    ]
    matrix = done.stdout.split("\n### ")[1]
    fixed = [line for line in matrix.splitlines() if "| fixed: " in line]
    assert [line.rsplit(" | ", 1)[1] for line in fixed] == ["ok |", "ok |"]


def test_the_page_is_what_the_script_writes() -> None:
    """Every configuration with every scenario, and the verdicts that follow from them."""
    done = run("--check", PAGE)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("| **impostor** |", "| fine |"),
        ("| **does not verify** |", "| safe |"),
        ("| smtplib | fixed: `starttls(", "| smtplib | fixed: `better_starttls("),
        (" | certificate-wrong-purpose", ""),
        ("<!-- /summary -->", ""),
    ],
    ids=["a cell", "a verdict", "a configuration", "a column", "a marker"],
)
def test_a_page_changed_by_hand_is_reported(tmp_path: Path, there: str, instead: str) -> None:
    """The same check fails on a copy with one thing changed."""
    text = PAGE.read_text(encoding="utf-8")
    assert there in text
    page = tmp_path / "clients.md"
    page.write_text(text.replace(there, instead, 1), encoding="utf-8", newline="\n")
    done = run("--check", page)
    assert done.returncode == 1
    assert done.stderr == f"{page}: the tables are not those that this script writes\n"


def test_a_part_is_not_written(tmp_path: Path) -> None:
    """A page with only some of the clients would look complete."""
    page = tmp_path / "clients.md"
    page.write_text("as it was", encoding="utf-8")
    done = run("--write", page, "--client=smtplib")
    assert done.returncode == 2
    assert "--write takes all clients and all scenarios" in done.stderr
    assert page.read_text(encoding="utf-8") == "as it was"
