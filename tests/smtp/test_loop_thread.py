"""The traps' thread: if it ends before its time, the tests are told, and the next trap has a new one."""

from __future__ import annotations

import asyncio

import pytest
from _trap_talk import Talk, send, until

from pytest_mailtrap._server.inbox import TrapError
from pytest_mailtrap._smtp.loop_thread import LoopError, LoopThread


class Broken(SystemExit):
    """What asyncio does not catch."""


def fail():
    raise Broken("out of order")


@pytest.fixture
def thread():
    thread = LoopThread()
    yield thread
    thread.stop()


def test_its_end_is_reported(thread):
    """Whatever ends it, even what is no Exception."""
    errors = []
    thread.at_failure.append(errors.append)
    thread.loop.call_soon_threadsafe(fail)
    until(lambda: not thread.is_alive())
    assert [str(error) for error in errors] == ["out of order"]


def test_it_cannot_be_called_any_more(thread):
    """A call says so at once, and does not wait for an answer."""
    assert thread.call(asyncio.sleep(0, "answer")) == "answer"
    thread.loop.call_soon_threadsafe(fail)
    until(lambda: not thread.is_alive())
    with pytest.raises(LoopError, match="the mail trap's thread has ended"):
        thread.call(asyncio.sleep(0))
    with pytest.raises(LoopError, match="the mail trap's thread has ended"):
        thread.call_later(0, fail)


def test_a_timeout_of_the_work_itself(thread):
    """It is passed on, as any error of the work."""

    async def work():
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        thread.call(work())


def test_it_does_not_answer(thread, monkeypatch):
    """The error says what has not answered."""
    monkeypatch.setattr("pytest_mailtrap._smtp.loop_thread._CALL_SECONDS", 0.01)
    with pytest.raises(LoopError, match=r"the mail trap's thread has not answered for 0\.01 s"):
        thread.call(asyncio.sleep(30))
    monkeypatch.undo()
    thread.call(asyncio.sleep(0))  # what was called has been canceled


def test_the_next_trap_has_a_new_one(mailtrap_factory):
    """The trap whose thread it was has a TrapError, and stops; the next one works."""
    with mailtrap_factory() as trap, Talk(trap.port):
        thread = trap._server.thread
        thread.loop.call_soon_threadsafe(fail)
        until(lambda: not thread.is_alive())
        with pytest.raises(TrapError) as caught:
            len(trap)
    assert isinstance(caught.value.__cause__, Broken)
    with mailtrap_factory() as trap:
        send(trap)
        assert len(trap) == 1
