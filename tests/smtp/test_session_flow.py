"""The flow of a session: clients that send faster than they read, and coroutines that resume on events."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest
from _trap_talk import SECONDS, Talk, connect, until

from pytest_mailtrap._facts.transcript import Recorder
from pytest_mailtrap._smtp.coroutine_driver import CoroutineDriver
from pytest_mailtrap._smtp.line_reader import LONGEST_LINE, LineReader
from pytest_mailtrap._smtp.loop_thread import LoopThread
from pytest_mailtrap._smtp.turns import COMMANDS_PER_TURN

COMMANDS = 3000
CLEARTEXT_AND_TLS = pytest.mark.parametrize("tls", [False, True], ids=["cleartext", "tls"])
LONG_HELP = b"HELP " + b"x" * 480 + b"\r\n"


def narrow(trap, port: int, tls=None):
    """A client with buffers for replies as small as its system allows at both ends, and the trap's end of it."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(SECONDS)
    sock.connect(("127.0.0.1", port))
    if tls is not None:
        sock = tls.wrap_socket(sock, server_hostname="localhost")
    client = Talk.on(sock)
    [protocol] = trap._server.server._wires
    protocol.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    return client, protocol


@CLEARTEXT_AND_TLS
def test_a_client_that_does_not_read(mailtrap, tls):
    """Until the client reads, nothing more is sent to it or read from it; then each command gets its reply."""
    context = mailtrap.ssl_context if tls else None
    client, protocol = narrow(mailtrap, mailtrap.tls_port if tls else mailtrap.port, context)
    with client:
        client.hello()
        sending = threading.Thread(target=client.send, args=(LONG_HELP * COMMANDS,), daemon=True)
        sending.start()
        until(lambda: protocol.is_full)
        mailtrap._server.server.settle_until_quiet()
        # A third of the replies, and one reading of commands: the rest is with the client.
        assert protocol._tcp.get_write_buffer_size() < 100_000
        assert (
            len(protocol._session._line_reader._buffer) < mailtrap._server.thread.buffer.nbytes * 2
        )
        heard = bytearray()
        while heard.count(b"\r\n") < COMMANDS:
            more = client.socket.recv(65536)
            assert more
            heard += more
        sending.join(SECONDS)
        assert not sending.is_alive()
    assert not protocol.is_full
    assert heard.count(b"501 Supported commands:") == COMMANDS


def test_a_client_that_never_reads_and_goes(mailtrap):
    """The connection ends even though the trap had more to send."""
    client, protocol = narrow(mailtrap, mailtrap.port)
    with client:
        client.socket.settimeout(None)
        sending = threading.Thread(target=swallow, args=(client, LONG_HELP * COMMANDS), daemon=True)
        sending.start()
        until(lambda: protocol.is_full)
        client.socket.shutdown(socket.SHUT_RDWR)
        client.reset()
        sending.join(SECONDS)
        assert not sending.is_alive()
    until(lambda: protocol._session is None)  # its last command has been handled
    assert mailtrap.connections[0].ended_by in ("reset", "eof")


def swallow(client: Talk, data: bytes) -> None:
    try:
        client.send(data)
    except OSError:
        return


@CLEARTEXT_AND_TLS
@pytest.mark.parametrize("last", [b"QUIT\r\n", b"NONSENSE\r\n" * 5], ids=["quit", "nonsense"])
def test_nothing_is_taken_after_the_goodbye(mailtrap, tls, last):
    """Anything sent together with the command that ends the session is neither answered nor captured."""
    mail = b"EHLO a\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nhi\r\n.\r\n"
    with connect(mailtrap, tls=tls) as client:
        client.hello()
        client.send(mail + last + mail)
        replies = []
        while reply := client.reply():
            replies.append(reply)
    until(lambda: mailtrap.connections[0].ended_by)
    assert replies[-1][:3] in ("221", "502")
    assert str(mailtrap.connections[0].transcript).endswith(f"S: {replies[-1]}")
    assert len(mailtrap) == 1


# -- the input -----------------------------------------------------------------------------------


class FakeProtocol:
    """Just enough of a protocol for the line reader."""

    def __init__(self) -> None:
        self.recorder = Recorder()
        self.has_shut = False
        self.calls: list[str] = []

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")


def read(lines: LineReader, steps: CoroutineDriver, count: int) -> list[bytes]:
    found: list[bytes] = []

    async def session() -> None:
        for _ in range(count):
            found.append(await lines.readuntil())

    steps.begin(session())
    return found


def take_turns(steps: CoroutineDriver) -> None:
    """One iteration of the loop."""
    steps._loop.call_soon(steps._loop.stop)
    steps._loop.run_forever()


@pytest.fixture
def protocol() -> FakeProtocol:
    return FakeProtocol()


@pytest.fixture
def ends() -> list[Exception | None]:
    """The error with which each conversation ended, or None."""
    return []


