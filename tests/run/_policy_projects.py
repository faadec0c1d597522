"""Tests of a project that must follow a policy, and the policy."""

from __future__ import annotations

CLEARTEXT = "def test_order(mailtrap):\n    send(mailtrap, tls=False)\n"
ENCRYPTED = "def test_order(mailtrap):\n    send(mailtrap)\n"
ENFORCE = 'mailtrap_policy = "enforce"'
SHARED = """
@pytest.fixture(scope="session")
def shared(mailtrap_factory):
    with mailtrap_factory({options}) as trap:
        yield trap
"""
