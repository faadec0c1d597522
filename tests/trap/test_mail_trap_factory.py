"""`mailtrap_factory()` is not a trap until entered, and `mailtrap` lasts one test: both errors say what to write."""

from __future__ import annotations

import gc
import threading
from contextlib import AbstractContextManager, ExitStack

import pytest

from pytest_mailtrap import MailTrap
from pytest_mailtrap._hooks.scope_hints import hint

WITH = "mailtrap_factory() returns a context manager: with mailtrap_factory() as trap:"
CALLED = "Call mailtrap_factory: with mailtrap_factory() as trap:"
PUBLIC = sorted(name for name in dir(MailTrap) if not name.startswith("_"))


# -- without `with` -----------------------------------------------------------------------


@pytest.mark.parametrize("name", [*PUBLIC, "hots"])
def test_an_attribute_of_a_trap(mailtrap_factory, name):
    """Before `with`, every attribute of a trap is missing, and the error says how to get a trap."""
    with pytest.raises(AttributeError) as caught:
        getattr(mailtrap_factory(), name)
    assert str(caught.value) == WITH


@pytest.mark.parametrize("name", PUBLIC)
def test_control_a_trap_has_it(mailtrap, name):
    """The control: on an actual trap every attribute exists."""
    assert getattr(mailtrap, name) is not None


USES = {
    "len": len,
    "iter": iter,
    "index": lambda trap: trap[0],
    "slice": lambda trap: trap[:],
    "in": lambda trap: "x" in trap,
    "truth": bool,
}


@pytest.mark.parametrize("use", USES)
def test_used_like_a_sequence(mailtrap_factory, use):
    """A trap is a sequence and may be empty, but before `with` even len() and bool() are errors."""
    with pytest.raises(TypeError) as caught:
        USES[use](mailtrap_factory())
    assert str(caught.value) == WITH


OWN = [name for name in PUBLIC if name != "smime_identity"]


@pytest.mark.parametrize("name", OWN)
def test_the_factory_itself_is_no_trap(mailtrap_factory, name):
    """If the user forgets to call the factory, the error says so; smime_identity is the factory's own."""
    with pytest.raises(AttributeError) as caught:
        getattr(mailtrap_factory, name)
    assert str(caught.value) == CALLED


def test_the_factory_itself_is_no_context_manager(mailtrap_factory):
    """The factory itself is not a context manager either."""
    with pytest.raises(TypeError) as caught, mailtrap_factory:
        pass
    assert str(caught.value) == CALLED


def test_what_no_trap_has_the_factory_has_not_either(mailtrap_factory):
    """The negative control: introspection and typos get the usual error."""
    assert not hasattr(mailtrap_factory, "__len_hint__")
    with pytest.raises(AttributeError, match="'MailTrapFactory' object has no attribute 'hots'"):
        mailtrap_factory.hots  # noqa: B018  # it is looked for


def test_the_traceback_ends_at_the_users_line(pytester):
    """No line of the plugin itself appears between the mistake and the error message."""
    pytester.makepyfile(
        """
def send(host, port): pass

def test_attribute(mailtrap_factory):
    trap = mailtrap_factory()
    send(trap.host, trap.port)

def test_len(mailtrap_factory):
    assert len(mailtrap_factory()) == 1

def test_option(mailtrap_factory):
    with mailtrap_factory(starttls="required"): pass
"""
    )
    result = pytester.runpytest("-p", "no:randomly")
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            ">       send(trap.host, trap.port)",
            f"E       AttributeError: {WITH}",
            "test_the_traceback_ends_at_the_users_line.py:5: AttributeError",
            ">       assert len(mailtrap_factory()) == 1",
            f"E       TypeError: {WITH}",
            "test_the_traceback_ends_at_the_users_line.py:8: TypeError",
            '>       with mailtrap_factory(starttls="required"): pass',
            "E *ValueError: starttls must be one of offer, require, off, got 'required'",
            "test_the_traceback_ends_at_the_users_line.py:11: ValueError",
        ]
    )
    result.stdout.no_fnmatch_line("*pytest_mailtrap/*")


def test_nothing_runs_before_the_block(mailtrap_factory):
    """A context that is never entered opens nothing, and leaves nothing behind."""
    before = threading.active_count()
    context = mailtrap_factory(trust=True, intercept=True)
    assert isinstance(context, AbstractContextManager)
    assert threading.active_count() == before
    del context
    gc.collect()  # with -W error, anything left open is said here


def test_a_copy_or_a_look_at_it_is_not_in_the_way(mailtrap_factory):
    """Tools that inspect the object get the usual answers."""
    context = mailtrap_factory()
    assert not hasattr(context, "__len_hint__")
    assert not hasattr(context, "host")
    assert "TrapContext" in repr(context)


# -- with `with` --------------------------------------------------------------------------


def test_in_an_exit_stack(mailtrap_factory):
    """It is a context manager like any other."""
    with ExitStack() as stack:
        first, second = (stack.enter_context(mailtrap_factory()) for _ in range(2))
        assert (len(first), len(second)) == (0, 0)
        assert first.port != second.port


