"""
When mail is judged in a test, and who looks after it in the run.

Rules of this file: a run without mail, settings and markers has no `Run`, and pays for none of it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mailtrap._run import settings as _settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_mailtrap._hooks.marker_options import MarkerOptions
    from pytest_mailtrap._run.run import Run

    # Each gives the text of a failure, or None; asked in their order when the test itself has passed.
    Check = Callable[[], str | None]
    # The same for what is shown with the test's mail, given whether it has failed.
    Note = Callable[..., str | None]

_CHECKS: pytest.StashKey[list[Check]] = pytest.StashKey()
_NOTES: pytest.StashKey[list[Note]] = pytest.StashKey()
_IN_CALL: pytest.StashKey[bool] = pytest.StashKey()
_SUITE: pytest.StashKey[Run] = pytest.StashKey()
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
)


def configure(config: pytest.Config) -> None:
    """Look after the mail of the run from its beginning, where a setting asks for it; UsageError where one is wrong."""
    if is_any_given(config, *_ASKING):
        suite_of(config)


def is_any_given(config: pytest.Config, *settings: _settings.Setting) -> bool:
    """Whether anything is set for one of *settings*; UsageError where a path was taken for it."""
    try:
        return any(_settings.given(config, setting) is not None for setting in settings)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


def suite_of(config: pytest.Config) -> Run:
    """What looks after the mail of the run; it begins with the test that runs, where nobody has asked before."""
    if _SUITE not in config.stash:
        from pytest_mailtrap._run.run import Run

        config.stash[_SUITE] = Run(config, is_in_call=is_in_call)
        _look_after_mail(config)
        if (item := config.stash.get(_RUNNING, None)) is not None:
            _open(item, None)
    return config.stash[_SUITE]


def known_suite(config: pytest.Config) -> Run | None:
    """The same where somebody has asked before, else None."""
    return config.stash.get(_SUITE, None)


def send_to_worker(config: pytest.Config, workerinput: dict[str, Any]) -> None:
    """Tell a worker of pytest-xdist what it needs to know, and be ready for what it says."""
    _look_after_mail(config)
    if (run := known_suite(config)) is not None:
        run.send_to_worker(workerinput)


def _look_after_mail(config: pytest.Config) -> None:
    """Have what is done about mail done, from the first moment at which there can be any."""
    from pytest_mailtrap._hooks.run_hooks import FixtureHooks, MailHooks

    if not config.pluginmanager.hasplugin(_HOOKS):
        hooks = MailHooks(config, known_suite=known_suite, suite_of=suite_of, is_in_call=is_in_call)
        config.pluginmanager.register(hooks, _HOOKS)
        if (run := known_suite(config)) is not None and run.naming is not None:
            config.pluginmanager.register(FixtureHooks(run.naming))


def add_check(item: pytest.Item, check: Check) -> None:
    """Let *check* have a say at the end of the test's call phase."""
    item.stash.setdefault(_CHECKS, []).append(check)


def add_note(item: pytest.Item, note: Note) -> None:
    """Let *note* say what is shown with the test's mail at the end of its call phase."""
    item.stash.setdefault(_NOTES, []).append(note)


def notes(item: pytest.Item, *, failed: bool) -> list[str]:
    """What the notes of a test say."""
    return [
        text for note in item.stash.get(_NOTES, []) if (text := note(failed=failed)) is not None
    ]


def begin(item: pytest.Item, marked: MarkerOptions | None) -> None:
    """Open the test's account; fail it where its marker weakens the policy and does not say why."""
    if marked is None and known_suite(item.config) is None:
        item.config.stash[_RUNNING] = item
    elif (weakening_error := _open(item, marked)) is not None:
        pytest.fail(f"@pytest.mark.mailtrap: {weakening_error}", pytrace=False)


def _open(item: pytest.Item, marked: MarkerOptions | None) -> str | None:
    run = suite_of(item.config)
    add_check(item, lambda: run.enforcement.at_the_end_of_the_call(item))
    return run.begin(item, marked)


@contextmanager
def calling(item: pytest.Item) -> Iterator[None]:
    """Around the test itself: what it sends gets no verdict where it fails by itself; where it skips, its report has it."""
    item.stash[_IN_CALL] = True
    if (run := known_suite(item.config)) is not None:
        run.recorder.watch()
    try:
        yield
    except BaseException as error:
        _excuse(item, error)
        raise
    finally:
        del item.stash[_IN_CALL]


def is_in_call(item: pytest.Item) -> bool:
    """Whether the test is still running, where a report is made of a part of it."""
    return item.stash.get(_IN_CALL, False)


def _excuse(item: pytest.Item, error: BaseException) -> None:
    if (run := known_suite(item.config)) is None:
        return
    from pytest_mailtrap._hooks.report_sections import is_skip

    if not is_skip(error):
        run.enforcement.skip_verdict()


def judge(item: pytest.Item) -> None:
    """Fail the test with what its first unhappy check says."""
    for check in item.stash.get(_CHECKS, []):
        if (text := check()) is not None:
            pytest.fail(text, pytrace=False)


def check_teardown_mail(item: pytest.Item) -> None:
    """Fail the teardown where what was sent since the end of the call is against the policy."""
    run = known_suite(item.config)
    if run is not None and (text := run.enforcement.verdict()) is not None:
        pytest.fail(text, pytrace=False)
