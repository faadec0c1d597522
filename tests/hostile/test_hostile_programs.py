"""A `send()` that runs a separate program is judged by the same rules."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

SCENARIOS = [
    "starttls-stripped",
    "starttls-refused",
    "plaintext-after-220",
    "handshake-garbage",
    "handshake-closed",
    "certificate-not-trusted",
    "certificate-expired",
    "certificate-host-mismatch",
    "tls-1.0-only",
]
IMPLICIT = [
    "handshake-closed",
    "certificate-not-trusted",
    "certificate-host-mismatch",
    "implicit-plaintext",
]
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")


def run(*command):
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=30, check=False
    )


def curl(trap, tmp_path, url, *options):
    mail = tmp_path / "mail.eml"
    mail.write_bytes(b"Subject: Hi\r\n\r\nHello\r\n")
    return lambda: run(
        "curl",
        "--silent",
        "--max-time",
        "5",
        *options,
        *("--user", f"{trap.username}:{trap.password}"),
        *("--mail-from", "a@example.org", "--mail-rcpt", "b@example.org"),
        *("--upload-file", mail, url),
    )


def outcomes(verdicts):
    return {verdict.scenario.id: verdict.outcome for verdict in verdicts}


@needs_curl
def test_curl_that_insists(mailtrap, tmp_path):
    """curl --ssl-reqd refuses them all; its exit status reports that to the caller."""
    send = curl(mailtrap, tmp_path, mailtrap.smtp_url, "--ssl-reqd")
    verdicts = mailtrap.assert_refuses_hostile_servers(send, scenarios=SCENARIOS)
    assert set(outcomes(verdicts[1:]).values()) == {"refused"}


@needs_curl
def test_curl_that_does_not_insist(mailtrap, tmp_path):
    """The negative control: with --ssl, curl continues in cleartext if the server does not offer TLS or refuses it."""
    send = curl(mailtrap, tmp_path, mailtrap.smtp_url, "--ssl")
    verdicts = mailtrap.judge_hostile_servers(send, scenarios=SCENARIOS)
    found = outcomes(verdicts)
    assert found["ok"] == "delivered"
    assert found["starttls-stripped"] == found["starttls-refused"] == "leaked"
    assert found["certificate-expired"] == "refused"


@needs_curl
def test_curl_that_verifies_nothing(mailtrap, tmp_path):
    """The other negative control: with --insecure, curl gives everything to an impostor."""
    send = curl(mailtrap, tmp_path, mailtrap.smtps_url, "--insecure")
    found = outcomes(mailtrap.judge_hostile_servers(send, "implicit", scenarios=IMPLICIT))
    assert found["certificate-not-trusted"] == found["certificate-host-mismatch"] == "leaked"
    assert found["implicit-plaintext"] == "refused"


NODE = """
const tls = require("tls"), net = require("net");
const [port, mode, verify] = process.argv.slice(2);
const fail = (error) => { console.error(String(error)); process.exit(1); };
let step = 0;
function speak(socket, lines) {
  let buffer = "";
  socket.on("data", (data) => {
    buffer += data;
    let end;
    while ((end = buffer.indexOf("\\r\\n")) >= 0) {
      const line = buffer.slice(0, end); buffer = buffer.slice(end + 2);
      if (line[3] === "-") continue;
      if (line[0] > "3") fail(line);
      const next = lines.shift();
      if (next === undefined) { socket.end(); process.exit(0); }
      if (typeof next === "function") { next(); return; }
      socket.write(next + "\\r\\n");
    }
  });
  socket.on("error", fail);
  socket.on("end", () => fail("closed"));
}
const mail = ["MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>", "DATA", "Subject: Hi\\r\\n\\r\\nHello\\r\\n.", "QUIT"];
const options = { host: "localhost", port: Number(port), servername: "localhost", rejectUnauthorized: verify === "verify" };
if (mode === "implicit") speak(tls.connect(options).on("error", fail), ["EHLO node", ...mail]);
else {
  const plain = net.connect(options).on("error", fail);
  speak(plain, ["EHLO node", "STARTTLS", () => {
    plain.removeAllListeners("data"); plain.removeAllListeners("end");
    const secure = tls.connect({ ...options, socket: plain }, () => secure.write("EHLO node\\r\\n"));
    speak(secure, mail.slice());
  }]);
}
setTimeout(() => fail("timed out"), 5000);
"""


def node(port, mode, verify):
    return lambda: run(
        "node",
        "-e",
        NODE.replace("process.argv.slice(2)", "process.argv.slice(1)"),
        port,
        mode,
        verify,
    )


@needs_node
@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_node(mailtrap, mode):
    """Node's tls module with its default verification."""
    port = mailtrap.tls_port if mode == "implicit" else mailtrap.port
    chosen = IMPLICIT if mode == "implicit" else SCENARIOS
    verdicts = mailtrap.assert_refuses_hostile_servers(
        node(port, mode, "verify"), mode, scenarios=chosen
    )
    assert set(outcomes(verdicts[1:]).values()) == {"refused"}


@needs_node
@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_node_that_verifies_nothing(mailtrap, mode):
    """The negative control: with rejectUnauthorized: false."""
    port = mailtrap.tls_port if mode == "implicit" else mailtrap.port
    verdicts = mailtrap.judge_hostile_servers(
        node(port, mode, "no"), mode, scenarios=["certificate-not-trusted", "handshake-closed"]
    )
    assert outcomes(verdicts) == {
        "ok": "delivered",
        "certificate-not-trusted": "leaked",
        "handshake-closed": "refused",
    }


PYTHON = """
import smtplib, ssl, sys
with smtplib.SMTP("localhost", int(sys.argv[1]), timeout=5) as client:
    client.starttls(context=ssl.create_default_context())
    client.sendmail("a@example.org", ["b@example.org"], b"Subject: Hi\\r\\n\\r\\nHello\\r\\n")
"""


def test_python_program(mailtrap):
    """A Python program trusts the good server via the environment, and refuses the others."""
    verdicts = mailtrap.assert_refuses_hostile_servers(
        lambda: run(sys.executable, "-c", PYTHON, mailtrap.port),
        scenarios=["starttls-stripped", "certificate-self-signed"],
    )
    assert outcomes(verdicts) == {
        "ok": "delivered",
        "starttls-stripped": "refused",
        "certificate-self-signed": "refused",
    }


def test_program_whose_status_is_thrown_away(mailtrap):
    """If the program's failure is reported to nobody, the message counts as lost."""

    def send():
        run(sys.executable, "-c", PYTHON, mailtrap.port)

    _, verdict = mailtrap.judge_hostile_servers(send, scenarios=["certificate-self-signed"])
    assert verdict.outcome == "lost"
