"""The documentation runner can fail: each way in which a page can be untrue is reported."""

from __future__ import annotations

import textwrap

import pytest
from _documentation import difference, read_page
from _page_runs import Execute, complaint, skip_without


def page(text: str) -> str:
    return textwrap.dedent(text).replace("'''", "```")


TRUE = page("""
    <!-- file: shop.py -->
    '''python
    PRICE = 12
    '''

    <!-- file: test_price.py -->
    <!-- fails -->
    '''python
    from shop import PRICE


    def test_price():
        assert PRICE == 13
    '''

    <!-- output of: test_price.py -->
    '''text
    >       assert PRICE == 13
    E       assert 12 == ...3
    '''
    """)


def complaints(execute: Execute, text: str) -> str:
    """Everything that is wrong with a page: its form or, if that is fine, its runs."""
    read = read_page("page.md", text)
    found = read.problems or [complaint(run, execute(run)) for run in read.runs]
    return "\n".join(filter(None, found))


def test_nothing_is_wrong_with_a_true_page(execute: Execute) -> None:
    """A block that fails as it says, with the output that is shown, using a module from its page."""
    assert complaints(execute, TRUE) == ""


@pytest.mark.parametrize(
    ("true", "untrue", "complaint_"),
    [
        ("E       assert 12 == ...3", "E       assert 12 == 14", "from this line on:\nE       assert"),
        ("E       assert 12 == ...3", "E       assert 12 ==", "from this line on:\nE       assert"),
        (">       assert PRICE == 13", ">       assert COST == 13", "on:\n>       assert COST == 13"),
        ("PRICE = 12", "PRICE = 13", "1 of its tests should fail, 0 did"),
        ("<!-- fails -->\n", "", "0 of its tests should fail, 1 did"),
        ("<!-- fails -->", "<!-- fails: 2 -->", "2 of its tests should fail, 1 did"),
        ("from shop import", "from chop import", "ExitCode.INTERRUPTED"),
        ("def test_price", "def best_price", "ExitCode.NO_TESTS_COLLECTED"),
        ("def test_price():", "def test_price(missing):", "should fail, 0 did"),
        ("PRICE = 12", "PRICE =", "line 3: the python does not parse"),
        ("<!-- file: shop.py -->", "<!-- fail: shop.py -->", "line 3: unknown comment 'fail'"),
        ("<!-- file: shop.py -->", "<!-- file: shop.py -->\nIn words:", "no block follows"),
        ("output of: test_price.py", "output of: shop.py", "output of 'shop.py', which is not run"),
        ("```python\nPRICE", "```py\nPRICE", "a block of 'py' is not run"),
        ("file: test_price.py", "file: price.py", "line 9: nothing on the page runs this"),
    ],
)  # fmt: skip
def test_an_untrue_page_is_reported(
    execute: Execute, true: str, untrue: str, complaint_: str
) -> None:
    """The page above with one thing broken."""
    assert true in TRUE
    assert complaint_ in complaints(execute, TRUE.replace(true, untrue))


@pytest.mark.parametrize(
    ("body", "complaint_"),
    [
        ("    pytest.skip('no')\n", "none of its tests passed"),
        ("    warnings.warn('old', stacklevel=1)\n", "0 of its tests should fail, 1 did"),
        ("    pass\n\n@pytest.mark.skip\ndef test_b():\n    pass\n", "it should have no skipped"),
        ("    yield\n", "1"),
    ],
)
def test_a_block_that_proves_nothing_is_reported(
    execute: Execute, body: str, complaint_: str
) -> None:
    """Skipped tests and warnings: a block passes only by passing."""
    text = f"```python\nimport warnings, pytest\ndef test_a():\n{body}```\n"
    assert complaint_ in complaints(execute, text)


@pytest.mark.parametrize(("kind", "is_wrong"), [("Pending", False), ("", True)])
def test_what_will_be_deprecated_one_day_is_no_fault(
    execute: Execute, kind: str, is_wrong: bool
) -> None:
    """A DeprecationWarning, however, is reported."""
    text = page(f"""
        '''python
        import warnings

        def test_a():
            warnings.warn("old", {kind}DeprecationWarning, stacklevel=1)
        '''
        """)
    assert bool(complaints(execute, text)) == is_wrong


