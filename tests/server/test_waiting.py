"""Waiting for mail that is sent in the background: from a thread, under asyncio, and under trio."""

from __future__ import annotations

import asyncio
import ssl
import threading
from decimal import Decimal
from email.message import EmailMessage

import pytest
from _tracebacks import OWN_FRAME
from _trap_talk import Talk, send, until
from _waits import RUNNERS, wait

aiosmtplib = pytest.importorskip("aiosmtplib")
trio = pytest.importorskip("trio")


def listening(trap):
    """Whether any thread or task is waiting now."""
    return bool(trap._inbox._listeners or trap._inbox._changed._waiters)


@pytest.fixture
def background(mailtrap):
    """Sends messages from a thread, one after the other, once a wait has begun."""
    threads = []

    def start(count):
        def work():
            until(lambda: listening(mailtrap))
            for number in range(count):
                send(mailtrap, b"Subject: %d\r\n\r\n" % number)

        threads.append(threading.Thread(target=work))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("count", [1, 3])
def test_until_they_are_there(mailtrap, background, runner, count):
    """The wait ends with the last of the requested messages, and returns them in order."""
    background(count)
    messages = wait(runner, mailtrap, count, timeout=30)
    assert [message.subject for message in messages] == [str(n) for n in range(count)]
    assert messages == mailtrap[:count]
    assert not listening(mailtrap)


@pytest.mark.parametrize("runner", RUNNERS)
def test_already_there(mailtrap, runner):
    """Messages already there are returned at once, even with a timeout of zero, but no more than were requested."""
    for _ in range(3):
        send(mailtrap)
    assert wait(runner, mailtrap, 2, timeout=0) == mailtrap[:2]
    assert wait(runner, mailtrap) == mailtrap[:1]


@pytest.mark.parametrize("runner", RUNNERS)
def test_nothing_comes(mailtrap, runner):
    """After the timeout the error says what happened, without advice to wait."""
    with pytest.raises(AssertionError) as caught:
        wait(runner, mailtrap, timeout=0.02)
    assert str(caught.value) == (
        "no message arrived within 0.02 s\n"
        "\n"
        f"  nothing connected to localhost:{mailtrap.port} (STARTTLS) or\n"
        f"  localhost:{mailtrap.tls_port} (implicit TLS)\n"
        "\n"
        "Send to the trap:\n"
        "  host, port  mailtrap.host, mailtrap.port (or mailtrap.tls_port)\n"
        "More: README.md"
    )
    assert not listening(mailtrap)


@pytest.mark.parametrize("runner", RUNNERS)
def test_too_few_come(mailtrap, runner):
    """The messages that did come are listed."""
    send(mailtrap, b"Subject: the first\r\n\r\n")
    with pytest.raises(AssertionError) as caught:
        wait(runner, mailtrap, 2, timeout=0.02)
    assert str(caught.value) == (
        "1 of 2 messages arrived within 0.02 s\n"
        "\n"
        '  #1  TLSv1.3, STARTTLS  "the first" -> b@example.org'
    )


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("count", [0, -1, True, 1.0, "1", None])
def test_wrong_count(mailtrap, runner, count):
    """Waiting for nothing would always succeed, and a non-number would fail only after the wait: an error at once."""
    with pytest.raises(ValueError, match=f"count must be a positive whole number, got {count!r}"):
        wait(runner, mailtrap, count)


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize(
    "timeout",
    [
        float("nan"),
        float("inf"),
        1e12,
        pytest.param(10**400, id="huge"),
        None,
        "5",
        True,
        Decimal("0.5"),
    ],
)
def test_every_wait_has_an_end(mailtrap, runner, timeout):
    """A timeout that is not a number of seconds is an error at once, not an endless wait."""
    with pytest.raises(
        ValueError, match="timeout must be a number of seconds that a thread can wait"
    ) as caught:
        wait(runner, mailtrap, 1, timeout=timeout)
    assert str(caught.value).endswith(f", got {timeout!r}")


