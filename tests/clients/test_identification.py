"""Who connected: real clients and a real trap. A wrong name is worse than none, so half of these are negative controls."""

from __future__ import annotations

import _socket
import asyncio
import contextlib
import gc
import logging.handlers
import shutil
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
import weakref

import pytest
from _hostile_clients import wait_until
from _named_clients import FROM, MAIL, SENDERS, TO, aiosmtplib_send, connected, smtplib_sends

from pytest_mailtrap._clients import identification
from pytest_mailtrap._clients.identification import client_now, client_of_error, client_of_result
from pytest_mailtrap._facts.connection_facts import facts_of

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
needs_msmtp = pytest.mark.skipif(shutil.which("msmtp") is None, reason="msmtp is not installed")


every_sender = pytest.mark.parametrize("name", SENDERS)


# -- by the connection ----------------------------------------------------------------


@every_sender
@pytest.mark.mailtrap(trust=True)
def test_a_library_is_named_by_its_connection(mailtrap, name):
    """The name is that of the library that the application calls, not the one on which it is built."""
    SENDERS[name](mailtrap)
    assert len(mailtrap) == 1
    assert connected(mailtrap) == {(name,)}


@every_sender
@pytest.mark.mailtrap(trust=True)
def test_nothing_is_named_without_a_look(mailtrap, name, monkeypatch):
    """The negative control: the same, but the stacks are not inspected."""
    monkeypatch.setattr(identification, "_client_now", tuple)
    SENDERS[name](mailtrap)
    assert len(mailtrap) == 1
    assert connected(mailtrap) == {()}


@pytest.mark.mailtrap(trust=True)
def test_a_thread_is_no_hindrance(mailtrap):
    """A client in another thread is named: the stack of its thread ends in the application as well."""
    thread = threading.Thread(target=smtplib_sends, args=(mailtrap,))
    thread.start()
    thread.join(10)
    assert connected(mailtrap) == {("smtplib",)}


@pytest.mark.mailtrap(intercept=True)
def test_an_intercepted_connection_is_named(mailtrap):
    """It is named after the client that connected, regardless of the intended host."""
    with smtplib.SMTP("smtp.example.org", 587, timeout=5) as client:
        client.sendmail(FROM, [TO], MAIL)
    assert connected(mailtrap) == {("smtplib",)}


@pytest.mark.mailtrap(trust=True)
def test_several_clients_are_told_apart(mailtrap):
    """Each connection has its own client."""
    smtplib_sends(mailtrap)
    SENDERS["Django"](mailtrap)
    found = [facts_of(connection).clients for connection in mailtrap.connections]
    assert found == [("smtplib",), ("Django",)]


@pytest.mark.mailtrap(trust=True)
def test_tasks_at_the_same_time_are_told_apart(mailtrap):
    """Before Python 3.12, aiosmtplib connects in a task of its own; the client that started the task is still identified."""

    async def main():
        sending = (aiosmtplib_send(mailtrap) for _ in range(5))
        await asyncio.wait_for(asyncio.gather(*sending), 10)

    asyncio.run(main())
    assert len(mailtrap.connections) == 5
    assert connected(mailtrap) == {("aiosmtplib",)}


@pytest.mark.parametrize(("loaded", "clients"), [(True, ("pycurl",)), (False, ())])
def test_a_connection_below_python_is_named_by_what_is_loaded(monkeypatch, loaded, clients):
    """libcurl has sockets of its own; if it is not loaded, the client may be any program on this machine."""
    monkeypatch.delitem(sys.modules, "pycurl", raising=False)
    if loaded:
        monkeypatch.setitem(sys.modules, "pycurl", sys)
    assert client_now() == clients


def test_what_connects_below_python_is_not_taken_for_smtplib(mailtrap):
    """uvloop connects in libuv: no stack shows it, and smtplib, which is always loaded, is not assumed to be the client."""
    uvloop = pytest.importorskip("uvloop")
    loop = uvloop.new_event_loop()
    loop.run_until_complete(aiosmtplib_send(mailtrap, start_tls=False))
    loop.close()
    assert connected(mailtrap) == {()}


def test_a_bare_socket_has_no_name(mailtrap):
    """The application speaks SMTP itself: no library's fix would help."""
    with socket.create_connection((mailtrap.host, mailtrap.port), timeout=5) as sock:
        assert sock.recv(3) == b"220"
    assert connected(mailtrap) == {()}


