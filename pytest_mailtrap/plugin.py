"""The entry point: registers the marker, and hands each hook on to something that can be tested."""

from __future__ import annotations

import pytest

from pytest_mailtrap._fixtures import (
    check_marker,
    mailtrap,
    mailtrap_ca,
    mailtrap_factory,
    smime_identity,
)

__all__ = ["mailtrap", "mailtrap_ca", "mailtrap_factory", "smime_identity"]

_MARKER = (
    "mailtrap(*, starttls='offer', require_auth=False, credentials=None, auth_without_tls=False, "
    "client_certificates='ignore', minimum_tls='TLSv1.2', maximum_tls='TLSv1.3', max_message_size=None, trust=False): "
    "how the mail trap of this test behaves"
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    check_marker(item)
