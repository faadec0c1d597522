"""Clients that are separate programs: curl, and nodemailer under Node.js."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from configuration import RECIPIENT, SENDER, SUBJECT, TEXT, Configuration, Server, message

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 20
_SCRIPT = """
const nodemailer = require("nodemailer");
const { options, letter } = JSON.parse(process.argv[1]);
nodemailer.createTransport(options).sendMail(letter).then(
  () => process.exit(0),
  (error) => { console.error(String(error)); process.exit(1); },
);
"""


def curl(server: Server, *options: str, scheme: str = "smtp") -> subprocess.CompletedProcess[bytes]:
    address = f"{scheme}://{server.host}:{server.port}"
    mail_of_test = f"{server.username}:{server.password}"
    return _run(
        "curl", "--silent", "--show-error", *options, "--user", mail_of_test,
        "--mail-from", SENDER, "--mail-rcpt", RECIPIENT, "--upload-file", "-", address,
        given=message().as_bytes(),
    )  # fmt: skip


def nodemailer(server: Server, **options: bool) -> subprocess.CompletedProcess[bytes]:
    auth = {"user": server.username, "pass": server.password}
    transport = {"host": server.host, "port": server.port, "auth": auth, **options}
    letter = {"from": SENDER, "to": RECIPIENT, "subject": SUBJECT, "text": TEXT}
    return _run("node", "--eval", _SCRIPT, json.dumps({"options": transport, "letter": letter}))


def _run(*command: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, input=given, capture_output=True, timeout=SECONDS, check=False)


@contextmanager
def nodemailer_installed() -> Iterator[None]:
    """Install nodemailer into a temporary directory, where Node.js finds it inside the `with` block."""
    with tempfile.TemporaryDirectory() as directory:
        options = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefix", directory]
        subprocess.run(
            ["npm", "install", "--silent", *options, "nodemailer"],
            check=True,
            timeout=300,
        )
        before = os.environ.get("NODE_PATH")
        os.environ["NODE_PATH"] = str(Path(directory) / "node_modules")
        try:
            yield
        finally:
            del os.environ["NODE_PATH"]
            if before is not None:
                os.environ["NODE_PATH"] = before


def _curl_version() -> str:
    return _run("curl", "--version").stdout.decode().split()[1]


def _nodemailer_version() -> str:
    found = _run("node", "--print", 'require("nodemailer/package.json").version')
    if found.returncode:
        raise FileNotFoundError("nodemailer")
    node = _run("node", "--version").stdout.decode().strip().removeprefix("v")
    return f"{found.stdout.decode().strip()} on Node.js {node}"


_curl = partial(Configuration, library="curl", version=_curl_version)
_nodemailer = partial(Configuration, library="nodemailer", version=_nodemailer_version)

CONFIGURATIONS = [
    _curl(
        mode="starttls", words="`curl --ssl smtp://…`", send=lambda server: curl(server, "--ssl")
    ),
    _curl(
        mode="starttls",
        words="`curl --ssl-reqd smtp://…`",
        send=lambda server: curl(server, "--ssl-reqd"),
        fixes=("`curl --ssl smtp://…`",),
    ),
    _curl(mode="implicit", words="`curl smtps://…`", send=partial(curl, scheme="smtps")),
    _nodemailer(mode="starttls", words="`createTransport({ host })`", send=nodemailer),
    _nodemailer(
        mode="starttls",
        words="`createTransport({ requireTLS: true })`",
        send=partial(nodemailer, requireTLS=True),
        fixes=("`createTransport({ host })`",),
    ),
    _nodemailer(
        mode="implicit",
        words="`createTransport({ secure: true })`",
        send=partial(nodemailer, secure=True),
    ),
]
