"""The ways of waiting for mail: blocking a thread, or in an event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_mailtrap import CapturedMessage, MailTrap

trio = pytest.importorskip("trio")
RUNNERS = ("thread", "asyncio", "trio")


def wait(runner: str, trap: MailTrap, *args: Any, **keywords: Any) -> list[CapturedMessage]:
    """Call wait_for(), or wait_for_async() in an event loop of its own."""
    if runner == "thread":
        return trap.wait_for(*args, **keywords)
    if runner == "asyncio":
        return asyncio.run(trap.wait_for_async(*args, **keywords))

    async def in_trio() -> list[CapturedMessage]:
        return await trap.wait_for_async(*args, **keywords)

    return trio.run(in_trio)