@pytest.mark.parametrize("runner", RUNNERS)
def test_time_that_is_over_is_no_error(mailtrap, runner):
    """The time left until a deadline may be negative: then only what is already there counts."""
    with pytest.raises(AssertionError, match="no message arrived within 0 s"):
        wait(runner, mailtrap, 1, timeout=-1)
    send(mailtrap)
    assert len(wait(runner, mailtrap, 1, timeout=-1)) == 1


def test_several_wait_at_once(mailtrap, background):
    """Each of several waiting threads gets its messages."""
    results = {}

    def work(count):
        results[count] = mailtrap.wait_for(count, timeout=30)

    threads = [threading.Thread(target=work, args=(count,)) for count in (1, 2, 3)]
    for thread in threads:
        thread.start()
    background(3)
    for thread in threads:
        thread.join()
    assert {count: len(found) for count, found in results.items()} == {1: 1, 2: 2, 3: 3}


def test_sending_in_the_tests_own_loop(mailtrap):
    """A wait does not block an application that sends from a task of the test's event loop."""

    async def deliver():
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "a@b.c", "b@c.d", "from the loop"
        await aiosmtplib.send(
            message,
            hostname=mailtrap.host,
            port=mailtrap.port,
            start_tls=True,
            tls_context=mailtrap.ssl_context,
        )

    async def main():
        task = asyncio.create_task(deliver())
        try:
            return await mailtrap.wait_for_async(1, timeout=30)
        finally:
            await task

    [message] = asyncio.run(main())
    assert message.subject == "from the loop"
    message.assert_sent_over_tls()


def test_other_tasks_go_on_under_asyncio(mailtrap):
    """While one task waits, others run: the wait does not block the loop."""

    async def main():
        ticks = 0

        async def tick():
            nonlocal ticks
            while ticks < 3:
                await asyncio.sleep(0)
                ticks += 1
            await asyncio.to_thread(send, mailtrap)

        task = asyncio.create_task(tick())
        await mailtrap.wait_for_async(1, timeout=30)
        await task
        return ticks

    assert asyncio.run(main()) == 3


def test_other_tasks_go_on_under_trio(mailtrap):
    """The same under trio, where a thread does the sending."""

    async def main():
        ticks = 0

        async def tick():
            nonlocal ticks
            while ticks < 3:
                await trio.lowlevel.checkpoint()
                ticks += 1
            await trio.to_thread.run_sync(send, mailtrap)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(tick)
            await mailtrap.wait_for_async(1, timeout=30)
        return ticks

    assert trio.run(main) == 3


def test_cancelled_under_asyncio(mailtrap):
    """A canceled wait leaves nothing behind that would call a closed loop."""

    async def main():
        task = asyncio.create_task(mailtrap.wait_for_async(1, timeout=30))
        await asyncio.to_thread(until, lambda: listening(mailtrap))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert not listening(mailtrap)
    send(mailtrap)
    assert len(mailtrap) == 1


def test_cancelled_under_trio(mailtrap):
    """The same under trio: a deadline around the wait ends it, and the cancellation is handled by the caller."""

    async def main():
        with trio.move_on_after(0.02) as scope:
            await mailtrap.wait_for_async(1, timeout=30)
        return scope.cancelled_caught

    assert trio.run(main) is True
    assert not listening(mailtrap)
    send(mailtrap)
    assert len(mailtrap) == 1


def abandon(runner, trap):
    """Begin to wait in a loop that ends before the wait does, which is left behind as it is."""
    waiting = trap.wait_for_async(1, timeout=30)
    if runner == "asyncio":
        loop = asyncio.new_event_loop()
        task = loop.create_task(waiting)
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        return task

    async def main():
        waiting.send(None)

    trio.run(main)
    return waiting


