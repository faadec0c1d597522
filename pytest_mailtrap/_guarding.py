"""
The guard's side of pytest: it stands for the whole run or around one test, and what it refuses is reported.

What it refused in a test fails that test, in its call phase where it can; what it refused in collection fails the collection;
the rest is told at the end and makes the run fail.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mailtrap import _reporting
from pytest_mailtrap._fixtures import marked_options
from pytest_mailtrap._settings import (
    INTERCEPT,
    given,
    guard_for_the_run,
    intercept_for_the_run,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from pytest_mailtrap._guard import Attempt, Guard

# On the config for the run, on the item for its test.
_GUARD: pytest.StashKey[Guard] = pytest.StashKey()
# What belongs to no test, in words.
_STRAY: pytest.StashKey[list[str]] = pytest.StashKey()
# Under which a worker of xdist hands it over.
_OUTPUT = "mailtrap_guard"


def pytest_configure(config: pytest.Config) -> None:
    try:
        intercept_for_the_run(config)
        wanted = guard_for_the_run(config)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    if wanted:
        _stand_for_the_run(config)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Which hosts the run intercepts: a name that was meant for something else shows up here."""
    hosts, setting = intercept_for_the_run(config), given(config, INTERCEPT)
    if hosts is False or setting is None:
        return None
    from pytest_mailtrap._hosts import checked

    whom = "any host" if hosts is True else ", ".join(map(checked, hosts))
    return f"mailtrap: intercepts mail to {whom}, set by {setting.origin}"


def _stand_for_the_run(config: pytest.Config) -> None:
    import atexit
    import threading

    from pytest_mailtrap._guard import Guard
    from pytest_mailtrap._intercept import guarding

    guard = config.stash[_GUARD] = Guard()
    before = frozenset(threading.enumerate())
    stack = ExitStack()
    stack.enter_context(guarding(guard))

    def fall() -> None:
        # What the run has left behind, such as a queue of mail, would now send it.
        left = frozenset(threading.enumerate()) - before
        if left:
            guard.threads = left
            atexit.register(stack.close)
        else:
            stack.close()

    config.add_cleanup(fall)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    with _watched(item):
        return (yield)


@contextmanager
def _watched(item: pytest.Item) -> Iterator[None]:
    """Put the guard where the test and the run want it."""
    of_the_run = item.config.stash.get(_GUARD, None)
    marked = _marked(item)
    with ExitStack() as stack:
        if marked is False and of_the_run is not None:
            from pytest_mailtrap._intercept import guarding

            stack.enter_context(guarding(None))
        elif marked or of_the_run is not None:
            _watch(item, of_the_run, stack)
        yield


def _watch(item: pytest.Item, guard: Guard | None, stack: ExitStack) -> None:
    from pytest_mailtrap._intercept import guarding, renew

    if guard is None:
        from pytest_mailtrap._guard import Guard

        guard = Guard()
        stack.enter_context(guarding(guard))
    renew()
    guard.test = item.nodeid
    stack.callback(setattr, guard, "test", None)
    item.stash[_GUARD] = guard


def _marked(item: pytest.Item) -> bool | None:
    if item.get_closest_marker("mailtrap") is None:
        return None
    try:
        return marked_options(item).guard
    except (TypeError, ValueError):
        return None  # said at the test's setup


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if _GUARD in item.stash:
        _reporting.add_check(item, lambda: _told(_taken(item)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    if _GUARD in item.stash:
        from pytest_mailtrap._intercept import renew

        renew()  # what the test's setup has put over it


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
    """Show it next to another failure, which may well come from it."""
    if call.excinfo is None or call.excinfo.errisinstance(pytest.skip.Exception):
        return (yield)
    if (text := _told(_taken(item))) is not None:
        from pytest_mailtrap._guard import MailGuardError

        if not call.excinfo.errisinstance(MailGuardError):
            item.add_report_section(call.when, "mail guard", text)
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


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    guard = config.stash.get(_GUARD, None)
    stray = config.stash.setdefault(_STRAY, [])
    if guard is not None and (text := _told(guard.take_all())) is not None:
        stray.append(text)
    if stray and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if hasattr(config, "workeroutput"):  # a worker of xdist: its controller tells
        config.workeroutput[_OUTPUT] = stray


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # xdist's WorkerController
    stray = getattr(node, "workeroutput", {}).get(_OUTPUT, [])
    node.config.stash.setdefault(_STRAY, []).extend(stray)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:  # no public type
    for text in config.stash.get(_STRAY, []):
        terminalreporter.section("mail guard", red=True)
        terminalreporter.line(text)


def _taken(item: pytest.Item) -> list[Attempt]:
    guard = item.stash.get(_GUARD, None)
    return guard.take(item.nodeid) if guard is not None else []


def _told(attempts: list[Attempt]) -> str | None:
    if not attempts:
        return None
    from pytest_mailtrap._guard import explain_attempts

    return explain_attempts(attempts)
