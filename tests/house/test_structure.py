"""What is imported when, and by what: tests without mail cost nothing, and the core works without pytest."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import pytest_mailtrap

HOUSE = Path(pytest_mailtrap.__file__).parent
FILES = sorted(HOUSE.rglob("*.py"))
PYTEST_SIDE = {
    "plugin.py",
    "fixtures.py",
    "per_test.py",
    "run_hooks.py",
    "report_sections.py",
    "guard_hooks.py",
    "checks.py",
}
HEAVY = (
    "aiosmtpd",
    "asyncio",
    "concurrent.futures",
    "cryptography",
    "email.message",
    "html.parser",
    "http.client",
    "jinja2",
    "smtplib",
    "ssl",
    "trustme",
)


def run(tmp_path: Path, *command: str) -> str:
    """Run Python with no plugins but ours, which is loaded only on request."""
    environment = {
        **os.environ,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": "",
        "PYTEST_PLUGINS": "",
    }
    done = subprocess.run(
        [sys.executable, *command],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def imported(tmp_path: Path, code: str) -> set[str]:
    """The modules that are loaded after *code*."""
    return set(run(tmp_path, "-c", f"import sys\n{code}\nprint(*sys.modules)").split())


def heavy(modules: set[str]) -> set[str]:
    return {name for name in HEAVY if name in modules}


PURE = [f"_assertions.{name}" for name in ("violations", "failure_text", "outcomes", "advice")]
CHEAP = ["", ".plugin", *(f".{name}" for name in PURE), "._server.options"]
# What the others have imported is forgotten before the next: each finds what a process of its own would have.
EACH = """
import importlib, json, sys
{first}
before = {{*sys.modules}}
found = {{"before": [*before]}}
for name in {names!r}:
    importlib.import_module(name)
    found[name] = [*sys.modules]
    for new in {{*sys.modules}} - before:
        del sys.modules[new]
print(json.dumps(found))
"""


def imported_by_each(tmp_path: Path, names: list[str], first: str = "") -> dict[str, set[str]]:
    """The modules that are loaded after importing each of *names*, and, as "before", those loaded before all of them."""
    found = json.loads(run(tmp_path, "-c", EACH.format(first=first, names=names)))
    return {name: set(present) for name, present in found.items()}


@pytest.fixture(scope="module")
def after_pytest(tmp_path_factory) -> dict[str, set[str]]:
    """What is loaded after each of the cheap modules, if pytest was imported before."""
    names = [f"pytest_mailtrap{module}" for module in CHEAP]
    return imported_by_each(tmp_path_factory.mktemp("empty"), names, first="import pytest")


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> dict[str, set[str]]:
    """What is loaded after each of the pure files, if nothing was imported before."""
    names = [f"pytest_mailtrap.{module}" for module in PURE]
    return imported_by_each(tmp_path_factory.mktemp("empty"), names)


@pytest.mark.parametrize("module", CHEAP)
def test_importing_is_cheap(after_pytest, module):
    """The package, its entry point and the pure files import nothing that pytest has not imported already."""
    after = after_pytest[f"pytest_mailtrap{module}"]
    assert f"pytest_mailtrap{module}" in after
    assert heavy(after - after_pytest["before"]) == set()


def test_using_it_is_not(tmp_path, after_pytest):
    """The control: the module that makes traps does import it."""
    after = imported(tmp_path, "import pytest; from pytest_mailtrap import MailTrapFactory")
    assert {"aiosmtpd", "asyncio", "ssl"} <= heavy(after)
    assert heavy(after - after_pytest["before"])


@pytest.mark.parametrize("module", PURE)
def test_the_pure_files_need_nothing(alone, module):
    """They contain only decisions and words: they import neither pytest nor anything heavy."""
    modules = alone[f"pytest_mailtrap.{module}"]
    assert f"pytest_mailtrap.{module}" in modules
    assert heavy(modules) == set()
    assert "pytest" not in modules


def test_the_core_does_without_pytest(tmp_path):
    """A trap can be used outside pytest: only the plugin's side imports it."""
    modules = imported(
        tmp_path,
        textwrap.dedent(
            """
            from pytest_mailtrap import MailTrapFactory
            from pytest_mailtrap._server.certificate_authority import new_ca
            factory = MailTrapFactory(new_ca())
            with factory() as trap:
                assert len(trap) == 0
            factory.close()
            """
        ),
    )
    assert "pytest_mailtrap._trap.mail_trap" in modules
    assert not [name for name in modules if name.split(".")[0] in ("pytest", "_pytest", "pluggy")]


