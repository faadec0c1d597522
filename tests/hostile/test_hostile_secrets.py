"""No failure output shows a password that the trap knows, but the user's own source lines are still shown."""

from __future__ import annotations

import base64
import urllib.parse

import pytest

PASSWORD = "Pr0d/Secret 4711"
FORMS = (
    PASSWORD,
    urllib.parse.quote(PASSWORD),
    urllib.parse.quote_plus(PASSWORD),
    base64.b64encode(PASSWORD.encode()).decode(),
    base64.b64encode(f"\0shop\0{PASSWORD}".encode()).decode(),
)

HTML = ("-p", "html", "-p", "html_fixtures", "-p", "metadata")
# The password comes from outside: pytest shows the source of the test, with whatever is written there.
TEST = """
import os, subprocess, sys
import pytest

PASSWORD = os.environ["SHOP_PASSWORD"]

def program(code, *args):
    return [sys.executable, "-c", "import sys\\n" + code, *args]

def sending(host, port):
    {send}

@pytest.mark.mailtrap(credentials=("shop", PASSWORD), scenarios=["certificate-expired"])
def test_one(hostile_mailtrap):
    hostile_mailtrap.assert_client_refuses(sending)

@pytest.mark.mailtrap(credentials=("shop", PASSWORD))
def test_all(mailtrap):
    mailtrap.assert_refuses_hostile_servers(sending)
"""


def run(pytester, monkeypatch, send, *options):
    """All the output of a run with two failures: on the terminal, with every detail, and in its files."""
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    pytester.makepyfile(TEST.format(send=send.strip().replace("\n", "\n    ")))
    result = pytester.runpytest(
        *("-p", "no:randomly", "--junitxml=junit.xml", "--html=report.html", "-rA", *HTML, *options)
    )
    result.assert_outcomes(failed=2)
    files = [(pytester.path / name).read_text("utf-8") for name in ("junit.xml", "report.html")]
    return result.stdout.str(), *files


SENDS = {
    "an error's text": "raise OSError(f'cannot log in as shop:{PASSWORD}')",
    "an error's encoded text": "import base64, urllib.parse\n"
    "coded = base64.b64encode(('\\0shop\\0' + PASSWORD).encode()).decode()\n"
    "raise OSError(f'smtp://shop:{urllib.parse.quote_plus(PASSWORD)}@localhost {coded}')",
    "an error's argument": "raise ValueError({'password': PASSWORD})",
    "an error behind another": "try:\n    raise OSError(PASSWORD)\n"
    "except OSError as error:\n    raise RuntimeError('no mail') from error",
    "an error while another is handled": "try:\n    raise OSError(PASSWORD)\n"
    "except OSError:\n    raise RuntimeError('no mail')",
    "what it returned": "return {'ok': True, 'password': PASSWORD}",
    "a program's arguments": "subprocess.run(program('sys.exit(3)', '--user', 'shop:' + PASSWORD), check=True)",
    "a program's last words": "subprocess.run(program('sys.exit(sys.argv[1])', 'denied: ' + PASSWORD), check=True, capture_output=True)",
    "a program's result": "return subprocess.run(program('sys.exit(sys.argv[1])', 'denied: ' + PASSWORD), check=False, capture_output=True)",
    "a program that does not end": "subprocess.run(program('__import__(\"time\").sleep(60)', PASSWORD), timeout=0.2)",
    "an error of a program behind another": "try:\n"
    "    subprocess.run(program('sys.exit(3)', PASSWORD), check=True)\n"
    "except subprocess.CalledProcessError as error:\n    raise RuntimeError('no mail') from error",
}


@pytest.mark.parametrize("send", SENDS.values(), ids=SENDS)
def test_nothing_shows_the_password(pytester, monkeypatch, send):
    """The password is not on the terminal, in JUnit XML, or on the pytest-html page."""
    for shown in run(pytester, monkeypatch, send):
        assert "the control failed: no mail arrived at the good server" in shown
        for form in FORMS:
            assert form not in shown


