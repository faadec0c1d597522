"""The entry point: registers the marker, and hands each hook on to something that can be tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_mailtrap import _reporting, _settings
from pytest_mailtrap._fixtures import (
    check_marker,
    generate_scenarios,
    hostile_mailtrap,
    mailtrap,
    mailtrap_ca,
    mailtrap_factory,
    smime_identity,
)

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["hostile_mailtrap", "mailtrap", "mailtrap_ca", "mailtrap_factory", "smime_identity"]

_MARKER = (
    "mailtrap(*, starttls='offer', require_auth=False, credentials=None, auth_without_tls=False, "
    "client_certificates='ignore', minimum_tls='TLSv1.2', maximum_tls='TLSv1.3', max_message_size=None, trust=False, "
    "mode='starttls', scenarios=None, skip_scenarios=None): "
    "how the mail trap of this test behaves"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mailtrap", "mail trap")
    for setting in _settings.SETTINGS:
        parser.addini(setting.ini, setting.help, type="linelist", default=[])
        nargs = {"nargs": "?", "const": setting.bare} if setting.bare is not None else {}
        group.addoption(setting.flag, metavar="VALUE", help=setting.help, default=None, **nargs)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    generate_scenarios(metafunc)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    check_marker(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    result = yield
    _reporting.judge(item)
    return result
