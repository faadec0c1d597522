"""
What all tests have in common.

The plugin itself is loaded through its entry point, as users load it.
"""

# The inner runs of pytester forget what they were the first to import, and neither of these bears to be imported twice:
# the parts that are not Python keep the classes of the first time.
import asyncio  # noqa: F401  # see above

import cryptography.x509  # noqa: F401  # see above
import pytest

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch):
    """What the runs inside print must not depend on where this one runs: in CI pytest shows more, and GitHub gets a table."""
    for name in ("CI", "BUILD_NUMBER", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
