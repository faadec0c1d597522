"""The tables, links, and flags in the documentation name only what exists, and all of it."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from pytest_mailtrap._facts.connection import Connection
from pytest_mailtrap._facts.transport import Auth, Transport
from pytest_mailtrap._hooks.marker_options import MarkerOptions
from pytest_mailtrap._message.captured_message import CapturedMessage
from pytest_mailtrap._run.settings import SETTINGS
from pytest_mailtrap._trap.mail_trap import MailTrap

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FIXTURE = re.compile(
    r"^(?P<name>\w+)(?: \[(?P<scope>\w+) scope\])? -- .*pytest_mailtrap\W", re.MULTILINE
)
# What every sequence has, what the factory calls, what the rest of the plugin calls.
_UNTOLD = frozenset({"count", "index", "inspect_smime"})


def table(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table under *heading*, without its header row; a missing table is an error."""
    section = re.split(rf"^#+ `?{re.escape(heading)}`?$", text, maxsplit=1, flags=re.MULTILINE)[1]
    rows = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert rows is not None, f"no table under {heading!r}"
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in rows[0].splitlines()[2:]
    ]


def names(cell: str) -> list[str]:
    """The identifiers in backticks, without arguments: `wait_for(count=1)` is wait_for."""
    found = (re.match(r"[A-Za-z_]\w*(?=\(|$)", code) for code in _CODE.findall(cell))
    return [match[0] for match in found if match is not None]


def first_names(rows: list[list[str]]) -> list[str]:
    return [name for row in rows for name in names(row[0])]


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def test_every_fixture_is_in_the_table_with_its_scope(pytester: pytest.Pytester) -> None:
    """As `pytest --fixtures` lists them."""
    listed = pytester.runpytest_inprocess("--fixtures", "-p", "no:cacheprovider").stdout.str()
    there = {match["name"]: match["scope"] or "function" for match in _FIXTURE.finditer(listed)}
    told = {names(row[0])[0]: row[1].split(",")[0] for row in table(README, "Fixtures")}
    assert told == there


def test_every_option_is_in_the_table() -> None:
    """Each field of the marker's options is listed once."""
    told = first_names(table(README, "Options"))
    assert sorted(told) == sorted(field.name for field in dataclasses.fields(MarkerOptions))


def test_every_setting_is_in_the_table() -> None:
    """Each setting of a run is listed, under both its flag and its ini name."""
    told = [
        (_CODE.findall(row[0]), _CODE.findall(row[1])) for row in table(README, "Settings of a run")
    ]
    assert sorted(told) == sorted(([setting.ini], [setting.flag]) for setting in SETTINGS)


@pytest.mark.parametrize("kind", [MailTrap, CapturedMessage])
def test_every_public_member_is_in_its_table(kind: type) -> None:
    """No member is missing, and no member is listed that does not exist."""
    told = set(first_names(table(README, kind.__name__)))
    if kind is CapturedMessage:
        assert "The four message assertions are available here as well" in README
        told |= {name for name in public(MailTrap) if name.startswith("assert_")}
        told -= {"assert_refuses_hostile_servers"}
    assert told - public(kind) == set()
    assert public(kind) - told - _UNTOLD == set()


@pytest.mark.parametrize(
    ("row", "kind"), [("transport", Transport), ("auth", Auth), ("connection", Connection)]
)
def test_the_members_of_a_members_value_exist(row: str, kind: type) -> None:
    """The attributes that the table lists for a message's transport, auth, and connection."""
    [told] = [cells[1] for cells in table(README, "CapturedMessage") if f"`{row}`" == cells[0]]
    assert set(names(told)) - {"None"} <= public(kind)
    assert len(names(told)) >= 4


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_flag_and_ini_name_on_the_page_exists(path: Path) -> None:
    """`--mailtrap-x` and `mailtrap_x = ` are settings of the plugin."""
    text = path.read_text(encoding="utf-8")
    flags = set(re.findall(r"--mailtrap-[a-z-]+", text))
    inis = set(re.findall(r"^(mailtrap_\w+)\s*=", text, re.MULTILINE))
    assert flags <= {setting.flag for setting in SETTINGS}
    assert inis - {"mailtrap_ca"} <= {setting.ini for setting in SETTINGS}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_within_the_project_leads_somewhere(path: Path) -> None:
    """To an existing file and, if it has an anchor, to an existing heading."""
    assert broken_links(path, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "target", ["no-such-file.md", "docs/smime.md#no-such-heading", "#no-such-heading"]
)
def test_a_link_that_leads_nowhere_is_reported(target: str) -> None:
    """The same check on a page with one such link."""
    text = f"# Top\n\n[a](LICENSE) [b](#top) [c]({target}) [d](https://example.org/x)\n"
    assert broken_links(ROOT / "README.md", text) == [target]


def broken_links(page: Path, text: str) -> list[str]:
    """The links of *page*, whose text is *text*, to files or headings that do not exist."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    links = [link for link in _LINK.findall(prose) if "://" not in link and ":" not in link]
    return [link for link in links if not _leads_somewhere(page, text, unquote(link))]


def _leads_somewhere(page: Path, text: str, link: str) -> bool:
    name, _, anchor = link.partition("#")
    path = page.parent / name if name else page
    if not path.exists():
        return False
    target = path.read_text(encoding="utf-8") if name and anchor else text
    return not anchor or anchor in _anchors(target)


def _anchors(text: str) -> set[str]:
    """The anchors that GitHub generates for headings."""
    headings = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}
