"""
The memory of a run of pytest after many tests with mail, compared with that after a few.

pytest keeps something of each test until the end of the run: that is measured with tests that do nothing, and subtracted.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

FEW, MANY = 50, 2000
CONFTEST = f"""
import pathlib

def resident():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1])

def pytest_runtest_teardown(item):
    number = item.callspec.params["number"]
    if number in ({FEW}, {MANY}):
        with open("pages.txt", "a") as file:
            print(resident(), file=file)
"""
TESTS = f"""
import smtplib
import pytest

MAIL = b"Subject: Hi\\r\\n\\r\\n" + (b"x" * 70 + b"\\r\\n") * SIZE

@pytest.mark.parametrize("number", range(1, {MANY} + 1))
def test_mail(mailtrap, number):
    with smtplib.SMTP("127.0.0.1", mailtrap.port, local_hostname="localhost") as client:
        client.starttls(context=mailtrap.ssl_context)
        client.sendmail("a@example.org", ["b@example.org"], MAIL)
    mailtrap.assert_sent_over_tls()
"""


IDLE = f"""
import pytest

@pytest.mark.parametrize("number", range(1, {MANY} + 1))
def test_nothing(number):
    pass
"""


def pages(tests: str) -> tuple[int, int]:
    """The size of the process after a few of the *tests*, and after many."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "conftest.py").write_text(CONFTEST)
        Path(directory, "test_run.py").write_text(tests)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:xdist"]
        subprocess.run(command, cwd=directory, check=True, stdout=subprocess.DEVNULL)
        few, many = map(int, Path(directory, "pages.txt").read_text().split())
    return few, many


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    few, many = pages(IDLE)
    of_pytest = many - few
    print(f"{MANY} tests that do nothing: {many / few:.2f} × the memory of {FEW}")
    for size in (1000, 1_000_000):
        few, many = pages(f"SIZE = {size // 72}\n{TESTS}")
        print(
            f"{MANY} tests with a message of {size} bytes: {many / few:.2f} × the memory of {FEW}, "
            f"{(many - of_pytest) / few:.2f} × without what pytest keeps"
        )


if __name__ == "__main__":
    main()