def test_an_error_in_teardown_is_reported(execute: Execute) -> None:
    """A test that passed does not hide what failed after it."""
    text = page("""
        '''python
        import pytest

        @pytest.fixture
        def late():
            yield
            raise OSError("too late")

        def test_a(late):
            pass
        '''
        """)
    assert "it should have no errors" in complaints(execute, text)


CONFIGURED = page("""
    '''python
    def test_b():
        pass
    '''

    <!-- ini -->
    '''toml
    [tool.pytest.ini_options]
    python_functions = "check_*"
    '''

    '''python
    def check_a():
        pass
    '''
    """)


def test_the_last_configuration_a_reader_has_seen_counts(execute: Execute) -> None:
    """Blocks before the only configuration on a page use it as well; if there are two, each block uses the latest one."""
    both = CONFIGURED.replace("test_b", "check_b")
    assert complaints(execute, both) == ""
    assert "NO_TESTS_COLLECTED" in complaints(execute, CONFIGURED)
    first = page("""
        <!-- ini -->
        '''ini
        [pytest]
        python_functions = test_*
        '''
        """)
    assert complaints(execute, first + CONFIGURED) == ""


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ("```toml\na =\n```", "the toml does not parse"),
        ("```ini\na\n```", "the ini does not parse"),
        ("<!-- ini -->\n```toml\n[tool.pytest]\n```", "no [tool.pytest.ini_options]"),
        ("<!-- ini -->\n```ini\n[tool:pytest]\n```", "no [pytest]"),
        ("<!-- ini -->\n```text\n```", "ini is for toml and ini blocks"),
        ("<!-- fails: some -->\n```python\n```", "fails takes a number"),
        ("```text\nopen", "line 1: the block is never closed"),
        ("```text\n~~~", "line 1: the block is never closed"),
        ("<!-- output of: test_a.py -->", "no block follows the comment 'output of'"),
        ("<!-- file: test_a.py -->\n```python\n```\n" * 2, "'test_a.py' is there twice"),
    ],
)
def test_a_malformed_page_is_reported(block: str, problem: str) -> None:
    """Anything that the runner cannot make sense of is reported, never skipped."""
    assert problem in "\n".join(read_page("page.md", block).problems)


def test_other_blocks_and_comments_are_left_alone() -> None:
    """Console blocks, plain text, longer fences, and comments in the prose are not the runner's business."""
    text = textwrap.dedent("""
        <!-- benchmarks -->

        '''console
        rm -rf /
        '''

        ''''markdown
        '''python
        never()
        '''
        ''''

        - in a list:

          '''toml
          a = 1
          '''
        """)
    read = read_page("page.md", text.replace("'", "`"))
    assert read.problems == []
    assert read.runs == []


def test_what_a_block_requires_decides_whether_it_is_run() -> None:
    """It is skipped with a reason, and only if a requirement is missing."""
    text = "<!-- requires: pytest, {} -->\n<!-- requires-program: {} -->\n```python\n```\n"
    for module, program, reason in [
        ("no_such_module", "python-that-is-not", "no_such_module is not installed"),
        ("pluggy", "python-that-is-not", "there is no python-that-is-not on this machine"),
    ]:
        [run] = read_page("page.md", text.format(module, program)).runs
        with pytest.raises(pytest.skip.Exception, match=reason):
            skip_without(run)


@pytest.mark.parametrize(
    ("expected", "first_difference"),
    [
        ("b\nc", None),
        ("b\n...\nd", None),
        ("a\n...\na", "a"),
        ("...\nd", None),
        ("b\nd", "d"),
        ("c...", None),
        (".", "."),
        ("d\na", "a"),
        ("a\nb\nc\nd\ne", "e"),
    ],
)
def test_output_is_compared_line_by_line(expected: str, first_difference: str | None) -> None:
    """In order, with no gaps except those that are shown."""
    assert difference(expected, ["a", "b", "c   ", "d"]) == first_difference
