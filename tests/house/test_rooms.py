"""The rooms: each has a door sign, files are short, class names are unique, and type imports form no large cycles."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

import pytest_mailtrap

PACKAGE = Path(pytest_mailtrap.__file__).parent
TESTS = Path(__file__).parents[1]
FILES = sorted(PACKAGE.rglob("*.py"))
ROOMS = sorted(path.parent for path in PACKAGE.glob("_*/**/__init__.py"))
DOORS = {"__init__.py", "plugin.py", "smime.py"}
TALLEST, TALLEST_TEST, MOST_FILES, LARGEST_CIRCLE, MOST_UPWARDS = 400, 500, 24, 4, 6
# From the roof to the ground, as the contracts in pyproject.toml have it.
LAYERS = [
    ["plugin", "smime"],
    ["_hooks"],
    ["_run", "_report"],
    ["_trap"],
    ["_hostile"],
    ["_server", "_message", "_kept_mail"],
    ["_smtp", "_intercept", "_assertions"],
    ["_smime", "_content", "_clients"],
    ["_mime"],
    ["_facts"],
    ["_text", "_system"],
]
HEIGHT = {room: -at for at, layer in enumerate(LAYERS) for room in layer}


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def imports(path: Path, *, for_types: bool | None = None) -> set[str]:
    """The files of the package that *path* imports: all, only those that only type checkers see, or only the others."""
    found: set[str] = set()

    def visit(node: ast.AST, typed: bool) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            typed = "not " not in ast.unparse(node.test)
        if isinstance(node, ast.ImportFrom) and node.module and for_types in (None, typed):
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys()
            found.update(inner or {node.module} & MODULES.keys())
        for child in ast.iter_child_nodes(node):
            visit(child, typed)

    visit(ast.parse(path.read_text("utf-8")), typed=False)
    return found - {"pytest_mailtrap"}


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """The sets of files that can all reach each other."""

    def reachable(start: str) -> set[str]:
        seen, pending = set(), [start]
        while pending:
            for name in graph.get(pending.pop(), ()):
                if name not in seen:
                    seen.add(name)
                    pending.append(name)
        return seen

    reach = {name: reachable(name) for name in graph}
    found = {
        frozenset(other for other in reach[name] if name in reach.get(other, ()))
        for name in graph
        if name in reach[name]
    }
    return [set(circle) for circle in found]


def test_nothing_but_doors_is_at_the_top():
    """Every other file belongs in a room."""
    assert {path.name for path in PACKAGE.glob("*.py")} == DOORS


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(PACKAGE)))
def test_each_room_has_its_door_sign(room):
    """Three to twelve lines of docstring, and nothing else: an import there would slow down every start-up."""
    source = (room / "__init__.py").read_text("utf-8")
    tree = ast.parse(source)
    assert len(tree.body) == 1
    assert 3 <= len((ast.get_docstring(tree) or "").splitlines()) <= 12


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(PACKAGE)))
def test_no_room_is_crowded(room):
    """And no file within a room has its own leading underscore: one in a path is enough."""
    files = [path.name for path in room.glob("*.py")]
    assert len(files) <= MOST_FILES
    assert [name for name in files if name.startswith("_") and name != "__init__.py"] == []


def test_no_file_is_too_long():
    """Each file should be about one noun."""
    assert [str(path) for path in FILES if length(path) > TALLEST] == []
    assert [str(p) for p in TESTS.rglob("*.py") if length(p) > TALLEST_TEST] == []


def length(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def test_no_two_classes_share_a_name():
    """One word for one thing; a leading underscore does not make it a different word."""
    classes = Counter(
        node.name.lstrip("_")
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in classes.items() if count > 1] == []


def test_imports_at_run_time_make_no_circle():
    """Not even if imports inside functions are included."""
    assert circles({name: imports(path, for_types=False) for name, path in MODULES.items()}) == []


def test_imports_for_types_make_no_great_circle():
    """Anyone who reads one file of a cycle has to read them all."""
    found = circles({name: imports(path) for name, path in MODULES.items()})
    assert found
    assert [circle for circle in found if len(circle) > LARGEST_CIRCLE] == []


def test_what_counts_as_a_circle():
    """The control of the two tests above."""
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}, "e": {"e"}}
    assert sorted(map(sorted, circles(graph))) == [["a", "b", "c"], ["e"]]


def test_few_imports_for_types_lead_upwards():
    """Types may be imported from a higher room if there is no other way; sideways counts as upwards."""
    upwards = [
        (name, other)
        for name, path in MODULES.items()
        for other in imports(path, for_types=True)
        if height(name) is not None
        and height(other) is not None
        and room_of(name) != room_of(other)
        and height(other) >= height(name)
    ]
    assert upwards
    assert len(upwards) <= MOST_UPWARDS, upwards


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def height(module: str) -> int | None:
    return HEIGHT.get(room_of(module))


def test_nothing_is_ever_fetched():
    """No file imports a module that makes HTTP requests; the control is that the check would find it."""
    fetching = {"urllib.request", "http.client", "urllib3", "requests", "httpx"}
    assert names("import urllib.request") & fetching
    assert names("from http import client") & fetching
    assert [str(p) for p in FILES if names(p.read_text("utf-8")) & fetching] == []


def names(source: str) -> set[str]:
    """Everything that *source* imports, by every name it can be called."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found
