"""docs/hostile.md documents everything that exists."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from pytest_mailtrap import HostileMailTrap, MailTrap, Verdict

PAGE = Path(__file__).parents[2] / "docs" / "hostile.md"


def test_members():
    """Everything that a hostile trap adds to a trap, and everything that a verdict has, is on the page."""
    text = PAGE.read_text(encoding="utf-8")
    own = {name for name in dir(HostileMailTrap) if name[0] != "_"} - set(dir(MailTrap))
    assert {"judge", "assert_client_refuses"} <= own
    told = own | {"scenario", "mode", "passed", "failed"}
    for name in told | {field.name for field in dataclasses.fields(Verdict)}:
        assert f"`{name}" in text, name
