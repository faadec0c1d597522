"""The entry point: registers the marker, and hands each hook on to something that can be tested."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mailtrap._hooks import per_test
from pytest_mailtrap._hooks.fixtures import (
    check_marker,
    generate_scenarios,
    hostile_mailtrap,
    mailtrap,
    mailtrap_ca,
    mailtrap_factory,
    smime_identity,
)
from pytest_mailtrap._run import settings

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["hostile_mailtrap", "mailtrap", "mailtrap_ca", "mailtrap_factory", "smime_identity"]

_MARKER = (
    "mailtrap(*, starttls='offer', require_auth=False, credentials=None, auth_without_tls=False, "
    "client_certificates='ignore', minimum_tls='TLSv1.2', maximum_tls='TLSv1.3', max_message_size=None, trust=False, "
    "intercept=None, policy=None, require=None, require_only=None, reason=None, guard=None, mode='starttls', scenarios=None, "
    "skip_scenarios=None, strict=False): "
    "how the mail trap of this test behaves"
)
_TRAPS = frozenset({"mailtrap", "hostile_mailtrap", "mailtrap_factory"})


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mailtrap", "mail trap")
    for setting in settings.SETTINGS:
        parser.addini(setting.ini, setting.help, type=setting.ini_type, default=None)
        form = {"nargs": "?", "const": setting.bare} if setting.bare is not None else {}
        action = "append" if setting.adds_up else "store"
        metavar = "PATH" if setting.kind == "path" else "VALUE"
        # Without a name to keep it under, pytest looks for one among all options there are.
        group.addoption(
            setting.flag,
            dest=setting.ini,
            metavar=metavar,
            help=setting.help,
            default=None,
            action=action,
            **form,
        )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)
    per_test.configure(config)
    if per_test.is_any_given(config, settings.GUARD, settings.GUARD_APIS, settings.INTERCEPT):
        _call_the_guard(config)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A marker may ask for the guard where the run does not, and a test with a trap may intercept."""
    if any(item.get_closest_marker("mailtrap") or _has_a_trap(item) for item in items):
        _call_the_guard(config)


def _has_a_trap(item: pytest.Item) -> bool:
    return not _TRAPS.isdisjoint(getattr(item, "fixturenames", ()))


def _call_the_guard(config: pytest.Config) -> None:
    from pytest_mailtrap._hooks import guard_hooks

    if not config.pluginmanager.is_registered(guard_hooks):
        config.pluginmanager.register(guard_hooks, "mailtrap-guard")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # pytest-xdist's, on the controller
    per_test.send_to_worker(node.config, node.workerinput)
    _call_the_guard(node.config)  # it tells at the end what the workers have seen


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    generate_scenarios(metafunc)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    _settle_trust()
    per_test.begin(item, check_marker(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    with per_test.calling(item):
        result = yield
    per_test.judge(item)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    try:
        result = yield
        per_test.check_teardown_mail(item)
    finally:
        _settle_trust()
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> None:
    """Say what helps, where a fixture cannot have a trap because it lasts for longer."""
    error = call.excinfo.value if call.excinfo is not None else None
    if isinstance(error, pytest.fail.Exception) and "ScopeMismatch" in str(error.msg):
        from pytest_mailtrap._hooks.scope_hints import hint

        if (text := hint(str(error.msg))) is not None:
            error.msg = f"{error.msg}\n\n{text}"


def pytest_unconfigure() -> None:
    _settle_trust()


def _settle_trust() -> None:
    """Where a trap was ever trusted, what has been undone since may have brought its variables back."""
    if (trust := sys.modules.get("pytest_mailtrap._intercept.trust")) is not None:
        trust.settle()
