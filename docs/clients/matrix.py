"""
Try the mail clients that people use on hostile servers, and record which of them are safe by default.

    python docs/clients/matrix.py --write docs/clients.md

It uses nothing of pytest-mailtrap but its public API.
It contacts only loopback, and the npm registry for nodemailer, which it installs into a temporary directory.
"""

from __future__ import annotations

import argparse
import datetime
import logging
import platform
import shutil
import ssl
import sys
from contextlib import nullcontext
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import TYPE_CHECKING

import frameworks
import libraries
import programs
import standard_library
import table
import trustme
from configuration import Server

from pytest_mailtrap import MailTrapFactory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from configuration import Configuration

    from pytest_mailtrap import MailTrap, Verdict

ALL = [
    *standard_library.CONFIGURATIONS,
    *frameworks.CONFIGURATIONS,
    *libraries.CONFIGURATIONS,
    *programs.CONFIGURATIONS,
]
SECONDS = 30.0


def tried(configuration: Configuration, scenarios: Iterable[str], trap: MailTrap) -> table.Row:
    """The row of one configuration; SystemExit if it does not deliver even to a good server."""

    def send(host: str, port: int) -> object:
        mail_of_test = {"username": trap.username, "password": trap.password}
        return configuration.send(Server(host=host, port=port, **mail_of_test))

    def verdicts_on(*ids: str) -> tuple[Verdict, ...]:
        silent = configuration.silent
        return trap.judge_hostile_servers(
            send, configuration.mode, scenarios=ids, timeout=SECONDS, may_fail_silently=silent
        )

    control, *verdicts = verdicts_on(*scenarios)
    # Asked again at the end: a client that can send only once would pass for one that refuses.
    for asked in (control, *verdicts_on("ok")):
        if asked.failed and asked.channel != "cleartext":
            raise SystemExit(f"{configuration.name}: does not deliver to a good server: {asked}")
    # One that sends in cleartext to a good server does so to every other; one that was not played could not be.
    cells = dict.fromkeys(scenarios, cell_of(control) if control.failed else table.NOT_TRIED)
    cells.update({verdict.scenario.id: cell_of(verdict) for verdict in verdicts})
    return table.Row(
        library=configuration.library,
        version=configuration.version(),
        words=configuration.words,
        mode=configuration.mode,
        fixes=configuration.fixes,
        cells=cells,
    )


def cell_of(verdict: Verdict) -> str:
    """The word for a verdict."""
    if verdict.passed:
        return table.OK
    if verdict.channel is not None:
        return verdict.channel
    return {"lost": "silent", "false-success": "silent", "hung": "hangs"}.get(
        verdict.outcome, verdict.outcome
    )


def rows_of(configurations: list[Configuration], chosen: list[str] | None) -> list[table.Row]:
    """Try them all, one after the other."""
    factory = MailTrapFactory(trustme.CA())
    rows = []
    try:
        for configuration in configurations:
            print(configuration.name, file=sys.stderr, flush=True)
            scenarios = [
                known
                for known in table.SCENARIOS[configuration.mode]
                if known in (chosen or [known])
            ]
            if scenarios:
                with factory(credentials=("shop@example.org", "correct horse")) as trap:
                    rows.append(tried(configuration, scenarios, trap))
    finally:
        factory.close()
    return rows


def available(configurations: list[Configuration]) -> tuple[list[Configuration], list[str]]:
    """The configurations whose library is installed, and what is missing."""
    there, missing = [], {}
    for configuration in configurations:
        try:
            configuration.version()
        except (PackageNotFoundError, FileNotFoundError):
            missing[configuration.library] = None
        else:
            there.append(configuration)
    return there, list(missing)


def written(page: str, rows: list[table.Row], *, measured: str) -> str:
    """The page with the tables of *rows*."""
    for name, text in (
        ("summary", table.summary(rows)),
        ("matrix", table.matrices(rows)),
        ("measured", measured),
    ):
        page = table.with_region(page, name, text)
    return page


def rows_in(page: str) -> list[table.Row]:
    """The rows that the page shows; KeyError if it lacks one, or a scenario of one."""
    cells = table.cells_in(table.region(page, "matrix"))
    versions = table.versions_in(table.region(page, "summary"))
    return [
        table.Row(
            library=c.library,
            version=versions[c.library, c.mode],
            words=c.words,
            mode=c.mode,
            fixes=c.fixes,
            cells={s: cells[c.mode, c.library, c.words][s] for s in table.SCENARIOS[c.mode]},
        )
        for c in ALL
    ]


def is_as_written(page: str) -> bool:
    """Whether the page is what this script writes for its verdicts and versions: all rows, and no manual changes."""
    try:
        return written(page, rows_in(page), measured=table.region(page, "measured")) == page
    except (KeyError, ValueError):  # a row, a column or a region is not there
        return False


def measured_here() -> str:
    """The date, the version of OpenSSL and the system with which the page was measured."""
    system = platform.freedesktop_os_release()["PRETTY_NAME"] if sys.platform == "linux" else ""
    openssl = " ".join(ssl.OPENSSL_VERSION.split()[:2])
    return (
        f"Measured on {datetime.datetime.now(tz=datetime.timezone.utc).date()} with {openssl}"
        f" on {system or platform.platform(terse=True)}.\n"
    )


def main() -> None:
    options = arguments()
    if options.check and not is_as_written(options.check.read_text(encoding="utf-8")):
        raise SystemExit(f"{options.check}: the tables are not those that this script writes")
    if options.check:
        return
    logging.raiseExceptions = False  # SMTPHandler would print a traceback for every refusal
    wanted = [c for c in ALL if not options.client or c.library in options.client]
    is_node = shutil.which("npm") and any(c.library == "nodemailer" for c in wanted)
    with programs.nodemailer_installed() if is_node else nullcontext():
        there, missing = available(wanted)
        if missing and options.write:
            raise SystemExit(f"not installed, so nothing was written: {', '.join(missing)}")
        rows = rows_of(there, options.scenario)
    if options.write:
        page = options.write.read_text(encoding="utf-8")
        text = written(page, rows, measured=measured_here())
        options.write.write_text(text, encoding="utf-8", newline="\n")
    print(table.summary(rows), table.matrices(rows), sep="\n")
    if missing:
        print(f"not installed: {', '.join(missing)}", file=sys.stderr)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--write", metavar="PAGE", type=Path, help="put the tables into this page")
    parser.add_argument(
        "--check", metavar="PAGE", type=Path, help="only see that its tables are whole"
    )
    names = sorted({configuration.library for configuration in ALL})
    parser.add_argument("--client", action="append", choices=names, help="try only this one")
    ids = sorted({known for family in table.SCENARIOS.values() for known in family})
    parser.add_argument("--scenario", action="append", choices=ids, help="play only this one")
    options = parser.parse_args()
    if options.write and (options.client or options.scenario):
        parser.error("--write takes all clients and all scenarios")
    return options


if __name__ == "__main__":
    main()
