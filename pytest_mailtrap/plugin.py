"""The entry point: registers options and marker, and passes each hook on to code that can be tested by itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mailtrap._hooks import per_test
from pytest_mailtrap._hooks.checks import forget
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

# Before a conftest freezes the time or replaces the file system.
from pytest_mailtrap._system import clock, files  # noqa: F401

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["hostile_mailtrap", "mailtrap", "mailtrap_ca", "mailtrap_factory", "smime_identity"]

# pytest takes the text before the first parenthesis for the marker's name, and prints the rest as it is.
_MARKER = """\
mailtrap(*, keyword=value, ...): how the mail trap of this test behaves
  starttls='offer': 'offer' (clients may use STARTTLS), 'require' (no command before TLS) or 'off'
  require_auth=False: refuse mail from clients that have not authenticated
  credentials=None: the accepted (username, password), a dict, or 'any'; None: the run's, or made up by the trap
  auth_without_tls=False: offer AUTH even before TLS
  client_certificates='ignore': 'ignore', 'request' or 'require' a certificate from clients
  minimum_tls='TLSv1.2': the oldest TLS version that is accepted: 'TLSv1', 'TLSv1.1', 'TLSv1.2' or 'TLSv1.3'
  maximum_tls='TLSv1.3': the newest TLS version that is accepted, from the same list
  max_message_size=None: the largest message that is accepted, in bytes; None: no limit
  trust=False: have clients with default settings trust the trap's CA
  intercept=None: True (mail to any host arrives in this trap), False, or a list of hosts; None: the run's setting
  policy=None: 'none', 'testing' or 'enforce'; None: the run's setting
  require=None: a list of requirements for mail, in addition to those of the run
  require_only=None: a list of requirements for mail, in place of those of the run
  reason=None: why less is required than in the run
  guard=None: whether connections to real mail servers fail; None: the run's setting
  mode='starttls': the port that hostile servers use, 'starttls' or 'implicit'
  scenarios=None: a list of the hostile scenarios to run; None: the mode's default scenarios
  skip_scenarios=None: a dict of hostile scenarios to skip, each with its reason
  strict=False: turn the remarks of the default set of hostile scenarios into failures"""
_TRAPS = frozenset({"mailtrap", "hostile_mailtrap", "mailtrap_factory"})


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mailtrap", "mail trap")
    for setting in settings.SETTINGS:
        parser.addini(setting.ini, setting.help, type=setting.ini_type, default=None)
        form = {"nargs": "?", "const": setting.bare} if setting.bare is not None else {}
        action = "append" if setting.adds_up else "store"
        # Without an explicit dest, pytest searches all existing options for one.
        group.addoption(
            setting.flag,
            dest=setting.ini,
            metavar=setting.metavar,
            help=setting.help,
            default=None,
            action=action,
            **form,
        )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)
    per_test.configure(config)
    if per_test.is_any_given(config, *settings.OF_THE_GUARD):
        _call_the_guard(config)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A marker may ask for the guard even if the run does not, and a test with a trap may intercept."""
    if any(item.get_closest_marker("mailtrap") or _has_a_trap(item) for item in items):
        _call_the_guard(config)
    if "pyfakefs" in sys.modules and any(map(_has_a_trap, items)):
        from pytest_mailtrap._hooks.fake_files import import_all

        import_all()


def _has_a_trap(item: pytest.Item) -> bool:
    return not _TRAPS.isdisjoint(getattr(item, "fixturenames", ()))


def _call_the_guard(config: pytest.Config) -> None:
    from pytest_mailtrap._hooks import guard_hooks

    if not config.pluginmanager.is_registered(guard_hooks):
        config.pluginmanager.register(guard_hooks, "mailtrap-guard")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # pytest-xdist's, on the controller
    per_test.send_to_worker(node.config, node.workerinput)
    _call_the_guard(node.config)  # at the end, it reports what the workers have seen


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
        forget(item)
        _settle_trust()
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> None:
    """Add advice if a fixture cannot have a trap because its scope is too wide."""
    error = call.excinfo.value if call.excinfo is not None else None
    if isinstance(error, pytest.fail.Exception) and "ScopeMismatch" in str(error.msg):
        from pytest_mailtrap._hooks.scope_hints import hint

        if (text := hint(str(error.msg))) is not None:
            error.msg = f"{error.msg}\n\n{text}"


def pytest_unconfigure() -> None:
    _settle_trust()


def _settle_trust() -> None:
    """If a trap was ever trusted, something undone since then may have restored its environment variables."""
    if (trust := sys.modules.get("pytest_mailtrap._intercept.trust")) is not None:
        trust.settle()
