"""
When mail is judged in a test, and the `Run` that does so.

Rules of this file: a run without mail, settings and markers has no `Run`, and does not pay for one.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mailtrap._hooks.checks import add_check, checks_of
from pytest_mailtrap._run import settings as _settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pytest_mailtrap._hooks.marker_options import MarkerOptions
    from pytest_mailtrap._run.run import Run


_IN_CALL: pytest.StashKey[bool] = pytest.StashKey()
_RUN: pytest.StashKey[Run] = pytest.StashKey()
_RUNNING: pytest.StashKey[pytest.Item] = pytest.StashKey()
_HOOKS = "mailtrap-mail"
_ASKING = (
    _settings.POLICY,
    _settings.REQUIRE,
    _settings.EXPECT_MAIL,
    _settings.KEPT_MAIL,
    _settings.REPORT,
    _settings.SAVE,
    _settings.JUNIT_PROPERTIES,
    _settings.CREDENTIALS,
)


def configure(config: pytest.Config) -> None:
    """Start the `Run` at the beginning if a setting asks for it; UsageError if a setting is wrong."""
    if is_any_given(config, *_ASKING):
        run_of(config)


def is_any_given(config: pytest.Config, *settings: _settings.Setting) -> bool:
    """Whether one of *settings* is set; UsageError if one took a path as its value."""
    try:
        return any(_settings.given(config, setting) is not None for setting in settings)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


def run_of(config: pytest.Config) -> Run:
    """The `Run`, which is created on the first call; then it begins with the running test."""
    if _RUN not in config.stash:
        from pytest_mailtrap._run.run import Run

        try:
            config.stash[_RUN] = Run(config, is_in_call=is_in_call, write_report=_write_report)
        except ValueError as error:
            raise pytest.UsageError(str(error)) from None
        _look_after_mail(config)
        if (item := config.stash.get(_RUNNING, None)) is not None:
            _open(item, None)
    return config.stash[_RUN]


def _write_report(path: Path, tests: Iterable[Any], *, root: Path) -> None:
    from pytest_mailtrap._report.writer import write_report

    write_report(path, tests, root=root)


def known_run(config: pytest.Config) -> Run | None:
    """The `Run` if it has been created, else None."""
    return config.stash.get(_RUN, None)


def send_to_worker(config: pytest.Config, workerinput: dict[str, Any]) -> None:
    """Send a worker of pytest-xdist what it needs to know, and prepare to receive its results."""
    _look_after_mail(config)
    if (run := known_run(config)) is not None:
        run.send_to_worker(workerinput)


def _look_after_mail(config: pytest.Config) -> None:
    """Register the hooks for mail, before there can be any."""
    from pytest_mailtrap._hooks.run_hooks import FixtureHooks, MailHooks

    if not config.pluginmanager.hasplugin(_HOOKS):
        hooks = MailHooks(config, known_run=known_run, run_of=run_of, is_in_call=is_in_call)
        config.pluginmanager.register(hooks, _HOOKS)
        if (run := known_run(config)) is not None and run.naming is not None:
            config.pluginmanager.register(FixtureHooks(run.naming))


def begin(item: pytest.Item, marked: MarkerOptions | None) -> None:
    """Start recording the test's mail; fail the test if its marker weakens the policy without a reason."""
    if marked is None and known_run(item.config) is None:
        item.config.stash[_RUNNING] = item
    elif (weakening_error := _open(item, marked)) is not None:
        pytest.fail(f"@pytest.mark.mailtrap: {weakening_error}", pytrace=False)


def _open(item: pytest.Item, marked: MarkerOptions | None) -> str | None:
    run = run_of(item.config)
    add_check(item, lambda: run.enforcement.at_the_end_of_the_call(item))
    return run.begin(item, marked)


@contextmanager
def calling(item: pytest.Item) -> Iterator[None]:
    """Around the test itself: if it fails on its own, its mail gets no verdict; if it skips, its report has one."""
    item.stash[_IN_CALL] = True
    if (run := known_run(item.config)) is not None:
        run.recorder.watch()
    try:
        yield
    except BaseException as error:
        _skip_verdict(item, error)
        raise
    finally:
        del item.stash[_IN_CALL]


def is_in_call(item: pytest.Item) -> bool:
    """Whether the test is still running: then a report is about a part of it."""
    return item.stash.get(_IN_CALL, False)


def _skip_verdict(item: pytest.Item, error: BaseException) -> None:
    if (run := known_run(item.config)) is None:
        return
    from pytest_mailtrap._hooks.report_sections import is_skip

    if not is_skip(error):
        run.enforcement.skip_verdict()


def judge(item: pytest.Item) -> None:
    """Fail the test with the text of the first check that has one."""
    for check in checks_of(item):
        if (text := check()) is not None:
            pytest.fail(text, pytrace=False)


def check_teardown_mail(item: pytest.Item) -> None:
    """Fail the teardown if mail sent since the end of the call violates the policy."""
    run = known_run(item.config)
    if run is not None and (text := run.enforcement.verdict()) is not None:
        pytest.fail(text, pytrace=False)
