"""How `send()` is called and may end: programs that hang, a test's own transaction, and a result instead of a function."""

from __future__ import annotations

import subprocess
import sys
import threading
import types

import _hostile_clients as clients
import pytest

from pytest_mailtrap._hostile.send_call import attempt

hostile = pytest.mark.mailtrap(scenarios=["certificate-expired"])


def tried(send, timeout=10.0):
    return attempt(send, timeout=timeout, cut=lambda: None)


# -- programs that do not end -----------------------------------------------------------


def endless():
    # subprocess ends it when its time is over.
    subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.2, check=True)


def test_program_that_does_not_end_hangs():
    """Its caller gave up, which does not count as a refusal by the program."""
    how = tried(endless)
    assert how.hung
    assert how.told.endswith(" did not end within 0.2 s")


def test_program_that_ends_badly_reports():
    """The control: an exit status counts as a report."""
    how = tried(lambda: subprocess.run([sys.executable, "-c", "exit(3)"], check=True))
    assert how.reported
    assert not how.hung


@hostile
def test_verdict_on_a_program_that_does_not_end(hostile_mailtrap):
    """The program connected, and was terminated by its caller: this is a failure, and the message explains it."""
    secure, calls = clients.secure_starttls(hostile_mailtrap), []

    def send():
        calls.append(1)
        try:
            secure()
        finally:
            if len(calls) > 1:
                endless()

    with pytest.raises(AssertionError) as caught:
        hostile_mailtrap.assert_client_refuses(send)
    text = str(caught.value)
    assert text.splitlines()[0] == "send() did not return"
    assert " did not end within 0.2 s" in text
    assert "Give the client a timeout" in text


# -- in a transaction of Django's --------------------------------------------------------


@pytest.fixture
def django_db(monkeypatch):
    """A stand-in for Django's database connections; *in_atomic_block* is set as it is during a test."""

    def make(*, in_atomic_block):
        known = types.SimpleNamespace(in_atomic_block=in_atomic_block)
        connections = types.SimpleNamespace(all=lambda: [known])
        module = types.SimpleNamespace(connections=connections)
        monkeypatch.setitem(sys.modules, "django.db", module)

    return make


@pytest.mark.parametrize("in_atomic_block", [True, False])
def test_thread_of_a_transaction(django_db, in_atomic_block):
    """In a transaction, the test's own thread is used, because no other thread sees what the test has written."""
    django_db(in_atomic_block=in_atomic_block)
    threads = []
    how = tried(lambda: threads.append(threading.current_thread()))
    assert (threads[0] is threading.current_thread()) is in_atomic_block
    assert how.has_own_thread is not in_atomic_block


def test_deadline_holds_in_a_transaction(django_db):
    """A call that waits for the network returns when its connections are cut."""
    django_db(in_atomic_block=True)
    cut = threading.Event()
    how = attempt(lambda: cut.wait(10), timeout=0.05, cut=cut.set)
    assert how.hung
    assert how.seconds < 9


DATABASE = """
import smtplib, ssl
import pytest
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes"],
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.sqlite3"}}}},
)
import django

django.setup()
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction


@pytest.fixture
def database():
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    {begin}
    yield
    {end}
    connection.close()


@pytest.mark.mailtrap(scenarios=["certificate-expired"])
def test_it(hostile_mailtrap, database):
    ContentType.objects.create(app_label="shop", model="order")

    def send():
        ContentType.objects.get(app_label="shop")
        with smtplib.SMTP(hostile_mailtrap.host, hostile_mailtrap.port, timeout=5) as client:
            client.starttls(context=ssl.create_default_context())
            client.sendmail("a@example.org", ["b@example.org"], b"\\r\\n")

    {call}
"""
BEGIN = "atomic = transaction.atomic(); atomic.__enter__()"
END = "transaction.set_rollback(True); atomic.__exit__(None, None, None)"
CALL = "hostile_mailtrap.assert_client_refuses(send)"


def test_real_transaction(pytester):
    """With Django itself and a real database, the application sees what the test has written."""
    pytest.importorskip("django")
    pytester.makepyfile(DATABASE.format(begin=BEGIN, end=END, call=CALL))
    pytester.runpytest_subprocess("-p", "no:django").assert_outcomes(passed=1)


def test_other_thread_of_a_real_transaction(pytester):
    """The control: a separate thread does not see it, and the message says so."""
    pytest.importorskip("django")
    call = f"type(connection).in_atomic_block = False\n    {CALL}"
    pytester.makepyfile(DATABASE.format(begin=BEGIN, end=END, call=call))
    pytester.makeconftest(
        "import pytest\nfrom pytest_mailtrap._hostile import send_call\n"
        "@pytest.fixture(autouse=True)\n"
        "def blind(monkeypatch): monkeypatch.setattr(send_call, '_is_in_a_transaction', lambda: False)"
    )
    result = pytester.runpytest_subprocess("-p", "no:django")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *the control failed: no mail arrived at the good server",
            "E *the client  raised *",
            "E *send() ran in its own thread, which does not see the test's",
            "E *transaction; run it in the test's thread: timeout=None",
        ]
    )


# -- a result in place of a function ---------------------------------------------------------


@hostile
def test_result_in_place_of_the_function(hostile_mailtrap):
    """A function that was already called cannot be called again."""

    async def send():
        raise NotImplementedError

    for given in (None, False, 1, send()):  # the coroutine is closed: nobody would await it
        with pytest.raises(TypeError, match="pass the function, not its result") as caught:
            hostile_mailtrap.assert_client_refuses(given)
        assert type(given).__name__ in str(caught.value)


CALLED = """
import smtplib, ssl
import pytest

def send(trap):
    with smtplib.SMTP(trap.host, trap.port, timeout=2) as client:
        client.starttls(context=ssl.create_default_context())
        client.sendmail("a@example.org", ["b@example.org"], b"\\r\\n")

@pytest.mark.mailtrap(scenarios=["certificate-expired"])
def test_it(hostile_mailtrap):
    hostile_mailtrap.assert_client_refuses({given})
"""


def test_call_that_raises_before(pytester):
    """The error is the application's; the captured mail below it explains where the connection came from."""
    pytester.makepyfile(CALLED.format(given="send(hostile_mailtrap)"))
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*SSLCertVerificationError*certificate has expired*",
            "*Captured mail call*",
            "1 connection to the hostile server was made outside of",
            "assert_client_refuses(): pass the function, not its result:",
            "  hostile_mailtrap.assert_client_refuses(send), not send()",
            "",
            "  connection 1 on the STARTTLS port:",
            "      client rejected the certificate: certificate expired",
        ]
    )


def test_function_is_not_told_so(pytester):
    """The control: connections made during a trial are not reported as outside of it, whether it passes or fails."""
    given = "lambda: send(hostile_mailtrap)"
    pytester.makepyfile(CALLED.format(given=given) + "    raise RuntimeError('afterwards')\n")
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*outside of*")
