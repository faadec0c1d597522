"""
The guard's hooks: it is on for the whole run or around one test, and what it refuses is reported.

What it refused in a test fails that test, if possible in its call phase.
What it refused during collection fails the collection; the rest is reported at the end and fails the run.

Connections to e-mail APIs that were not refused are listed under a test that fails, and at the end.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mailtrap._hooks.checks import add_check
from pytest_mailtrap._hooks.fixtures import marked_options
from pytest_mailtrap._hooks.terminal_encoding import encodable, escape_reports
from pytest_mailtrap._intercept import mail_apis
from pytest_mailtrap._run.settings import (
    GUARD_ALLOW,
    INTERCEPT,
    given,
    guard_apis_for_the_run,
    guard_for_the_run,
    hosts_allowed_by,
    intercept_for_the_run,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from pytest_mailtrap._intercept.allow_list import AllowedHost
    from pytest_mailtrap._intercept.guard import Guard, RefusedConnection

# On the config for the run, on the item for its test.
_GUARD: pytest.StashKey[Guard] = pytest.StashKey()
# What does not belong to any test, in words.
_STRAY: pytest.StashKey[list[str]] = pytest.StashKey()
# The key under which a worker of xdist hands it over.
_OUTPUT = "mailtrap_guard"
# By host: on the item those not yet shown under it, on the config all of them.
_APIS: pytest.StashKey[Counter[str]] = pytest.StashKey()
_APIS_OUTPUT = "mailtrap_apis"


def pytest_configure(config: pytest.Config) -> None:
    try:
        intercept_for_the_run(config)
        mail, apis = guard_for_the_run(config), guard_apis_for_the_run(config)
        allowed = hosts_allowed_by(config)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    if allowed:
        _allow_for_the_run(config, allowed)
    if mail or apis:
        _stand_for_the_run(config, mail=mail, apis=apis)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Which hosts the run intercepts and allows: a value that was meant for something else shows up here."""
    return [line for line in (_intercepted(config), _allowed(config)) if line is not None]


def _intercepted(config: pytest.Config) -> str | None:
    hosts, setting = intercept_for_the_run(config), given(config, INTERCEPT)
    if hosts is False or setting is None:
        return None
    from pytest_mailtrap._intercept.hosts import checked

    whom = "any host" if hosts is True else ", ".join(map(checked, hosts))
    return f"mailtrap: intercepts mail to {whom}, set by {setting.origin}"


def _allowed(config: pytest.Config) -> str | None:
    hosts, setting = hosts_allowed_by(config), given(config, GUARD_ALLOW)
    if setting is None:
        return None
    return f"mailtrap: allows connections to {', '.join(map(str, hosts))}, set by {setting.origin}"


def _allow_for_the_run(config: pytest.Config, allowed: tuple[AllowedHost, ...]) -> None:
    from pytest_mailtrap._intercept.allow_list import allow_list

    stack = ExitStack()
    stack.enter_context(allow_list.using(allowed))
    config.add_cleanup(stack.close)


def _stand_for_the_run(config: pytest.Config, *, mail: bool, apis: bool) -> None:
    import atexit
    import threading

    from pytest_mailtrap._intercept.guard import Guard
    from pytest_mailtrap._intercept.socket_functions import guarding

    guard = config.stash[_GUARD] = Guard(mail=mail, apis=apis)
    before = frozenset(threading.enumerate())
    stack = ExitStack()
    stack.enter_context(guarding(guard))

    def fall() -> None:
        guard.close()
        # Threads left behind by the run, such as a mail queue, could now send mail.
        left = frozenset(threading.enumerate()) - before
        if left:
            guard.threads = left
            atexit.register(stack.close)
        else:
            stack.close()

    config.add_cleanup(fall)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    _count_apis(item.config)
    mail_apis.visits.forget()
    with _watched(item):
        result = yield
    _count_apis(item.config)
    _forget(item)
    return result


def _forget(item: pytest.Item) -> None:
    """pytest keeps the item until the end of the run."""
    if _GUARD in item.stash:
        del item.stash[_GUARD]
    if _APIS in item.stash:
        del item.stash[_APIS]


