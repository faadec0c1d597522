"""Walking the stacks of other threads does not crash the interpreter, whatever the garbage collector does meanwhile."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from pytest_mailtrap._clients import identification

# Threads that enter and leave functions with frames of many sizes, and collections that release the GIL.
WALKING = """
import faulthandler, gc, random, sys, threading, time

from pytest_mailtrap._clients.identification import client_now

faulthandler.enable()
sys.setswitchinterval(0.0001)
functions = []
for size in range(1, 36, 3):
    names = ", ".join(f"a{n}" for n in range(size))
    values = ", ".join(f"{n}.5 + depth" for n in range(size))
    body = f"{names}, = {values},\\n    return pick()(depth - 1) if depth > 0 else a0"
    scope = {"pick": lambda: random.choice(functions)}
    exec(f"def function(depth):\\n    {body}\\n", scope)
    functions.append(scope["function"])

def work():
    while time.monotonic() < end:
        random.choice(functions)(25)

end = time.monotonic() + 1
threads = [threading.Thread(target=work) for _ in range(6)]
for thread in threads:
    thread.start()
gc.callbacks.append(lambda *_: time.sleep(0.0002))
gc.set_threshold(30)
walks = 0
while time.monotonic() < end:
    client_now()
    walks += 1
for thread in threads:
    thread.join()
gc.callbacks.clear()  # on Windows, the main thread cannot sleep while the interpreter ends
print(walks)
"""


@pytest.fixture
def collecting():
    """After the test, the garbage collector is enabled or disabled as it was before."""
    before = gc.isenabled()
    yield
    (gc.enable if before else gc.disable)()


def test_the_interpreter_survives():
    """CPython 3.11 crashed within a fraction of a second: a collection let the other thread leave a frame that was being read."""
    done = subprocess.run(
        [sys.executable, "-c", WALKING], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 0


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_as_before(collecting, enabled, monkeypatch):
    """It is paused only while stacks are walked, and only if that is necessary; if it was already paused, it stays paused."""
    seen = []
    monkeypatch.setattr(identification, "_client_now", lambda _: seen.append(gc.isenabled()))
    (gc.enable if enabled else gc.disable)()
    identification.client_now()
    assert gc.isenabled() == enabled
    assert set(seen) == {enabled and sys.version_info[:2] != (3, 11)}


def test_the_collector_is_as_before_after_an_error(collecting, monkeypatch):
    """The collector is restored even if the walk is interrupted by an error."""

    def fail(_):
        raise RuntimeError("a stack that ends")

    monkeypatch.setattr(identification, "_client_now", fail)
    gc.enable()
    identification.client_now()
    assert gc.isenabled()
