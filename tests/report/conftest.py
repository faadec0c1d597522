"""One browser for all tests of the report."""

from __future__ import annotations

import pytest
from _chromium import Chromium, find_chromium
from _run import Run


@pytest.fixture(scope="session")
def chromium():
    """A running headless Chromium, ended by its process id."""
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    with Chromium(program) as browser:
        yield browser


@pytest.fixture(scope="session")
def one_page(chromium):
    """The page that most tests share: making a new one takes longer than checking a report."""
    with chromium.page() as page:
        yield page


@pytest.fixture
def page(one_page):
    """A page that knows nothing of the previous test."""
    one_page.renew()
    return one_page


@pytest.fixture
def run(tmp_path):
    """A run of tests to report on."""
    return Run(tmp_path)