@contextmanager
def _watched(item: pytest.Item) -> Iterator[None]:
    """Turn the guard on or off, as the test and the run require."""
    of_the_run = item.config.stash.get(_GUARD, None)
    marked = _marked(item)
    with ExitStack() as stack:
        if marked is False and of_the_run is not None:
            from pytest_mailtrap._intercept.socket_functions import guarding

            stack.enter_context(guarding(None))
        elif marked and (of_the_run is None or not of_the_run.mail):
            _watch(item, _guard_of_its_own(of_the_run, stack), stack)
        elif of_the_run is not None:
            _watch(item, of_the_run, stack)
        yield


def _guard_of_its_own(of_the_run: Guard | None, stack: ExitStack) -> Guard:
    """For a test that asks for a guard when the run has none, or only one for e-mail APIs."""
    from pytest_mailtrap._intercept.guard import Guard
    from pytest_mailtrap._intercept.socket_functions import guarding

    guard = Guard(apis=of_the_run is not None and of_the_run.apis)
    stack.callback(guard.close)
    stack.enter_context(guarding(guard))
    return guard


def _watch(item: pytest.Item, guard: Guard, stack: ExitStack) -> None:
    from pytest_mailtrap._intercept.socket_functions import renew

    renew()
    guard.gather()  # what children have tried between the tests is not this one's
    guard.test = item.nodeid
    stack.callback(setattr, guard, "test", None)
    item.stash[_GUARD] = guard


def _marked(item: pytest.Item) -> bool | None:
    if item.get_closest_marker("mailtrap") is None:
        return None
    try:
        return marked_options(item).guard
    except (TypeError, ValueError):
        return None  # reported at the test's setup


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if _GUARD in item.stash:
        add_check(item, lambda: _told(_taken(item)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    if _GUARD in item.stash:
        from pytest_mailtrap._intercept.socket_functions import renew

        renew()  # the test's setup may have patched over it


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    result = yield
    if (text := _told(_taken(item))) is not None:
        pytest.fail(text, pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the guard refused next to another failure, which may well be caused by that."""
    apis = item.stash.setdefault(_APIS, Counter[str]())
    apis.update(_count_apis(item.config))
    if call.excinfo is None or call.excinfo.errisinstance(pytest.skip.Exception):
        return (yield)
    if (text := _told(_taken(item))) is not None:
        from pytest_mailtrap._intercept.guard import MailGuardError

        if not call.excinfo.errisinstance(MailGuardError):
            item.add_report_section(call.when, "mail guard", text)
    if apis:
        item.add_report_section(call.when, "mail APIs", mail_apis.in_words(apis))
        apis.clear()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    guard = collector.config.stash.get(_GUARD, None)
    text = _told(guard.take(None)) if guard is not None else None
    if text is not None and report.passed:
        report.outcome = "failed"
        report.longrepr = text
    return report


# The innermost wrapper: it counts what other hooks do at the end, before a worker of xdist sends its output.
@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    config = session.config
    guard = config.stash.get(_GUARD, None)
    stray = config.stash.setdefault(_STRAY, [])
    if guard is not None and (text := _told(guard.take_all())) is not None:
        stray.append(text)
    if stray and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    result = yield
    _count_apis(config)
    apis = config.stash[_APIS]
    if hasattr(config, "workeroutput"):  # a worker of xdist: its controller reports
        config.workeroutput[_OUTPUT] = stray
        config.workeroutput[_APIS_OUTPUT] = dict(apis)
    else:
        escape_reports(config)
    return result


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # xdist's WorkerController
    output = getattr(node, "workeroutput", {})
    node.config.stash.setdefault(_STRAY, []).extend(output.get(_OUTPUT, []))
    node.config.stash.setdefault(_APIS, Counter[str]()).update(output.get(_APIS_OUTPUT, {}))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:  # no public type
    for text in config.stash.get(_STRAY, []):
        terminalreporter.section("mail guard", red=True)
        terminalreporter.line(encodable(text))
    if apis := config.stash.get(_APIS, None):
        terminalreporter.section("mail APIs")
        terminalreporter.line(mail_apis.in_words(apis))


def _count_apis(config: pytest.Config) -> Counter[str]:
    """Add up the connections to e-mail APIs since the last call, and return them."""
    latest = mail_apis.visits.take()
    config.stash.setdefault(_APIS, Counter[str]()).update(latest)
    return latest


def _taken(item: pytest.Item) -> list[RefusedConnection]:
    guard = item.stash.get(_GUARD, None)
    return guard.take(item.nodeid) if guard is not None else []


def _told(attempts: list[RefusedConnection]) -> str | None:
    if not attempts:
        return None
    from pytest_mailtrap._intercept.guard import explain_attempts

    return explain_attempts(attempts)