def test_a_bare_socket_is_not_named_after_who_connects_beside_it(mailtrap):
    """If two connections come in at the same time, it is unknown which of them belongs to the client seen connecting."""
    resume, has_come = threading.Event(), threading.Event()

    class Client(smtplib.SMTP):
        def _get_socket(self, *arguments):
            sock = super()._get_socket(*arguments)
            has_come.set()
            return sock

    def send():
        Client(mailtrap.host, mailtrap.port, timeout=10).close()

    mailtrap._server.thread.loop.call_soon_threadsafe(lambda: resume.wait(10))
    with socket.create_connection((mailtrap.host, mailtrap.port)):
        sending = threading.Thread(target=send)
        sending.start()
        assert has_come.wait(10)
        assert wait_until(lambda: client_now() == ("smtplib",))
        resume.set()
        sending.join(10)
    assert [facts_of(connection).clients for connection in mailtrap.connections] == [
        (),
        ("smtplib",),
    ]


def test_as_many_must_be_seen_to_connect_as_come_in():
    """The negative control: a client seen connecting is named, but not if two connections came in."""
    there = socket.create_server(("127.0.0.1", 0))
    waiting = threading.Thread(target=wait_for_a_reply, args=there.getsockname())
    waiting.start()
    accepted, _ = there.accept()
    assert wait_until(lambda: client_now() == ("smtplib",))
    assert client_now(beside=lambda: 1) == ()
    accepted.close()
    waiting.join(10)
    there.close()


def test_another_handler_of_logging_has_no_name(mailtrap):
    """The file that defines SMTPHandler also has handlers that connect but send no mail."""
    handler = logging.handlers.SocketHandler(mailtrap.host, mailtrap.port)
    handler.createSocket()
    handler.close()
    assert connected(mailtrap) == {()}


# -- libraries that nobody knows ----------------------------------------------------------

WRAPPER = """
import smtplib

def send(trap):
    with smtplib.SMTP(trap.host, trap.port, timeout=5) as client:
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: Hi")
"""


@pytest.fixture
def module_in(tmp_path, monkeypatch):
    """Creates a module with a given name in a given directory."""

    def make(name, directory):
        (tmp_path / directory).mkdir()
        (tmp_path / directory / f"{name}.py").write_text(WRAPPER, "utf-8")
        monkeypatch.syspath_prepend(str(tmp_path / directory))
        monkeypatch.delitem(sys.modules, name, raising=False)
        module = __import__(name)
        monkeypatch.delitem(sys.modules, name)
        return module

    return make


@pytest.mark.parametrize(
    ("name", "directory", "clients"),
    [
        ("shop_mail", "src", ("smtplib",)),
        ("post_pigeon", "site-packages", ()),
        ("yagmail", "site-packages", ("yagmail",)),
        ("yagmail", "src", ()),
        ("twisted", "site-packages", ()),
    ],
)
def test_an_installed_package_that_nobody_knows_has_no_name(
    mailtrap, module_in, name, directory, clients
):
    """
    smtplib is named as the client of the application's own module, but not of an installed package that hides it.

    If an application's module has a library's name, the two cannot be told apart.
    Much of Twisted has nothing to do with mail.
    """
    module_in(name, directory).send(mailtrap)
    assert connected(mailtrap) == {clients}


@pytest.mark.parametrize(("directory", "clients"), [("site-packages", ()), ("src", ("smtplib",))])
def test_the_same_holds_for_its_errors(mailtrap, module_in, directory, clients):
    """The frames of a traceback are judged in the same way as those of a connection."""
    mailtrap.reply("MAIL", 451)
    with pytest.raises(smtplib.SMTPSenderRefused) as caught:
        module_in("post_pigeon", directory).send(mailtrap)
    assert client_of_error(caught.value) == clients


# -- by the error ---------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in SENDERS if name != "logging"])
@pytest.mark.mailtrap(trust=True)
def test_a_library_is_named_by_its_error(mailtrap, name):
    """Whatever the class of the error, its traceback goes through the library."""
    mailtrap.reply("MAIL", 451)
    with pytest.raises(Exception) as caught:
        SENDERS[name](mailtrap)
    assert client_of_error(caught.value) == (name,)


