"""
Measure what one contender costs in a pytest run.

Rules of this file: each run loads only the plugin that is measured, and what is timed is a user's test.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from contenders import CONTENDERS, NotOfferedError

if TYPE_CHECKING:
    from contenders import Contender

TESTS = 60
STARTS = 50
EMPTY = "plugin_that_does_nothing"

RUN = """
import sys, time, pytest
start = time.process_time()
code = pytest.main(sys.argv[1:])
print(time.process_time() - start, end="")
sys.exit(code)
"""

CONFTEST = """
import json, sys, time
import pytest

sys.path.insert(0, {here!r})
seconds = {{}}

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    start = time.perf_counter()
    yield
    seconds.setdefault(item.originalname, []).append(time.perf_counter() - start)

def pytest_sessionfinish():
    with open("seconds.json", "w") as file:
        json.dump(seconds, file)

@pytest.fixture(scope="session")
def loop():
    from contenders import Loop
    return Loop()

@pytest.fixture
def by_hand(loop):
    with loop.serve({mode!r}) as running:
        class server:
            addr = (None, running.port)
            port = running.port
        yield server
"""

TEST = """
import smtplib, ssl
import pytest

context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE

def send(port, mode):
    if mode == "nothing":
        return
    kind = {{"context": context}} if mode == "implicit" else {{}}
    connect = smtplib.SMTP_SSL if mode == "implicit" else smtplib.SMTP
    with connect("localhost", port, local_hostname="localhost", timeout=10, **kind) as client:
        if mode == "starttls":
            client.starttls(context=context)
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: Hi\\r\\n\\r\\nHello\\r\\n")

@pytest.mark.parametrize("n", range({tests}))
def test_without(n):
    pass

@pytest.mark.parametrize("n", range({tests}))
def test_with(n, {fixture}):
    send({port}, {traffic!r})
"""


def milliseconds_a_test(contender: Contender, traffic: str) -> float:
    """What a test with the fixture costs, compared to one without; *traffic* is "nothing", "starttls" or "implicit"."""
    mode = "plain" if traffic == "nothing" else traffic
    if mode not in contender.port:
        raise NotOfferedError
    with tempfile.TemporaryDirectory() as directory:
        here = str(Path(__file__).parent)
        conftest = CONFTEST.format(here=here, mode=mode)
        test = TEST.format(
            tests=TESTS, fixture=contender.fixture, port=contender.port[mode], traffic=traffic
        )
        Path(directory, "conftest.py").write_text(conftest, encoding="utf-8")
        Path(directory, "test_cost.py").write_text(test, encoding="utf-8")
        run_pytest(directory, contender.plugin, contender.environment(mode))
        seconds = json.loads(Path(directory, "seconds.json").read_text(encoding="utf-8"))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return 1000 * (medians["test_with"] - medians["test_without"])


def start_up_milliseconds(contender: Contender) -> float:
    """Processor time that the plugin adds to a pytest run that does not use it, compared to a run with an empty plugin."""
    if contender.plugin is None:
        raise NotOfferedError
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "test_empty.py").write_text("def test(): pass\n", encoding="utf-8")
        Path(directory, f"{EMPTY}.py").touch()
        seconds: dict[str, list[float]] = {contender.plugin: [], EMPTY: []}
        for plugin in seconds:
            run_pytest(directory, plugin, {})  # compiles it, if nobody has
        for _ in range(STARTS):
            for plugin in seconds:
                seconds[plugin].append(run_pytest(directory, plugin, {}))
    return 1000 * (undisturbed(seconds[contender.plugin]) - undisturbed(seconds[EMPTY]))


def undisturbed(seconds: list[float]) -> float:
    """The time a run takes on an otherwise idle machine: the mean of the fastest fifth."""
    return statistics.mean(sorted(seconds)[: len(seconds) // 5])


def run_pytest(directory: str, plugin: str | None, environment: dict[str, str]) -> float:
    """Processor seconds of a run with only *plugin* loaded, excluding Python's startup and the import of pytest."""
    options = ["-q", "-p", "no:cacheprovider", *(["-p", plugin] if plugin else [])]
    done = subprocess.run(
        [sys.executable, "-c", RUN, *options],
        cwd=directory,
        env=dict(os.environ, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", PYTHONDONTWRITEBYTECODE="")
        | environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    return float(done.stdout.rpartition("\n")[2])


def main() -> None:
    figure, name = sys.argv[1:]
    contender = CONTENDERS[name]
    try:
        if figure == "start":
            print(start_up_milliseconds(contender))
        else:
            print(milliseconds_a_test(contender, figure))
    except NotOfferedError:
        print("none")


if __name__ == "__main__":
    main()