@pytest.mark.parametrize("runner", ["asyncio", "trio"])
def test_a_waiter_whose_loop_has_ended(mailtrap, runner):
    """It hurts nobody: the message is captured once, and its client is told so."""
    abandoned = abandon(runner, mailtrap)
    assert listening(mailtrap)
    with Talk(mailtrap.port) as client:
        assert client.deliver() == "250 OK"
        assert len(mailtrap) == 1
        assert client.deliver() == "250 OK"
    assert len(mailtrap.wait_for(2)) == 2
    if runner == "asyncio":
        abandoned._log_destroy_pending = False  # what asyncio says of a task that never ends
    else:
        abandoned.close()


def in_a_loop(runner, work):
    """Call *work* from a coroutine, without waiting for it."""

    async def main():
        return work()

    return asyncio.run(main()) if runner == "asyncio" else trio.run(main)


BLOCKED = "wait_for() blocks the event loop that the test runs on"


@pytest.mark.parametrize("runner", ["asyncio", "trio"])
def test_who_blocks_the_loop_is_told_so(mailtrap, runner):
    """Mail that a task of the blocked loop is to send cannot arrive, however long the wait: the error says so."""
    with pytest.raises(AssertionError, match="no message arrived within 0 s") as caught:
        in_a_loop(runner, lambda: mailtrap.wait_for(1, timeout=0))
    assert str(caught.value).endswith(
        "\n\n"
        "wait_for() blocks the event loop that the test runs on, and with it\n"
        "the code that sends. Let the loop run in the meantime:\n"
        "  await mailtrap.wait_for_async(1)\n"
        "More: docs/asyncio.md"
    )
    send(mailtrap)
    with pytest.raises(AssertionError, match=r"1 of 2 messages (.|\n)*blocks the event loop"):
        in_a_loop(runner, lambda: mailtrap.wait_for(2, timeout=0))


@pytest.mark.parametrize("runner", RUNNERS)
def test_who_blocks_no_loop_is_not_told_so(mailtrap, runner):
    """The negative control: a wait outside of a loop, or awaited in one, gets no such message."""
    with pytest.raises(AssertionError, match="no message arrived") as caught:
        wait(runner, mailtrap, timeout=0.01)
    assert BLOCKED not in str(caught.value)
    assert "mailtrap.host, mailtrap.port" in str(caught.value)


def test_a_failed_handshake_is_told_of_first_also_in_a_loop(mailtrap):
    """It is known that the client connected and why it left, so the error does not blame the loop."""
    with pytest.raises(ssl.SSLError):
        send(mailtrap, context=ssl.create_default_context())
    with pytest.raises(AssertionError, match="client rejected the certificate") as caught:
        in_a_loop("asyncio", lambda: mailtrap.wait_for(1, timeout=0))
    assert BLOCKED not in str(caught.value)
    assert "Make the client trust the trap's CA" in str(caught.value)


@pytest.mark.parametrize("runner", ["asyncio", "trio"])
def test_in_a_loop_the_advice_to_wait_is_for_coroutines(mailtrap, runner):
    """An assertion made too early suggests the way of waiting that fits."""
    with pytest.raises(AssertionError, match="no message reached the trap") as caught:
        in_a_loop(runner, mailtrap.assert_sent_over_tls)
    assert "  background  await mailtrap.wait_for_async(1)" in str(caught.value)
    with pytest.raises(AssertionError, match="no message reached the trap") as caught:
        mailtrap.assert_sent_over_tls()
    assert "  background  mailtrap.wait_for(1)" in str(caught.value)


FAILING = """
def test_background(mailtrap):
    mailtrap.wait_for(2, timeout=0.01)
"""


def test_failure_shows_the_users_line(pytester):
    """The traceback ends in the test, not in the plugin."""
    pytester.makepyfile(FAILING)
    result = pytester.runpytest()
    result.stdout.fnmatch_lines(
        [
            ">       mailtrap.wait_for(2, timeout=0.01)",
            "E       AssertionError: 0 of 2 messages arrived within 0.01 s",
            "test_failure_shows_the_users_line.py:2: AssertionError",
        ]
    )
    result.stdout.no_re_match_line(OWN_FRAME)
