"""
The code blocks of a Markdown page: what each one is, in what order it is run, and together with which others.

HTML comments right before a block say what it is for:

- `file: NAME` writes it to that file; a Python file whose name begins with `test_` is run, others support them;
- `fails` or `fails: 2` says how many of its tests must fail;
- `output of: NAME` compares it with what the run of that file printed;
- `requires: MODULE, MODULE` and `requires-program: NAME` skip it if these are missing;
- `ini` makes a TOML or ini block the configuration of pytest.

Rules of this file: it reads text and decides; whatever it cannot interpret is a problem of the page, never ignored.
"""

from __future__ import annotations

import configparser
import re
import sys
from dataclasses import dataclass, field
from pathlib import PurePosixPath

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FENCE = re.compile(r"(?P<indent> *)(?P<fence>`{3,}|~{3,}) *(?P<language>[\w+-]*).*")
_NOTE = re.compile(r" *<!-- *(?P<key>[a-z -]+?) *(?:: *(?P<value>.+?) *)?-->")
_KEYS = frozenset({"file", "fails", "output of", "requires", "requires-program", "ini"})
# Spellings under which Python code would be shown and not run.
_OTHER_PYTHON = frozenset({"py", "python3", "Python", "pycon", "python-console", "py3"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block; *notes* are the comments before it, *line* is the line number of its opening fence."""

    language: str
    text: str
    line: int
    notes: dict[str, str]

    @property
    def file(self) -> str | None:
        """The file it is written to, or None if nothing refers to it."""
        if "ini" in self.notes:
            return "pyproject.toml" if self.language == "toml" else "pytest.ini"
        return self.notes.get("file")

    @property
    def is_run(self) -> bool:
        if self.language != "python":
            return False
        return self.file is None or PurePosixPath(self.file).name.startswith("test_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of pytest: the files it needs, its expected output, and what must be installed."""

    name: str
    target: str
    files: dict[str, str]
    failures: int
    outputs: tuple[str, ...]
    modules: tuple[str, ...]
    programs: tuple[str, ...]


@dataclass(slots=True)
class Page:
    """A page: its blocks in order, and what is wrong with it."""

    name: str
    blocks: list[Block] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def runs(self) -> list[Run]:
        return [self._run(block) for block in self.blocks if block.is_run]

    def _run(self, block: Block) -> Run:
        target = block.file or f"test_line_{block.line}.py"
        return Run(
            name=f"{self.name}:{block.file or block.line}",
            target=target,
            files={**self._files_for(block), target: block.text},
            failures=int(block.notes.get("fails", 0) or 1) if "fails" in block.notes else 0,
            outputs=tuple(b.text for b in self.blocks if b.notes.get("output of") == target),
            modules=_names(block.notes.get("requires", "")),
            programs=_names(block.notes.get("requires-program", "")),
        )

    def _files_for(self, run: Block) -> dict[str, str]:
        """The other files of the page; if there are several versions of one, the latest that a reader has seen by then."""
        files: dict[str, Block] = {}
        for block in self.blocks:
            slot = "ini" if "ini" in block.notes else block.file
            if slot is None or block.is_run:
                continue
            if block.line < run.line or slot not in files:
                files[slot] = block
        return {block.file: block.text for block in files.values() if block.file is not None}


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(",") if name.strip())


def read_page(name: str, text: str) -> Page:
    """Parse a page."""
    page = Page(name)
    lines = text.splitlines()
    notes: dict[str, str] = {}
    at = 0
    while at < len(lines):
        line = lines[at]
        if fence := _FENCE.fullmatch(line):
            end = _end_of(fence, lines, at)
            _add_block(page, fence, lines[at + 1 : end], at + 1, notes)
            if end == len(lines):
                page.problems.append(f"line {at + 1}: the block is never closed")
            notes = {}
            at = end
        elif note := _NOTE.fullmatch(line):
            notes[note["key"]] = note["value"] or ""
        else:
            _complain_of_strays(page, notes, at + 1)
            notes = {}
        at += 1
    _complain_of_strays(page, notes, at)
    page.problems += _problems_across(page)
    return page


def _end_of(fence: re.Match[str], lines: list[str], at: int) -> int:
    close = re.compile(rf" *{re.escape(fence['fence'])}{fence['fence'][0]}* *")
    rest = range(at + 1, len(lines))
    return next((number for number in rest if close.fullmatch(lines[number])), len(lines))


def _add_block(
    page: Page, fence: re.Match[str], lines: list[str], number: int, notes: dict[str, str]
) -> None:
    indent = len(fence["indent"])
    text = "".join(f"{line[indent:] if line[:indent].isspace() else line}\n" for line in lines)
    block = Block(language=fence["language"], text=text, line=number, notes=notes)
    page.blocks.append(block)
    page.problems += [f"line {number}: {problem}" for problem in _problems_of(block)]


def _complain_of_strays(page: Page, notes: dict[str, str], number: int) -> None:
    """Report comments that are not directly followed by a block: otherwise they would be silently ignored."""
    page.problems += [
        f"line {number}: no block follows the comment {key!r}" for key in notes if key in _KEYS
    ]


def _problems_of(block: Block) -> list[str]:
    problems = [f"unknown comment {key!r}" for key in block.notes if key not in _KEYS]
    if block.language in _OTHER_PYTHON:
        problems.append(f"a block of {block.language!r} is not run: write python")
    if "fails" in block.notes and not (block.notes["fails"] or "1").isdecimal():
        problems.append("fails takes a number, or nothing")
    if "ini" in block.notes and block.language not in ("toml", "ini"):
        problems.append("ini is for toml and ini blocks")
    if (error := _parse_error(block)) is not None:
        problems.append(error)
    return problems


def _parse_error(block: Block) -> str | None:
    try:
        if block.language == "toml":
            tomllib.loads(block.text)
        elif block.language == "ini":
            configparser.ConfigParser(interpolation=None).read_string(block.text)
        elif block.language == "python":
            compile(block.text, f"line {block.line}", "exec", dont_inherit=True)
    except (ValueError, configparser.Error, SyntaxError) as error:
        return f"the {block.language} does not parse: {error}"
    return _config_error(block) if "ini" in block.notes else None


def _config_error(block: Block) -> str | None:
    section = "[tool.pytest.ini_options]" if block.language == "toml" else "[pytest]"
    return None if section in block.text else f"the configuration has no {section}"


def _problems_across(page: Page) -> list[str]:
    runs = {block.file for block in page.blocks if block.is_run}
    problems = []
    for block in page.blocks:
        shown = block.notes.get("output of")
        if shown is not None and shown not in runs:
            problems.append(f"line {block.line}: output of {shown!r}, which is not run")
        if block.language == "python" and not runs:
            problems.append(f"line {block.line}: nothing on the page runs this")
    named = [block.file for block in page.blocks if block.is_run and block.file is not None]
    problems += [f"{name!r} is there twice" for name in sorted(set(named)) if named.count(name) > 1]
    return problems


def difference(expected: str, output: list[str]) -> str | None:
    """
    If *expected* does not appear in *output*, line by line, return the line at which the closest attempt ended.

    `...` inside a line matches anything; alone on a line, it matches any number of lines.
    """
    wanted = [line.rstrip() for line in expected.splitlines()]
    got = [line.rstrip() for line in output]
    reached = max((_matching(wanted, got, start) for start in range(len(got))), default=0)
    return None if reached == len(wanted) else wanted[reached]


def _matching(wanted: list[str], got: list[str], at: int) -> int:
    """How many of the wanted lines are found from *at* on."""
    for number, line in enumerate(wanted):
        if line == "...":
            rest = wanted[number + 1 :]
            return (
                number + 1 + max(_matching(rest, got, later) for later in range(at, len(got) + 1))
            )
        if at == len(got) or not _pattern(line).fullmatch(got[at]):
            return number
        at += 1
    return len(wanted)


def _pattern(line: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, line.split("..."))))
