"""Tests that do not use S/MIME do not pay for importing it."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import smtplib, sys

# A trap remembers the S/MIME certificates that it issues, and may look for traces of S/MIME: these import nothing.
STORE = {f"pytest_mailtrap._smime{name}" for name in ("", ".availability", ".issue", ".issue.certificate_store", ".traces")}

def loaded():
    names = {name for name in sys.modules if name.startswith("pytest_mailtrap.") and "smime" in name}
    return sorted(names - STORE)

import pytest_mailtrap, pytest_mailtrap.plugin
assert not loaded(), loaded()
assert "cryptography" not in sys.modules

from pytest_mailtrap import MailTrapFactory
from pytest_mailtrap._server.certificate_authority import new_ca

factory = MailTrapFactory(new_ca())
with factory() as trap:
    with smtplib.SMTP(trap.host, trap.port) as client:
        client.starttls(context=trap.ssl_context)
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: Hello\\r\\n\\r\\nHello\\r\\n")
    [message] = trap
    assert (message.subject, message.text) == ("Hello", "Hello\\n")
    trap.assert_sent_over_tls()
    assert not loaded(), loaded()
    assert not message.smime.signed
factory.close()
print("\\n".join(loaded()))
"""


def test_nothing_of_smime_is_imported_before_its_first_use() -> None:
    """Neither the plugin nor a running trap imports it; the control is that `message.smime` does."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "pytest_mailtrap._smime.inspection" in done.stdout.split()


def test_no_oracle_is_imported_by_the_product() -> None:
    """asn1crypto and the openssl program are used only by the tests."""
    script = "import sys; from pytest_mailtrap import smime; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "pytest_mailtrap._smime.inspection" in loaded
    assert not loaded & {"asn1crypto", "subprocess", "pytest", "aiosmtpd", "trustme", "asyncio"}
