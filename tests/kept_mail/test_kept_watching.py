"""
Watching for mail that stays in the process begins and ends, and leaves nothing behind.

Each test is a separate program, because the pytest run itself may be watching as well.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from importlib.util import find_spec

import pytest

BEGINNING = """
import sys
from pytest_mailtrap._kept_mail.watch import renew, watching

seen = []

def note(keeper, count):
    seen.append(keeper.place)

def mocked():
    import smtplib
    from unittest import mock
    with mock.patch("smtplib.SMTP"):
        smtplib.SMTP("localhost").send_message("mail")

def replaced():
    import smtplib
    from unittest import mock
    return mock.CallableMixin.__call__, mock._patch.__enter__, smtplib.SMTP.data
"""


@pytest.fixture
def alone(tmp_path):
    """Run a program, with the functions above, in which nothing else is watching."""

    def run(program):
        program = f"{BEGINNING}\n{textwrap.dedent(program)}"
        subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)

    return run


def test_nothing_is_told_when_nobody_watches(alone) -> None:
    """The control for all tests that see something: nothing is reported, and what was replaced is restored."""
    alone(
        """
        before = replaced()
        with watching(note):
            assert not {*before} & {*replaced()}
            mocked()
            assert seen == ["a mock of smtplib.SMTP"]
        mocked()
        assert len(seen) == 1
        assert replaced() == before
        """
    )


@pytest.mark.skipif(find_spec("django") is None, reason="Django is not installed")
def test_a_library_is_put_back(alone) -> None:
    """What was replaced in a library is restored, even if it was imported while being watched."""
    alone(
        """
        with watching(note):
            from django.core.mail.backends.locmem import EmailBackend
            during = EmailBackend.send_messages
        assert EmailBackend.send_messages is during.__wrapped__
        """
    )


def test_several_watch_and_leave_in_any_order(alone) -> None:
    """Each watcher is notified for as long as it watches."""
    alone(
        """
        before = replaced()
        first, second = [], []
        one = watching(lambda *_: first.append(1))
        two = watching(lambda *_: second.append(1))
        one.__enter__()
        two.__enter__()
        mocked()
        one.__exit__(None, None, None)
        mocked()
        assert replaced() != before
        two.__exit__(None, None, None)
        mocked()
        assert (first, second) == ([1], [1, 1])
        assert replaced() == before
        """
    )


def test_a_mock_over_what_is_watched(alone) -> None:
    """A patch that ends after the watching restores our wrapper: it reports nothing, and is removed when watching next ends."""
    alone(
        """
        import smtplib
        from unittest import mock

        before = replaced()
        patch = mock.patch.object(smtplib.SMTP, "data")
        with watching(note):
            patch.start()
        patch.stop()
        assert smtplib.SMTP.data.__wrapped__ is before[2]
        with watching(note):
            assert smtplib.SMTP.data.__wrapped__ is before[2]
        assert replaced() == before
        """
    )


def test_what_is_put_back_is_watched_again(alone) -> None:
    """A plugin that restores what it found before us does not end the watching."""
    alone(
        """
        from unittest import mock

        original = mock.CallableMixin.__call__
        with watching(note):
            mock.CallableMixin.__call__ = original
            mocked()
            assert seen == []
            renew()
            mocked()
            assert len(seen) == 1
        assert mock.CallableMixin.__call__ is original
        """
    )


def test_nothing_is_imported(alone) -> None:
    """Modules that the application has not imported stay unimported."""
    alone(
        """
        with watching(note):
            renew()
            known = {"django", "flask", "flask_mail", "flask_mailman", "fastapi_mail"}
            known |= {"smtplib", "mock", "unittest.mock"}
            assert not known & {*sys.modules}, known & {*sys.modules}
        """
    )


def test_what_is_imported_in_the_test_is_watched(alone) -> None:
    """The module need not be imported beforehand, and it looks as if it had never been watched."""
    alone(
        """
        with watching(note):
            assert "smtplib" not in sys.modules
            mocked()
        assert seen == ["a mock of smtplib.SMTP"]
        for name in ("smtplib", "unittest.mock"):
            module = sys.modules[name]
            assert module.__loader__ is module.__spec__.loader
            assert type(module.__loader__).__module__.startswith("_frozen_importlib")
        finders = {type(finder).__module__ for finder in sys.meta_path}
        assert not any(name.startswith("pytest_mailtrap") for name in finders)
        """
    )
