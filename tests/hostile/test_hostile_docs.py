"""docs/hostile.md tells of what there is."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from pytest_mailtrap import HostileMailTrap, MailTrap, Verdict

PAGE = Path(__file__).parents[2] / "docs" / "hostile.md"


def test_members():
    """What a hostile trap has beyond a trap, and what a verdict has, stands on the page."""
    text = PAGE.read_text(encoding="utf-8")
    own = {name for name in dir(HostileMailTrap) if name[0] != "_"} - set(dir(MailTrap))
    assert {"judge", "assert_client_refuses"} <= own
    told = own | {"scenario", "mode", "passed", "failed"}
    for name in told | {field.name for field in dataclasses.fields(Verdict)}:
        assert f"`{name}" in text, name
