"""The picture on the report's page in the docs: from a real run, and no larger than a page should have."""

from __future__ import annotations

import importlib.util
import re
import struct
from pathlib import Path

from _optional_parts import needs_smime

SCRIPT = Path(__file__).parents[2] / "docs" / "inbox" / "screenshot.py"


def png_size(path: Path) -> tuple[int, ...]:
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", data[16:24])


@needs_smime
def test_the_picture_can_be_taken_again(chromium, tmp_path):
    """The script runs the shop, where the policy fails one test, and its picture is like the one in docs."""
    spec = importlib.util.spec_from_file_location("screenshot", SCRIPT)
    screenshot = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(screenshot)
    ended = screenshot.run_shop(tmp_path / "mail.html")
    assert re.search(r"^1 failed, 5 passed in", ended.stdout, re.MULTILINE), ended.stdout
    picture = tmp_path / "report.png"
    screenshot.take_picture(chromium, tmp_path / "mail.html", picture)
    assert png_size(picture) == png_size(screenshot.PICTURE) == screenshot.SIZE
    assert screenshot.PICTURE.stat().st_size < 200_000
