"""Fixtures that run the blocks of the pages."""

from __future__ import annotations

from functools import partial

import pytest
from _block_processes import BlockProcesses
from _page_runs import execute as execute_block


@pytest.fixture(scope="session")
def processes():
    """Processes for blocks that need frameworks; they are terminated after the last test."""
    with BlockProcesses() as processes:
        yield processes


@pytest.fixture
def execute(pytester, processes):
    """Run a block's file among the other files of its page, in an empty directory."""
    return partial(execute_block, pytester, processes)
