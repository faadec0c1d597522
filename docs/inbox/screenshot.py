"""Create docs/report.png: run the shop's tests, open their report in Chromium, and take a screenshot of it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "report"))

from _chromium import Chromium, find_chromium

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
PICTURE = HERE.parent / "report.png"
SIZE = (1200, 760)
SHOWN = "Your invoice 2026-1042"
OPTIONS = ("-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--mailtrap-policy=enforce")
_CHOOSE = """[...document.querySelectorAll('.row.message')].find((row) => row.innerText.includes(%r)).click();
new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn, 300)))"""


def run_shop(report: Path, options: Sequence[str] = OPTIONS) -> subprocess.CompletedProcess[str]:
    """The run that is reported; the policy makes one of its tests fail."""
    arguments = (*options, f"--mailtrap-report={report}", f"--rootdir={HERE}", "shop_tests.py")
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=HERE,
        text=True,
        capture_output=True,
        check=False,
        timeout=120,
    )


def take_picture(browser: Chromium, report: Path, picture: Path) -> None:
    with browser.page(*SIZE) as page:
        page.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "light"}],
        )
        page.open_file(report)
        page.run(_CHOOSE % SHOWN)
        page.screenshot(picture)


def main() -> None:
    program = find_chromium()
    if program is None:
        raise SystemExit("no Chromium here")
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "mail.html"
        ended = run_shop(report)
        if not report.exists():
            raise SystemExit(ended.stdout + ended.stderr)
        with Chromium(program) as browser:
            take_picture(browser, report, PICTURE)
    print(f"{PICTURE}: {PICTURE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
