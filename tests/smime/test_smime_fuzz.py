"""A short run of the fuzzer: no mutated message makes `inspect` raise, warn or hang."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mailtrap import smime

if TYPE_CHECKING:
    from types import ModuleType

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "fuzz_smime.py"
# Long enough for the busiest machine; what hangs takes longer.
LIMIT = 60.0


@pytest.fixture(scope="module")
def fuzzer() -> ModuleType:
    found = importlib.util.spec_from_file_location("fuzz_smime", SCRIPT)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    # Checking RSA keys when they are loaded takes longer than all the rest.
    module._identity = functools.cache(module._identity)
    return module


@pytest.fixture(autouse=True)
def _failures_are_written_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_messages_are_judged(fuzzer: ModuleType, seed: int) -> None:
    """Hardly one in a thousand is still signed, and many get as far as the CMS."""
    run = fuzzer.Fuzzer(seed, seconds=LIMIT)
    run.run(500)
    assert run.outcomes.total() == 500
    assert run.outcomes["signed"] < 250
    assert len(run.outcomes) > 10


def test_the_same_seed_makes_the_same_messages(fuzzer: ModuleType) -> None:
    """So a failure can be reproduced."""
    one, other = fuzzer.Fuzzer(3), fuzzer.Fuzzer(3)
    raw = one.messages[0]
    assert [one.mutated(raw) for _ in range(20)] == [other.mutated(raw) for _ in range(20)]


def test_an_exception_is_noticed(fuzzer: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control; the message is saved."""

    def broken(_: bytes, **__: Any) -> None:
        raise IndexError("a bug")

    monkeypatch.setattr(smime, "inspect", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        fuzzer.Fuzzer(1).run(1)
    assert Path("fuzz-failure.eml").exists()


def test_slowness_is_noticed(fuzzer: ModuleType) -> None:
    """The other negative control: nothing is fast enough for a negative limit."""
    with pytest.raises(RuntimeError, match="one message took"):
        fuzzer.Fuzzer(1, seconds=-1.0).run(1)
