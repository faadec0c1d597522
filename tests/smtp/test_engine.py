"""aiosmtpd is imported in silence."""

from __future__ import annotations

import subprocess
import sys

import pytest


def imports(module: str) -> subprocess.CompletedProcess[str]:
    """Import it in a new Python to which every warning is an error."""
    return subprocess.run(
        [sys.executable, "-bb", "-X", "dev", "-W", "error", "-c", f"import {module}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_engine_warns_of_nothing() -> None:
    """A user who turns warnings into errors can use the trap."""
    done = imports("pytest_mailtrap._smtp.session")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(sys.version_info < (3, 15), reason="the warning came with Python 3.15")
def test_control_aiosmtpd_by_itself_does() -> None:
    """The control: without the suppression, the import fails for the reason that is suppressed."""
    done = imports("aiosmtpd.smtp")
    assert done.returncode == 1
    assert "ByteString" in done.stderr
    assert "DeprecationWarning" in done.stderr