@pytest.fixture
def steps(ends):
    loop = asyncio.new_event_loop()
    yield CoroutineDriver(loop, ended=ends.append)
    loop.close()


def test_the_client_waits_where_too_much_is_unread(protocol, steps, ends):
    """Reading is paused once, and resumed once, after most of the data has been consumed."""
    lines = LineReader(protocol, steps)
    line = b"NOOP " + b"x" * 1017 + b"\r\n"
    lines.feed(line * 24)
    assert protocol.calls == []
    lines.feed(line)
    lines.feed(line)
    assert protocol.calls == ["pause"]
    found = read(lines, steps, 26)
    while len(found) < 26:
        take_turns(steps)
    assert found == [line] * 26
    assert protocol.calls == ["pause", "resume"]
    assert ends == [None]


@pytest.mark.parametrize("size", [LONGEST_LINE - 1, LONGEST_LINE, LONGEST_LINE + 1])
def test_the_longest_line(protocol, steps, ends, size):
    """A line of up to 12288 bytes before its line feed is accepted; a longer one is not."""
    lines = LineReader(protocol, steps)
    read(lines, steps, 1)
    lines.feed(b"x" * size)
    steps.resume()
    lines.feed(b"\n")
    steps.resume()
    assert [type(end) for end in ends] == (
        [asyncio.LimitOverrunError] if size > LONGEST_LINE else [type(None)]
    )


def test_the_end_comes_after_what_was_sent(protocol, steps, ends):
    """Lines that have already arrived are read; then the session ends, and a partial line is dropped."""
    lines = LineReader(protocol, steps)
    found = read(lines, steps, 3)
    lines.feed(b"NOOP\r\nQUIT\r\nhalf")
    lines.feed_eof()
    steps.resume()
    assert found == [b"NOOP\r\n", b"QUIT\r\n"]
    assert [type(end) for end in ends] == [ConnectionResetError]


def test_clients_that_do_not_pause_take_turns(steps, ends):
    """In each iteration of the loop only one of them has its turn, and another client's line is read at once."""
    busy = [[], [], []]
    for found in busy:
        driver = CoroutineDriver(steps._loop, ended=ends.append)
        lines = LineReader(FakeProtocol(), driver)
        lines.feed(b"NOOP\r\n" * 100)
        found.append(read(lines, driver, 100))
    read_so_far = [len(found) for [found] in busy]
    assert read_so_far == [COMMANDS_PER_TURN] * 3
    for turn in range(1, 7):
        take_turns(steps)
        assert sum(len(found) for [found] in busy) == COMMANDS_PER_TURN * (3 + turn)
    assert {len(found) for [found] in busy} == {3 * COMMANDS_PER_TURN}
    other = LineReader(FakeProtocol(), steps)
    other.feed(b"QUIT\r\n")
    assert read(other, steps, 1) == [b"QUIT\r\n"]
    for _ in range(40):
        take_turns(steps)
    assert [len(found) for [found] in busy] == [100] * 3
    assert ends == [None] * 4


# -- a conversation ------------------------------------------------------------------------------


def test_a_conversation_goes_on_there_and_then(steps, ends):
    """Each step runs within the call that resumes the conversation; after the end there are no more steps."""
    said: list[int] = []

    async def talk() -> None:
        for number in range(3):
            said.append(number)
            await steps.wake()

    steps.begin(talk())
    assert (said, ends) == ([0], [])
    steps.resume()
    assert said == [0, 1]
    steps.resume()
    steps.resume()
    assert (said, ends, steps.have_ended) == ([0, 1, 2], [None], True)
    steps.resume()
    assert ends == [None]


def test_an_error_ends_a_conversation(steps, ends):
    """The error is passed to the `ended` callback, and goes no further."""

    async def talk() -> None:
        await steps.wake()
        raise ZeroDivisionError

    steps.begin(talk())
    steps.resume()
    assert [type(end) for end in ends] == [ZeroDivisionError]
    assert steps.have_ended


@pytest.mark.parametrize(("seconds", "happens"), [(0.01, False), (600, True), (None, True)])
def test_until(seconds, happens):
    """wait_until() waits for its condition, up to its time limit; other events do not end the wait."""
    thread = LoopThread()
    over = threading.Event()
    news: list[str] = []

    async def talk() -> None:
        await steps.wait_until(lambda: "enough" in news, seconds)
        over.set()

    def bring(what: str) -> None:
        news.append(what)
        steps.resume()

    steps = CoroutineDriver(thread.loop, ended=lambda _error: None)
    try:
        begun = time.monotonic()
        thread.loop.call_soon_threadsafe(lambda: steps.begin(talk()))
        thread.loop.call_soon_threadsafe(bring, "something else")
        if happens:
            assert not over.wait(0.05)
            thread.loop.call_soon_threadsafe(bring, "enough")
        assert over.wait(SECONDS)
        assert time.monotonic() - begun < 600
    finally:
        thread.stop()
