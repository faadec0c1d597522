"""Runs a failing test in a pytest of its own, and returns what is reported about the failure."""

from __future__ import annotations

import re

from _tracebacks import OWN_FRAME

PREAMBLE = """
import base64, smtplib, socket, ssl, threading
import pytest

MAIL = b"Subject: Reset your password\\r\\n\\r\\n"

def connect(trap, tls=True, maximum=None):
    client = smtplib.SMTP(trap.host, trap.port, timeout=10)
    if tls:
        context = ssl.create_default_context(cafile=trap.ca_file)
        if maximum:
            context.maximum_version = maximum
        client.starttls(context=context)
    return client

def send(client, to="bob@example.org", data=MAIL):
    client.sendmail("noreply@example.org", [to], data)

def plain(client, user, password):
    secret = base64.b64encode(f"\\0{user}\\0{password}".encode()).decode()
    return client.docmd("AUTH", "PLAIN " + secret)
"""


def failure(pytester, code, *args):
    """Run a test; return the lines that pytest shows for its only failure, with P and T for the ports."""
    pytester.makepyfile(PREAMBLE + code)
    result = pytester.runpytest("-p", "no:randomly", *args)
    result.assert_outcomes(failed=1)
    lines = [line[4:].strip(" ") and line[8:] for line in result.outlines if line[:2] == "E "]
    assert lines[0].startswith("AssertionError: ")
    lines[0] = lines[0].removeprefix("AssertionError: ")
    assert len(lines) <= 18
    assert max(map(len, lines)) <= 72
    # The line shown is the user's.
    result.stdout.no_re_match_line(OWN_FRAME)
    # smtplib writes "mail from:" since Python 3.13.
    text = "\n".join(lines).replace("mail from:", "mail FROM:")
    text = re.sub(r"localhost:\d+ \(STARTTLS\)", "localhost:P (STARTTLS)", text)
    return re.sub(r"localhost:\d+ \(implicit", "localhost:T (implicit", text)


def passes(pytester, code):
    pytester.makepyfile(PREAMBLE + code)
    pytester.runpytest().assert_outcomes(passed=1)