CONFTEST = """
import json, sys

def pytest_unconfigure(config):
    with open("modules.json", "w") as file:
        json.dump(sorted(sys.modules), file)
"""
UNUSED = """
import pytest

@pytest.fixture
def number():
    return 1

@pytest.mark.parametrize("value", [1, 2])
def test_it(number, value, tmp_path, monkeypatch, capsys):
    assert number <= value

@pytest.mark.xfail
def test_other():
    assert False
"""
USED = """
def test_it(mailtrap):
    assert len(mailtrap) == 0
"""


def whole_run(tmp_path: Path, test: str, *options: str) -> set[str]:
    """The modules that are loaded at the end of a run."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(test)
    run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options)
    return set(json.loads((tmp_path / "modules.json").read_text()))


def test_a_run_without_mail_pays_nothing(tmp_path):
    """A whole run, to its last hook, whose tests use none of our fixtures."""
    without = whole_run(tmp_path, UNUSED)
    present = whole_run(tmp_path, UNUSED, "-p", "pytest_mailtrap.plugin")
    assert "pytest_mailtrap.plugin" in present
    assert heavy(present - without) == set()
    # Of our own only what has to be there for others to be asked.
    assert {name for name in present if name.startswith("pytest_mailtrap")} == {
        "pytest_mailtrap",
        "pytest_mailtrap.plugin",
        "pytest_mailtrap._hooks",
        "pytest_mailtrap._hooks.checks",
        "pytest_mailtrap._hooks.fixtures",
        "pytest_mailtrap._hooks.per_test",
        "pytest_mailtrap._run",
        "pytest_mailtrap._run.settings",
        "pytest_mailtrap._system",
        "pytest_mailtrap._system.clock",
        "pytest_mailtrap._system.files",
    }


def test_a_run_with_mail_does(tmp_path):
    """The control: the same run with the fixture imports what it needs."""
    present = whole_run(tmp_path, USED, "-p", "pytest_mailtrap.plugin")
    assert {"aiosmtpd", "asyncio", "cryptography", "ssl", "trustme"} <= heavy(present)


def run_time_imports(source: str) -> set[str]:
    """What a file imports at run time, anywhere in it; what only type checkers see is left out."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for child in node.orelse:
                visit(child)
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(source))
    return found


def packages(source: str) -> set[str]:
    return {name.split(".")[0] for name in run_time_imports(source)}


def test_what_counts_as_an_import():
    """The control for the tests below: imports in functions count, those for type checkers do not."""
    source = """
    import a.b
    if TYPE_CHECKING:
        import never
    else:
        import c
    def f():
        from d.e import g
    """
    assert packages(textwrap.dedent(source)) == {"a", "c", "d"}


def test_only_the_side_of_pytest_imports_pytest():
    """There is one list of them, the same as in CONTRIBUTING.md."""
    importing = {path.name for path in FILES if "pytest" in packages(path.read_text("utf-8"))}
    assert importing == PYTEST_SIDE
    house = (HOUSE.parent / "CONTRIBUTING.md").read_text("utf-8")
    [rule] = [line for line in house.splitlines() if "import pytest when they run" in line]
    assert {f"{name}.py" for name in rule.split("`")[1:-1:2] if name != "_pytest"} == PYTEST_SIDE


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_nothing_imports_from_the_inside_of_pytest(path):
    """Not even for type checkers: `_pytest` moves between releases."""
    tree = ast.parse(path.read_text("utf-8"))
    names = [alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names]
    names += [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    assert [name for name in names if name.split(".")[0] == "_pytest"] == []
