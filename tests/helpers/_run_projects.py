"""A project with tests that send mail, run by pytest inside pytest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from _policy_outputs import by_name

from pytest_mailtrap._kept_mail.watch import watching

SENDING = """
import smtplib
import ssl

FROM, TO = "noreply@example.org", ["bob@example.org"]
MAIL = b"From: noreply@example.org\\r\\nTo: bob@example.org\\r\\nSubject: Your order\\r\\n\\r\\nHello\\r\\n"


def send(trap, *, tls=True, login=False, mail=MAIL, maximum=None, to=TO):
    with smtplib.SMTP(trap.host, trap.port, timeout=10) as client:
        if tls:
            context = trap.ssl_context
            if maximum is not None:
                context = ssl.create_default_context(cafile=str(trap.ca_file))
                context.maximum_version = maximum
            client.starttls(context=context)
        if login:
            client.login(trap.username, trap.password)
        client.sendmail(FROM, to, mail)
"""
# Plugins that would change the order or the output of the runs inside.
QUIET = ("-p", "no:randomly", "-p", "no:cacheprovider")
HTML = ("-p", "html", "-p", "html_fixtures", "-p", "metadata")
# Listens to what the writer of the HTML file is given; the real one then writes it.
LISTENER = """
import json, pathlib, pytest
from pytest_mailtrap._report import writer

def pytest_configure(config):
    def listening(path, tests, *, root):
        tests = list(tests)
        for test in tests:
            for message in test["messages"]:
                file = pathlib.Path(root, test["directory"], message["file"])
                message["content"] = file.read_text()
        pathlib.Path("given.json").write_text(json.dumps(tests))
        write_report(path, tests, root=root)

    write_report = writer.write_report
    patch = pytest.MonkeyPatch()
    patch.setattr(writer, "write_report", listening)
    config.add_cleanup(patch.undo)
"""


@pytest.fixture
def project(pytester):
    """Write a test module that can `send()`, and run it: `project(source, *options, ini=...)`."""

    def run(source, *options, ini="", subprocess=False, **keywords):
        pytester.makepyfile(sending=SENDING)
        pytester.makepyfile(test_shop=f"import pytest\nfrom sending import *\n{source}")
        pytester.makepyprojecttoml(f"[tool.pytest.ini_options]\n{ini}")
        runner = pytester.runpytest_subprocess if subprocess else pytester.runpytest_inprocess
        asked_for = HTML if any(option.startswith("--html") for option in options) else ()
        return runner(*QUIET, *asked_for, *options, **keywords)

    return run


@pytest.fixture
def listen(pytester):
    """Record what the report writer is given in subsequent runs: `listen()` returns the records of the last run, by test."""
    pytester.makeconftest(LISTENER)
    return lambda: by_name(json.loads((pytester.path / "given.json").read_text()))


@pytest.fixture(scope="session")
def page():
    """The user documentation on policies: the output that it shows must match that of a real run."""
    return (Path(__file__).parents[2] / "docs" / "ci.md").read_text("utf-8")


@pytest.fixture
def seen():
    """Where mail has been kept while a test runs, and how many messages."""
    told = []
    with watching(lambda keeper, count: told.append((keeper.place, count))):
        yield told
