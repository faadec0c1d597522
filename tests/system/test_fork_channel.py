"""What forked children send to the process that forked them."""

from __future__ import annotations

import os
import select
import threading
from typing import TYPE_CHECKING

import pytest

from pytest_mailtrap._system.fork_channel import ForkChannel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no process can be forked here"),
    # From Python 3.12 on, for a process with threads.
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]


@pytest.fixture
def channel() -> Iterator[ForkChannel]:
    channel = ForkChannel()
    yield channel
    channel.close()


def in_a_child(work: Callable[[], object]) -> None:
    """Run *work* in a forked child, and wait for its end; AssertionError if it has failed."""
    if (child := os.fork()) == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


def test_a_child_tells_its_parent(channel: ForkChannel) -> None:
    """In the order in which it was sent, and only once."""
    in_a_child(lambda: [channel.send(value) for value in (1, ["ä", None], {"a": True})])
    assert channel.received() == [1, ["ä", None], {"a": True}]
    assert channel.received() == []


def test_grandchildren_tell_it_too(channel: ForkChannel) -> None:
    """A child's own children write to the same place."""
    in_a_child(lambda: in_a_child(lambda: channel.send("grandchild")))
    assert channel.received() == ["grandchild"]


def test_the_parent_has_nobody_to_tell(channel: ForkChannel) -> None:
    """It knows that it is the parent, with children or without, and a child knows that it is one."""
    channel.send("before")
    in_a_child(lambda: channel.send(channel.is_in_a_child))
    channel.send("after")
    assert channel.received() == [True]
    assert not channel.is_in_a_child


def test_a_channel_of_a_child(channel: ForkChannel) -> None:
    """A channel that a child has made is for that child's own children."""

    def child() -> None:
        own = ForkChannel()
        assert not own.is_in_a_child
        in_a_child(lambda: own.send("grandchild"))
        assert own.received() == ["grandchild"]
        own.close()

    in_a_child(child)
    assert channel.received() == []


def test_nothing_is_opened_without_a_fork(channel: ForkChannel) -> None:
    """A process that never forks pays nothing; what a fork opens is closed with the channel."""
    assert channel._receiving is channel._sending is None
    in_a_child(lambda: None)
    descriptors = [end.fileno() for end in (channel._receiving, channel._sending)]
    assert not any(map(os.get_inheritable, descriptors))
    channel.close()
    for descriptor in descriptors:
        with pytest.raises(OSError):
            os.fstat(descriptor)


def test_a_forgotten_channel_closes_itself() -> None:
    """Without a ResourceWarning, which is an error here."""
    channel = ForkChannel()
    in_a_child(lambda: None)
    descriptor = channel._sending.fileno()
    del channel
    with pytest.raises(OSError):
        os.fstat(descriptor)


def test_a_closed_channel_is_not_opened_again(channel: ForkChannel) -> None:
    """A later child has nobody to tell, and does not mind."""
    channel.close()
    in_a_child(lambda: channel.send("late"))
    assert channel.received() == []


def test_a_child_outlives_the_channel(channel: ForkChannel) -> None:
    """It cannot tell its parent any more, which is no error in the child."""
    reading, writing = os.pipe()

    def child() -> None:
        os.read(reading, 1)
        channel.send("late")

    def close() -> None:
        # The child reads this only after the parent has closed the channel.
        select.select([forked], [], [], 60)
        channel.close()
        os.write(writing, b"x")

    forked, telling = os.pipe()
    closer = threading.Thread(target=close)
    closer.start()
    in_a_child(lambda: (os.write(telling, b"x"), child()))
    closer.join(60)
    for descriptor in (reading, writing, forked, telling):
        os.close(descriptor)


def test_a_child_never_waits(channel: ForkChannel) -> None:
    """If nobody reads, what does not fit is lost, and what fits arrives."""
    in_a_child(lambda: [channel.send(number) for number in range(10_000)])
    received = channel.received()
    assert received == list(range(len(received)))
    assert 0 < len(received) < 10_000