@pytest.mark.parametrize("within", [True, False])
def test_it_is_for_one_block(mailtrap_factory, within):
    """A second block needs a second trap; a running trap is not affected."""
    context = mailtrap_factory()
    text = "mailtrap_factory() creates a trap for one `with` block: call it again for another one"
    with context as trap:
        if within:
            with pytest.raises(RuntimeError) as caught, context:
                pass
            assert len(trap) == 0
    if not within:
        with pytest.raises(RuntimeError) as caught, context:
            pass
    assert str(caught.value) == text


def test_left_without_being_entered(mailtrap_factory):
    """A context that was never entered cannot be exited."""
    with pytest.raises(RuntimeError) as caught:
        mailtrap_factory().__exit__(None, None, None)
    assert str(caught.value) == WITH


@pytest.mark.parametrize(
    ("body", "error"),
    [("pass", "AssertionError: 1 of 1 scripted faults never happened"), ("1 / 0", "ZeroDivisionError*")],
)  # fmt: skip
def test_how_the_block_ends(pytester, body, error):
    """A fault that never happened fails a block that passed, but does not hide an error raised in the block."""
    pytester.makepyfile(
        f"""
def test_it(mailtrap_factory):
    with mailtrap_factory() as trap:
        trap.reply("RCPT", 550)
        {body}
"""
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E  *{error}"])
    result.stdout.no_fnmatch_line("*contextlib.py*")


# -- for longer than one test -------------------------------------------------------------

LONGER = """\
`mailtrap` exists for a single test. For a trap with scope "{scope}"
use mailtrap_factory:

    @pytest.fixture(scope="{scope}")
    def trap(mailtrap_factory):
        with mailtrap_factory() as trap:
            yield trap""".splitlines()


@pytest.mark.parametrize("scope", ["session", "package", "module", "class"])
@pytest.mark.parametrize("asks", ["def app(mailtrap):", "def app(request):"])
def test_a_longer_lived_fixture_asks_for_the_trap(pytester, scope, asks):
    """Below pytest's own message, every test that fails this way shows the fixture to write instead."""
    pytester.makepyfile(
        f"""
import pytest

@pytest.fixture(scope="{scope}")
{asks}
    return {"mailtrap" if "mailtrap" in asks else "request.getfixturevalue('mailtrap')"}

class TestIt:
    def test_a(self, app): pass
    def test_b(self, app): pass
    def test_c(self, mailtrap): pass
"""
    )
    result = pytester.runpytest("-p", "no:randomly", "--show-capture=no", "--junitxml=junit.xml")
    result.assert_outcomes(passed=1, errors=2)
    text = [line.format(scope=scope) for line in LONGER]
    result.stdout.fnmatch_lines([f"ScopeMismatch: *fixture mailtrap with a {scope} scoped*", *text])
    assert result.outlines.count(text[0]) == 2
    assert "with mailtrap_factory() as trap:" in (pytester.path / "junit.xml").read_text()


def test_control_what_it_says_to_write(pytester):
    """The control: the suggested fixture works, for all tests of its scope."""
    fixture = "\n".join(line.format(scope="module")[4:] for line in LONGER[3:])
    pytester.makepyfile(
        f"""
import pytest

{fixture}

PORTS = set()

@pytest.mark.parametrize("number", range(2))
def test_it(trap, number):
    PORTS.add(trap.port)
    assert len(PORTS) == 1
"""
    )
    pytester.runpytest().assert_outcomes(passed=2)


def test_a_longer_lived_fixture_asks_for_a_hostile_trap(pytester):
    """The hint: use a function-scoped fixture, or have the test run all scenarios itself."""
    pytester.makepyfile(
        """
import pytest

@pytest.fixture(scope="module")
def app(hostile_mailtrap): pass

@pytest.mark.mailtrap(scenarios=["ok"])
def test_it(app): pass
"""
    )
    result = pytester.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "`hostile_mailtrap` exists for a single test and runs one scenario, so",
            "    with mailtrap_factory() as trap:",
            "        trap.assert_refuses_hostile_servers(send)",
        ]
    )


def test_control_other_failures_are_left_alone(pytester):
    """Another fixture's mismatch, and a test that mentions one in its message, get no such hint."""
    pytester.makepyfile(
        """
import pytest

@pytest.fixture
def mine(): pass

@pytest.fixture(scope="session")
def app(mine): pass

def test_mine(app): pass

def test_speaks(): pytest.fail("ScopeMismatch: it says, of mailtrap")
"""
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.no_fnmatch_line("*mailtrap_factory*")


def test_the_hint_is_given_once():
    """A failure that already contains the hint does not get it again."""
    failure = "ScopeMismatch: You tried to access the function scoped fixture mailtrap with a session scoped request object"
    text = hint(failure)
    assert text is not None
    assert hint(f"{failure}\n\n{text}") is None