def test_an_error_of_the_application_leads_to_that_of_the_library(mailtrap):
    """The library's error is found through `__cause__` and `__context__`."""

    class ShopError(Exception):
        pass

    def send():
        try:
            smtplib_sends(mailtrap)  # nobody trusts the trap
        except ssl.SSLError as error:
            raise ShopError from error

    with pytest.raises(ShopError) as caught:
        send()
    assert client_of_error(caught.value) == ("smtplib",)


def test_an_error_that_has_nothing_to_do_with_mail_has_no_client():
    """The negative control: the application's own error, and no error at all."""
    with pytest.raises(ZeroDivisionError) as caught:
        print(1 / 0)
    assert client_of_error(caught.value) == ()
    assert client_of_error(None) == ()


# -- by the program -------------------------------------------------------------------


def curl(trap, *options):
    return [
        *("curl", "--silent", "--max-time", "5", "--ssl-reqd", *options),
        *("--mail-from", FROM, "--mail-rcpt", TO, "--upload-file", "-", trap.smtp_url),
    ]


@needs_curl
def test_a_program_is_named_by_what_it_returns(mailtrap):
    """The application inspects the result of the program."""
    result = subprocess.run(curl(mailtrap), input=MAIL, check=False, timeout=30)
    assert result.returncode
    assert client_of_result(result) == ("curl",)


@needs_curl
def test_a_program_is_named_by_its_failure(mailtrap):
    """With `check=True`, and after a timeout."""
    with pytest.raises(subprocess.CalledProcessError) as caught:
        subprocess.run(curl(mailtrap), input=MAIL, check=True, timeout=30)
    assert client_of_error(caught.value) == ("curl",)
    assert client_of_error(subprocess.TimeoutExpired(curl(mailtrap), 1)) == ("curl",)


@needs_curl
@pytest.mark.mailtrap(trust=True)
def test_a_program_is_named_by_its_connection(mailtrap):
    """Even if the application discards its result: it was the program being waited for."""
    subprocess.run(curl(mailtrap), input=MAIL, check=True, timeout=30)
    subprocess.run(curl(mailtrap), input=MAIL, check=True, timeout=30)
    assert len(mailtrap) == 2
    assert connected(mailtrap) == {("curl",)}


@needs_curl
@pytest.mark.mailtrap(trust=True)
def test_a_program_started_by_asyncio_is_named(mailtrap):
    """asyncio starts it in the same way."""

    async def main():
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*curl(mailtrap), stdin=pipe)
        await process.communicate(MAIL)

    asyncio.run(main())
    assert connected(mailtrap) == {("curl",)}


@pytest.mark.parametrize(
    "start",
    [
        lambda command: subprocess.run(command, check=True, timeout=30),
        lambda command: subprocess.run(args=command, check=True, timeout=30),
        lambda command: subprocess.check_output(command, timeout=30),
        lambda command: subprocess.call(command, timeout=30),
        lambda command: subprocess.Popen(command).wait(30),
        lambda command: asyncio.run(started_by_asyncio(command)),
    ],
)
@pytest.mark.skipif(
    sys.platform == "win32", reason="a program of that name is made as a script of sh"
)
def test_a_program_is_named_from_its_start(start, tmp_path, monkeypatch):
    """Regardless of how it is started and waited for."""
    program = tmp_path / "msmtp"
    program.write_text("#!/bin/sh\nexec sleep 0.2\n", "utf-8")
    program.chmod(0o755)
    seen = []
    ended = threading.Event()

    def look():
        while not ended.is_set():
            seen.append(client_now())

    looking = threading.Thread(target=look)
    monkeypatch.delitem(sys.modules, "pycurl", raising=False)
    looking.start()
    try:
        start([str(program)])
    finally:
        ended.set()
        looking.join(10)
    assert ("msmtp",) in seen
    assert {*seen} <= {(), ("msmtp",)}


async def started_by_asyncio(command):
    process = await asyncio.create_subprocess_exec(*command)
    await process.wait()


@needs_curl
@pytest.mark.mailtrap(trust=True)
def test_a_program_before_it_has_no_say(mailtrap):
    """A program that has already ended is not considered, as it can no longer connect."""
    subprocess.run([sys.executable, "-c", ""], check=True, timeout=30)
    subprocess.run(curl(mailtrap), input=MAIL, check=True, timeout=30)
    assert connected(mailtrap) == {("curl",)}