@pytest.mark.parametrize(
    "how",
    ["raise OSError(f'cannot log in as shop:{PASSWORD}')", SENDS["a program's arguments"]],
)
def test_lines_of_the_users_code_stay(pytester, monkeypatch, how):
    """The lines that the error's traceback would have shown first are kept."""
    terminal, *_ = run(pytester, monkeypatch, how)
    assert "its error passed through:" in terminal
    assert "test_lines_of_the_users_code_stay.py:10 in sending" in terminal
    assert "direct cause of the following exception" not in terminal


def test_error_without_a_secret_is_chained(pytester, monkeypatch):
    """The control: its traceback is shown, with file and line, and is not repeated."""
    terminal, junit, _ = run(pytester, monkeypatch, "undefined_name")
    for shown in (terminal, junit):
        assert "NameError: name 'undefined_name' is not defined" in shown
        assert "test_error_without_a_secret_is_chained.py:10: NameError" in shown
        assert "direct cause of the following exception" in shown
        assert "its error passed through:" not in shown


def test_traceback_is_the_users_own(pytester, monkeypatch):
    """A chained error shows no lines of the libraries it passed through, nor of this plugin."""
    send = "import smtplib\nsmtplib.SMTP(host, port, timeout=5).docmd('NOOP', 'a\\nb')"
    terminal, *_ = run(pytester, monkeypatch, send)
    assert "ValueError: command and arguments contain prohibited newline characters" in terminal
    assert "smtplib.py" not in terminal
    assert "send_call.py" not in terminal


def test_values_of_the_clients_variables_are_gone(pytester, monkeypatch):
    """--showlocals shows the locals of frames: those of the application's call are dropped."""
    send = "secret = PASSWORD\nraise OSError('no mail')"
    for shown in run(pytester, monkeypatch, send, "--showlocals", "-k", "nothing or test"):
        assert "OSError: no mail" in shown
        assert "secret     = " not in shown


def test_password_written_in_the_function_itself(pytester, monkeypatch):
    """pytest would show the source of the function, so the error is not chained."""
    send = f"password = {PASSWORD!r}\nraise OSError('no mail')"
    terminal, *_ = run(pytester, monkeypatch, send)
    assert "raised OSError: no mail" in terminal
    assert "its error passed through:" in terminal
    assert PASSWORD not in terminal


def test_log_is_redacted(pytester, monkeypatch):
    """The log line that contains the escape sequences may contain the password, too."""
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    pytester.makepyfile("""
        import logging, os, smtplib, ssl
        import pytest

        PASSWORD = os.environ["SHOP_PASSWORD"]

        @pytest.mark.mailtrap(credentials=("shop", PASSWORD), scenarios=["hostile-reply-text"])
        def test_it(hostile_mailtrap):
            def send():
                with smtplib.SMTP(hostile_mailtrap.host, hostile_mailtrap.port, timeout=5) as client:
                    client.starttls(context=ssl.create_default_context())
                    try:
                        client.sendmail("a@example.org", ["b@example.org"], b"\\r\\n")
                    except smtplib.SMTPSenderRefused as error:
                        logging.getLogger("shop").warning("%s: %s", PASSWORD, error.smtp_error.decode("latin-1"))
                        raise

            hostile_mailtrap.assert_client_refuses(send)
    """)
    result = pytester.runpytest("--show-capture=no")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *in the log:", r"E *[[]redacted[]]: *\x1b*"])
    assert PASSWORD not in result.stdout.str()


@pytest.mark.mailtrap(credentials=("shop", PASSWORD))
def test_no_repr_shows_the_password(mailtrap):
    """A verdict and its attempt can be printed safely; the error itself is available to tests that inspect it."""

    def send():
        raise OSError(f"cannot log in as shop:{PASSWORD}")

    [control] = mailtrap.judge_hostile_servers(send)
    assert PASSWORD not in f"{control!r} {control.attempt!r}"
    assert "cannot log in as shop:[redacted]" in repr(control.attempt)
    assert PASSWORD in str(control.attempt.error)