@needs_curl
@pytest.mark.mailtrap(trust=True)
def test_of_two_programs_neither_is_named(mailtrap):
    """The negative control: the other program may have sent the mail, as far as anybody can tell."""
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    waiting = threading.Thread(target=other.wait)
    waiting.start()
    subprocess.run(curl(mailtrap), input=MAIL, check=True, timeout=30)
    other.communicate(b"\n")
    waiting.join(10)
    assert connected(mailtrap) == {()}


@pytest.mark.mailtrap(trust=True)
def test_idle_connection_of_another_thread_has_no_say(mailtrap):
    """A library that is waiting for a reply from another server is not the one that is connecting now."""
    there = socket.create_server(("127.0.0.1", 0))
    idle = threading.Thread(target=wait_for_a_reply, args=there.getsockname())
    idle.start()
    accepted = greeted(there)
    SENDERS["Django"](mailtrap)
    accepted.close()
    idle.join(10)
    there.close()
    assert connected(mailtrap) == {("Django",)}


def wait_for_a_reply(host, port):
    with contextlib.suppress(OSError):
        smtplib.SMTP(host, port, timeout=10).ehlo()


def greeted(server):
    """A client that has been greeted, has sent EHLO, and gets no answer."""
    accepted, _ = server.accept()
    accepted.sendall(b"220 there\r\n")
    assert accepted.recv(4) == b"ehlo"
    return accepted


@pytest.mark.mailtrap(trust=True)
def test_of_two_that_connect_neither_is_named(mailtrap):
    """The negative control: a client waiting for another server's greeting may be the one that connected here."""
    there = socket.create_server(("127.0.0.1", 0))
    idle = threading.Thread(target=wait_for_a_reply, args=there.getsockname())
    idle.start()
    accepted, _ = there.accept()
    SENDERS["Django"](mailtrap)
    accepted.close()
    idle.join(10)
    there.close()
    assert connected(mailtrap) == {()}


def test_a_library_that_waits_elsewhere_is_not_named(mailtrap):
    """The control: it is unknown who connects, and the only active library has long been connected elsewhere."""
    there = socket.create_server(("127.0.0.1", 0))
    idle = threading.Thread(target=wait_for_a_reply, args=there.getsockname())
    idle.start()
    accepted = greeted(there)
    with socket.create_connection((mailtrap.host, mailtrap.port), timeout=5) as sock:
        assert sock.recv(3) == b"220"
    accepted.close()
    idle.join(10)
    there.close()
    assert connected(mailtrap) == {()}


@pytest.mark.mailtrap(trust=True)
def test_nothing_is_replaced_for_it(mailtrap):
    """Identification does not patch the standard library: tests see its functions as they are."""
    smtplib_sends(mailtrap)
    for name in ("connect", "connect_ex"):
        assert getattr(socket.socket, name) is getattr(_socket.socket, name)
    assert subprocess.Popen.__init__.__module__ == "subprocess"


@pytest.mark.mailtrap(trust=True)
def test_nothing_of_the_client_is_kept(mailtrap):
    """Identification keeps no reference to the client's socket or frames."""

    class Client(smtplib.SMTP):
        pass

    with Client(mailtrap.host, mailtrap.port, timeout=5) as client:
        kept = weakref.ref(client)
    del client
    gc.collect()
    assert kept() is None
    assert connected(mailtrap) == {("smtplib",)}


@needs_msmtp
def test_msmtp_is_named(mailtrap):
    """A program with its own list of CAs, run under `timeout`."""
    where = ["--host", mailtrap.host, "--port", str(mailtrap.port), "--from", FROM]
    trust = f"--tls-trust-file={mailtrap.ca_file}"
    command = ["timeout", "20", "msmtp", *where, "--tls=on", trust, TO]
    result = subprocess.run(command, input=MAIL, check=True, timeout=30)
    assert client_of_result(result) == ("msmtp",)
    assert connected(mailtrap) == {("msmtp",)}


@needs_curl
def test_a_program_has_no_say_about_connections_of_this_process(mailtrap):
    """What a stack shows overrides which programs were started."""
    result = subprocess.run(
        ["curl", "smtp://localhost:1"], check=False, timeout=30, stderr=subprocess.DEVNULL
    )
    assert client_of_result(result) == ("curl",)
    with smtplib.SMTP(mailtrap.host, mailtrap.port, timeout=5) as client:
        client.sendmail(FROM, [TO], MAIL)
    assert connected(mailtrap) == {("smtplib",)}


def test_other_results_have_no_client():
    """Values that are not the result of a program."""
    assert client_of_result(None) == client_of_result({"args": ["curl"]}) == ()
